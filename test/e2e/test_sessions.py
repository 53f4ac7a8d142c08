"""Sessions that stay with a host, over all workers; and calls of gRPC-Web to a real service of gRPC."""

import base64
import struct

import pytest

from peers import bootstrap as b
from peers.grpc_echo import Echo, serve as serve_grpc
from peers.message import Request, Response
from test_filters import chain


@pytest.mark.parametrize("workers", [1, 2])
def test_a_cookie_keeps_the_host(pillion, serve, workers):
    servers = [serve.h1(lambda request, number=number: Response(200, [], b"%d" % number)) for number in range(4)]
    state = {"name": "c", "typed_config": b.any_of("extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", cookie={"name": "s", "ttl": "60s"})}
    filters = chain(("s", "stateful_session.v3.StatefulSession", {"session_state": state, "strict": True, "stat_prefix": "own"}))
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters))], [b.cluster(*[server.address for server in servers])]), concurrency=workers)
    for _ in range(3):
        first = proxy.exchange(Request())
        cookie = dict(first.fields)["set-cookie"].split(";")[0]
        for _ in range(6):  # each by a connection of its own
            answer = proxy.exchange(Request(fields=[("cookie", f"a=b; {cookie}")]))
            assert answer.body == first.body and "set-cookie" not in dict(answer.fields)
    proxy.until_stat("http.ingress.stateful_session.own.routed", 18)


def frames(body):
    """[(flags, data)] of them."""
    found = []
    while body:
        flags, length = struct.unpack(">BI", body[:5])
        found.append((flags, body[5:5 + length]))
        body = body[5 + length:]
    return found


@pytest.fixture
def echo():
    handler = Echo()
    server = serve_grpc(handler)
    yield handler
    handler.cancelled.set()
    server.stop(0).wait(10)


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("text", [False, True], ids=["binary", "text"])
def test_grpc_web(pillion, echo, protocol, text):
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=chain(("w", "grpc_web.v3.GrpcWeb", {}))))], [b.cluster(echo.address, protocol="h2")]))
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"

    def call(method, data):
        body = struct.pack(">BI", 0, len(data)) + data
        answer = proxy.exchange(Request("POST", f"/test.Echo/{method}", [("content-type", kind), ("accept", kind)], base64.b64encode(body) if text else body), protocol)
        assert answer.status == 200 and dict(answer.fields)["content-type"] == kind + ("+proto" if text else "")
        if not text:
            return answer, frames(answer.body)
        whole = b"".join(base64.b64decode(part + b"=" * (-len(part) % 4)) for part in answer.body.replace(b"==", b"=").split(b"="))
        return answer, frames(whole)
    for data in (b"hello", b"", b"x" * 200000):
        _, ((flags, message), (last, trailers)) = call("Unary", data)
        assert (flags, message, last) == (0, data, 0x80)
        assert b"grpc-status:0\r\n" in trailers and b"x-trailing:last\r\n" in trailers
    answer, found = call("Fail", b"hello")
    assert b"grpc-status:9\r\n" in found[-1][1] if found else dict(answer.fields)["grpc-status"] == "9"
    proxy.until_stat("cluster.upstream.grpc-web.test.Echo.Unary.success", 3)
    proxy.until_stat("cluster.upstream.grpc-web.test.Echo.Fail.9", 1)
