"""HTTP filters: buffer, cors and fault, as the connection manager has them and as routes override them."""

from frame.case import Case, Cluster, Hang
from frame.check import alike
from frame.write import get, grpc, ok, route, router
from peers.bootstrap import any_of
from peers.message import Request

ORIGIN = ("origin", "http://good.test")
PREFLIGHT = [ORIGIN, ("access-control-request-method", "PUT")]
ALWAYS = {"numerator": 100, "denominator": "HUNDRED"}


def override(name, message, **fields):
    """typed_per_filter_config of a route or a virtual host."""
    return {"typed_per_filter_config": {f"envoy.filters.http.{name}": any_of(f"extensions.filters.http.{name}.v3.{message}", **fields)}}


def cors(**fields):
    policy = {"allow_origin_string_match": [{"exact": "http://good.test"}], "allow_methods": "GET,PUT", "allow_headers": "x-a", "expose_headers": "x-e", "max_age": "60",
              **fields}
    return override("cors", "CorsPolicy", **policy)


def options(*fields):
    return Request("OPTIONS", "/", list(fields))


def fault(**fields):
    return override("fault", "HTTPFault", **fields)


ABORT = fault(abort={"http_status": 418, "percentage": ALWAYS})
BY_HEADER = fault(abort={"header_abort": {}, "percentage": ALWAYS}, delay={"header_delay": {}, "percentage": ALWAYS})
NOBODYS = {"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": "type.googleapis.com/no.Such", "value": {"a": 1}}
FAULTS = ("h.fault.aborts_injected", "h.fault.delays_injected", "h.fault.faults_overflow", "h.fault.active_faults")

CASES = [
    Case("buffer-small", [Request("POST", body=b"abc"), Request("POST", body=b"abc", trailers=[("x-t", "1")]), get()], setting="buffer"),
    Case("buffer-too-large", [Request("POST", body=b"a" * 100)], setting="buffer"),
    Case("buffer-too-large-chunked", [b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n40\r\n" + b"a" * 64 + b"\r\n0\r\n\r\n"], setting="buffer"),
    Case("buffer-too-large-http2", [Request("POST", body=b"a" * 100)], setting="buffer", protocol="h2"),
    Case("buffer-too-large-grpc", [grpc(body=b"a" * 100)], setting="buffer", protocol="h2"),
    Case("buffer-of-route", [Request("POST", body=b"a" * 100)], [{**route(), **override("buffer", "BufferPerRoute", buffer={"max_request_bytes": 200})}], setting="buffer"),
    Case("buffer-off-for-route", [Request("POST", body=b"a" * 100)], [{**route(), **override("buffer", "BufferPerRoute", disabled=True)}], setting="buffer"),

    Case("cors-preflight", [options(*PREFLIGHT)], vhost=cors(), setting="cors"),
    Case("cors-preflight-other-origin", [options(("origin", "http://bad.test"), PREFLIGHT[1])], vhost=cors(), setting="cors"),
    Case("cors-preflight-without-method", [options(ORIGIN)], vhost=cors(), setting="cors"),
    Case("cors-request", [get("/", ORIGIN)], vhost=cors(), setting="cors", upstream=[ok(("access-control-allow-origin", "*"))]),
    Case("cors-request-other-origin", [get("/", ("origin", "http://bad.test")), get()], vhost=cors(), setting="cors"),
    Case("cors-credentials", [get("/", ORIGIN), options(*PREFLIGHT)], vhost=cors(allow_credentials=True), setting="cors"),
    Case("cors-private-network", [options(*PREFLIGHT, ("access-control-request-private-network", "true"))], vhost=cors(allow_private_network_access=True), setting="cors"),
    Case("cors-any-origin", [get("/", ORIGIN)], vhost=cors(allow_origin_string_match=[{"safe_regex": {"regex": ".*"}}]), setting="cors"),
    Case("cors-route-over-virtual-host", [options(*PREFLIGHT)], [{**route(), **cors(max_age="7")}], vhost=cors(), setting="cors"),
    Case("cors-not-forwarded-preflight", [options(("origin", "http://bad.test"), PREFLIGHT[1])], vhost=cors(forward_not_matching_preflights=False), setting="cors"),
    Case("cors-none", [get("/", ORIGIN), options(*PREFLIGHT)], setting="cors"),
    Case("cors-disabled", [get("/", ORIGIN), options(*PREFLIGHT)], vhost=cors(filter_enabled={"default_value": {"numerator": 0}}), setting="cors"),

    Case("fault-abort", [get()], vhost=ABORT, setting="fault", stats=FAULTS),
    Case("fault-abort-grpc", [grpc(body=b"")], vhost=ABORT, setting="fault", protocol="h2", clusters={"": Cluster("h2")}),
    Case("fault-abort-grpc-status", [grpc(body=b"")], vhost=fault(abort={"grpc_status": 8, "percentage": ALWAYS}), setting="fault", protocol="h2",
         clusters={"": Cluster("h2")}),
    Case("fault-delay", [get()], vhost=fault(delay={"fixed_delay": "0.05s", "percentage": ALWAYS}), setting="fault", stats=FAULTS),
    Case("fault-delay-and-abort", [get()], vhost=fault(delay={"fixed_delay": "0.05s", "percentage": ALWAYS}, abort={"http_status": 503, "percentage": ALWAYS}),
         setting="fault", stats=FAULTS),
    Case("fault-never", [get()], vhost=fault(abort={"http_status": 418, "percentage": {"numerator": 0}}), setting="fault", stats=FAULTS),
    Case("fault-by-header", [get("/", ("x-envoy-fault-abort-request", "429")), get("/", ("x-envoy-fault-delay-request", "20")), get(),
                             get("/", ("x-envoy-fault-abort-request", "x")), get("/", ("x-envoy-fault-abort-request", "999"))], vhost=BY_HEADER, setting="fault", stats=FAULTS),
    Case("fault-by-header-percentage", [get("/", ("x-envoy-fault-abort-request", "429"), ("x-envoy-fault-abort-request-percentage", "0"))], vhost=BY_HEADER, setting="fault"),
    Case("fault-by-header-grpc", [grpc("/x/y", ("x-envoy-fault-abort-grpc-request", "7"), body=b"")], vhost=BY_HEADER, setting="fault", protocol="h2",
         clusters={"": Cluster("h2")}),
    Case("fault-for-matching-fields", [get("/", ("x-user", "me")), get()],
         vhost=fault(abort={"http_status": 418, "percentage": ALWAYS}, headers=[{"name": "x-user", "string_match": {"exact": "me"}}]), setting="fault"),
    Case("fault-for-other-cluster", [get()], vhost=fault(abort={"http_status": 418, "percentage": ALWAYS}, upstream_cluster="other"), setting="fault"),
    Case("fault-for-this-cluster", [get()], vhost=fault(abort={"http_status": 418, "percentage": ALWAYS}, upstream_cluster="fault-for-this-cluster"), setting="fault"),
    Case("fault-for-node", [get("/", ("x-envoy-downstream-service-node", "n1")), get()],
         vhost=fault(abort={"http_status": 418, "percentage": ALWAYS}, downstream_nodes=["n1"]), setting="fault"),
    Case("fault-delay-counts-for-route-timeout", [get()], [route(timeout="0.15s")], vhost=fault(delay={"fixed_delay": "0.05s", "percentage": ALWAYS}), setting="fault",
         upstream=[Hang()]),
    Case("filter-disabled-for-route", [get()], [{**route(), "typed_per_filter_config": {
        "envoy.filters.http.fault": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}}}], setting="faultall"),
    Case("filter-of-manager", [get()], setting="faultall"),
    # Of a type that neither has: as if they were not there, and what a route says of them as well.
    Case("filter-optional", [get()], setting="optional"),
    Case("filter-optional-for-route", [get()], [{**route(), "typed_per_filter_config": {
        "other": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "is_optional": True, "config": NOBODYS},
        "envoy.filters.http.fault": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "is_optional": True, "config": NOBODYS}}}], setting="optional"),
    Case("filter-optional-disabled-for-route", [get()], [{**route(), "typed_per_filter_config": {
        "envoy.filters.http.fault": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "is_optional": True, "disabled": True, "config": NOBODYS}}}],
         setting="optional"),
]
SETTINGS = {
    "buffer": {"http_filters": router(("buffer", "Buffer", {"max_request_bytes": 50}))},
    "cors": {"http_filters": router(("cors", "Cors", {}))},
    "fault": {"http_filters": router(("fault", "HTTPFault", {}))},
    "optional": {"http_filters": [{"name": "other", "is_optional": True, "typed_config": NOBODYS},
                                  *router(("fault", "HTTPFault", {"abort": {"http_status": 418, "percentage": ALWAYS}}))]},
    "faultall": {"http_filters": router(("fault", "HTTPFault", {"abort": {"http_status": 418, "percentage": ALWAYS}}))},
}


def test_alike(pair, case):
    alike(pair, case)
