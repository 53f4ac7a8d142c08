"""Requests and responses of every shape, for each protocol downstream and upstream."""

import pytest

from peers import bootstrap as b
from peers.message import Request, Response

PROTOCOLS = [("h1", "h1"), ("h1", "h2"), ("h2", "h1"), ("h2", "h2")]
SIZES = [0, 1, 4095, 16384, 65536, 1 << 20, 10 << 20]


def pattern(size):
    """Bytes whose order shows."""
    block = b"".join(b"%08d" % number for number in range(8192))
    return (block * (size // len(block) + 1))[:size]


def echo(request):
    """Answers with what came; x-size asks for a body of that size instead, x-status for a status."""
    size = request.get("x-size")
    body = pattern(int(size)) if size else request.body
    fields = [("x-method", request.method), ("x-path", request.path), ("x-body", str(len(request.body)))]
    return Response(int(request.get("x-status") or 200), fields, body, request.trailers)


@pytest.fixture(params=PROTOCOLS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def pair(request, pillion, serve):
    """(pillion with trailers allowed, downstream protocol, upstream protocol) before an echo server."""
    downstream, upstream = request.param
    server = serve.http(upstream, echo)
    proxy = pillion(b.bootstrap([b.listener(b.http(http_protocol_options={"enable_trailers": True}))],
                                [b.cluster(server.address, protocol=upstream, trailers=upstream == "h1")]))
    return proxy, downstream, upstream


def exchange(pair, request, chunked=None):
    return pair[0].exchange(request, pair[1], chunked)


@pytest.mark.parametrize("size", SIZES)
def test_get(pair, size):
    response = exchange(pair, Request(fields=[("x-size", str(size))], path="/a?b=c"))
    assert response.status == 200
    assert response.body == pattern(size)
    assert response.get("x-method") == "GET" and response.get("x-path") == "/a?b=c" and response.get("x-body") == "0"


@pytest.mark.parametrize("size", SIZES)
def test_post(pair, size):
    response = exchange(pair, Request("POST", body=pattern(size)))
    assert response.status == 200
    assert response.body == pattern(size)
    assert response.get("x-method") == "POST"


@pytest.mark.parametrize("size", [0, 5, 100_000, 1 << 20])
def test_post_of_unknown_length(pair, size):
    body = pattern(size)
    response = exchange(pair, Request("PUT", body=body), chunked=[body[:3], body[3:4096], body[4096:]])
    assert response.status == 200
    assert response.body == body


def test_trailers_both_ways(pair):
    request = Request("POST", body=b"with a tail", trailers=[("x-sum", "42"), ("x-more", "yes")], fields=[("te", "trailers")])
    response = exchange(pair, request)
    assert response.body == b"with a tail"
    assert response.trailers == [("x-sum", "42"), ("x-more", "yes")]


@pytest.mark.parametrize("size", [0, 1000, 1 << 20])
def test_head(pair, size):
    proxy, downstream, _ = pair
    connection = proxy.connect(downstream)
    response = connection.exchange(Request("HEAD", fields=[("x-size", str(size))]))
    assert response.status == 200 and response.body == b"" and response.get("x-method") == "HEAD"
    assert connection.exchange(Request(fields=[("x-size", "7")])).body == pattern(7)  # nothing of a body is in between
    connection.close()


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body(pair, status):
    proxy, downstream, _ = pair
    connection = proxy.connect(downstream)
    response = connection.exchange(Request(fields=[("x-status", str(status))]))
    assert response.status == status and response.body == b"" and response.get("transfer-encoding") is None
    assert status != 204 or response.get("content-length") is None
    assert connection.exchange(Request(fields=[("x-size", "7")])).body == pattern(7)
    connection.close()


@pytest.mark.parametrize("status", [200, 201, 301, 400, 404, 418, 500, 503, 599])
def test_status_passes(pair, status):
    assert exchange(pair, Request(fields=[("x-status", str(status))])).status == status


def test_many_requests_on_one_connection(pair):
    proxy, downstream, _ = pair
    connection = proxy.connect(downstream)
    for number in range(100):
        response = connection.exchange(Request("POST", path=f"/{number}", body=b"%d" % number))
        assert (response.status, response.get("x-path"), response.body) == (200, f"/{number}", b"%d" % number)
    connection.close()
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 1


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "PUT"])
def test_method_passes(pair, method):
    assert exchange(pair, Request(method)).get("x-method") == method
    assert exchange(pair, Request(method, body=b"body")).body == b"body"


@pytest.mark.parametrize("downstream,upstream", PROTOCOLS)
def test_fields(pillion, serve, downstream, upstream):
    """End-to-end fields pass in order, several of one name too; those of one hop do not."""
    seen = []

    def answer(request):
        seen.append(request)
        fields = [("set-cookie", "a=1"), ("x-empty", ""), ("set-cookie", "b=2"), ("x-answer", "\u00fc")]
        if upstream == "h1":
            fields += [("connection", "x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=5")]
        return Response(200, fields, b"ok")

    server = serve.http(upstream, answer)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol=upstream)]))
    fields = [("x-one", "1"), ("accept", "a"), ("accept", "b"), ("x-empty", ""), ("cookie", "k=v")]
    if downstream == "h1":
        fields += [("connection", "x-hop, keep-alive"), ("x-hop", "1"), ("te", "gzip, trailers"), ("proxy-connection", "keep-alive")]
    response = proxy.exchange(Request(path="/p?q=%2F", fields=fields, authority="service.example:81"), downstream)

    request, = seen
    assert request.path == "/p?q=%2F" and request.authority == "service.example:81"
    assert request.get("accept").replace(" ", "") == "a,b"
    assert request.get("x-empty") == "" and request.get("x-one") == "1" and request.get("cookie") == "k=v"
    assert request.get("x-hop") is None and request.get("proxy-connection") is None and request.get("te") in (None, "trailers")
    assert request.get("x-request-id") and request.get("x-forwarded-proto") == "http"
    assert response.body == b"ok" and response.get("set-cookie") == "a=1, b=2" and response.get("x-empty") == ""
    assert response.get("x-answer") == "\u00fc"
    assert response.get("x-hop") is None and response.get("keep-alive") is None
    assert response.get("server") and response.get("date")


@pytest.mark.parametrize("downstream,upstream", PROTOCOLS)
def test_interim_responses(pillion, serve, downstream, upstream):
    """103 reaches the client before the answer (proxy_100_continue, as in Envoy)."""
    hints = [("link", "</style.css>; rel=preload")]
    server = serve.http(upstream, lambda request: Response(200, [], b"done", interim=[Response(103, hints), Response(103, hints)]))
    proxy = pillion(b.bootstrap([b.listener(b.http(proxy_100_continue=True))], [b.cluster(server.address, protocol=upstream)]))
    response = proxy.exchange(Request(), downstream)
    assert response.status == 200 and response.body == b"done"
    assert [interim.status for interim in response.interim] == [103, 103]
    assert response.interim[0].get("link") == hints[0][1]


@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("downstream,upstream", PROTOCOLS)
def test_connections_at_once(pillion, serve, downstream, upstream, concurrency):
    """Each answer goes to who asked, on whatever worker."""
    server = serve.http(upstream, echo)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol=upstream)]), concurrency=concurrency)
    connections = [proxy.connect(downstream) for _ in range(16)]
    for round_ in range(5):
        sent = [connection.send_request(Request("POST", path=f"/{round_}/{number}", body=b"%d" % number))
                for number, connection in enumerate(connections)]
        for number, connection in enumerate(connections):
            response = connection.read_response() if downstream == "h1" else connection.response(sent[number])
            assert (response.status, response.get("x-path"), response.body) == (200, f"/{round_}/{number}", b"%d" % number)
    for connection in connections:
        connection.close()
    assert proxy.stat("http.ingress.downstream_rq_total") == 80
    assert proxy.stat("http.ingress.downstream_cx_total") == 16
    assert proxy.stat("cluster.upstream.upstream_rq_total") == 80


def test_requests_at_once_on_one_connection(pillion, serve):
    """HTTP/2 downstream: many open streams share one connection, upstream too."""
    server = serve.h2(echo)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h2")]))
    connection = proxy.connect("h2")
    streams = [connection.send_request(Request("POST", path=f"/{number}", body=pattern(10_000 + number))) for number in range(100)]
    for number, stream in enumerate(streams):
        response = connection.response(stream)
        assert response.get("x-path") == f"/{number}" and response.body == pattern(10_000 + number)
    connection.close()
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 1


@pytest.mark.parametrize("codec,protocol", [("HTTP1", "h1"), ("HTTP2", "h2"), ("AUTO", "h1"), ("AUTO", "h2")])
def test_codec(pillion, serve, codec, protocol):
    server = serve.h1(echo)
    proxy = pillion(b.bootstrap([b.listener(b.http(codec=codec))], [b.cluster(server.address)]))
    assert proxy.exchange(Request("POST", body=b"hello"), protocol).body == b"hello"


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_upstream_speaks_what_downstream_speaks(pillion, serve, protocol):
    server = serve.http(protocol, echo)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="downstream")]))
    assert proxy.exchange(Request("POST", body=b"hello"), protocol).body == b"hello"


@pytest.mark.parametrize("downstream", ["h1", "h2"])
@pytest.mark.parametrize("size", [0, 5, 1 << 20])
def test_response_that_ends_with_the_connection(pillion, serve, downstream, size):
    server = serve.h1(lambda request: Response(200, [], pattern(size)), framing="close")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    connection = proxy.connect(downstream)
    for _ in range(3):  # the downstream connection lives on
        assert connection.exchange(Request()).body == pattern(size)
    connection.close()


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_chunked_response(pillion, serve, downstream):
    server = serve.h1(lambda request: Response(200, [], pattern(100_000)), framing="chunked")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    response = proxy.exchange(Request(), downstream)
    assert response.body == pattern(100_000) and response.get("content-length") is None
