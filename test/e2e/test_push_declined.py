"""What a control plane may ask for and pillion does not do (yet): it is refused by its name, and the rest goes on."""

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.go_control_plane import TYPES

pytestmark = p.ours
_MANAGER = "filter_chains[0].filters[0].typed_config."


def source():
    return p.source()


def with_manager(**fields):
    filter_ = p.routed()
    if "scoped_routes" in fields:
        del filter_["typed_config"]["rds"]
    filter_["typed_config"].update(fields)
    return p.listener(filter_, name="bad")


def router():
    return p.routed()["typed_config"]["http_filters"][0]


ASKED = {
    "vhds": (lambda: p.routes(name="bad", vhds={"config_source": source()}), "vhds"),
    "ecds": (lambda: with_manager(http_filters=[{"name": "x", "config_discovery": {
        "config_source": source(), "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"]}}, router()]),
        _MANAGER + "http_filters[0].config_discovery.type_urls[0]"),
    "ecds-of-a-listener": (lambda: {**p.listener(name="bad"), "filter_chains": [{"filters": [{"name": "x", "config_discovery": {
        "config_source": source(), "type_urls": [
            "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"]}}]}]},
        "filter_chains[0].filters[0].config_discovery.type_urls[0]"),
    "srds-by-xdstp": (lambda: with_manager(scoped_routes={"name": "s", "scope_key_builder": {"fragments": [{"header_value_extractor": {
        "name": "x", "index": 0}}]}, "rds_config_source": source(), "scoped_rds": {"scoped_rds_config_source": source(),
                                                                                   "srds_resources_locator": "xdstp://a/b/c"}}),
        _MANAGER + "scoped_routes.scoped_rds.srds_resources_locator"),
    "leds": (lambda: {"@type": TYPES["endpoints"], "cluster_name": "bad", "endpoints": [
        {"leds_cluster_locality_config": {"leds_config": source(), "leds_collection_name": "c"}}]}, "endpoints[0].leds_cluster_locality_config"),
    "on-demand": (lambda: with_manager(http_filters=[{"name": "x", "typed_config": b.any_of("extensions.filters.http.on_demand.v3.OnDemand")}, router()]),
                  _MANAGER + "http_filters[0].typed_config"),
    "jwt": (lambda: with_manager(http_filters=[{"name": "x", "typed_config": b.any_of(
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication")}, router()]), "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
    "ext-authz": (lambda: with_manager(http_filters=[{"name": "x", "typed_config": b.any_of(
        "extensions.filters.http.ext_authz.v3.ExtAuthz")}, router()]), "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"),
}


@pytest.mark.parametrize("what", ASKED)
def test_refused_by_name(pushed, what):
    make, expected = ASKED[what]
    both = pushed(p.listener(b.http([b.direct(200, "one")])), p.listener(p.routed("bad"), name="user"), p.cluster("bad"),
                  p.endpoints(("127.0.0.1", 9), name="bad"), p.routes(b.direct(200, "last good"), name="bad"))
    text = both.refused(make())
    assert '"bad": ' in text and expected in text
    assert both.get(listener_="ingress").body == b"one"
    assert both.get(listener_="user").body == b"last good"
