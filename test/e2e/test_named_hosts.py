"""Requests that name the hosts that they go to (override_host), as an endpoint picker has them do."""

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until

FALLBACK = {"policies": [{"typed_extension_config": {"name": "r", "typed_config": b.any_of("extensions.load_balancing_policies.round_robin.v3.RoundRobin")}}]}
DESTINATION = "x-gateway-destination-endpoint"


def by(*sources):
    """Fields of a cluster."""
    config = b.any_of("extensions.load_balancing_policies.override_host.v3.OverrideHost", override_host_sources=list(sources), fallback_policy=FALLBACK)
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "o", "typed_config": config}}]}}


def name(server):
    return "%s:%d" % server.address


@pytest.fixture
def servers(serve):
    return [serve.h1(lambda request, number=number: Response(200, [], b"%d" % number)) for number in range(3)]


def proxy_for(pillion, servers, cluster, concurrency=1, filters=None, **action):
    manager = {"http_filters": filters} if filters else {}
    return pillion(b.bootstrap([b.listener(b.http([b.route(**action)], **manager))],
                               [b.cluster(*[server.address for server in servers], **cluster)]), concurrency=concurrency)


def ask(proxy, *named):
    return proxy.exchange(Request(fields=[(DESTINATION, ",".join(named))] if named else [])).body


@pytest.mark.parametrize("workers", [1, 2])
def test_by_a_header(pillion, servers, workers):
    proxy = proxy_for(pillion, servers, by({"header": DESTINATION}), concurrency=workers)
    for _ in range(4):
        for number in (2, 0, 1):
            assert ask(proxy, name(servers[number])) == b"%d" % number
    assert ask(proxy, "10.9.9.9:1", "what", name(servers[1])) == b"1"
    # Who names none is balanced.
    assert {ask(proxy) for _ in range(9)} == {b"0", b"1", b"2"}
    assert {ask(proxy, "10.9.9.9:1") for _ in range(9)} == {b"0", b"1", b"2"}


def test_by_metadata(pillion, servers):
    note = {"header": "x-to", "on_header_present": {"metadata_namespace": "envoy.lb", "key": DESTINATION}, "remove": True}
    filters = [{"name": "note", "typed_config": b.any_of("extensions.filters.http.header_to_metadata.v3.Config", request_rules=[note])},
               {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]
    proxy = proxy_for(pillion, servers, by({"header": DESTINATION}, {"metadata": {"key": "envoy.lb", "path": [{"key": DESTINATION}]}}), filters=filters)
    for number in (1, 1, 2):
        assert proxy.exchange(Request(fields=[("x-to", name(servers[number]))])).body == b"%d" % number
    # The source that stands first goes first.
    assert proxy.exchange(Request(fields=[("x-to", name(servers[1])), (DESTINATION, name(servers[0]))])).body == b"0"


def test_each_attempt_takes_the_next(pillion, serve):
    got = []
    servers = [serve.h1(lambda request, number=number: got.append(number) or Response(503, [], b"no")) for number in range(3)]
    proxy = proxy_for(pillion, servers, by({"header": DESTINATION}),
                      retry_policy={"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}})
    proxy.exchange(Request(fields=[(DESTINATION, ", ".join(name(servers[number]) for number in (2, 1, 0)))]))
    assert got == [2, 1, 0]


def test_a_host_that_is_not_well(pillion, serve):
    """Whatever its health, unless override_host_status asks for another one."""
    good, bad = serve.h1(lambda request: Response(200, [], b"good")), serve.h1(lambda request: Response(200, [], b"bad"))
    for statuses, expected in ((None, b"bad"), (["HEALTHY", "UNKNOWN"], b"good"), (["UNHEALTHY"], b"bad"), ([], b"good")):
        config = b.cluster(good.address, bad.address, **by({"header": DESTINATION}))
        config["load_assignment"]["endpoints"][0]["lb_endpoints"][1]["health_status"] = "UNHEALTHY"
        if statuses is not None:
            config["common_lb_config"] = {"override_host_status": {"statuses": statuses}}
        proxy = pillion(b.bootstrap([b.listener(b.http([b.route()]))], [config]))
        assert ask(proxy, name(bad)) == expected


def test_connections_before_they_are_asked_for(pillion, servers):
    proxy = proxy_for(pillion, servers, {"preconnect_policy": {"predictive_preconnect_ratio": 2}})
    assert ask(proxy) in (b"0", b"1", b"2")
    until(lambda: proxy.stat("cluster.upstream.upstream_cx_total") == 3, "one to each")
    assert {ask(proxy) for _ in range(3)} == {b"0", b"1", b"2"}


def test_connections_to_one_host(pillion, servers):
    proxy = proxy_for(pillion, servers[:1], {"preconnect_policy": {"per_upstream_preconnect_ratio": 3}})
    assert ask(proxy) == b"0"
    until(lambda: proxy.stat("cluster.upstream.upstream_cx_total") == 3, "three for one")
    assert [ask(proxy) for _ in range(5)] == [b"0"] * 5
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 3
