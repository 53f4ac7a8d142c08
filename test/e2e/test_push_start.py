"""What a control plane gives from the start: in which order it is asked for, what is waited for, and by which ways."""

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.ports import accepts
from peers.wait import until


def world(backend, how=p.DELTA):
    """A listener with routes, and a cluster with hosts, that all come apart."""
    return p.listener(p.routed(how=how)), p.routes(), p.cluster(how=how), p.endpoints(backend)


@pytest.mark.parametrize("how", p.STREAMS)
def test_all_of_it(pushed, named, how):
    both = pushed(*world(*named("one"), how), how=how)
    assert both.get().body == b"one"
    assert both.get(protocol="h2").body == b"one"
    for name in ("cluster_manager.cds", "listener_manager.lds", "http.ingress.rds.routes", "cluster.backend"):
        both.until_stat(f"{name}.update_success", 1)
        assert both.stat(f"{name}.update_attempt") >= 1 and both.stat(f"{name}.update_rejected") == 0
    if how in p.AGGREGATED:
        assert both.stat("control_plane.connected_state") == 1
    first = both.plane.until(lambda event: event.event == "request")
    assert (first.node["id"], first.node["cluster"], first.node["metadata"]) == ("me", "us", {"role": "sidecar"})
    assert first.node["userAgentName"] == ("envoy" if p.ENVOY else "pillion")
    for kind in ("clusters", "endpoints", "listeners", "routes"):
        mine = both.plane.requests(kind)[0]
        assert (mine.nonce, mine.error) == ("", None)
        assert mine.delta or mine.version == ""
        wanted = {"endpoints": ["backend"], "routes": ["routes"]}.get(kind, [])
        assert (mine.subscribe if mine.delta else mine.names) == wanted


def test_in_which_order(pushed, named):
    """Clusters and their hosts come before listeners are asked for, and all of it by one stream."""
    both = pushed(*world(*named("one")))
    both.get()
    asked = list(dict.fromkeys(event.type for event in both.plane.seen(lambda event: event.event == "request")))
    assert asked == ["clusters", "endpoints", "listeners", "routes"]
    assert [event.method for event in both.plane.seen(lambda event: event.event == "open")] == [
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"]


def test_streams_of_their_own(pushed, named):
    both = pushed(*world(*named("one"), p.STATE_APART), how=p.STATE_APART)
    both.get()
    assert {event.method for event in both.plane.seen(lambda event: event.event == "open")} == {
        "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
        "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints",
        "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners",
        "/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes"}


def test_hosts_that_a_cluster_has_by_itself_are_shown(pushed, named):
    [one] = named("one")
    both = pushed(p.listener(b.http([b.route("backend")])), p.whole_cluster(one))
    assert both.get().body == b"one"
    [shown] = both.dumped("EndpointsConfigDump")["dynamic_endpoint_configs"]
    assert shown["endpoint_config"]["cluster_name"] == "backend" and "version_info" not in shown and "last_updated" not in shown
    [host] = shown["endpoint_config"]["endpoints"][0]["lb_endpoints"]
    assert host["endpoint"]["address"]["socket_address"]["port_value"] == one[1] and host["health_status"] == "HEALTHY"


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_how_it_is_shown(pushed, named, how):
    both = pushed(*world(*named("one"), how), how=how)
    both.get()
    listeners, clusters = both.dumped("ListenersConfigDump"), both.dumped("ClustersConfigDump")
    shown = listeners["dynamic_listeners"][0]
    assert (shown["name"], shown["active_state"]["listener"]["name"]) == ("ingress", "ingress")
    assert [one["cluster"]["name"] for one in clusters["dynamic_active_clusters"]] == ["backend"]
    routes = both.dumped("RoutesConfigDump")["dynamic_route_configs"]
    assert [one["route_config"]["name"] for one in routes] == ["routes"]
    hosts = both.dumped("EndpointsConfigDump")["dynamic_endpoint_configs"]
    assert [one["endpoint_config"]["cluster_name"] for one in hosts] == ["backend"]
    if how == p.STATE:
        assert (listeners["version_info"], clusters["version_info"]) == ("1", "1")
        assert both.stat("cluster_manager.cds.version") == both.stat("listener_manager.lds.version") != 0
        assert 'cluster_manager.cds.version_text: "1"' in both.proxy.admin("/stats?filter=cds.version_text")
    for versioned in (shown["active_state"], clusters["dynamic_active_clusters"][0], routes[0]):
        assert versioned["version_info"] and versioned["last_updated"]


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_nothing_at_all(pushed, how):
    both = pushed(how=how)
    assert both.stat("listener_manager.lds.update_success") == 1
    assert both.stat("listener_manager.total_listeners_active") == 0


def test_metadata_of_calls_and_the_node_only_once(pushed, named):
    both = pushed(*world(*named("one")), api={"metadata": [("x-token", "secret")], "set_node_on_first_message_only": True})
    both.get()
    assert both.plane.until(lambda event: event.event == "open").metadata["x-token"] == ["secret"]
    assert [event.node is not None for event in both.plane.seen(lambda event: event.event == "request")][:4] == [True, False, False, False]


def test_static_ones_beside(pushed, named):
    """A listener of the bootstrap whose routes are pushed, and a cluster of it whose hosts are."""
    one, = named("one")
    static = {key: value for key, value in p.cluster("static").items() if key != "@type"}
    both = pushed(p.routes(b.route("static")), p.endpoints(one, name="static"), clusters=[static],
                  listeners=[b.listener(p.routed(), name="static")])
    assert both.get(listener_="static").body == b"one"
    assert both.stat("listener_manager.total_listeners_active") == 1


def test_one_subscription_for_routes_of_two_listeners(pushed):
    both = pushed(p.listener(p.routed(), name="a"), p.listener(p.routed(), name="b"), p.routes(b.direct(200, "one")))
    assert both.get(listener_="a").body == both.get(listener_="b").body == b"one"
    assert sum("routes" in event.subscribe for event in both.plane.requests("routes")) == 1
    both.change(p.routes(b.direct(200, "two")))
    for name in ("a", "b"):
        both.until_body(b"two", listener_=name)


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_listener_waits_for_its_routes(pushed, how):
    first = p.listener(p.routed(how=how))
    both = pushed(how=how)
    mark = both.change(first)
    both.plane.until_request("routes", since=mark)
    both.until_stat("listener_manager.total_listeners_warming", 1)
    assert not accepts(both.proxy.listeners["ingress"])
    both.change(p.routes(b.direct(200, "now")))
    assert both.get().body == b"now"
    assert both.stat("listener_manager.total_listeners_warming") == 0


def test_routes_that_do_not_come(pushed):
    """When the time is over the listener listens, and knows no routes."""
    both = pushed(p.listener(p.routed(timeout="0.2s")))
    assert both.get().status == 404
    assert both.stat("http.ingress.rds.routes.init_fetch_timeout") == 1
    both.change(p.routes(b.direct(200, "late")))
    both.until_body(b"late")


def test_a_control_plane_that_comes_late(pushed, control_plane):
    """The start is held up no longer than is said; what is pushed later is served."""
    first = p.listener(b.http([b.direct(200, "late")]))
    plane = control_plane(first)
    both = pushed(plane=plane, timeout="0.2s")
    assert both.stat("cluster_manager.cds.init_fetch_timeout") == 1
    assert both.stat("control_plane.connected_state") == 0
    plane.start()
    both.note(first)
    assert both.get().body == b"late"
    assert both.stat("control_plane.connected_state") == 1


def test_the_start_waits_for_hosts(pushed, named):
    """Listeners are not asked for before clusters have theirs: nobody is let in to be told that nothing is there."""
    one, = named("one")
    listener, routes, cluster, hosts = world(one)
    both = pushed(listener, routes, p.cluster(timeout="0.4s"))
    mine = both.plane.until_request("listeners")
    assert mine.time - both.plane.requests("endpoints")[0].time > 0.35
    assert both.get().status == 503 and both.stat("cluster.backend.init_fetch_timeout") == 1
    both.change(hosts)
    until(lambda: both.get().body == b"one", "the hosts are used")
