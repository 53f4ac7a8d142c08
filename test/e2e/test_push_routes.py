"""Routes that change while they are used."""

import threading

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request, Response
from peers.wait import until


@pytest.mark.parametrize("how", p.AGGREGATED)
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_on_a_live_connection(pushed, protocol, how):
    """The next request of a connection goes by the routes that there are then."""
    both = pushed(p.listener(p.routed(how=how)), p.routes(b.direct(200, "0")), how=how)
    live = both.connect(protocol)
    for turn in ("1", "2", "3"):
        both.change(p.routes(b.direct(200, turn)))
        both.until_body(turn.encode(), on=live)
    assert both.stat("http.ingress.downstream_cx_total") <= 2  # the live one, and one that asked whether anybody listens
    assert both.stat("http.ingress.rds.routes.config_reload") == 4


def test_what_has_begun_ends_where_it_began(pushed, serve):
    """An answer that is on its way comes from where its request went, whatever the routes say now."""
    go = threading.Event()

    def slow(request):
        assert go.wait(20)
        return Response(200, [], b"old")

    clusters = [b.cluster(serve.h1(slow).address, name="old"), b.cluster(serve.h1(lambda request: Response(200, [], b"new")).address, name="new")]
    both = pushed(p.listener(p.routed()), p.routes(b.route("old")), clusters=clusters)
    running = both.connect()
    running.send_request(Request())
    both.until_stat("cluster.old.upstream_rq_active", 1)
    both.change(p.routes(b.route("new")))
    both.until_body(b"new")
    go.set()
    assert running.read_response().body == b"old"
    assert running.exchange(Request()).body == b"new"


def test_virtual_hosts_come_and_go(pushed):
    both = pushed(p.listener(p.routed()), p.hosts_of(a=[b.direct(200, "a")]))
    assert both.get(authority="a").body == b"a" and both.get(authority="b").status == 404
    both.change(p.hosts_of(a=[b.direct(200, "a")], b=[b.direct(200, "b")]))
    until(lambda: both.get(authority="b").body == b"b", "there is a host b")
    assert both.get(authority="a").body == b"a"
    both.change(p.hosts_of(b=[b.direct(200, "b")]))
    until(lambda: both.get(authority="a").status == 404, "there is no host a")
    assert both.get(authority="b").body == b"b"


def test_a_cluster_that_comes_after_its_route(pushed, named):
    one, = named("one")
    both = pushed(p.listener(p.routed()), p.routes())
    assert both.get().status == 503
    both.change(p.whole_cluster(one))
    both.until_body(b"one")
    assert both.stat("http.ingress.no_cluster") >= 1


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_the_same_again_changes_nothing(pushed, how):
    both = pushed(p.listener(p.routed(how=how)), p.routes(b.direct(200, "one")), how=how)
    assert both.get().body == b"one"
    reloads = both.stat("http.ingress.rds.routes.config_reload")
    both.plane.push(p.routes(b.direct(200, "one")), versions={"routes": "other"})
    if how == p.STATE:  # by differences there is nothing to send
        both.plane.until_request("routes", lambda event: event.version == "other")
    assert both.stat("http.ingress.rds.routes.config_reload") == reloads


def test_two_sets_of_routes_on_their_own(pushed):
    both = pushed(p.listener(p.routed("a"), name="a"), p.listener(p.routed("b"), name="b"), p.routes(b.direct(200, "a"), name="a"),
                  p.routes(b.direct(200, "b"), name="b"))
    assert (both.get(listener_="a").body, both.get(listener_="b").body) == (b"a", b"b")
    both.change(p.routes(b.direct(200, "changed"), name="b"))
    both.until_body(b"changed", listener_="b")
    assert both.get(listener_="a").body == b"a"
    assert both.stat("http.ingress.rds.a.update_success") == 1 and both.stat("http.ingress.rds.b.update_success") == 2


def test_a_listener_that_names_others(pushed):
    """The listener's next routes are waited for; until they are there the ones before serve."""
    first = p.listener(p.routed("a"))
    where = first["address"]["socket_address"]["address"], first["address"]["socket_address"]["port_value"]
    both = pushed(first, p.routes(b.direct(200, "a"), name="a"))
    assert both.get().body == b"a"
    both.change(p.listener(p.routed("b"), where=where))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    assert both.get().body == b"a"
    both.change(p.routes(b.direct(200, "b"), name="b"))
    both.until_body(b"b")
    until(lambda: [one["route_config"]["name"] for one in both.dumped("RoutesConfigDump")["dynamic_route_configs"]] in (["b"], ["a", "b"], ["b", "a"]),
          "the new routes are shown")


def test_routes_that_are_taken_away(pushed):
    """Only the listener that names them ends them."""
    both = pushed(p.listener(p.routed()), p.routes(b.direct(200, "one")))
    assert both.get().body == b"one"
    mark = both.plane.push(remove=[("routes", "routes")])
    both.plane.until_ack("routes", mark)
    assert both.get().body == b"one"
    both.change(p.routes(b.direct(200, "two")))
    both.until_body(b"two")


def test_many_routes(pushed):
    """Of two thousand, one changes, and another moves to the front."""
    def table(changed=None, first=None):
        made = [b.direct(200, str(number), f"/{number}/") for number in range(2000)]
        if changed is not None:
            made[changed] = b.direct(200, "changed", f"/{changed}/")
        return p.routes(*([b.direct(200, "first", "/")] if first else []), *made)
    both = pushed(p.listener(p.routed()), table())
    live = both.connect()
    for number in (0, 999, 1999):
        assert live.exchange(Request("GET", f"/{number}/")).body == b"%d" % number
    both.change(table(changed=1000))
    both.until_body(b"changed", "/1000/", on=live)
    assert live.exchange(Request("GET", "/1999/")).body == b"1999"
    both.change(table(first=True))
    both.until_body(b"first", "/1000/", on=live)


def _tables(both):
    """Of /config_dump: version, and whether it serves."""
    return [(one["version_info"], "client_status" not in one) for one in both.dumped("RoutesConfigDump").get("dynamic_route_configs", [])]


@p.ours
def test_a_cluster_whose_hosts_do_not_come_holds_up_nobody(pushed, named):
    """The other routes of its table serve in a moment, and what is shown is what serves."""
    one, two = named("one", "two")
    both = pushed(p.listener(p.routed()), p.whole_cluster(one, name="one"), p.whole_cluster(two, name="two"), p.routes(b.route("one")))
    both.until_body(b"one")
    (before, _), = _tables(both)
    mark = both.push(p.cluster("silent"), p.routes(b.route("silent", "/silent"), b.route("two")))
    both.plane.until_ack("routes", mark)

    def consistent():
        """At each moment: what is shown, what is explained and what is served are of the same table."""
        reloads, tables, explained, served = (both.stat("http.ingress.rds.routes.config_reload"), _tables(both),
                                              both.proxy.admin("/explain"), both.get().body)
        if both.stat("http.ingress.rds.routes.config_reload") != reloads:
            return False  # it changed meanwhile
        if reloads == 1:
            assert tables[0] == (before, True) and [serves for _, serves in tables] == [True, False]
            assert served == b"one" and 'cluster "one"' in explained and "next route table: version" in explained
        else:
            assert [serves for _, serves in tables] == [True] and tables[0][0] != before
            assert 'cluster "two"' in explained and "next route table" not in explained
            both.until_body(b"two")
        return reloads == 2
    until(consistent, "the table serves without the hosts of one of its clusters", patience=5)
    assert both.stat("cluster_manager.warming_clusters") == 1
    assert both.get("/silent").status == 503
    both.change(p.routes(b.route("silent", "/silent"), b.direct(200, "three")))
    both.until_body(b"three")
    both.change(p.endpoints(one, name="silent"))
    both.until_body(b"one", "/silent")
