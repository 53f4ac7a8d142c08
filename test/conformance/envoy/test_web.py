"""grpc_web: calls of browsers to services of gRPC, as bytes and as text, and what becomes of answers that are none of gRPC."""

import base64

from frame.case import REFUSES, Case, Cluster, Cut
from frame.check import alike
from frame.write import get, grpc, ok, route, router, said
from peers.bootstrap import any_of
from peers.message import Request

MESSAGE = b"\0\0\0\0\1a"
OTHER = b"\0\0\0\0\3bcd"
TYPE = ("content-type", "application/grpc")
GRPC = [ok(TYPE, body=MESSAGE + OTHER, trailers=[("grpc-status", "0"), ("grpc-message", "fine")])]
H2 = {"": Cluster("h2")}
DISABLED = {"typed_per_filter_config": {"envoy.filters.http.grpc_web": any_of("config.route.v3.FilterConfig", disabled=True)}}


def web(kind="", body=MESSAGE, accept=None, path="/test.Echo/Unary", **more):
    """kind: what follows "application/grpc-web"; text is encoded here."""
    fields = [("content-type", f"application/grpc-web{kind}")] + ([("accept", f"application/grpc-web{accept}")] if accept is not None else [])
    return Request("POST", path, fields, base64.b64encode(body) if kind.startswith("-text") else body, **more)


def raw(body):
    """Text as it is."""
    return Request("POST", "/test.Echo/Unary", [("content-type", "application/grpc-web-text"), ("accept", "application/grpc-web-text")], body)


def counts(name):
    return tuple(f"cluster.{name}.grpc-web.test.Echo.Unary.{what}" for what in ("0", "5", "success", "failure", "total"))


def case(name, requests, upstream=None, clusters=None, **more):
    return Case(name, requests, clusters=clusters or H2, upstream=upstream or GRPC, setting="web", stats=counts(name), **more)


# Whether upstream has been reached when the body turns out to be bad.
CHANCE = ("stat.c", "log.tried", "log.upstream_protocol", "log.request_duration", "log.host", "log.attempts", "upstream")

CASES = [
    case("web", [web()]), case("web-proto", [web("+proto")]), case("web-http2", [web()], protocol="h2"),
    case("web-text", [web("-text", accept="-text")]), case("web-text-proto", [web("-text+proto", MESSAGE + OTHER, "-text+proto")]),
    case("web-text-http2", [web("-text", accept="-text")], protocol="h2"),
    case("web-text-asked-in-binary", [web("-text")]), case("web-binary-answered-in-text", [web(accept="-text")]),
    case("web-without-a-body", [web(body=b"")]), case("web-several", [web(), web("-text", accept="-text"), get()]),
    case("web-text-of-another-length", [raw(b"AAAA=")], ignored=CHANCE), case("web-text-that-is-none", [raw(b"A===")], ignored=CHANCE),
    case("web-text-with-odd-characters", [raw(b"AA-_")], ignored=CHANCE),
    case("web-failure", [web()], [ok(TYPE, ("grpc-status", "5"), ("grpc-message", "none"), body=b"")]),
    case("web-failure-in-trailers", [web(accept="-text")], [ok(TYPE, body=b"", trailers=[("grpc-status", "5"), ("x-more", "1")])]),
    case("web-nothing-either-way", [web(body=b"")], [ok(TYPE, body=b"", trailers=[("grpc-status", "0")])]),
    case("web-answer-of-text", [web()], [ok(("content-type", "text/plain"), body=b"an answer\nof 100 %")]),
    case("web-answer-of-an-error", [web(accept="-text")], [ok(("content-type", "text/plain"), body=b"none", status=404)]),
    case("web-answer-without-a-body", [web()], [ok(body=b"", status=503)]),
    case("web-answer-of-its-own", [web()], [ok(("content-type", "application/grpc-web+proto; x=1"), body=MESSAGE, trailers=[("grpc-status", "0")])]),
    case("web-cut", [web()], [Cut()]), case("web-refused", [web()], clusters={"": Cluster("h2", hosts=[REFUSES])}),
    case("web-direct", [web()], routes=[{"match": {"prefix": "/"}, **said("direct", 403)}]),
    case("web-of-other-types", [web("+json"), web("; x=1"), web("-TEXT"), grpc()], protocol="h2"),
    case("web-disabled", [web()], routes=[{**route(), **DISABLED}]),
    case("web-encodings", [Request("POST", "/test.Echo/Unary", [("content-type", "application/grpc-web"), ("grpc-accept-encoding", "gzip"), ("te", "gzip")], MESSAGE)]),
    case("web-over-http1", [web()], [ok(TYPE, ("grpc-status", "0"), body=MESSAGE)], {"": Cluster()}),
    case("web-to-a-route-of-grpc", [web(), grpc()], routes=[{"match": {"prefix": "/", "grpc": {}}, **said("a call")}, route()], protocol="h2"),
]
SETTINGS = {"web": {"http_filters": router(("grpc_web", "GrpcWeb", {}))}}


def test_alike(pair, case):
    alike(pair, case)
