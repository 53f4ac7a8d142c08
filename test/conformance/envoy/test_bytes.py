"""Bytes on the wire, and of heads: what codecs count, and logs say."""

from frame.case import REFUSES, Case, Cluster
from frame.check import alike
from frame.write import get, grpc, ok, route, router, said
from peers.message import Request, Response

# Digits of times, which are fields otherwise, would be counted too.
SILENT = router()[:-1] + [{**router()[-1], "typed_config": {**router()[-1]["typed_config"], "suppress_envoy_headers": True}}]
TRAILERS = {"http_protocol_options": {"enable_trailers": True}}
H2 = {"": Cluster("h2")}
# Compressed heads that go out depend on who has compressed them, and on the digits of identities.
COMPRESSED_DOWN = ("log.down_wire_sent", "log.down_heads_sent")
COMPRESSED_UP = ("log.up_wire_sent", "log.up_heads_sent")
CHUNKED = b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n"
LONG = [("x-long", "v" * 300), ("x-a", "1"), ("x-a", "2")]


def counted(name, requests=None, routes=None, setting="bytes", **more):
    return Case(f"bytes-{name}", requests or [get()], routes, setting=setting, **more)


def down2(name, *rest, ignored=(), **more):
    """HTTP/2 on the client's side."""
    return counted(f"down2-{name}", *rest, protocol="h2", ignored=COMPRESSED_DOWN + tuple(ignored), **more)


def up2(name, *rest, ignored=(), **more):
    """HTTP/2 on upstream's side."""
    return counted(f"up2-{name}", *rest, clusters=H2, ignored=COMPRESSED_UP + tuple(ignored), **more)


POST = Request("POST", "/p?q=1", LONG, b"x" * 5000)
DIRECT = [{"match": {"prefix": "/"}, **said("hello")}]
AGAIN = [route(retry_policy={"retry_on": "5xx", "retry_back_off": {"base_interval": "0.001s"}})]
ANSWER = [ok(*LONG, body=b"y" * 3000)]
CASES = [
    counted("get"), counted("fields", [get("/", *LONG)], upstream=ANSWER), counted("post", [POST], upstream=ANSWER), counted("several", [get(), POST, get("/2", *LONG)]),
    counted("blanks", [b"GET / HTTP/1.1\r\nHost:   @host  \r\nX-A:b\r\nx-empty:\r\n\r\n"]), counted("head", [Request("HEAD")], upstream=[ok(("content-length", "9"))]),
    counted("chunked", [CHUNKED + b"\r\n"]), counted("trailers", [CHUNKED + b"x-t: 1\r\n\r\n"], clusters={"": Cluster(trailers=True)}),
    counted("no-content", upstream=[Response(204)]), counted("direct", routes=DIRECT), counted("no-route", routes=[route(match={"path": "/none"})]),
    counted("bad-request", [b"GET / HTTP/1.1\r\nhost: @host\r\nbad\r\n\r\n"]), counted("refused", clusters={"": Cluster(hosts=[REFUSES])}),
    counted("retried", routes=AGAIN, upstream=[ok(*LONG, status=503), ok()]), counted("retried-body", [POST], AGAIN, upstream=[ok(status=503), ok()]),
    down2("get"), down2("fields", [get("/", *LONG)], upstream=ANSWER), down2("post", [POST], upstream=ANSWER), down2("several", [get(), POST, get("/2", *LONG)]),
    down2("trailers", [Request("POST", "/", [], b"abc", [("x-t", "1")])], clusters={"": Cluster(trailers=True)}), down2("direct", routes=DIRECT),
    up2("get"), up2("fields", [get("/", *LONG)], upstream=ANSWER), up2("post", [POST], upstream=ANSWER), up2("retried", routes=AGAIN, upstream=[ok(status=503), ok()]),
    up2("several", [get(), get("/2"), POST], upstream=ANSWER),
    down2("grpc", [grpc(trailers=[("x-t", "1")])], clusters=H2, upstream=[ok(body=b"\0\0\0\0\1a", trailers=[("grpc-status", "0")])], ignored=COMPRESSED_UP),
]
SETTINGS = {"bytes": {"http_filters": SILENT, **TRAILERS}}
OPERATORS = {f"{short}_{what}_{direction.lower()}": f"%{side}_{name}_BYTES_{direction}%"
             for short, side in (("down", "DOWNSTREAM"), ("up", "UPSTREAM"))
             for what, name in (("wire", "WIRE"), ("heads", "HEADER"), ("texts", "DECOMPRESSED_HEADER")) for direction in ("RECEIVED", "SENT")}
OPERATORS |= {"request_bytes": "%REQUEST_HEADERS_BYTES%", "response_bytes": "%RESPONSE_HEADERS_BYTES%", "trailers_bytes": "%RESPONSE_TRAILERS_BYTES%",
              "request_total": "%CEL(request.total_size)%", "response_total": "%CEL(response.total_size)%"}


def test_alike(pair, case):
    alike(pair, case)
