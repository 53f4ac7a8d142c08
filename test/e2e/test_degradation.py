"""Breakers by rules (source/filters/degradation) through the program, with services that fail, are slow, and recover."""

import json
import threading
import time

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until

_TYPE = "type.googleapis.com/pillion.filters.http.degradation.v1."
LINE = ("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.degradation:rule)% "
        "%DYNAMIC_METADATA(pillion.degradation:state)% %DYNAMIC_METADATA(pillion.degradation:outcome)%\n")
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
LONG = "3600s"


class Service:
    """Answers as `mood` says: a status, of gRPC if it is a text, and after how many seconds."""

    def __init__(self, mood=200):
        self.mood, self.takes, self.calls, self.lock = mood, 0, 0, threading.Lock()

    def __call__(self, request):
        with self.lock:
            self.calls += 1
        if self.takes:
            time.sleep(self.takes)  # what the service does
        if isinstance(self.mood, str):
            return Response(200, [("content-type", "application/grpc"), ("grpc-status", self.mood)])
        return Response(self.mood, [], (request.get("x-spare") or "").encode())


def filters(*rules, **fields):
    return [{"name": "degradation", "typed_config": {"@type": _TYPE + "Degradation", "rules": list(rules), **fields}},
            {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def errors(name="e", **fields):
    return {"name": name, "grade": "ERROR_RATIO", "threshold": 0.5, "minimum_requests": 4, "statistics_interval": LONG,
            "open_for": LONG, **fields}


def made(*clusters, rules, routes=None, log=None, **fields):
    more = {"access_log": b.file_log(log, LINE)} if log else {}
    return b.bootstrap([b.listener(b.http(routes or [b.route()], http_filters=filters(*rules, **fields), **more))], list(clusters))


def ask(proxy, *fields, path="/", protocol="h1"):
    return proxy.exchange(Request(path=path, fields=list(fields)), protocol)


def breakers(proxy, rule="e"):
    page = json.loads(proxy.admin("/breakers?format=json"))["rules"]
    return {breaker["key"]: breaker for found in page if found["rule"] == rule for breaker in found["breakers"]}


def stat(proxy, name):
    return proxy.stat(f"http.ingress.degradation.{name}")


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("workers", [2, 4])
def test_a_service_that_fails_and_recovers(pillion, serve, workers, protocol):
    service = Service(500)
    server = serve.http(protocol, service)
    rule = errors(open_for="2s", half_open_probes=2)
    proxy = pillion(made(b.cluster(server.address, protocol=protocol), rules=[rule]), concurrency=workers)
    statuses = [ask(proxy, protocol=protocol).status for _ in range(4)]  # over as many connections, and so workers
    assert statuses == [500] * 4
    answer = ask(proxy, protocol=protocol)
    assert answer.status == 503 and answer.get("retry-after") in ("1", "2")
    assert answer.body.startswith(b"degradation e: open, 4 of 4 calls were bad (error ratio 0.5 in 3600s of at least 4 calls; open for 2s, 2 probes)")
    assert service.calls == 4
    # While it fails, probes pass, and nothing else.
    until(lambda: ask(proxy, protocol=protocol).status == 500, "a probe")
    assert service.calls == 5 and stat(proxy, "e.opened") == 2
    service.mood = 200
    until(lambda: ask(proxy, protocol=protocol).status == 200, "another probe")
    assert ask(proxy, protocol=protocol).status == 200
    assert breakers(proxy)[""]["state"] == "closed"
    assert [ask(proxy, protocol=protocol).status for _ in range(20)] == [200] * 20
    assert service.calls == 27 and stat(proxy, "e.closed") == 1 and stat(proxy, "e.half_opened") == 2


@pytest.mark.parametrize("workers", [2, 4])
def test_exactly_so_many_calls_over_all_workers(pillion, serve, workers):
    service = Service(500)
    server = serve.h1(service)
    rule = errors(grade="ERROR_COUNT", threshold=50, minimum_requests=1)
    proxy = pillion(made(b.cluster(server.address), rules=[rule]), concurrency=workers)
    connections = [proxy.connect() for _ in range(8)]
    statuses = [connection.exchange(Request()).status for _ in range(10) for connection in connections]
    for connection in connections:
        connection.close()
    assert statuses == [500] * 50 + [503] * 30 and service.calls == 50
    assert (stat(proxy, "e.bad"), stat(proxy, "e.rejected"), stat(proxy, "e.breakers_open")) == (50, 30, 1)


def test_a_service_that_is_slow(pillion, serve):
    service = Service()
    service.takes = 0.4
    rule = {"name": "slow", "threshold": 0.5, "slow_over": "0.2s", "minimum_requests": 2, "statistics_interval": "1.5s",
            "open_for": "0.2s", "recovery_windows": 2}
    proxy = pillion(made(b.cluster(serve.h1(service).address), rules=[rule]), concurrency=2)

    def comes_to(state):
        until(lambda: ask(proxy).status and breakers(proxy, "slow")[""]["state"] == state, f"that it is {state}", 30)
    comes_to("open")
    service.takes = 0
    comes_to("recovering")
    comes_to("closed")
    until(lambda: stat(proxy, "slow.closed") >= 1, "that it is counted")  # more, where our own slowness opens it again
    assert stat(proxy, "slow.bad") >= 2 and stat(proxy, "slow.recovering") >= 1


def test_calls_of_grpc(pillion, serve):
    service = Service("14")
    server = serve.h2(service)
    proxy = pillion(made(b.cluster(server.address, protocol="h2"), rules=[errors()]), concurrency=2)
    for _ in range(4):
        assert ask(proxy, *GRPC, protocol="h2").get("grpc-status") == "14"
    answer = ask(proxy, *GRPC, protocol="h2")
    assert (answer.status, answer.get("grpc-status"), answer.get("retry-after")) == (200, "14", "3600")
    assert answer.get("grpc-message").startswith("degradation e: open, 4 of 4 calls were bad")
    assert service.calls == 4


def test_a_service_that_is_not_there(pillion, serve, tmp_path):
    log = tmp_path / "log"
    server = serve.h1(Service())
    server.close()
    proxy = pillion(made(b.cluster(server.address), rules=[errors()], log=str(log)))
    assert [ask(proxy).status for _ in range(5)] == [503] * 5
    until(lambda: log.exists() and len(log.read_text().splitlines()) == 5, "five lines")
    lines = log.read_text().splitlines()
    assert all(line.startswith("503 UF ") and line.endswith(" e closed passed") for line in lines[:4]), lines
    assert lines[4] == "503 UO degradation_refused[e:open:4/4] e open rejected"


def test_another_cluster_instead(pillion, serve):
    service, spare = Service(500), Service()
    clusters = [b.cluster(serve.h1(service).address), b.cluster(serve.h1(spare).address, name="spare")]
    rule = errors(per=["CLUSTER"], degrade={"cluster": "spare", "request_headers_to_add": [{"header": {"key": "x-spare", "value": "!"}}]})
    proxy = pillion(made(*clusters, rules=[rule, errors("behind", per=["CLUSTER"])]))
    assert [ask(proxy).status for _ in range(6)] == [500] * 4 + [200] * 2
    assert ask(proxy).body == b"!" and (service.calls, spare.calls) == (4, 3)
    found = breakers(proxy, "behind")
    assert {key: breaker["calls"] for key, breaker in found.items()} == {"cluster=upstream": "0", "cluster=spare": "3"}
    assert found["cluster=upstream"]["state"] == "open"


def test_one_for_each_route(pillion, serve):
    service = Service(500)
    routes = [{**b.route(prefix="/pay"), "name": "pay"}, {**b.route(), "name": "rest"}]
    proxy = pillion(made(b.cluster(serve.h1(service).address), rules=[errors(per=["ROUTE"], max_breakers=10)], routes=routes))
    assert [ask(proxy, path="/pay").status for _ in range(5)] == [500] * 4 + [503]
    service.mood = 200
    assert ask(proxy).status == 200
    states = {key.split("/")[1]: breaker["state"] for key, breaker in breakers(proxy).items()}
    assert states == {"pay": "open", "rest": "closed"}
    text = proxy.admin("/breakers")
    assert text.startswith("e: error ratio 0.5 in 3600s of at least 4 calls; open for 3600s, 1 probe; per route\n  2 of 10 breakers; "), text
    assert "/pay: open for " in text and ", by 4 bad of 4 calls; a probe in " in text
    metrics = proxy.admin("/stats/prometheus")
    assert 'envoy_http_degradation_breakers_open{degradation_rule="e",envoy_http_conn_manager_prefix="ingress"} 1\n' in metrics


def test_one_for_each_lane(pillion, serve):
    """Grey requests fail; the others do not notice."""
    server = serve.h1(lambda request: Response(500 if request.get("x-env") else 200))
    grey = {"name": "grey", "typed_config": {
        "@type": "type.googleapis.com/pillion.filters.http.grey.v1.Grey",
        "rules": [{"name": "internal", "conditions": [{"header": {"name": "x-env", "value": {"exact": "gray"}}}], "colour": {"env": "gray"}}]}}
    manager = b.http([b.route()], http_filters=[grey, *filters(errors(per=["LANE"]), fields="ALWAYS")])
    proxy = pillion(b.bootstrap([b.listener(manager)], [b.cluster(server.address)]), concurrency=2)
    assert [ask(proxy, ("x-env", "gray")).status for _ in range(5)] == [500] * 4 + [503]
    assert [ask(proxy).status for _ in range(5)] == [200] * 5
    assert ask(proxy).get("x-pillion-degradation") == "e;state=closed"
    assert ask(proxy, ("x-env", "gray")).get("x-pillion-degradation") == "e;state=open;t=3600"
    assert {key: breaker["state"] for key, breaker in breakers(proxy).items()} == {"lane=env=gray": "open", "lane=baseline": "closed"}


def test_what_is_known_outlives_a_reload(pillion, serve):
    service = Service(500)
    proxy = pillion(made(b.cluster(serve.h1(service).address), rules=[errors()]))
    assert [ask(proxy).status for _ in range(5)] == [500] * 4 + [503]
    config = json.loads(proxy.config_path.read_text())
    rules = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]

    def reload():
        proxy.configure(config)
        status, _, text = proxy.admin_response("/api/reload", "POST")
        assert status == 200, text
    rules["typed_config"]["rules"].append(errors("another"))
    reload()
    assert ask(proxy).status == 503
    rules["typed_config"]["rules"][0]["threshold"] = 0.9
    reload()
    assert ask(proxy).status == 500


def test_the_log_has_a_line_for_each_change(pillion, serve):
    service = Service(500)
    proxy = pillion(made(b.cluster(serve.h1(service).address), rules=[errors(open_for="0.1s")]))
    assert [ask(proxy).status for _ in range(4)] == [500] * 4
    service.mood = 200
    until(lambda: ask(proxy).status == 200, "a probe")
    log = proxy.log()
    for change in ("e: closed -> open: 4 of 4 calls were bad", "e: open -> half_open", "e: half_open -> closed: 0 of 1 calls were bad"):
        assert f"[filter] degradation {change}" in log, log


def test_what_explain_says(pillion, serve):
    off = {"degradation": {"@type": _TYPE + "DegradationPerRoute", "disabled": True}}
    routes = [{**b.route(prefix="/off"), "typed_per_filter_config": off}, b.route()]
    rule = errors(when="request.method == 'GET'", per=["ROUTE"])
    proxy = pillion(made(b.cluster(serve.h1(Service()).address), rules=[rule], routes=routes))
    assert ask(proxy).status == 200

    def about(path):
        return json.loads(proxy.admin(f"/explain?format=json&listener=ingress&authority=a&path={path}"))["http_filters"][0]
    assert about("/off")["verdict"] == "disabled for this request"
    assert about("/")["rules"] == [{"rule": "e", "when": "request.method == 'GET'", "per": "route", "when_open": "refused: 503",
                                    "opens_at": "error ratio 0.5 in 3600s of at least 4 calls; open for 3600s, 1 probe",
                                    "breakers": "1, 0 of them not closed"}]
