"""Bytes within requests of HTTP: tunnels that begin here (tcp_proxy), that end here (CONNECT), and who is told of the client."""

import base64
import json
import socket
import struct
import threading

import pytest

from peers import bootstrap as b
from peers import http1

CONNECT = {"upgrade_configs": [{"upgrade_type": "CONNECT"}]}


def echo(sock):
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def ending(**config):
    """A route that ends what it takes."""
    return {"match": {"connect_matcher": {}},
            "route": {"cluster": "upstream", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": config}]}}


def gateway(pillion, address, protocol="h1", **config):
    """A pillion whose tunnels end at `address`."""
    manager = {**CONNECT, "codec_type": {"h1": "HTTP1", "h2": "HTTP2"}[protocol]}
    return pillion(b.bootstrap([b.listener(b.http(routes=[ending(**config)], **manager))], [b.cluster(address)]))


def tunnel_to(pillion, address, protocol="h1", cluster=None, **config):
    """A pillion whose connections travel within requests to `address`."""
    return pillion(b.bootstrap([b.listener(b.tcp(tunneling_config={"hostname": "db.test:5432", **config}))],
                               [b.cluster(address, protocol=protocol, **(cluster or {}))]))


def both_ways(connection, data):
    back = bytearray()
    sender = threading.Thread(target=lambda: (connection.send(data), connection.socket.shutdown(socket.SHUT_WR)))
    sender.start()
    connection.rest(back)
    sender.join()
    assert back == data
    connection.close()


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("size", [1, 5 << 20])
def test_from_end_to_end(pillion, serve, protocol, size):
    """A tunnel that begins in one pillion and ends in another: each byte and each end."""
    end = gateway(pillion, serve(echo).address, protocol)
    start = tunnel_to(pillion, end.listeners["ingress"], protocol)
    for _ in range(3):
        both_ways(start.connect(), b"x" * size)
    for proxy in (start, end):
        proxy.until_stat("cluster.upstream.upstream_rq_total", 3)
        proxy.until_stat("cluster.upstream.upstream_rq_active", 0)
    start.until_stat("cluster.upstream.upstream_cx_total", 3 if protocol == "h1" else 1)


def test_within_a_post(pillion, serve):
    end = pillion(b.bootstrap([b.listener(b.http(codec_type="HTTP2", routes=[
        {"match": {"path": "/in"}, "route": {"cluster": "upstream", "timeout": "0s",
                                             "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {"allow_post": True}}]}}]))],
        [b.cluster(serve(echo).address)]))
    start = tunnel_to(pillion, end.listeners["ingress"], "h2", use_post=True, post_path="/in")
    both_ways(start.connect(), b"y" * 100_000)


def test_answers_are_noted(pillion, serve, tmp_path):
    """What the gateway's answer said stands in the log of the connection."""
    def script(sock):
        connection = http1.Connection(sock)
        connection.read_request_head()
        connection.send(b"HTTP/1.1 200 OK\r\nx-gateway: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-end: b\r\n\r\n")
        connection.rest(bytearray())

    log = tmp_path / "log"
    text = "|".join(f"%FILTER_STATE(envoy.tcp_proxy.propagate_response_{what}:TYPED)%" for what in ("headers", "trailers"))
    tunnel = {"hostname": "a", "use_post": True, "propagate_response_headers": True, "propagate_response_trailers": True}
    proxy = pillion(b.bootstrap([b.listener(b.tcp(access_log=b.file_log(log, text=text + "\n"), tunneling_config=tunnel))],
                                [b.cluster(serve(script).address, trailers=True)]))
    connection = proxy.connect()
    back = bytearray()
    connection.rest(back)
    assert back == b"hi"
    connection.close()
    proxy.until_stat("tcp.tcp.downstream_cx_active", 0)
    proxy.stop()
    headers, trailers = log.read_text().rstrip("\n").split("|")
    assert json.loads(headers) == {"headers": [{"key": ":status", "value": "200"}, {"key": "x-gateway", "value": "a"}]}
    assert json.loads(trailers) == {"headers": [{"key": "x-end", "value": "b"}]}


def proxy_socket(version, inner):
    return {"transport_socket": {"name": "proxy", "typed_config": b.any_of(
        "extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport", config={"version": version}, transport_socket=inner)}}


def tlv(type_, value):
    return bytes([type_]) + struct.pack("!H", len(value)) + value


def passing(types):
    """The fields of a ProxyProtocolPassThroughTLVs; None: all."""
    return {"match_type": "INCLUDE_ALL"} if types is None else {"match_type": "INCLUDE", "tlv_type": list(types)}


RAW = {"name": "raw", "typed_config": b.any_of("extensions.transport_sockets.raw_buffer.v3.RawBuffer")}


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_head_is_understood(pillion, serve, version):
    """By the listener filter of another pillion, through HTTP and through tcp_proxy."""
    behind = pillion(b.bootstrap(
        [b.listener(b.http(routes=[{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": ""},
                                                                                     "body_format": {"text_format": "%DOWNSTREAM_REMOTE_ADDRESS%"}}}]),
                    listener_filters=[{"name": "proxy", "typed_config": b.any_of("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")}])], []))
    cluster = [b.cluster(behind.listeners["ingress"], **proxy_socket(version, RAW))]
    for front in (pillion(b.bootstrap([b.listener(b.http())], cluster)), pillion(b.bootstrap([b.listener(b.tcp())], cluster))):
        for _ in range(2):
            connection = front.connect()
            name = connection.socket.getsockname()
            connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert connection.read_response().body == f"{name[0]}:{name[1]}".encode()
            connection.close()
        front.until_stat("cluster.upstream.upstream_cx_total", 2)


def noting(heads):
    """A host that takes a PROXY header, of which it notes what comes after the first 16 bytes, and then answers one request."""
    def script(sock):
        head = sock.recv(16, socket.MSG_WAITALL)
        heads.append(sock.recv(struct.unpack("!H", head[14:])[0], socket.MSG_WAITALL))
        connection = http1.Connection(sock)
        connection.read_request_head()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        connection.rest(bytearray())

    return script


_SENT = [(0xE1, b"one"), (0xE2, b"two"), (0xE1, b"again"), (0x02, b"host.test"), (0xE3, b"\xff\0")]


@pytest.mark.parametrize("kept,passed,added,arrive", [
    (None, None, (), _SENT), ([0xE1, 0xE3], None, (), [_SENT[0], _SENT[2], _SENT[4]]), (None, [0x02], (), [_SENT[3]]),
    (None, "absent", (), []), ("absent", None, (), []), (None, "absent", [(0xF0, b"own")], [(0xF0, b"own")]),
    (None, [0xE1, 0xE2], [(0xE2, b"own")], [(0xE2, b"own"), _SENT[0], _SENT[2]])])
@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_tlvs_go_on(pillion, serve, kind, kept, passed, added, arrive):
    """Those that the listener keeps, and of these those that the cluster lets pass; in front of them what it adds."""
    heads = []

    config = {"version": "V2", **({} if passed == "absent" else {"pass_through_tlvs": passing(passed)}),
              "added_tlvs": [{"type": type_, "value": base64.b64encode(value).decode()} for type_, value in added]}
    socket_ = {"name": "proxy", "typed_config": b.any_of("extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
                                                         config=config, transport_socket=RAW)}
    filter_ = {"name": "proxy", "typed_config": b.any_of("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", **(
        {} if kept == "absent" else {"pass_through_tlvs": passing(kept)}))}
    proxy = pillion(b.bootstrap([b.listener(b.http() if kind == "http" else b.tcp(), listener_filters=[filter_])],
                                [b.cluster(serve(noting(heads)).address, transport_socket=socket_)]))
    connection = proxy.connect()
    ends = socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.10") + struct.pack("!HH", 1111, 2222)
    body = ends + b"".join(tlv(*item) for item in _SENT)
    connection.send(b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(body)) + body + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert connection.read_response().status == 200
    assert heads == [ends + b"".join(tlv(*item) for item in arrive)]


@pytest.mark.parametrize("filters, passes", [(2, True), (3, False)])
def test_tlvs_of_several_heads(pillion, serve, filters, passes):
    """All together are as many as a head to a host has room for; who sends more is refused."""
    heads = []

    every = {"match_type": "INCLUDE_ALL"}
    added = tlv(0xEF, bytes(32 * 1024 - 3))
    config = {"version": "V2", "pass_through_tlvs": every, "added_tlvs": [{"type": 0xEF, "value": base64.b64encode(added[3:]).decode()}]}
    socket_ = {"name": "proxy", "typed_config": b.any_of("extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
                                                         config=config, transport_socket=RAW)}
    filter_ = {"name": "proxy", "typed_config": b.any_of("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                                                         pass_through_tlvs=every)}
    proxy = pillion(b.bootstrap([b.listener(b.http(), listener_filters=[filter_] * filters)],
                                [b.cluster(serve(noting(heads)).address, transport_socket=socket_)]))
    connection = proxy.connect()
    ends = socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.10") + struct.pack("!HH", 1111, 2222)
    large = tlv(0xE1, bytes(15900))
    head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(ends + large)) + ends + large
    connection.send(head * filters + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    if passes:
        assert connection.read_response().status == 200
        assert heads == [ends + added + large * filters]
    else:
        assert connection.closed()
        assert not heads
        assert proxy.stat("proxy_proto.versions.v2.error") == 1
