"""The filter ratelimit: what it asks a service, and what it makes of the answer. Each case has a listener and a service of its own."""

import struct

from frame.case import Case, Cluster, Hang
from frame.check import alike
from frame.write import adding, get, grpc, ok, route, router, said
from peers.bootstrap import any_of
from peers.message import Response

ALL = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
NONE = {"default_value": {"numerator": 0, "denominator": "HUNDRED"}}
FIGURES = {"enable_x_ratelimit_headers": "DRAFT_VERSION_03"}
OK, OVER = 1, 2
MINUTE, SECOND = 2, 1


# The service's messages, as far as its answers have them.

def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def header_value(key, value):
    """A HeaderValue."""
    return field(1, key) + field(2, value)


def status(code, limit=None, unit=SECOND, remaining=0, reset=0, name=""):
    """A DescriptorStatus."""
    current = field(2, field(1, limit) + field(2, unit) + (field(3, name) if name else b"")) if limit else b""
    return field(1, code) + current + (field(3, remaining) if remaining else b"") + field(4, field(1, reset))


def says(code, *parts, grpc_status="0"):
    """What the service answers; `parts` are further fields of the message."""
    message = field(1, code) + b"".join(parts)
    return Response(200, [("content-type", "application/grpc")], b"\0" + struct.pack(">I", len(message)) + message, [("grpc-status", grpc_status)])


def by(*actions, **fields):
    return {"actions": list(actions), **fields}


def header(name="x-t", key="t", **fields):
    return {"request_headers": {"header_name": name, "descriptor_key": key, **fields}}


def key(text, **fields):
    return {"generic_key": {"descriptor_value": text, **fields}}


# What Envoy does with operators in descriptor_value only when it is told to.
BOOTSTRAP = {"layered_runtime": {"layers": [{"name": "l", "static_layer": {
    "envoy.reloadable_features.enable_formatter_for_ratelimit_action_descriptor_value": True}}]}}
SETTINGS = {}


def asking(name, answer, requests=None, filter_fields=None, per_route=None, vhost=None, routes=None, **more):
    """A case whose service answers `answer` each time."""
    setting = f"rate{len(SETTINGS)}"
    service = f"ratelimit-{name}-service"
    fields = {"domain": "d", "timeout": "20s", "rate_limit_service": {
        "transport_api_version": "V3", "grpc_service": {"envoy_grpc": {"cluster_name": service, "authority": "rls"}}}, **(filter_fields or {})}
    SETTINGS[setting] = {"http_filters": router(("ratelimit", "RateLimit", fields))}
    host = {"rate_limits": [by(header())]} if vhost is None else vhost
    if per_route is not None:
        host["typed_per_filter_config"] = {"envoy.filters.http.ratelimit": any_of("extensions.filters.http.ratelimit.v3.RateLimitPerRoute", **per_route)}
    return Case(f"ratelimit-{name}", requests or [get("/", ("x-t", "a"))], routes, vhost=host, setting=setting, upstream=[lambda request: answer if request.path.startswith("/envoy.service.") else ok()],
                clusters={"": more.pop("cluster", Cluster()), "service": Cluster("h2")}, unseen=CALL,
                stats=tuple(f"c.ratelimit.{counter}" for counter in ("ok", "over_limit", "error", "failure_mode_allowed")), **more)


END = {"apply_on_stream_done": True}


def figures(name, first, second, filter_fields=None):
    """A case of two rules with these fields, of which the second one's limit has less left."""
    statuses = field(2, status(OK, 10, MINUTE, 7, 30, "n")), field(2, status(OK, 5, SECOND, 2, 1))
    return asking(f"figures-{name}", says(OK, *statuses), vhost={"rate_limits": [by(header(), **first), by(key("g"), **second)]}, filter_fields=filter_fields)


# What a call says of itself; Envoy's goes through its router as a request from within.
CALL = ("x-envoy-internal", "x-forwarded-for", "x-envoy-expected-rq-timeout-ms", "user-agent", "grpc-timeout")
T = ("x-t", "a")
CASES = [
    asking("ok", says(OK)),
    asking("over", says(OVER)),
    asking("over-body", says(OVER, field(5, "slow down"), field(3, header_value("content-type", "text/x")), field(3, header_value("x-more", "1")))),
    asking("unknown", says(0)),
    asking("fields", says(OK, field(4, header_value("x-to-up", "u")), field(3, header_value("x-to-down", "d")))),
    asking("figures", says(OK, field(2, status(OK)), field(2, status(OK, 10, MINUTE, 7, 30, "n")), field(2, status(OK, 5, SECOND, 2, 1))), filter_fields=FIGURES),
    asking("figures-over", says(OVER, field(2, status(OVER, 10, MINUTE, 0, 30))), filter_fields=FIGURES),
    asking("figures-without-limit", says(OK, field(2, status(OK))), filter_fields=FIGURES),
    asking("status", says(OVER), filter_fields={"rate_limited_status": {"code": "ServiceUnavailable"}}),
    asking("status-of-success", says(OVER), filter_fields={"rate_limited_status": {"code": "OK"}}),
    asking("own-fields", says(OVER), filter_fields={"response_headers_to_add": [adding("x-limited", "yes")], "disable_x_envoy_ratelimited_header": True}),
    asking("not-enforced", says(OVER, field(4, header_value("x-to-up", "u"))), filter_fields={"filter_enforced": NONE}),
    asking("disabled", says(OVER), filter_fields={"filter_enabled": NONE}),
    asking("error", says(OK, grpc_status="14")),
    asking("error-denied", says(OK, grpc_status="14"), filter_fields={"failure_mode_deny": True}),
    asking("error-denied-status", says(OK, grpc_status="14"), filter_fields={"failure_mode_deny_percent": ALL, "status_on_error": {"code": "BadGateway"}}),
    asking("timeout", Hang(), filter_fields={"timeout": "0.05s", "failure_mode_deny": True}),
    asking("grpc", says(OVER), requests=[grpc("/a.B/C", T, body=b"")], protocol="h2", cluster=Cluster("h2")),
    asking("grpc-exhausted", says(OVER), requests=[grpc("/a.B/C", T, body=b"")], protocol="h2", cluster=Cluster("h2"),
         filter_fields={"rate_limited_as_resource_exhausted": True}),
    asking("no-descriptor", says(OVER), requests=[get("/")]),
    asking("direct-answer", says(OVER), routes=[{"match": {"prefix": "/"}, **said("x")}]),
    asking("internal-only", says(OVER), filter_fields={"request_type": "internal"}),
    asking("of-route", says(OK), routes=[route(rate_limits=[by(key("r"))])]),
    asking("of-both", says(OK), routes=[route(rate_limits=[by(key("r"))], include_vh_rate_limits=True)]),
    asking("include", says(OK), routes=[route(rate_limits=[by(key("r"))])], per_route={"vh_rate_limits": "INCLUDE"}),
    asking("ignore", says(OVER), per_route={"vh_rate_limits": "IGNORE"}),
    asking("other-stage-hides", says(OVER), routes=[route(rate_limits=[by(key("r"), stage=1)])]),
    asking("stage", says(OK), vhost={"rate_limits": [by(key("0")), by(key("1"), stage=1)]}, filter_fields={"stage": 1}),
    asking("own-rules", says(OK), filter_fields={"rate_limits": [by(key("own"))]}),
    asking("rules-of-route", says(OK), filter_fields={"rate_limits": [by(key("own"))]}, per_route={"rate_limits": [by(key("route"))], "domain": "other"}),
    asking("hits", says(OK), filter_fields={"rate_limits": [by(header(), hits_addend={"number": 3}), by(key("g"), hits_addend={"format": "%REQ(X-COST)%"})]},
         requests=[get("/", T, ("x-cost", "7")), get("/", T, ("x-cost", "much")), get("/", T)]),
    asking("hits-of-host", says(OK), vhost={"rate_limits": [by(header(), hits_addend={"number": 3})]}),
    asking("operators", says(OK), vhost={"rate_limits": [by(key("%REQ(X-T)%-%REQ(X-NONE)%")), by(key("%REQ(X-NONE)%", default_value="d"))]}),
    asking("operator-that-says-nothing", says(OK), vhost={"rate_limits": [by(key("%REQ(X-NONE)%"))]}),
    asking("match-that-says-nothing", says(OK), vhost={"rate_limits": [
        by({"header_value_match": {"descriptor_value": "%REQ(X-NONE)%", "headers": [{"name": "x-t"}]}}),
        by({"header_value_match": {"descriptor_value": "%REQ(X-NONE)%", "default_value": "d", "headers": [{"name": "x-t"}]}})]}),
    asking("query-match", says(OK), requests=[get("/?q=v", T), get("/?q=w", T), get("/", T)], vhost={"rate_limits": [
        by({"query_parameter_value_match": {"descriptor_value": "d", "query_parameters": [{"name": "q", "string_match": {"exact": "v"}}]}}),
        by({"query_parameter_value_match": {"descriptor_value": "no", "descriptor_key": "k", "expect_match": False, "query_parameters": [{"name": "q"}]}})]}),
    asking("metadata", says(OK), routes=[{**route(), "metadata": {"filter_metadata": {"a": {"b": {"c": "text"}, "n": 1}}}}], vhost={"rate_limits": [
        by({"metadata": {"descriptor_key": "k", "source": "ROUTE_ENTRY", "metadata_key": {"key": "a", "path": [{"key": "b"}, {"key": "c"}]}}}),
        by({"metadata": {"descriptor_key": "k", "source": "ROUTE_ENTRY", "metadata_key": {"key": "a", "path": [{"key": "n"}]}}}),
        by(key("g"), {"metadata": {"descriptor_key": "k", "skip_if_absent": True, "metadata_key": {"key": "a", "path": [{"key": "b"}]}}}),
        by({"metadata": {"descriptor_key": "k", "default_value": "none", "metadata_key": {"key": "a", "path": [{"key": "b"}]}}})]}),
    # At the end of the stream; nobody hears what the service says of it.
    asking("end", says(OK), vhost={"rate_limits": [by(header()), by(key("end"), **END)]}, sees=3),
    asking("end-alone", says(OVER), vhost={"rate_limits": [by(key("end"), **END)]}, sees=2),
    asking("end-of-own-rules", says(OK), filter_fields={"rate_limits": [by(header()), by(key("end"), **END, hits_addend={"number": 4})]}, sees=3),
    asking("end-of-route-rules", says(OK), sees=3,
           per_route={"rate_limits": [by(header()), by(key("end"), **END, hits_addend={"format": "%BYTES_SENT%"})]}),
    asking("end-of-refused", says(OVER), sees=2,
           per_route={"rate_limits": [by(header()), by(key("end"), **END, hits_addend={"format": "%RESPONSE_CODE%"})]}),
    asking("end-of-direct-answer", says(OK), vhost={"rate_limits": [by(key("end"), **END)]}, routes=[{"match": {"prefix": "/"}, **said("x")}]),
    asking("end-of-no-number", says(OK), sees=2,
           per_route={"rate_limits": [by(header()), by(key("end"), **END, hits_addend={"format": "%REQ(X-NONE)%"})]}),
    # Figures by rule.
    figures("least-off", {}, {"x_ratelimit_option": "OFF"}, FIGURES),
    figures("other-off", {"x_ratelimit_option": "OFF"}, {}, FIGURES),
    figures("least-on", {}, {"x_ratelimit_option": "DRAFT_VERSION_03"}),
    figures("other-on", {"x_ratelimit_option": "DRAFT_VERSION_03"}, {}),
    asking("quota", says(OK, field(2, status(OK) + field(5, field(1, 5))))),
    asking("nothing-but-skipped", says(OK), vhost={"rate_limits": [by(header("x-none", skip_if_absent=True))]}),
]


def test_alike(pair, case):
    alike(pair, case)
