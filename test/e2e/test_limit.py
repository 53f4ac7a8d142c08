"""Limits by rules (source/filters/limit) through the program."""

import concurrent.futures
import json
import re

import pytest

from peers import bootstrap as b
from peers import http1
from peers.message import Request, Response
from peers.proxy import run
from peers.wait import until

_TYPE = "type.googleapis.com/pillion.filters.http.limit.v1."
LINE = ("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.limit:rule)% "
        "%DYNAMIC_METADATA(pillion.limit:outcome)% %DYNAMIC_METADATA(pillion.limit:remaining)%\n")
TENANT = [{"name": "tenant", "value": "request.headers['x-tenant']"}]
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


def filters(*rules, **fields):
    return [{"name": "limit", "typed_config": {"@type": _TYPE + "Limit", "rules": list(rules), **fields}},
            {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def window(limit, name="w", length="3600s", **fields):
    return {"name": name, "window": {"limit": limit, "length": length}, **fields}


def bucket(burst, name="b", rate=1, per="3600s", **fields):
    return {"name": name, "bucket": {"rate": rate, "per": per, "burst": burst}, **fields}


def made(*rules, routes=None, clusters=(), log=None, **fields):
    more = {"access_log": b.file_log(log, LINE)} if log else {}
    manager = b.http(routes or [b.direct(200, "here")], http_filters=filters(*rules, **fields), **more)
    return b.bootstrap([b.listener(manager)], clusters)


def ask(proxy, *fields, path="/", protocol="h1"):
    return proxy.exchange(Request(path=path, fields=list(fields)), protocol)


def per_route(**fields):
    return {"typed_per_filter_config": {"limit": {"@type": _TYPE + "LimitPerRoute", **fields}}}


@pytest.mark.parametrize("workers", [1, 3])
def test_exactly_so_many_over_all_workers(pillion, workers):
    proxy = pillion(made(window(40, key=TENANT), bucket(70, name="all")), concurrency=workers)

    def some(tenant):
        connection = proxy.connect()
        statuses = [connection.exchange(Request(fields=[("x-tenant", tenant)])).status for _ in range(20)]
        connection.close()
        return statuses

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = [status for statuses in pool.map(some, "aaaabbbb") for status in statuses]
    assert len(got) == 160 and got.count(200) == 70 and got.count(429) == 90
    stats = {name: proxy.stat(f"http.ingress.limit.{name}") for name in ("w.admitted", "w.given_back", "all.admitted", "w.keys")}
    assert stats["all.admitted"] == 70 and stats["w.admitted"] - stats["w.given_back"] == 70 and stats["w.keys"] == 2, stats
    page = json.loads(proxy.admin("/limits?format=json"))["limits"]
    assert [(rule["name"], rule["keys"]) for rule in page] == [("all", "1"), ("w", "2")]
    assert proxy.admin("/limits").startswith("all: bucket of 70, 1 per 3600s\n  1 of 1 keys; ")


def test_a_refusal_says_why(pillion, tmp_path):
    log = tmp_path / "access.log"
    proxy = pillion(made(window(1, name="tenants", length="60s", key=TENANT), log=str(log), show_key_values=True))
    assert ask(proxy, ("x-tenant", "acme")).status == 200
    answer = ask(proxy, ("x-tenant", "acme"))
    assert answer.status == 429
    match = re.fullmatch(r'rate limit tenants: window of 1 in 60s, 0 left, cost 1; key: tenant="acme"; retry after (\d+)s',
                         answer.body.decode())
    assert match and answer.get("retry-after") == match[1] and 55 <= int(match[1]) <= 64
    assert answer.get("ratelimit-policy") == '"tenants";q=1;w=60'
    assert answer.get("ratelimit") == f'"tenants";r=0;t={match[1]}'
    assert ask(proxy, ("x-tenant", "other")).status == 200
    assert re.search(r'\n  refused tenant="acme": 1 times, \d s ago; left: window 0 of 1\n$', proxy.admin("/limits")), proxy.admin("/limits")
    until(lambda: log.exists() and len(log.read_text().splitlines()) == 3, "three lines")
    assert log.read_text().splitlines() == [
        "200 - direct_response tenants admitted 0", "429 RL limit_rejected[tenants:window] tenants rejected 0",
        "200 - direct_response tenants admitted 0"]
    text = proxy.admin("/stats/prometheus")
    assert 'envoy_http_limit_rejected{limit_rule="tenants",envoy_http_conn_manager_prefix="ingress"} 1\n' in text


def test_a_call_of_grpc(pillion, serve):
    server = serve.http("h2", lambda request: Response(200))
    proxy = pillion(made(window(1), routes=[b.route()], clusters=[b.cluster(server.address, protocol="h2")]))
    assert ask(proxy, *GRPC, protocol="h2").status == 200
    answer = ask(proxy, *GRPC, protocol="h2")
    assert (answer.status, answer.get("grpc-status")) == (200, "8")
    assert answer.get("grpc-message").startswith("rate limit w: window of 1 in 3600s, 0 left")


def test_degrades_to_another_cluster(pillion, serve):
    def named(name):
        return serve.http("h1", lambda request: Response(200, body=name + (request.get("x-spare") or "").encode()))
    first, spare = named(b"first"), named(b"spare")
    rule = window(2, degrade={"cluster": "spare", "request_headers_to_add": [{"header": {"key": "x-spare", "value": "!"}}]})
    proxy = pillion(made(rule, routes=[b.route()], clusters=[b.cluster(first.address), b.cluster(spare.address, name="spare")]))
    assert [ask(proxy).body for _ in range(4)] == [b"first", b"first", b"spare!", b"spare!"]
    assert proxy.stat("http.ingress.limit.w.degraded") == 2


def test_a_route_says_otherwise(pillion):
    routes = [{**b.direct(200, prefix="/off"), **per_route(disabled=True)},
              {**b.direct(200, prefix="/own"), **per_route(limit={"rules": [window(3, name="own")]})},
              {**b.direct(200, prefix="/more"), **per_route(more_rules=[window(1, name="more")])}, b.direct(200)]
    proxy = pillion(made(window(2), routes=routes))
    counts = {path: sum(ask(proxy, path=path).status == 200 for _ in range(5)) for path in ("/off", "/own", "/more", "/")}
    assert counts == {"/off": 5, "/own": 3, "/more": 1, "/": 1}


def test_what_is_spent_outlives_a_reload(pillion):
    proxy = pillion(made(window(3)))
    assert [ask(proxy).status for _ in range(2)] == [200, 200]
    config = json.loads(proxy.config_path.read_text())
    rules = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]

    def reload():
        proxy.configure(config)
        status, _, text = proxy.admin_response("/api/reload", "POST")
        assert status == 200, text
    rules["typed_config"]["rules"].append(window(100, name="another"))
    reload()
    assert [ask(proxy).status for _ in range(3)] == [200, 429, 429]
    rules["typed_config"]["rules"][0]["window"]["limit"] = 4
    reload()
    assert [ask(proxy).status for _ in range(6)] == [200] * 4 + [429] * 2  # with other figures it begins anew


def test_what_explain_says(pillion):
    routes = [{**b.direct(200, prefix="/off"), **per_route(disabled=True)},
              {**b.direct(200, prefix="/more"), **per_route(more_rules=[bucket(1, name="more", dry_run=True)])}, b.direct(200)]
    rule = window(2, name="tenants", when="request.method == 'GET'", key=TENANT, queue={}, reject={"status": 503})
    proxy = pillion(made(rule, routes=routes, match="FIRST"))

    def explained(path):
        return json.loads(proxy.admin(f"/explain?format=json&listener=ingress&authority=a&path={path}"))["http_filters"][0]
    own = {"rule": "tenants", "applies": "no, unless a request has more than the question: its key has no tenant",
           "when": "request.method == 'GET'", "key": ["tenant: request.headers['x-tenant']"],
           "limit": "window of 2 in 3600s", "at_the_limit": "waits, then refused: 503"}
    assert explained("/")["rules"] == [own]
    asked = explained("/&header=x-tenant:acme")["rules"][0]
    assert asked["applies"] == "yes" and asked["key"] == ["tenant: request.headers['x-tenant'] = \"acme\""]
    assert explained("/&method=PUT")["rules"][0]["applies"] == "no: its condition does not hold"
    assert explained("/")["verdict"] == "the first rule that applies decides when a request comes"
    assert explained("/more")["rules"] == [
        {"rule": "more", "applies": "yes", "limit": "bucket of 1, 1 per 3600s", "at_the_limit": "counted only"}, own]
    assert explained("/off")["verdict"] == "disabled for this request" and "rules" not in explained("/off")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_queue(pillion, workers):
    """All of them come through, as fast as the limit is."""
    rule = bucket(1, rate=50, per="1s", queue={"most": 20, "longest_wait": "20s"})
    proxy = pillion(made(rule), concurrency=workers)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda _: ask(proxy).status, range(24)))
    assert statuses == [200] * 24
    queued = proxy.stat("http.ingress.limit.b.queued")
    assert 0 < queued == proxy.stat("http.ingress.limit.b.queue_granted")
    assert proxy.stat("http.ingress.limit.b.queue_waiting") == 0


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_who_waits_may_go_away(pillion, protocol):
    proxy = pillion(made(bucket(1, rate=1, per="100s", queue={"most": 1, "longest_wait": "500s"})), concurrency=2)
    assert ask(proxy).status == 200
    waiting = proxy.connect(protocol)
    if protocol == "h1":
        waiting.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    else:
        waiting.send_request(Request())
    proxy.until_stat("http.ingress.limit.b.queue_waiting", 1)
    answer = ask(proxy)
    assert answer.status == 429 and b"; the queue is full; retry after " in answer.body
    assert "\n  1 waiting\n" in proxy.admin("/limits")
    if protocol == "h1":  # a close alone says that no more requests come (RFC 9112, 9.6)
        waiting.abort()
    else:
        waiting.close()
    proxy.until_stat("http.ingress.limit.b.queue_left", 1)
    assert proxy.stat("http.ingress.limit.b.queue_waiting") == 0


def test_who_waits_is_served_while_it_drains(pillion):
    proxy = pillion(made(bucket(1, rate=2, per="1s", queue={"longest_wait": "20s"})))
    assert ask(proxy).status == 200
    waiting = http1.connect(proxy.address)
    waiting.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    proxy.until_stat("http.ingress.limit.b.queued", 1)
    assert proxy.admin_response("/drain_listeners?graceful", "POST")[0] == 200
    assert waiting.read_response("GET").status == 200


def test_what_is_wrong_is_named(tmp_path):
    rule = window(1, when="request.path", key=[{"name": "k", "value": "request.headers['x'"}])
    path = tmp_path / "bootstrap.json"
    path.write_text(json.dumps(made(rule)), encoding="utf-8")
    done = run(["--mode", "validate", "-c", str(path)])
    assert done.returncode == 1
    place = "http_filters[0].typed_config.rules[0]."
    assert f"{place}when: column 9: it gives string, expected bool" in done.stdout, done.stdout
    assert f"{place}key[0].value: column " in done.stdout, done.stdout
