"""Hosts that change while they are used."""

import threading

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request, Response
from peers.wait import until


def serving(pushed, *hosts, how=p.DELTA, more=(), **options):
    """A listener with one route to a cluster with these hosts."""
    return pushed(p.listener(b.http([b.route("backend")])), p.cluster(how=how, **options), p.endpoints(*hosts), *more, how=how)


def asked(both, times=12):
    return {both.get().body for _ in range(times)}


@pytest.mark.parametrize("how", p.STREAMS)
def test_replaced(pushed, named, how):
    one, two = named("one", "two")
    both = serving(pushed, one, how=how)
    live = both.connect()
    assert live.exchange(Request()).body == b"one"
    both.change(p.endpoints(two))
    both.until_body(b"two", on=live)
    assert asked(both) == {b"two"}
    assert both.stat("cluster.backend.membership_change") == 2


def test_each_change_is_counted(pushed, named):
    one, two = named("one", "two")
    both = serving(pushed, one)
    both.until_body(b"one")
    before = both.stat("cluster_manager.cluster_updated")
    both.change(p.endpoints(two))
    both.until_body(b"two")
    both.until_stat("cluster_manager.cluster_updated", before + 1)
    for name in ("cluster_updated_via_merge", "update_merge_cancelled", "update_out_of_merge_window"):
        assert f"cluster_manager.{name}: 0" in both.proxy.admin("/stats")


def test_added_and_removed(pushed, named):
    one, two, three = named("one", "two", "three")
    both = serving(pushed, one)
    both.change(p.endpoints(one, two, three))
    both.until_stat("cluster.backend.membership_total", 3)
    until(lambda: asked(both) == {b"one", b"two", b"three"}, "all three are used")
    both.change(p.endpoints(one, three))
    both.until_stat("cluster.backend.membership_total", 2)
    until(lambda: asked(both) == {b"one", b"three"}, "two is not used")


def test_weights(pushed, named):
    one, two = named("one", "two")
    both = serving(pushed, p.host(one, load_balancing_weight=1), p.host(two, load_balancing_weight=1))
    both.change(p.endpoints(p.host(one, load_balancing_weight=1), p.host(two, load_balancing_weight=9)))
    both.until_stat("cluster.backend.max_host_weight", 9)

    def share():
        live = both.connect()
        answers = [live.exchange(Request()).body for _ in range(100)]
        live.close()
        return answers.count(b"two")
    until(lambda: 85 <= share() <= 95, "two has nine of ten")


def test_removed_while_a_request_runs_on_it(pushed, named, serve):
    go = threading.Event()

    def slow(request):
        assert go.wait(20)
        return Response(200, [], b"slow")

    two, = named("two")
    both = serving(pushed, serve.h1(slow).address)
    running = both.connect()
    running.send_request(Request())
    both.until_stat("cluster.backend.upstream_rq_active", 1)
    both.change(p.endpoints(two))
    both.until_body(b"two")
    go.set()
    assert running.read_response().body == b"slow"
    assert running.exchange(Request()).body == b"two"


def test_one_cluster_only(pushed, serve):
    """What did not change keeps its connections; of the same cluster, too."""
    one, two, three = (serve.h1(lambda request: Response(200, [], b"x")) for _ in range(3))
    both = pushed(p.listener(b.http([b.route("b", "/b"), b.route("a")])), p.cluster("a"), p.cluster("b"),
                  p.endpoints(one.address, name="a"), p.endpoints(two.address, name="b"))
    live = both.connect()
    for path in ("/a", "/b"):
        assert live.exchange(Request("GET", path)).status == 200
    both.change(p.endpoints(one.address, three.address, name="a"))
    both.until_stat("cluster.a.membership_total", 2)
    for path in ("/a", "/a", "/a", "/a", "/b", "/b"):
        assert live.exchange(Request("GET", path)).status == 200
    assert (one.accepted, two.accepted, three.accepted) == (1, 1, 1)
    assert both.stat("cluster.b.membership_change") == 1
    both.change(p.endpoints(one.address, name="a"))
    both.until_stat("cluster.a.upstream_cx_active", 1)  # that of the host that left has nothing to do
    assert live.exchange(Request("GET", "/a")).status == 200 and one.accepted == 1


@pytest.mark.parametrize("health", ["UNHEALTHY", "DRAINING"])
def test_health_by_the_control_plane(pushed, named, health):
    one, two = named("one", "two")
    both = serving(pushed, one, two)
    both.change(p.endpoints(p.host(one, health_status=health), two))
    both.until_stat("cluster.backend.membership_healthy", 1)
    until(lambda: asked(both) == {b"two"}, "the other one is used")
    both.change(p.endpoints(one, two))
    both.until_stat("cluster.backend.membership_healthy", 2)
    until(lambda: asked(both) == {b"one", b"two"}, "both are used")


def test_none_left(pushed, named):
    one, = named("one")
    both = serving(pushed, one)
    assert both.get().body == b"one"
    both.change({"@type": p.endpoints()["@type"], "cluster_name": "backend"})
    both.until_status(503)
    assert both.get().body == b"no healthy upstream"
    both.change(p.endpoints(one))
    both.until_body(b"one")


def test_by_another_name(pushed, named):
    """The assignment's name is the cluster's service_name, where it has one; two clusters may share it."""
    one, two = named("one", "two")
    both = pushed(p.listener(b.http([b.route("b", "/b"), b.route("a")])), p.cluster("a", service_name="s"), p.cluster("b", service_name="s"),
                  p.endpoints(one, name="s"))
    assert both.get("/a").body == both.get("/b").body == b"one"
    both.change(p.endpoints(two, name="s"))
    for path in ("/a", "/b"):
        both.until_body(b"two", path)


def test_priorities(pushed, named):
    one, two = named("one", "two")

    def assignment(first):
        return {"@type": p.endpoints()["@type"], "cluster_name": "backend", "endpoints": [
            {"lb_endpoints": [p.host(one, health_status=first)]}, {"priority": 1, "lb_endpoints": [p.host(two)]}]}
    both = pushed(p.listener(b.http([b.route("backend")])), p.cluster(), assignment("HEALTHY"))
    assert asked(both) == {b"one"}
    both.change(assignment("UNHEALTHY"))
    until(lambda: asked(both) == {b"two"}, "the next priority is used")


def test_an_assignment_that_is_taken_away(pushed, named):
    """Only its cluster ends it."""
    one, = named("one")
    both = serving(pushed, one)
    assert both.get().body == b"one"
    mark = both.plane.push(remove=[("endpoints", "backend")])
    both.plane.until_ack("endpoints", mark)
    assert both.get().body == b"one"


def test_what_nobody_asked_for(pushed, named):
    """It is passed over, and the rest of the answer taken."""
    one, two = named("one", "two")
    both = serving(pushed, one, how=p.STATE)
    assert both.get().body == b"one"
    mark = both.plane.respond("endpoints", p.endpoints(one, name="stranger"), p.endpoints(two), version="x")
    both.plane.until_ack("endpoints", mark)
    both.plane.until(lambda event: event.event == "request" and event.version == "x", mark)


def test_thousands_of_hosts(pushed, named):
    """One of five thousand moves."""
    one, two = named("one", "two")
    nowhere = [p.host(("127.1.%d.%d" % divmod(number, 250), 9), health_status="UNHEALTHY") for number in range(5000)]
    both = serving(pushed, one, *nowhere, common_lb_config={"healthy_panic_threshold": {"value": 0}})
    assert both.get().body == b"one"
    both.change(p.endpoints(two, *nowhere))
    both.until_body(b"two")
    assert both.stat("cluster.backend.membership_total") == 5001
