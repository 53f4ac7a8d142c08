"""Limits of time, all of them short here."""

import socket
import time

import pytest

from peers import bootstrap as b
from peers import http1, http2
from peers.message import Broken, Request, Response
from peers.wait import until

PROTOCOLS = ["h1", "h2"]


def silent(protocol):
    """A script that takes a request and never answers; it ends with the connection."""
    def script(sock):
        if protocol == "h1":
            connection = http1.Connection(sock)
            connection.read_request_head()
            while not connection.closed():
                pass
        else:
            http2.Connection(sock, client=False).closed()
    return script


def stalling(sock):
    """Answers with half a body, and stops."""
    connection = http1.Connection(sock)
    connection.read_request()
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    connection.closed()


def proxy_for(pillion, server, protocol="h1", route=None, cluster=None, **manager):
    return pillion(b.bootstrap([b.listener(b.http([b.route(**(route or {}))], **manager))],
                               [b.cluster(server.address, protocol=protocol, **(cluster or {}))]))


@pytest.mark.parametrize("downstream", PROTOCOLS)
@pytest.mark.parametrize("upstream", PROTOCOLS)
def test_route_timeout(pillion, serve, downstream, upstream):
    proxy = proxy_for(pillion, serve(silent(upstream)), upstream, route={"timeout": "0.3s"})
    began = time.monotonic()
    response = proxy.exchange(Request(), downstream)
    assert (response.status, response.body) == (504, b"upstream request timeout")
    assert 0.25 < time.monotonic() - began < 5
    assert proxy.stat("cluster.upstream.upstream_rq_timeout") == 1
    until(lambda: proxy.stat("cluster.upstream.upstream_rq_active") == 0, "the upstream request ends")


def test_route_timeout_after_the_head(pillion, serve):
    proxy = proxy_for(pillion, serve(stalling), route={"timeout": "0.3s"})
    with pytest.raises(Broken) as broken:
        proxy.exchange(Request())
    assert broken.value.partial.status == 200


def test_route_timeout_is_a_grpc_status_for_grpc(pillion, serve):
    proxy = proxy_for(pillion, serve(silent("h2")), "h2", route={"timeout": "0.3s"})
    response = proxy.exchange(Request("POST", fields=[("content-type", "application/grpc"), ("te", "trailers")]), "h2")
    assert (response.status, response.get("content-type"), response.get("grpc-status")) == (200, "application/grpc", "14")
    assert response.get("grpc-message") == "upstream request timeout"


def test_per_try_timeout(pillion, serve):
    server = serve(silent("h1"))
    proxy = proxy_for(pillion, server, route={"timeout": "5s", "retry_policy": {"retry_on": "5xx", "num_retries": 1, "per_try_timeout": "0.2s"}})
    response = proxy.exchange(Request())
    assert (response.status, response.body) == (504, b"upstream request timeout")
    assert proxy.stat("cluster.upstream.upstream_rq_per_try_timeout") == 2
    assert proxy.stat("cluster.upstream.upstream_rq_retry") == 1


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_stream_idle_timeout_without_an_answer(pillion, serve, downstream):
    proxy = proxy_for(pillion, serve(silent("h1")), stream_idle_timeout="0.3s", route={"timeout": "0s"})
    response = proxy.exchange(Request(), downstream)
    assert (response.status, response.body) == (504, b"stream timeout")
    assert proxy.stat("http.ingress.downstream_rq_idle_timeout") == 1


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_stream_idle_timeout_within_the_request(pillion, serve, downstream):
    proxy = proxy_for(pillion, serve(silent("h1")), stream_idle_timeout="0.3s")
    connection = proxy.connect(downstream)
    request = Request("POST", fields=[("content-length", "100")])
    if downstream == "h1":
        connection.send_request(request)
        response = connection.read_response()
        assert connection.closed()
    else:
        response = connection.response(connection.send_head(request, end=False))
    assert (response.status, response.body) == (408, b"stream timeout")


def test_stream_idle_timeout_within_the_response(pillion, serve):
    proxy = proxy_for(pillion, serve(stalling), stream_idle_timeout="0.3s")
    with pytest.raises(Broken):
        proxy.exchange(Request())


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_max_stream_duration(pillion, serve, downstream):
    proxy = proxy_for(pillion, serve(silent("h1")), common_http_protocol_options={"max_stream_duration": "0.3s"})
    response = proxy.exchange(Request(), downstream)
    assert (response.status, response.body) == (504, b"downstream duration timeout")


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_request_timeout(pillion, serve, downstream):
    proxy = proxy_for(pillion, serve(silent("h1")), request_timeout="0.3s")
    connection = proxy.connect(downstream)
    request = Request("POST", fields=[("content-length", "100")])
    if downstream == "h1":
        connection.send_request(request)
        response = connection.read_response()
    else:
        response = connection.response(connection.send_head(request, end=False))
    assert (response.status, response.body) == (408, b"request timeout")


def test_request_headers_timeout(pillion, serve):
    proxy = proxy_for(pillion, serve(silent("h1")), request_headers_timeout="0.3s")
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n")
    response = connection.read_response()
    assert response.status == 408
    assert connection.closed()


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_idle_downstream_connection(pillion, serve, downstream):
    server = serve.h1(lambda request: Response(200, [], b"ok"))
    proxy = proxy_for(pillion, server, common_http_protocol_options={"idle_timeout": "0.3s"}, drain_timeout="0.2s")
    connection = proxy.connect(downstream)
    assert connection.exchange(Request()).body == b"ok"
    began = time.monotonic()
    assert connection.closed()
    assert time.monotonic() - began > 0.2
    proxy.until_stat("http.ingress.downstream_cx_idle_timeout", 1)
    assert downstream == "h1" or connection.goaway is not None


def test_idle_upstream_connection(pillion, serve):
    server = serve.h1(lambda request: Response(200, [], b"ok"))
    proxy = proxy_for(pillion, server, cluster={"http_options": {"common_http_protocol_options": {"idle_timeout": "0.3s"}}})
    assert proxy.exchange(Request()).body == b"ok"
    assert proxy.stat("cluster.upstream.upstream_cx_active") == 1
    proxy.until_stat("cluster.upstream.upstream_cx_idle_timeout", 1)
    proxy.until_stat("cluster.upstream.upstream_cx_active", 0)


@pytest.mark.parametrize("downstream", PROTOCOLS)
def test_max_requests_per_connection(pillion, serve, downstream):
    server = serve.h1(lambda request: Response(200, [], b"ok"))
    proxy = proxy_for(pillion, server, common_http_protocol_options={"max_requests_per_connection": 2}, drain_timeout="0.2s",
                      cluster={"http_options": {"common_http_protocol_options": {"max_requests_per_connection": 1}}})
    connection = proxy.connect(downstream)
    first, second = connection.exchange(Request()), connection.exchange(Request())
    assert (first.body, second.body) == (b"ok", b"ok")
    assert downstream == "h2" or (first.get("connection"), second.get("connection")) == (None, "close")
    assert connection.closed()
    assert server.accepted == 2


def test_connect_timeout(pillion):
    """A listener whose queue is full takes no connection."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(full.getsockname(), connect_timeout="0.3s")]))
        response = proxy.exchange(Request())
        assert response.status == 503 and b"reset reason: connection timeout" in response.body
        assert proxy.stat("cluster.upstream.upstream_cx_connect_timeout") == 1
        for one in waiting:
            one.close()
