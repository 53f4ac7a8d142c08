"""Requests that do not end as they should: early answers, peers that go away, hang up, reset or break the protocol, on both protocols. And
conversations, in which neither side waits for the other's end."""

import contextlib
import socket
import threading

import pytest

from peers import bootstrap as b
from peers import http1, http2
from peers.message import Broken, Request, Response
from peers.wait import until

PROTOCOLS = ["h1", "h2"]


def name_it(request):
    return Response(200, [("x-path", request.path)], request.path.encode())


def simple(pillion, server, protocol="h1"):
    return pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol=protocol)]))


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_early_answer_while_the_body_flows(pillion, serve, downstream, upstream):
    """413 before the end of the request reaches the client, who has not sent it all."""
    def h1_script(sock):
        connection = http1.Connection(sock)
        connection.read_request_head()
        connection.receive()
        connection.send_response(Response(413, [("connection", "close")], b"too much"))
        with contextlib.suppress(OSError):  # the proxy may have gone already: it has the answer
            sock.shutdown(socket.SHUT_WR)
            connection.rest(bytearray())

    def h2_script(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: connection.streams, "a stream")
        stream_id, = connection.streams
        connection.until(lambda: connection.streams[stream_id].body, "some body")
        connection.send_response(stream_id, Response(413, [], b"too much"))
        connection.closed()

    server = serve(h1_script if upstream == "h1" else h2_script)
    proxy = simple(pillion, server, upstream)
    connection = proxy.connect(downstream)
    request = Request("POST", fields=[("content-length", "1000000")])
    if downstream == "h1":
        connection.send_request(request)
        connection.send(b"a" * 1000)
        response = connection.read_response()
    else:
        stream_id = connection.send_head(request, end=False)
        connection.send_body(stream_id, b"a" * 1000, end=False)
        response = connection.response(stream_id)
    assert (response.status, response.body) == (413, b"too much")
    connection.close()


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_body_is_forwarded_as_it_comes(pillion, serve, downstream, upstream):
    """Neither side waits for the end of a message: a conversation within one request."""
    def h1_script(sock):
        connection = http1.Connection(sock)
        connection.read_request_head()
        connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while (size := int(connection.line(), 16)) > 0:
            piece = bytearray()
            connection.exactly(size, piece)
            connection.line()
            connection.send(b"%x\r\n%b\r\n" % (size, piece))
        connection.line()
        connection.send(b"0\r\n\r\n")
        connection.closed()

    def h2_script(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: connection.streams, "a stream")
        (stream_id, stream), = connection.streams.items()
        connection.h2.send_headers(stream_id, [(":status", "200")])
        connection.flush()
        while not stream.ended:
            connection.until(lambda: stream.body or stream.ended, "more")
            connection.send_body(stream_id, bytes(stream.body), end=False)
            stream.body.clear()
        connection.h2.end_stream(stream_id)
        connection.flush()
        connection.closed()

    proxy = simple(pillion, serve(h1_script if upstream == "h1" else h2_script), upstream)
    connection = proxy.connect(downstream)
    words = [b"one", b"two", b"three" * 1000]
    if downstream == "h1":
        connection.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        assert connection.read_head().status == 200
        for word in words:
            connection.send(b"%x\r\n%b\r\n" % (len(word), word))
            back = bytearray()
            while len(back) < len(word):
                connection.exactly(int(connection.line(), 16), back)
                assert connection.line() == ""
            assert back == word
        connection.send(b"0\r\n\r\n")
        assert connection.chunked(bytearray()) == []
    else:
        stream_id = connection.send_head(Request("POST"), end=False)
        stream = connection.streams[stream_id]
        for word in words:
            connection.send_body(stream_id, word, end=False)
            connection.until(lambda: len(stream.body) >= len(word), "the echo")
            assert stream.body == word
            stream.body.clear()
        connection.h2.end_stream(stream_id)
        connection.flush()
        assert connection.response(stream_id).body == b""
    connection.close()


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_client_that_goes_away_cancels_upstream(pillion, serve, downstream, upstream):
    seen, gone = threading.Event(), threading.Event()

    def h1_script(sock):
        connection = http1.Connection(sock)
        if connection.read_request() is None:
            return
        seen.set()
        assert connection.closed()
        gone.set()

    def h2_script(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: connection.streams, "a stream")
        seen.set()
        stream, = connection.streams.values()
        connection.until(lambda: stream.reset is not None, "a reset")
        gone.set()
        connection.closed()

    proxy = simple(pillion, serve(h1_script if upstream == "h1" else h2_script), upstream)
    connection = proxy.connect(downstream)
    connection.send_request(Request())
    assert seen.wait(10)
    if downstream == "h1":
        connection.abort()  # an end alone may be half a close: the client may still wait for its answer
    else:
        connection.close()
    assert gone.wait(10)
    until(lambda: proxy.stat("http.ingress.downstream_rq_active") == 0, "nothing is left of the request")
    proxy.until_stat("cluster.upstream.upstream_rq_active", 0)


@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_reset_stream_cancels_upstream(pillion, serve, upstream):
    """HTTP/2 downstream: one stream is reset, its connection lives on."""
    gone = threading.Event()

    def h1_script(sock):
        connection = http1.Connection(sock)
        request = connection.read_request()
        if request.path == "/cancel":
            assert connection.closed()
            gone.set()
        else:
            connection.send_response(name_it(request))
            connection.closed()

    def h2_script(sock):
        connection = http2.Connection(sock, client=False)
        while not connection.ended:
            connection.pump()
            for stream_id, stream in list(connection.streams.items()):
                if stream.reset is not None:
                    gone.set()
                elif stream.head and connection.request(stream_id).path != "/cancel":
                    connection.send_response(stream_id, name_it(connection.request(stream_id)))
                else:
                    continue
                del connection.streams[stream_id]

    proxy = simple(pillion, serve(h1_script if upstream == "h1" else h2_script), upstream)
    connection = proxy.connect("h2")
    stream_id = connection.send_request(Request(path="/cancel"))
    proxy.until_stat("cluster.upstream.upstream_rq_active", 1)
    connection.reset(stream_id)
    assert gone.wait(10)
    assert connection.exchange(Request(path="/next")).body == b"/next"
    connection.close()


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upstream_that_dies_within_the_body(pillion, serve, downstream, framing):
    """The client sees that the message is cut, not a shorter message."""
    def script(sock):
        connection = http1.Connection(sock)
        connection.read_request()
        head = b"content-length: 1000" if framing == "length" else b"transfer-encoding: chunked"
        body = b"half of it" if framing == "length" else b"a\r\nhalf of it\r\n"
        connection.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)

    proxy = simple(pillion, serve(script))
    with pytest.raises(Broken) as broken:
        proxy.exchange(Request(), downstream)
    partial = broken.value.partial  # HTTP/2: the reset may overtake what came before it
    assert (partial is None and downstream == "h2") or (partial.status == 200 and partial.body in (b"half of it", b""))


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_upstream_that_resets_within_the_body(pillion, serve, downstream):
    def script(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: connection.streams, "a stream")
        stream_id, = connection.streams
        connection.h2.send_headers(stream_id, [(":status", "200")])
        connection.send_body(stream_id, b"half of it", end=False)
        connection.reset(stream_id, 2)
        connection.closed()

    proxy = simple(pillion, serve(script), "h2")
    with pytest.raises(Broken):
        proxy.exchange(Request(), downstream)


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_upstream_that_hangs_up_before_an_answer(pillion, serve, downstream, upstream):
    def h1_script(sock):
        http1.Connection(sock).read_request()

    def h2_script(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: connection.streams, "a stream")

    proxy = simple(pillion, serve(h1_script if upstream == "h1" else h2_script), upstream)
    response = proxy.exchange(Request(), downstream)
    assert response.status == 503
    assert response.body == b"upstream connect error or disconnect/reset before headers. reset reason: connection termination"


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_upstream_that_does_not_listen(pillion, downstream):
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(("127.0.0.1", b.free_port()))]))
    response = proxy.exchange(Request(), downstream)
    assert response.status == 503
    assert response.body.startswith(b"upstream connect error or disconnect/reset before headers. ")
    assert proxy.stat("cluster.upstream.upstream_cx_connect_fail") == 1


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("answer", [b"NOT HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
                                    b"HTTP/1.1 200 OK\r\nbad name: 1\r\ncontent-length: 0\r\n\r\n"],
                         ids=["no-status-line", "two-lengths", "bad-name"])
def test_upstream_that_breaks_the_protocol(pillion, serve, downstream, answer):
    def script(sock):
        connection = http1.Connection(sock)
        connection.read_request()
        connection.send(answer)
        connection.closed()

    proxy = simple(pillion, serve(script))
    assert proxy.exchange(Request(), downstream).status == 502
    proxy.until_stat("cluster.upstream.upstream_cx_protocol_error", 1)
