"""What only HTTP/1 has: pipelining, versions, 100-continue, upgrades, connections that end or stay."""

import hashlib
import socket
import threading

import pytest

from peers import bootstrap as b
from peers import http1
from peers.message import Request, Response
from peers.wait import until

PROTOCOLS = ["h1", "h2"]


def name_it(request):
    return Response(200, [("x-path", request.path)], request.path.encode())


def simple(pillion, server, protocol="h1", concurrency=1, cluster=None, **manager):
    return pillion(b.bootstrap([b.listener(b.http(**manager))], [b.cluster(server.address, protocol=protocol, **(cluster or {}))]),
                   concurrency=concurrency)


@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_pipelined_requests_are_answered_in_order(pillion, serve, upstream):
    proxy = simple(pillion, serve.http(upstream, name_it), upstream)
    connection = proxy.connect()
    connection.send(b"".join(b"POST /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc" % number for number in range(50)))
    for number in range(50):
        assert connection.read_response().body == b"/%d" % number
    connection.close()


def test_head_in_single_bytes(pillion, serve):
    proxy = simple(pillion, serve.h1(name_it))
    connection = proxy.connect()
    for byte in b"GET /slow HTTP/1.1\r\nhost: a\r\nx-long: value\r\n\r\n":
        connection.send(bytes([byte]))
    assert connection.read_response().body == b"/slow"
    connection.close()


def test_connection_close_is_honoured(pillion, serve):
    proxy = simple(pillion, serve.h1(name_it))
    connection = proxy.connect()
    response = connection.exchange(Request(path="/last", fields=[("connection", "close")]))
    assert response.body == b"/last" and response.get("connection") == "close"
    assert connection.closed()


def test_http_10_is_off_by_default(pillion, serve):
    server = serve.h1(name_it)
    proxy = simple(pillion, server)
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.0\r\nhost: a\r\n\r\n")
    assert connection.read_response().status == 426
    assert connection.closed()
    assert server.accepted == 0


@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_http_10(pillion, serve, upstream):
    """Allowed: without Host the default one; the connection ends unless it is asked to stay; never chunked."""
    hosts = []

    def answer(request):
        hosts.append(request.authority)
        return Response(200, [], b"x" * 5000)

    server = serve.h1(answer, framing="chunked") if upstream == "h1" else serve.h2(answer)
    proxy = simple(pillion, server, upstream, http_protocol_options={"accept_http_10": True, "default_host_for_http_10": "default.example"})
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.0\r\n\r\n")
    response = connection.read_response()
    assert response.status == 200 and response.body == b"x" * 5000 and response.get("transfer-encoding") is None
    assert connection.closed()
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.0\r\nhost: mine.example\r\n\r\n")
    assert connection.read_response().body == b"x" * 5000
    assert hosts == ["default.example", "mine.example"]


@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_expect_100_continue(pillion, serve, upstream):
    """The client holds its body back until it is told to go on."""
    proxy = simple(pillion, serve.http(upstream, lambda request: Response(200, [], request.body)), upstream)
    connection = proxy.connect()
    connection.send(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
    assert connection.read_head().status == 100
    connection.send(b"hello")
    response = connection.read_response()
    assert response.status == 200 and response.body == b"hello"
    connection.close()


@pytest.mark.parametrize("concurrency", [1, 2])
def test_websocket(pillion, serve, concurrency):
    def script(sock):
        connection = http1.Connection(sock)
        request = connection.read_request_head()
        assert request.get("upgrade") == "websocket" and request.get("connection").lower() == "upgrade"
        accept = hashlib.sha1(request.get("sec-websocket-key").encode()).hexdigest()
        connection.send(f"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                        f"sec-websocket-accept: {accept}\r\n\r\n".encode())
        while data := connection.receive():
            connection.send(data)

    proxy = simple(pillion, serve(script), concurrency=concurrency, upgrade_configs=[{"upgrade_type": "websocket"}])
    for _ in range(4):
        connection = proxy.connect()
        connection.send(b"GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: abc\r\n\r\n")
        response = connection.read_response()
        assert response.status == 101 and response.get("upgrade") == "websocket"
        assert response.get("sec-websocket-accept") == hashlib.sha1(b"abc").hexdigest()
        for size in (1, 1000, 200_000):
            frame, back = bytes(range(256)) * (size // 256 + 1), bytearray()
            sender = threading.Thread(target=connection.send, args=(frame,))
            sender.start()
            connection.exactly(len(frame), back)
            sender.join()
            assert back == frame
        connection.close()
    until(lambda: proxy.stat("http.ingress.downstream_cx_active") == 0, "the connections end")


def test_upgrade_that_is_not_configured(pillion, serve):
    server = serve.h1(name_it)
    proxy = simple(pillion, server)
    response = proxy.exchange(Request(fields=[("connection", "Upgrade"), ("upgrade", "websocket")]))
    assert response.status == 403
    assert server.accepted == 0


def test_upgrade_that_the_upstream_refuses(pillion, serve):
    proxy = simple(pillion, serve.h1(lambda request: Response(400, [], b"no")), upgrade_configs=[{"upgrade_type": "websocket"}])
    connection = proxy.connect()
    for _ in range(3):  # the connection lives on
        response = connection.exchange(Request(fields=[("connection", "Upgrade"), ("upgrade", "websocket")]))
        assert (response.status, response.body) == (400, b"no")
    connection.close()


def test_upgrade_that_never_reaches_an_upstream(pillion):
    proxy = pillion(b.bootstrap([b.listener(b.http(upgrade_configs=[{"upgrade_type": "websocket"}]))],
                                [b.cluster(("127.0.0.1", b.free_port()))]))
    connection = proxy.connect()
    for _ in range(3):
        assert connection.exchange(Request(fields=[("connection", "Upgrade"), ("upgrade", "websocket")])).status == 503
    connection.close()
    assert proxy.stat("http.ingress.downstream_rq_active") == 0


def test_client_that_closes_its_sending_half_is_answered(pillion, serve):
    """Half-close behind a complete request."""
    gate = threading.Event()

    def answer(request):
        gate.wait(10)
        return name_it(request)

    proxy = simple(pillion, serve.h1(answer))
    connection = proxy.connect()
    connection.send_request(Request(path="/half", fields=[("connection", "close")]))
    connection.socket.shutdown(socket.SHUT_WR)
    gate.set()
    assert connection.read_response().body == b"/half"
    assert connection.closed()


def test_upstream_connection_is_used_again(pillion, serve):
    server = serve.h1(name_it)
    proxy = simple(pillion, server)
    for number in range(10):  # each on a downstream connection of its own
        assert proxy.exchange(Request(path=f"/{number}")).body == b"/%d" % number
    assert server.accepted == 1


def test_upstream_connection_that_says_close_is_not_used_again(pillion, serve):
    def script(sock):
        connection = http1.Connection(sock)
        connection.read_request()
        connection.send_response(Response(200, [("connection", "close")], b"once"))
        assert connection.closed()  # the proxy closes its side, and sends nothing more

    server = serve(script)
    proxy = simple(pillion, server)
    for _ in range(5):
        assert proxy.exchange(Request()).body == b"once"
    assert server.accepted == 5


@pytest.mark.parametrize("head,status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
    (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 501),
    (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: a\r\n" * 200 + b"\r\n", 431),
], ids=["no-host", "space-in-target", "space-before-colon", "length-and-chunked", "two-lengths", "coding", "long-head", "many-fields"])
def test_bad_request_is_answered_and_ends_only_its_connection(pillion, serve, head, status):
    server = serve.h1(name_it)
    proxy = simple(pillion, server)
    other = proxy.connect()
    assert other.exchange(Request(path="/before")).body == b"/before"
    connection = proxy.connect()
    connection.send(head)
    assert connection.read_response().status == status
    assert connection.closed()
    assert other.exchange(Request(path="/after")).body == b"/after"
    other.close()
    assert server.accepted == 1
