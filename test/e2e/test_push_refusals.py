"""Pushes that are not good: what is good in them is taken, what is bad stays as it was, and the answer says what to mend."""

import dataclasses

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.control_plane import Secret
from peers.ports import free_port
from peers.wait import until

_MANAGER = "filter_chains[0].filters[0].typed_config."
_NOBODY = {"@type": "type.googleapis.com/nobody.has.This", "value": {"a": 1}}


@dataclasses.dataclass
class Case:
    """bad(good one, serving one): the bad one; expected: parts of what is said of it, in their order."""
    name: str
    bad: object
    expected: tuple
    ours: bool = False   # Envoy has nothing against it
    whole: bool = False  # Envoy refuses all of the answer


def change(**fields):
    return lambda made: {**made, **fields}


def manager(**fields):
    """A listener whose manager has these fields."""
    def changed(made):
        filter_ = p.routed()
        filter_["typed_config"].update(fields)
        return {**made, "filter_chains": [{"filters": [filter_]}]}
    return changed


def http_filter(config):
    return manager(http_filters=[{"name": "first", "typed_config": config}, *p.routed()["typed_config"]["http_filters"]])


def table(*those, **fields):
    return lambda made: p.routes(*those, name=made["name"], **fields)


def assigned(*hosts, **fields):
    return lambda made: p.endpoints(*hosts, name=made["cluster_name"], **fields)


LISTENERS = [
    Case("no-address", change(address={}), ("address", "is required"), whole=True),
    Case("unknown-network-filter", change(filter_chains=[{"filters": [{"name": "x", "typed_config": _NOBODY}]}]),
         ("filter_chains[0].filters[0].typed_config", "nobody.has.This")),
    Case("unknown-http-filter", http_filter(_NOBODY), (_MANAGER + "http_filters[0].typed_config", "nobody.has.This")),
    Case("lua", http_filter(b.any_of("extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": "a = 1"})),
         (_MANAGER + "http_filters[0].typed_config", "extensions.filters.http.lua.v3.Lua"), ours=True),
    Case("router-before-another", manager(http_filters=[*p.routed()["typed_config"]["http_filters"], {"name": "buffer", "typed_config": b.any_of(
        "extensions.filters.http.buffer.v3.Buffer", max_request_bytes=10)}]), (_MANAGER + "http_filters",)),
    Case("twice-the-same-chain", change(filter_chains=[{"filters": [b.http([b.direct(200)])]}] * 2), ("filter_chains[1]",)),
    Case("no-certificate", change(filter_chains=[{"filters": [b.http([b.direct(200)])], "transport_socket": {"name": "tls", "typed_config": b.any_of(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={})}}]),
        ("filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificates", "needs a certificate")),
    Case("unreadable-certificate", change(filter_chains=[{"filters": [b.http([b.direct(200)])], "transport_socket": {"name": "tls", "typed_config": b.any_of(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={"tls_certificates": [
            {"certificate_chain": {"inline_string": "junk"}, "private_key": {"inline_string": "junk"}}]})}}]),
        ("filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificates[0]",)),
]

CLUSTERS = [
    Case("no-time-to-connect", change(connect_timeout="0s"), ("connect_timeout", "0s", "expected"), whole=True),
    Case("name-for-an-address", change(load_assignment=b.cluster(("a.test", 80))["load_assignment"]),
         ("load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address", "a.test", "expected")),
    Case("unknown-transport-socket", change(transport_socket={"name": "x", "typed_config": _NOBODY}), ("transport_socket.typed_config", "nobody.has.This")),
    Case("unknown-control-plane", lambda made: {**p.cluster(made["name"]), "eds_cluster_config": {"eds_config": {"api_config_source": {
        "api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "nobody"}}]}}}},
        ("eds_cluster_config.eds_config.api_config_source.grpc_services[0].envoy_grpc.cluster_name", "nobody")),
    Case("unknown-policy", change(load_balancing_policy={"policies": [{"typed_extension_config": {"name": "x", "typed_config": _NOBODY}}]}),
         ("load_balancing_policy", "nobody.has.This")),
]

ROUTES = [
    Case("regex", table({"match": {"safe_regex": {"regex": "("}}, "direct_response": {"status": 200}}),
         ("virtual_hosts[0].routes[0].match.safe_regex.regex", "(")),
    Case("status", table(b.direct(1)), ("virtual_hosts[0].routes[0].direct_response.status", "1", "expected")),
    Case("no-action", table({"match": {"prefix": "/"}}), ("virtual_hosts[0].routes[0]", "is required")),
    Case("weights", table({"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": "a", "weight": 0}]}}}),
         ("virtual_hosts[0].routes[0].route.weighted_clusters",)),
    Case("unknown-override", table({**b.direct(200), "typed_per_filter_config": {"x": _NOBODY}}),
         ("virtual_hosts[0].routes[0].typed_per_filter_config", "nobody.has.This")),
    Case("domains", lambda made: {**made, "virtual_hosts": [{"name": name, "domains": ["a"], "routes": [b.direct(200)]} for name in ("v", "w")]},
         ("virtual_hosts[1].domains[0]", "duplicate", "a")),
]

ENDPOINTS = [
    Case("name-for-an-address", assigned(("a.test", 80)), ("endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address", "a.test", "expected")),
    Case("port", assigned(("127.0.0.1", 70000)), ("endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value", "70000")),
    Case("policy", assigned(("127.0.0.1", 80), policy={"overprovisioning_factor": 0}), ("policy.overprovisioning_factor", "0", "expected")),
]

SECRETS = [
    Case("junk", change(tls_certificate={"certificate_chain": {"inline_string": "junk"}, "private_key": {"inline_string": "nobody may know"}}),
         ("tls_certificate.certificate_chain",)),
    Case("no-trust", lambda made: {key: value for key, value in {**made, "validation_context": {"trusted_ca": {"inline_string": "junk"}}}.items()
                                   if key != "tls_certificate"}, ("validation_context.trusted_ca",)),
]


def parametrized(cases):
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=[p.ours] if case.ours else []) for case in cases])


def in_order(text, parts):
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not behind {text[:at]!r} in {text!r}"
        at = found + len(part)


def says(both, text, name, case, section, key):
    """The refusal, the log and the page say it alike. Of Envoy only that there is one."""
    assert name in text or p.ENVOY
    if p.ENVOY:
        return
    in_order(text, (f'"{name}": ', *case.expected))
    until(lambda: case.expected[0] in both.proxy.log(), "the log has it")
    states = [one["error_state"] for one in both.dumped(section)[key] if "error_state" in one]
    assert len(states) == 1
    in_order(states[0]["details"], case.expected)
    assert states[0]["last_update_attempt"] and states[0]["version_info"]
    if _NOBODY["@type"].rpartition("/")[2] not in case.expected:  # which JSON has no form for
        assert name in str(states[0]["failed_configuration"])


@parametrized(LISTENERS)
def test_listener(pushed, case):
    one = p.listener(b.http([b.direct(200, "one")]))
    both = pushed(one)
    assert both.get().body == b"one"
    address = dict(both.proxy.listeners)
    text = both.refused(case.bad(one), p.listener(b.http([b.direct(200, "good")]), name="good"))
    both.proxy.listeners.update(address)
    if not (case.whole and p.ENVOY):
        assert both.get(listener_="good").body == b"good"
    assert both.get().body == b"one"
    assert both.stat("listener_manager.lds.update_rejected") == 1
    says(both, text, "ingress", case, "ListenersConfigDump", "dynamic_listeners")
    if not p.ENVOY:  # which does not acknowledge what comes after a refusal by differences
        both.change(p.listener(b.http([b.direct(200, "mended")]), where=both.proxy.listeners["ingress"]))
        both.until_body(b"mended")
        assert not [one for one in both.dumped("ListenersConfigDump")["dynamic_listeners"] if "error_state" in one]


@parametrized(CLUSTERS)
def test_cluster(pushed, named, case):
    one, two = named("one", "two")
    both = pushed(p.listener(p.routed()), p.routes(b.route("good", "/good"), b.route("bad")), p.whole_cluster(one, name="bad"))
    assert both.get().body == b"one"
    text = both.refused(case.bad(p.whole_cluster(one, name="bad")), p.whole_cluster(two, name="good"))
    if not (case.whole and p.ENVOY):
        both.until_body(b"two", "/good")
    assert both.get().body == b"one"
    assert both.stat("cluster_manager.cds.update_rejected") == 1
    says(both, text, "bad", case, "ClustersConfigDump", "dynamic_active_clusters")


@parametrized(ROUTES)
def test_routes(pushed, case):
    both = pushed(p.listener(p.routed("bad"), name="bad"), p.listener(p.routed("good"), name="good"), p.routes(b.direct(200, "one"), name="bad"),
                  p.routes(b.direct(200, "one"), name="good"))
    assert both.get(listener_="bad").body == both.get(listener_="good").body == b"one"
    text = both.refused(case.bad(p.routes(name="bad")), p.routes(b.direct(200, "two"), name="good"))
    assert both.get(listener_="bad").body == b"one"
    assert both.stat("http.ingress.rds.bad.update_rejected") == 1
    if not p.ENVOY:  # which refuses all of the answer
        both.until_body(b"two", listener_="good")
        assert both.stat("http.ingress.rds.good.update_rejected") == 0
    says(both, text, "bad", case, "RoutesConfigDump", "dynamic_route_configs")


@parametrized(ENDPOINTS)
def test_endpoints(pushed, named, case):
    one, two = named("one", "two")
    both = pushed(p.listener(b.http([b.route("good", "/good"), b.route("bad")])), p.cluster("bad"), p.cluster("good"),
                  p.endpoints(one, name="bad"), p.endpoints(one, name="good"))
    assert both.get().body == both.get("/good").body == b"one"
    text = both.refused(case.bad(p.endpoints(name="bad")), p.endpoints(two, name="good"))
    assert both.get().body == b"one"
    assert both.stat("cluster.bad.update_rejected") == 1
    if not p.ENVOY:
        both.until_body(b"two", "/good")
    says(both, text, "bad", case, "EndpointsConfigDump", "dynamic_endpoint_configs")


@p.ours
@parametrized(SECRETS)
def test_secret(pushed, case):
    """Of one that has not come before: nothing is served by it, and what to mend is said."""
    wanted = {"name": "bad", "sds_config": p.source()}
    common = {"tls_certificate_sds_secret_configs": [wanted]}
    if "trusted_ca" in case.expected[0]:
        common = {"tls_certificate_sds_secret_configs": [{**wanted, "name": "server"}], "validation_context_sds_secret_config": wanted}
    made = p.listener(b.http([b.direct(200, "one")]))
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context=common)}
    both = pushed(p.listener(b.http([b.direct(200, "good")]), name="good"))
    both.push(made)
    both.plane.until_request("secrets", lambda event: "bad" in event.subscribe)
    text = both.refused(case.bad(p.secret("bad", Secret())))
    in_order(text, ('"bad": ', *case.expected))
    assert "nobody may know" not in both.proxy.admin("/config_dump") + both.proxy.log()
    assert both.get(listener_="good").body == b"good"


@p.ours
def test_all_that_is_wrong(pushed):
    """In one answer: each resource, and each field of it."""
    both = pushed()
    text = both.refused(
        p.listener(b.http([b.direct(1), {"match": {"prefix": "/"}}]), name="a"),
        p.listener(name="b", listener_filters=[{"name": "x", "typed_config": _NOBODY}]),
        p.listener(b.http([b.direct(200, "good")]), name="c"))
    in_order(text, ('"a": ', "routes[0].direct_response.status: 1, expected", "routes[1]: ", "is required"))
    in_order(text, ('"b": ', "listener_filters[0].typed_config", "nobody.has.This"))
    assert '"c"' not in text
    assert both.get(listener_="c").body == b"good"


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_bad_from_the_start(pushed, how):
    """The rest is served; the bad one comes when it is mended."""
    bad = p.listener(p.routed(how=how), name="bad", listener_filters=[{"name": "x", "typed_config": _NOBODY}])
    where = "127.0.0.1", bad["address"]["socket_address"]["port_value"]
    both = pushed(p.listener(b.http([b.direct(200, "good")]), name="good"), bad, how=how)
    assert both.get(listener_="good").body == b"good"
    both.push(p.listener(b.http([b.direct(200, "mended")]), where=where, name="bad"))
    assert both.get(listener_="bad").body == b"mended"


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_two_at_one_address_in_one_push(pushed, how):
    """One of them is served, whichever came first; the other one's name is in the answer."""
    where = "127.0.0.1", free_port()
    both = pushed(how=how)
    text = both.refused(*(p.listener(b.http([b.direct(200, name)]), where=where, name=name) for name in ("a", "b")))
    served = both.get(listener_="a").body.decode()
    other = "b" if served == "a" else "a"
    assert other in text and "%s:%d" % where in text
