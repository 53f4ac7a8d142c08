"""Which of a cluster's hosts a request goes to, by its colour: those of its lane, of a fallback, or of the baseline. test_lane_chain.py
has whole chains."""

import json
import threading

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.http1 import Connection, connect
from peers.lanes import PILLION, grey, header, labelled, policy, rule
from peers.message import Request, Response
from peers.wait import until

GRAY = {"env": "gray"}
COLOURED = "x-env", "gray"
RULE = rule("env", header("x-env", "gray"))
DEFAULT = {"name": "lanes", "typed_config": {"@type": PILLION + "load_balancing_policies.lanes.v1.Lanes"}}
ROUTER = {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}


def lanes(*hosts, name="upstream", lanes_=None, **fields):
    """A cluster; hosts: (address, labels). lanes_: the settings of its lanes."""
    return b.cluster(name=name, load_assignment=labelled(name, hosts), load_balancing_policy=policy(**(lanes_ or {})), **fields)


def coloured(*routes, rules=(RULE,), **manager):
    """A manager whose requests with x-env: gray have a colour."""
    return b.http(list(routes) or [b.route()], http_filters=[grey(*rules), ROUTER], **manager)


def asked(proxy, *fields, times=20):
    connection = proxy.connect()
    answers = [connection.exchange(Request(fields=list(fields))) for _ in range(times)]
    connection.close()
    return {(answer.status, answer.body) for answer in answers}


def alone(name):
    return {(200, name.encode())}


def test_requests_without_a_colour(pillion, named):
    """Of HTTP, their copies, and connections."""
    plain, other, gray, copies, no_copies = named("plain", "other", "gray", "copies", "none")
    clusters = [lanes((plain, {}), (other, {"env": ""}), (gray, GRAY)), lanes((copies, {}), (no_copies, GRAY), name="copies")]
    mirrored = b.route(request_mirror_policies=[{"cluster": "copies"}])
    proxy = pillion(b.bootstrap([b.listener(b.http([mirrored])), b.listener(b.tcp(), name="tcp")], clusters), concurrency=2)
    assert asked(proxy, COLOURED) == {(200, b"plain"), (200, b"other")}
    proxy.until_stat("cluster.copies.upstream_rq_completed", 20)
    for _ in range(10):
        connection = connect(proxy.listeners["tcp"])
        assert connection.exchange(Request()).body in (b"plain", b"other")
        connection.close()
    where = {port: labels for port, labels in ((plain[1], "baseline"), (other[1], "baseline"), (gray[1], "env=gray"))}
    text = proxy.admin("/clusters")
    hosts = json.loads(proxy.admin("/clusters?format=json"))["cluster_statuses"]
    for port, lane in where.items():
        assert f"upstream::127.0.0.1:{port}::lane::{lane}\n" in text
    assert {host["address"]["socket_address"]["port_value"]: host["lane"] for cluster in hosts if cluster["name"] == "upstream"
            for host in cluster["host_statuses"]} == where
    for address in gray, no_copies:
        assert f"::127.0.0.1:{address[1]}::rq_total::0\n" in text
        assert f"::127.0.0.1:{address[1]}::cx_total::0\n" in text
    assert [proxy.stat(f"cluster.upstream.lb_lanes_{what}") for what in ("active", "created", "removed")] == [1, 1, 0]


def test_clusters_that_do_not_say(pushed, named):
    """The bootstrap says it for them: the control plane knows nothing of lanes."""
    plain, gray = named("plain", "gray")
    of_lane = p.host(gray, metadata={"filter_metadata": {"envoy.lb": GRAY}})
    both = pushed(p.listener(b.http([b.route("backend")])), p.cluster(), p.endpoints(plain, of_lane), bootstrap_extensions=[DEFAULT])
    both.until_body(b"plain")
    assert {both.get().body for _ in range(10)} == {b"plain"}
    both.change(p.endpoints(of_lane))
    both.until_status(503)
    both.change(p.endpoints(plain, of_lane))
    both.until_body(b"plain")
    assert both.stat("cluster.backend.lb_lanes_active") == 1


@pytest.fixture
def three(named):
    return dict(zip(("plain", "gray", "stage"), named("plain", "gray", "stage")))


def test_the_lane_its_fallbacks_and_the_baseline(pillion, three):
    hosts = (three["plain"], {}), (three["gray"], GRAY), (three["stage"], {"env": "stage"})
    rules = [rule(env, header("x-env", env), colour={"env": env}, fail_closed=env == "closed") for env in ("gray", "green", "closed")]
    where = pillion(b.bootstrap([b.listener(coloured(rules=rules))], [
        lanes(*hosts, lanes_={"fallbacks": [{"labels": [{"key": "env", "value": "stage"}]}]})]))
    assert asked(where, COLOURED) == alone("gray")
    assert asked(where) == alone("plain")
    assert asked(where, ("x-env", "green")) == alone("stage")
    assert asked(where, ("x-env", "closed")) == {(503, b"no healthy upstream")}
    counted = {what: where.stat(f"cluster.upstream.lane_{what}") for what in ("exact", "fallback", "instead", "refused")}
    assert counted == {"exact": 20, "fallback": 20, "instead": 0, "refused": 20}


def test_a_refusal_is_told(pillion, three, tmp_path):
    log = tmp_path / "log"
    shown = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
    manager = coloured(rules=[{**RULE, "fail_closed": True}], access_log=b.file_log(log, shown))
    where = pillion(b.bootstrap([b.listener(manager)], [lanes((three["plain"], {}))]))
    assert asked(where, COLOURED, times=1) == {(503, b"no healthy upstream")}
    until(lambda: log.exists() and log.read_text(encoding="utf-8") == "UH lane_refused{env=gray|no_hosts}\n", "it is logged")


def test_a_lane_that_is_not_well(pillion, three, serve):
    """By a health check: it goes by what the host says."""
    well = threading.Event()
    well.set()
    gray = serve.h1(lambda request: Response(200 if well.is_set() else 503, [], b"gray"))
    check = {"interval": "0.1s", "timeout": "5s", "no_traffic_interval": "0.1s", "unhealthy_threshold": 1, "healthy_threshold": 1,
             "http_health_check": {"path": "/health"}}
    where = pillion(b.bootstrap([b.listener(coloured())], [lanes((three["plain"], {}), (gray.address, GRAY), health_checks=[check])]))
    until(lambda: asked(where, COLOURED, times=1) == alone("gray"), "the lane is found to be well")
    well.clear()
    until(lambda: asked(where, COLOURED, times=1) == alone("plain"), "its requests go to the baseline")
    assert where.stat("cluster.upstream.lane_unhealthy") > 0
    well.set()
    until(lambda: asked(where, COLOURED, times=1) == alone("gray"), "they come back")


def test_a_retry_leaves_a_lane_that_has_no_other_host(pillion, three, serve):
    gray = serve.h1(lambda request: Response(503, [], b"gray"))
    retried = b.route(retry_policy={"retry_on": "5xx", "num_retries": 1})
    where = pillion(b.bootstrap([b.listener(coloured(retried))], [lanes((three["plain"], {}), (gray.address, GRAY))]))
    assert asked(where, COLOURED) == alone("plain")
    assert where.stat("cluster.upstream.upstream_rq_retry_success") == 20
    assert where.stat("cluster.upstream.lane_exact") == where.stat("cluster.upstream.lane_instead") == 20


def test_a_connection_that_was_given_up_is_no_reason_to_leave_the_lane(pillion, three, serve):
    """It takes one request, and ends when the next one comes, as servers do that were just about to close it."""
    def script(sock):
        connection = Connection(sock)
        connection.read_request()
        connection.send_response(Response(200, [], b"gray"))
        connection.read_request()

    retried = b.route(retry_policy={"retry_on": "5xx,reset", "num_retries": 3})
    where = pillion(b.bootstrap([b.listener(coloured(retried))], [lanes((three["plain"], {}), (serve(script).address, GRAY))]))
    assert asked(where, COLOURED) == alone("gray")
    assert where.stat("cluster.upstream.lane_instead") == 0


def test_a_full_lane(pillion, three, serve):
    go = threading.Event()

    def slow(request):
        assert go.wait(20)
        return Response(200, [], b"gray")

    gray = serve.h1(slow)
    where = pillion(b.bootstrap([b.listener(coloured())], [
        lanes((three["plain"], {}), (gray.address, GRAY), lanes_={"max_requests_per_endpoint": 2})]))
    slow_ones = [where.connect() for _ in range(2)]
    for connection in slow_ones:
        connection.send_request(Request(fields=[COLOURED]))
    where.until_stat("cluster.upstream.upstream_rq_active", 2)
    assert asked(where, COLOURED) == alone("plain")
    assert where.stat("cluster.upstream.lane_full") == 20
    go.set()
    assert [connection.read_response().body for connection in slow_ones] == [b"gray"] * 2
    assert asked(where, COLOURED) == alone("gray")


def test_a_full_lane_of_an_aggregate(pillion, three, serve):
    """Then that of its other cluster; /explain says the same."""
    go = threading.Event()

    def slow(_):
        assert go.wait(20)
        return Response(200, [], b"gray")

    first = serve.h1(slow)
    aggregate = b.cluster(lb_policy="CLUSTER_PROVIDED", cluster_type={
        "name": "envoy.clusters.aggregate", "typed_config": b.any_of("extensions.clusters.aggregate.v3.ClusterConfig", clusters=["a", "b"])})
    del aggregate["type"], aggregate["load_assignment"]
    where = pillion(b.bootstrap([b.listener(coloured())], [
        aggregate, lanes((three["plain"], {}), (first.address, GRAY), name="a", lanes_={"max_requests_per_endpoint": 1}),
        lanes((three["stage"], {}), (three["gray"], GRAY), name="b")]))
    busy = where.connect()
    busy.send_request(Request(fields=[COLOURED]))
    where.until_stat("cluster.a.upstream_rq_active", 1)
    assert asked(where, COLOURED) == alone("gray") and asked(where) == alone("plain")
    assert where.stat("cluster.b.lane_exact") == 20 and where.stat("cluster.a.lane_full") == 0
    assert "cluster: b" in where.admin("/explain?header=x-env:gray")
    go.set()
    assert busy.read_response().body == b"gray"
    assert "cluster: a" in where.admin("/explain?header=x-env:gray")


def test_endpoints_that_come_and_go(pushed, named):
    """Of both kinds, again and again, while requests of both kinds are made: none fails, and none is in the wrong lane."""
    names = "a", "b", "c", "d", "e", "f"
    addresses = dict(zip(names, named(*names)))
    of_lane = {"d", "e", "f"}
    hosts = {name: p.host(where, **({"metadata": {"filter_metadata": {"envoy.lb": GRAY}}} if name in of_lane else {}))
             for name, where in addresses.items()}
    manager = coloured(b.route("backend"))
    manager["typed_config"]["route_config"]["validate_clusters"] = False  # it is pushed
    both = pushed(p.cluster(), p.endpoints(*hosts.values()), listeners=[b.listener(manager)],
                  bootstrap_extensions=[DEFAULT], run={"concurrency": 2})
    both.until_body(b"a")
    stop, wrong, done = threading.Event(), [], {True: 0, False: 0}
    lock = threading.Lock()

    def ask(has_colour):
        connection = both.connect()
        while not stop.is_set():
            answer = connection.exchange(Request(fields=[COLOURED] if has_colour else []))
            good = answer.status == 200 and (answer.body.decode() in of_lane) == has_colour
            with lock:
                done[has_colour] += 1
                if not good:
                    wrong.append((has_colour, answer.status, answer.body))
        connection.close()

    callers = [threading.Thread(target=ask, args=(number % 2 == 0,)) for number in range(6)]
    for caller in callers:
        caller.start()
    pause = threading.Event()
    for step in range(30):
        there = [names[step % 3], names[3 + step // 2 % 3]] + [name for number, name in enumerate(names) if step >> number % 5 & 1]
        both.push(p.endpoints(*(hosts[name] for name in dict.fromkeys(there))))
        pause.wait(0.1)
    stop.set()
    for caller in callers:
        caller.join(30)
    assert wrong == []
    assert min(done.values()) > 100
    assert both.stat("cluster.backend.lane_exact") == done[True]
    assert both.stat("cluster.backend.lane_instead") == both.stat("cluster.backend.lane_baseline_on_lanes") == 0
    assert both.stat("cluster.backend.membership_change") > 5
