"""Clusters that come, change and go while they are used."""

import contextlib
import threading

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request, Response
from peers.traffic import meanwhile
from peers.wait import until


def world(*those, how=p.DELTA):
    """A listener whose only route goes to "backend", and these."""
    return p.listener(p.routed(how=how)), p.routes(), *those


def slow(serve, body=b"slow"):
    """(server, event): each request waits for the event."""
    go = threading.Event()

    def answer(request):
        assert go.wait(20)
        return Response(200, [], body)
    return serve.h1(answer), go


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_comes_and_goes(pushed, named, how):
    one, = named("one")
    both = pushed(*world(how=how), how=how)
    assert both.get().status == 503
    both.change(p.cluster(how=how), p.endpoints(one))
    both.until_body(b"one")
    both.until_stat("cluster_manager.cluster_added", 2)  # the control plane's own is counted
    both.change(remove=[("clusters", "backend"), ("endpoints", "backend")])
    both.until_status(503)
    both.until_stat("cluster_manager.cluster_removed", 1)
    assert both.stat("cluster_manager.active_clusters") == 1
    assert "dynamic_active_clusters" not in both.dumped("ClustersConfigDump")
    if how == p.DELTA:
        both.plane.until_request("endpoints", lambda event: event.unsubscribe == ["backend"])
    both.change(p.cluster(how=how), p.endpoints(one))
    both.until_body(b"one")


def test_all_go_by_one_answer(pushed, named):
    """The state of the world without any is that there are none."""
    one, two = named("one", "two")
    both = pushed(p.listener(b.http([b.route("b", "/b"), b.route("a")])), p.whole_cluster(one, name="a"), p.whole_cluster(two, name="b"), how=p.STATE)
    assert (both.get("/a").body, both.get("/b").body) == (b"one", b"two")
    both.change(remove=[("clusters", "a"), ("clusters", "b")])
    for path in ("/a", "/b"):
        both.until_status(503, path)


def test_removed_while_a_request_runs(pushed, serve):
    server, go = slow(serve)
    both = pushed(*world(p.whole_cluster(server.address)))
    running = both.connect()
    running.send_request(Request())
    both.until_stat("cluster.backend.upstream_rq_active", 1)
    both.change(remove=[("clusters", "backend")])
    both.until_stat("cluster_manager.cluster_removed", 1)
    assert both.get().status == 503
    go.set()
    assert running.read_response().body == b"slow"
    assert running.exchange(Request()).status == 503


def test_changed_while_a_request_runs(pushed, serve, named):
    server, go = slow(serve)
    two, = named("two")
    both = pushed(*world(p.whole_cluster(server.address)))
    running = both.connect()
    running.send_request(Request())
    both.until_stat("cluster.backend.upstream_rq_active", 1)
    both.change(p.whole_cluster(two, connect_timeout="3s"))
    both.until_body(b"two")
    go.set()
    assert running.read_response().body == b"slow"
    assert running.exchange(Request()).body == b"two"
    assert both.stat("cluster_manager.cluster_modified") == 1


def test_breakers(pushed, serve):
    server, go = slow(serve)

    def bounded(requests):
        return p.whole_cluster(server.address, circuit_breakers={"thresholds": [{"max_requests": requests, "max_pending_requests": 10}]})
    both = pushed(*world(bounded(1)))
    first = both.connect()
    first.send_request(Request())
    both.until_stat("cluster.backend.upstream_rq_active", 1)
    assert both.get().get("x-envoy-overloaded") == "true"
    both.change(bounded(3))
    second = both.connect()
    second.send_request(Request())
    both.until_stat("cluster.backend.upstream_rq_active", 2)
    go.set()
    assert first.read_response().body == second.read_response().body == b"slow"


def test_another_policy(pushed, named):
    """From taking turns to going by a field's hash."""
    one, two, three = named("one", "two", "three")
    hashed = {"match": {"prefix": "/"}, "route": {"cluster": "backend", "hash_policy": [{"header": {"header_name": "x-user"}}]}}
    both = pushed(p.listener(b.http([hashed])), p.whole_cluster(one, two, three))

    def seen():
        live = both.connect()
        found = {live.exchange(Request(fields=[("x-user", "somebody")])).body for _ in range(9)}
        live.close()
        return found
    assert len(seen()) == 3
    both.change(p.whole_cluster(one, two, three, lb_policy="RING_HASH"))
    until(lambda: len(seen()) == 1, "one of them has the user")


def test_another_protocol(pushed, serve):
    """Of HTTP/1, then of HTTP/2, with the host at one address: nobody gets what is not for him."""
    one, two = serve.h1(lambda request: Response(200, [], b"h1")), serve.h2(lambda request: Response(200, [], b"h2"))
    both = pushed(*world(p.whole_cluster(one.address)))
    live = both.connect()
    assert live.exchange(Request()).body == b"h1"
    both.change(p.whole_cluster(two.address, protocol="h2"))
    both.until_body(b"h2", on=live)


def test_names(pushed, named):
    one, = named("one")
    both = pushed(*world(p.whole_cluster(one)))
    assert both.get().body == b"one"
    by_name = p.whole_cluster(("localhost", one[1]), type="STRICT_DNS", dns_lookup_family="V4_ONLY")
    both.change(by_name)
    both.until_stat("cluster_manager.cluster_modified", 1)
    both.until_body(b"one")
    assert "localhost" in both.proxy.admin("/clusters")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_changed_one_waits_for_its_hosts(pushed, named, how):
    """Until they have come the one before serves."""
    one, two = named("one", "two")
    both = pushed(*world(p.cluster(how=how, service_name="s1"), p.endpoints(one, name="s1"), how=how), how=how)
    assert both.get().body == b"one"
    both.push(p.cluster(how=how, service_name="s2"), remove=[("endpoints", "s1")])
    both.until_stat("cluster_manager.warming_clusters", 1)
    shown = [[one["cluster"]["eds_cluster_config"]["service_name"] for one in both.dumped("ClustersConfigDump")[f"dynamic_{state}_clusters"]]
             for state in ("active", "warming")]
    assert shown == [["s1"], ["s2"]]
    assert both.get().body == b"one"
    both.change(p.endpoints(two, name="s2"))
    both.until_body(b"two")
    assert both.stat("cluster_manager.warming_clusters") == 0
    assert "dynamic_warming_clusters" not in both.dumped("ClustersConfigDump")


def test_a_new_one_waits_for_its_hosts(pushed, named):
    one, = named("one")
    both = pushed(*world())
    both.push(p.cluster())
    both.until_stat("cluster_manager.warming_clusters", 1)
    assert both.get().status == 503
    both.change(p.endpoints(one))
    both.until_body(b"one")


def test_hosts_that_do_not_come(pushed):
    both = pushed(*world())
    both.push(p.cluster(timeout="0.2s"))
    both.until_stat("cluster.backend.init_fetch_timeout", 1)
    until(lambda: both.get().body == b"no healthy upstream", "it is there without hosts")
    assert both.stat("cluster_manager.warming_clusters") == 0


@p.ours
@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_changed_one_has_hosts(pushed, named, how):
    """They did not change, and so nobody sends them: those that there are serve. Envoy waits for as long as it would for others."""
    one, = named("one")
    both = pushed(*world(p.cluster(how=how), p.endpoints(one), how=how), how=how)
    assert both.get().body == b"one"
    for seconds in (3, 4, 5):
        both.change(p.cluster(how=how, connect_timeout=f"{seconds}s"))
        until(lambda: both.dumped("ClustersConfigDump").get("dynamic_active_clusters", [{}])[0].get("cluster", {}).get("connect_timeout") ==
              f"{seconds}s", "it serves")  # pylint: disable=cell-var-from-loop
        assert both.get().body == b"one"


def test_the_others_stay_as_they_are(pushed, serve):
    one, two = (serve.h1(lambda request: Response(200, [], b"x")) for _ in range(2))
    both = pushed(p.listener(b.http([b.route("b", "/b"), b.route("a")])), p.whole_cluster(one.address, name="a"), p.whole_cluster(two.address, name="b"), how=p.STATE)
    live = both.connect()
    for path in ("/a", "/b"):
        assert live.exchange(Request("GET", path)).status == 200
    both.change(p.whole_cluster(one.address, name="a", connect_timeout="3s"))  # the answer has both
    both.until_stat("cluster_manager.cluster_modified", 1)
    for path in ("/a", "/b"):
        assert live.exchange(Request("GET", path)).status == 200
    assert two.accepted == 1


@contextlib.contextmanager
def asking(both):
    """Requests meanwhile; each is answered with 200."""
    failed, asked = [], []

    def ask(stop):
        live = both.connect()
        while not stop.is_set():
            response = live.exchange(Request())
            (asked if response.status == 200 else failed).append(response)

    with meanwhile(ask, ask):
        yield
    assert asked and not failed, failed[:3]


def test_make_before_break(pushed, named):
    """A cluster, then the route to it, then the end of the one before."""
    one, = named("one")
    both = pushed(p.listener(p.routed()), p.cluster("c0"), p.endpoints(one, name="c0"), p.routes(b.route("c0")))
    both.until_body(b"one")
    with asking(both):
        for number in range(1, 8):
            name, before = f"c{number}", f"c{number - 1}"
            both.change(p.cluster(name), p.endpoints(one, name=name))
            until(lambda: both.stat("cluster_manager.warming_clusters") == 0, "it is warm")
            both.change(p.routes(b.route(name)))
            until(lambda: both.stat(f"cluster.{name}.upstream_rq_total") >= 10, "it is used")  # pylint: disable=cell-var-from-loop
            both.change(remove=[("clusters", before), ("endpoints", before)])
    both.until_stat("cluster_manager.active_clusters", 2)


@pytest.mark.parametrize("apart", [False, pytest.param(True, marks=p.ours)], ids=["whole", "hosts-apart"])
def test_all_in_one_push(pushed, named, apart):
    """A new cluster, the route to it, and the end of the one before, as a control plane without a plan sends them: a route is not taken
    before the hosts of its clusters have come."""
    one, = named("one")

    def numbered(name):
        return [p.cluster(name), p.endpoints(one, name=name)] if apart else [p.whole_cluster(one, name=name)]
    both = pushed(p.listener(p.routed()), *numbered("c0"), p.routes(b.route("c0")))
    both.until_body(b"one")
    with asking(both):
        for number in range(1, 8):
            name, before = f"c{number}", f"c{number - 1}"
            both.change(*numbered(name), p.routes(b.route(name)))
            until(lambda: both.stat(f"cluster.{name}.upstream_rq_total") >= 10, "it is used")  # pylint: disable=cell-var-from-loop
            both.change(remove=[("clusters", before), *([("endpoints", before)] if apart else [])])


def test_health_checks_of_a_pushed_cluster(pushed, serve):
    """It warms until they have been asked, and who fails is not used."""
    well = serve.h1(lambda request: Response(200, [], b"well"))
    ill = serve.h1(lambda request: Response(503 if request.path == "/healthz" else 200, [], b"ill"))
    checks = [{"timeout": "2s", "interval": "0.2s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/healthz"}}]
    both = pushed(*world())
    both.change(p.cluster(health_checks=checks), p.endpoints(well.address, ill.address))
    both.until_stat("cluster.backend.membership_healthy", 1)
    both.until_body(b"well")
    assert {both.get().body for _ in range(6)} == {b"well"}


def test_one_of_the_bootstrap_stays(pushed, named):
    """A control plane does not replace what is static."""
    one, two = named("one", "two")
    both = pushed(*world(), clusters=[b.cluster(one, name="backend")])
    both.plane.push(p.whole_cluster(two))
    mark = both.plane.mark()
    both.change(p.whole_cluster(two, name="other"))
    assert both.plane.requests("clusters", mark)
    assert both.get().body == b"one"
