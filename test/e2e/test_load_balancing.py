"""Which host a request goes to."""

import collections

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def named(serve, count):
    """Upstreams that answer with their names: 0, 1, ..."""
    return [serve.h1(lambda request, name=b"%d" % i: Response(200, [], name)).address for i in range(count)]


def proxy_for(pillion, addresses, action=None, **cluster):
    return pillion(b.bootstrap([b.listener(b.http([b.route(**(action or {}))]))], [b.cluster(*addresses, **cluster)]),
                   concurrency=2)


def value(response, name):
    return response.get(name)


@pytest.mark.parametrize("policy", ["RING_HASH", "MAGLEV"])
def test_ring_hash(pillion, serve, policy):
    proxy = proxy_for(pillion, named(serve, 4), {"hash_policy": [{"header": {"header_name": "x-user"}}]},
                      lb_policy=policy)
    hosts = {}
    for user in range(100):
        answers = {proxy.exchange(Request(fields=[("x-user", f"u{user}")])).body for _ in range(3)}
        assert len(answers) == 1, "the same for the same user, whatever the worker"
        hosts[user] = answers.pop()
    assert len(set(hosts.values())) == 4


def test_a_cookie_is_made_and_then_heeded(pillion, serve):
    proxy = proxy_for(pillion, named(serve, 4), {"hash_policy": [{"cookie": {"name": "c", "ttl": "9s", "path": "/"}}]},
                      lb_policy="RING_HASH")
    for _ in range(4):
        first = proxy.exchange(Request())
        cookie = value(first, "set-cookie")
        assert cookie.startswith('c="') and cookie.endswith('"; Max-Age=9; Path=/; HttpOnly')
        again = proxy.exchange(Request(fields=[("cookie", cookie.split(";")[0])]))
        assert again.body == first.body
        assert value(again, "set-cookie") is None


def endpoint(address, **fields):
    return {"endpoint": {"address": b.address(address)}, **fields}


def in_subset(address, **values):
    return endpoint(address, metadata={"filter_metadata": {"envoy.lb": values}})


def assignment(*endpoints, **fields):
    return {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": list(endpoints), **fields}]}


def test_weights_that_hosts_report(pillion, serve):
    """One that says of itself that it has nine times as much to spare gets nine times as many, by whichever field it says so."""
    reports = [("endpoint-load-metrics", "TEXT rps_fractional=100, cpu_utilization=0.1"),
               ("endpoint-load-metrics", 'JSON {"rps_fractional": 100, "cpu_utilization": 0.9}')]
    servers = [serve.h1(lambda request, report=report, name=name: Response(200, [report], name)) for report, name in zip(reports, (b"idle", b"busy"))]
    policy = b.any_of("extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
                      blackout_period="0s", weight_update_period="0.1s")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(*(server.address for server in servers), load_balancing_policy={
        "policies": [{"typed_extension_config": {"name": "by-load", "typed_config": policy}}]})]))
    assert {proxy.exchange(Request()).body for _ in range(4)} == {b"idle", b"busy"}

    def weights():
        return sorted(int(line.rsplit("::", 1)[1]) for line in proxy.admin("/clusters").splitlines() if "::weight::" in line)
    until(lambda: weights() == [111, 1000], "both have weights")
    bodies = [proxy.exchange(Request()).body for _ in range(100)]
    assert 85 <= bodies.count(b"idle") <= 95, bodies


def test_subsets(pillion, serve):
    old, grey = named(serve, 2)
    cluster = {"load_assignment": assignment(in_subset(old, version="1"), in_subset(grey, version="2")),
               "lb_subset_config": {"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"version": "1"},
                                    "subset_selectors": [{"keys": ["version"]}]}}
    routes = [b.route(prefix=f"/{version}", metadata_match={"filter_metadata": {"envoy.lb": {"version": version}}})
              for version in "129"]
    proxy = pillion(b.bootstrap([b.listener(b.http([*routes, b.route()]))], [b.cluster(old, **cluster)]))
    for path, body in (("/1", b"0"), ("/2", b"1"), ("/9", b"0"), ("/", b"0")):
        assert {proxy.exchange(Request(path=path)).body for _ in range(4)} == {body}, path
    assert proxy.stat("cluster.upstream.lb_subsets_selected") == 8
    assert proxy.stat("cluster.upstream.lb_subsets_fallback") == 8


def test_health_status_and_priorities(pillion, serve):
    addresses = named(serve, 3)
    groups = [{"priority": 0, "lb_endpoints": [endpoint(addresses[0], health_status="UNHEALTHY"),
                                               endpoint(addresses[1])]},
              {"priority": 1, "lb_endpoints": [endpoint(addresses[2])]}]
    proxy = proxy_for(pillion, addresses, load_assignment={"cluster_name": "upstream", "endpoints": groups})
    counts = collections.Counter(proxy.exchange(Request()).body for _ in range(200))
    assert counts[b"0"] == 0
    assert 100 < counts[b"1"] < 180 and 20 < counts[b"2"] < 100  # 70 to 30
    assert proxy.stat("cluster.upstream.membership_healthy") == 2


def test_none_healthy(pillion, serve):
    (address,) = named(serve, 1)
    cluster = {"load_assignment": assignment(endpoint(address, health_status="UNHEALTHY"))}
    panic = proxy_for(pillion, [address], **cluster)
    assert panic.exchange(Request()).body == b"0"
    assert panic.stat("cluster.upstream.lb_healthy_panic") == 1
    strict = proxy_for(pillion, [address], common_lb_config={"healthy_panic_threshold": {"value": 0}}, **cluster)
    response = strict.exchange(Request())
    assert (response.status, response.body) == (503, b"no healthy upstream")


def test_retries_elsewhere(pillion, serve):
    bad = serve.h1(lambda request: Response(503, [], b"bad"))
    good = serve.h1(lambda request: Response(200, [], b"good"))
    predicate = {"name": "previous", "typed_config": b.any_of("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")}
    policy = {"retry_on": "5xx", "num_retries": 1, "host_selection_retry_max_attempts": 50,
              "retry_host_predicate": [predicate]}
    proxy = proxy_for(pillion, [bad.address, good.address], {"retry_policy": policy}, lb_policy="RANDOM")
    for _ in range(30):
        assert proxy.exchange(Request()).body == b"good"


def test_aggregate(pillion, serve):
    first, second = named(serve, 2)

    def proxy_of(health):
        members = [b.cluster(address, name=name, load_assignment={"cluster_name": name, "endpoints": [{"lb_endpoints": [
            endpoint(address, health_status=status)]}]}) for name, address, status in (("a", first, health), ("b", second, "HEALTHY"))]
        aggregate = b.cluster(lb_policy="CLUSTER_PROVIDED", cluster_type={
            "name": "envoy.clusters.aggregate", "typed_config": b.any_of("extensions.clusters.aggregate.v3.ClusterConfig", clusters=["a", "b"])})
        del aggregate["type"], aggregate["load_assignment"]
        listeners = [b.listener(b.http()), b.listener(b.tcp(), name="tcp")]
        return pillion(b.bootstrap(listeners, [aggregate, *members]))

    proxy = proxy_of("HEALTHY")
    assert {proxy.exchange(Request()).body for _ in range(20)} == {b"0"}
    for _ in range(3):
        connection = proxy.connect(listener="tcp")
        assert connection.exchange(Request()).body == b"0"
        connection.close()
    proxy = proxy_of("UNHEALTHY")
    assert {proxy.exchange(Request()).body for _ in range(20)} == {b"1"}
    # Answers count where the route leads, connections where they are.
    assert proxy.stat("cluster.upstream.upstream_rq_200") == 20
    assert proxy.stat("cluster.b.upstream_rq_total") == 20
    assert proxy.stat("cluster.upstream.upstream_rq_total") == 0


def test_a_filter_chooses_the_subset(pillion, serve):
    """Grey routing: a header of the request becomes metadata, which goes before the route's."""
    addresses = named(serve, 3)
    hosts = [in_subset(addresses[0], version="1", stage="prod"), in_subset(addresses[1], version="2", stage="prod"),
             in_subset(addresses[2], version="2", stage="test")]
    cluster = {"load_assignment": assignment(*hosts),
               "lb_subset_config": {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["stage", "version"]}, {"keys": ["version"]}]}}
    note = {"header": "x-version", "on_header_present": {"metadata_namespace": "envoy.lb", "key": "version"}}
    filters = [{"name": "notes", "typed_config": b.any_of("extensions.filters.http.header_to_metadata.v3.Config", request_rules=[note])},
               {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]
    routes = [b.route(prefix="/prod", metadata_match={"filter_metadata": {"envoy.lb": {"version": "1", "stage": "prod"}}}), b.route()]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes, http_filters=filters))], [b.cluster(*addresses, **cluster)]))
    for path, version, bodies in (("/prod", None, {b"0"}), ("/prod", "2", {b"1"}), ("/", "1", {b"0"}), ("/", "2", {b"1", b"2"})):
        fields = [("x-version", version)] if version else []
        assert {proxy.exchange(Request(path=path, fields=fields)).body for _ in range(8)} == bodies, (path, version)
    for path, version in (("/", None), ("/", "9"), ("/prod", "9")):
        assert proxy.exchange(Request(path=path, fields=[("x-version", version)] if version else [])).status == 503


def bad_and_good(serve, count):
    """`count` upstreams of which the first ones answer 503 and the last one its number."""
    bad = [serve.h1(lambda request: Response(503, [], b"bad")).address for _ in range(count - 1)]
    return [*bad, serve.h1(lambda request: Response(200, [], b"good")).address]


def test_retries_in_another_priority(pillion, serve):
    addresses = bad_and_good(serve, 3)
    groups = [{"priority": number, "lb_endpoints": [endpoint(address)]} for number, address in enumerate(addresses)]
    priority = {"name": "previous", "typed_config": b.any_of(
        "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", update_frequency=1)}
    policy = {"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}, "retry_priority": priority}
    proxy = proxy_for(pillion, addresses, {"retry_policy": policy}, load_assignment={"cluster_name": "upstream", "endpoints": groups})
    for _ in range(10):
        assert proxy.exchange(Request()).body == b"good"
    policy["retry_priority"]["typed_config"]["update_frequency"] = 2
    proxy = proxy_for(pillion, addresses, {"retry_policy": policy}, load_assignment={"cluster_name": "upstream", "endpoints": groups})
    assert proxy.exchange(Request()).body == b"bad", "two attempts go to the first, the third to the second"


@pytest.mark.parametrize("predicate", ["omit_canary_hosts.v3.OmitCanaryHostsPredicate", "omit_host_metadata.v3.OmitHostMetadataConfig"])
def test_retries_leave_out(pillion, serve, predicate):
    addresses = bad_and_good(serve, 2)
    fields = {"metadata_match": {"filter_metadata": {"envoy.lb": {"canary": True}}}} if "metadata" in predicate else {}
    policy = {"retry_on": "5xx", "num_retries": 1, "host_selection_retry_max_attempts": 50, "retry_back_off": {"base_interval": "0.001s"},
              "retry_host_predicate": [{"name": "p", "typed_config": b.any_of(f"extensions.retry.host.{predicate}", **fields)}]}
    proxy = proxy_for(pillion, addresses, {"retry_policy": policy}, lb_policy="RANDOM",
                      load_assignment=assignment(in_subset(addresses[0], canary=True), endpoint(addresses[1])))
    for _ in range(30):
        assert proxy.exchange(Request()).body == b"good"
    assert "::canary::true\n" in proxy.admin("/clusters")


def test_requests_stay_in_their_zone(pillion, serve):
    addresses = named(serve, 2)
    zones = [{"locality": {"zone": zone}, "lb_endpoints": [endpoint(address)]} for zone, address in zip("ab", addresses)]
    proxies = [{"locality": {"zone": zone}, "lb_endpoints": [endpoint(address)]} for zone, address in zip("ab", addresses)]
    clusters = [b.cluster(*addresses, load_assignment={"cluster_name": "upstream", "endpoints": zones},
                          common_lb_config={"zone_aware_lb_config": {"min_cluster_size": 2, "routing_enabled": {"value": 100}}}),
                b.cluster(name="proxies", load_assignment={"cluster_name": "proxies", "endpoints": proxies})]
    top = {"node": {"id": "n", "cluster": "proxies", "locality": {"zone": "b"}}, "cluster_manager": {"local_cluster_name": "proxies"}}
    proxy = pillion(b.bootstrap([b.listener(b.http())], clusters, **top))
    assert {proxy.exchange(Request()).body for _ in range(20)} == {b"1"}
    assert proxy.stat("cluster.upstream.lb_zone_routing_all_directly") == 20
    clusters[0]["common_lb_config"]["zone_aware_lb_config"] = {"min_cluster_size": 2, "routing_enabled": {"value": 0}}
    proxy = pillion(b.bootstrap([b.listener(b.http())], clusters, **top))
    assert {proxy.exchange(Request()).body for _ in range(20)} == {b"0", b"1"}
    clusters[0]["common_lb_config"]["zone_aware_lb_config"] = {"fail_traffic_on_panic": True}
    for group in zones:
        group["lb_endpoints"][0]["health_status"] = "UNHEALTHY"
    proxy = pillion(b.bootstrap([b.listener(b.http())], clusters, **top))
    assert proxy.exchange(Request()).status == 503
    assert proxy.stat("cluster.upstream.lb_healthy_panic") == 1


def test_transport_socket_of_a_host(pillion, serve):
    addresses = named(serve, 3)
    raw = {"name": "raw", "typed_config": b.any_of("extensions.transport_sockets.raw_buffer.v3.RawBuffer")}
    space = "envoy.transport_socket_match"
    matches = [{"name": "tls", "match": {"mode": "tls"}, "transport_socket": raw}, {"name": "zone", "match": {"zone": "a"}, "transport_socket": raw}]
    hosts = [endpoint(addresses[0], metadata={"filter_metadata": {space: {"mode": "tls", "more": 1}}}), endpoint(addresses[1])]
    groups = [{"lb_endpoints": hosts}, {"locality": {"zone": "a"}, "metadata": {"filter_metadata": {space: {"zone": "a"}}},
                                        "lb_endpoints": [endpoint(addresses[2])]}]
    proxy = proxy_for(pillion, addresses, transport_socket_matches=matches, transport_socket=raw,
                      load_assignment={"cluster_name": "upstream", "endpoints": groups})
    assert {proxy.exchange(Request()).body for _ in range(6)} == {b"0", b"1", b"2"}
    for name in ("transport_socket_match.tls", "transport_socket_match.zone", "default"):
        assert proxy.stat(f"cluster.upstream.{name}.total_match_count") == 1, name


def test_a_hash_of_filter_state(pillion, serve):
    addresses = named(serve, 4)
    state = {"object_key": "who", "factory_key": "envoy.string", "format_string": {"text_format_source": {"inline_string": "%REQ(x-user)%"}}}
    filters = [{"name": "state", "typed_config": b.any_of("extensions.filters.http.set_filter_state.v3.Config", on_request_headers=[state])},
               {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]
    routes = [b.route(hash_policy=[{"filter_state": {"key": "who"}}])]
    cluster = b.cluster(*addresses, lb_policy="RING_HASH", ring_hash_lb_config={"hash_function": "MURMUR_HASH_2", "minimum_ring_size": 64})
    proxy = pillion(b.bootstrap([b.listener(b.http(routes, http_filters=filters))], [cluster]))
    hosts = set()
    for user in range(40):
        answers = {proxy.exchange(Request(fields=[("x-user", f"u{user}")])).body for _ in range(3)}
        assert len(answers) == 1
        hosts |= answers
    assert len(hosts) == 4
    assert proxy.stat("cluster.upstream.ring_hash_lb.size") == 64
    assert proxy.stat("cluster.upstream.ring_hash_lb.min_hashes_per_host") == 16


def test_metadata_of_cluster_and_host(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    log = tmp_path / "log"
    text = "%CLUSTER_METADATA(istio:services)% %CLUSTER_METADATA(istio)% %UPSTREAM_METADATA(envoy.lb:version)% %UPSTREAM_METADATA(no:no)%\n"
    cluster = b.cluster(address, metadata={"filter_metadata": {"istio": {"services": [{"name": "a"}]}}},
                        load_assignment=assignment(in_subset(address, version="7")))
    proxy = pillion(b.bootstrap([b.listener(b.http(access_log=b.file_log(log, text=text)))], [cluster]))
    assert proxy.exchange(Request()).status == 200
    until(lambda: log.exists() and log.read_text(encoding="utf-8").endswith("\n"), "the line is there")
    assert log.read_text(encoding="utf-8") == '[{"name":"a"}] {"services":[{"name":"a"}]} 7 -\n'
