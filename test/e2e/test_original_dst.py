"""Connections that were meant for somebody else: as a PROXY header says, and in production the system that redirects them."""

import json
import re
import socket

import pytest

from peers import bootstrap as b
from peers.message import Response
from peers.wait import until
from test_connections import proxy_header


def header(destination):
    return f"PROXY TCP4 192.0.2.7 {destination[0]} 1234 {destination[1]}\r\n".encode()


def proxy_protocol():
    return {"name": "proxy", "typed_config": b.any_of("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")}


def answer(where, destination, request=b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"):
    with socket.create_connection(where, timeout=10) as sock:
        sock.sendall(header(destination) + request)
        received = b""
        while data := sock.recv(4096):
            received += data
    return received


@pytest.mark.parametrize("concurrency", [2, 4])
def test_use_original_dst(pillion, concurrency):
    """To the listener of that address, else of that port, else nowhere else."""
    meant = ("127.0.0.9", b.free_port())
    any_address = ("0.0.0.0", b.free_port())
    virtual = b.listener(b.http([b.direct(200, "virtual")]), use_original_dst=True, listener_filters=[proxy_protocol()])
    exact = b.listener(b.http([b.direct(200, "exact")]), meant, name="exact", bind_to_port=False)
    wide = b.listener(b.http([b.direct(200, "wide")]), any_address, name="wide", bind_to_port=False)
    proxy = pillion(b.bootstrap([virtual, exact, wide]), concurrency=concurrency)
    for _ in range(5):
        assert answer(proxy.address, meant).endswith(b"exact")
        assert answer(proxy.address, ("127.0.0.8", any_address[1])).endswith(b"wide")
        assert answer(proxy.address, ("127.0.0.8", 1)).endswith(b"virtual")
    with pytest.raises(ConnectionRefusedError):  # has no socket
        socket.create_connection(meant, timeout=10)
    assert f"exact::{meant[0]}:{meant[1]}" in proxy.admin("/listeners")


def test_original_dst_cluster(pillion, serve):
    servers = [serve.h1(lambda request, n=n: Response(200, [], b"server %d" % n)) for n in range(2)]
    listener = b.listener(b.http(), listener_filters=[proxy_protocol()])
    cluster = {"name": "upstream", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}
    proxy = pillion(b.bootstrap([listener], [cluster]), concurrency=2)
    for _ in range(3):
        for n, server in enumerate(servers):
            assert b"server %d" % n in answer(proxy.address, server.address)


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_destination_that_a_filter_noted(pillion, serve, kind):
    """metadata_key, here of a TLV; without one the connection's own; with nonsense nobody."""
    servers = [serve.h1(lambda request, n=n: Response(200, [], b"server %d" % n)) for n in range(2)]
    noted = {"metadata_key": {"key": "to", "path": [{"key": "address"}]}}
    cluster = {"name": "upstream", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s", "original_dst_lb_config": noted}
    rules = [{"tlv_type": 0xEA, "on_tlv_present": {"metadata_namespace": "to", "key": "address"}}]
    listener = b.listener(b.http() if kind == "http" else b.tcp(), listener_filters=[b.listener_filter("proxy_protocol", "ProxyProtocol", rules=rules)])
    proxy = pillion(b.bootstrap([listener], [cluster]))

    def ask(tlvs):
        with socket.create_connection(proxy.address, timeout=10) as sock:
            sock.sendall(proxy_header(tlvs, servers[0].address) + b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
            received = b""
            while not re.search(rb"server \d", received) and (data := sock.recv(4096)):
                received += data
            return received
    assert b"server 0" in ask([])
    assert b"server 1" in ask([(0xEA, b"%s:%d" % (servers[1].address[0].encode(), servers[1].address[1]))])
    nowhere = ask([(0xEA, b"somewhere:80")])
    assert nowhere.startswith(b"HTTP/1.1 503") if kind == "http" else nowhere == b""
    until(lambda: proxy.stat("cluster.upstream.original_dst_host_invalid") == 1, "it is counted")


def test_additional_addresses(pillion):
    more = [("127.0.0.1", b.free_port()), ("127.0.0.2", b.free_port())]
    addresses = [{"address": b.address(where)} for where in more]
    listener = b.listener(b.http([b.direct(200, "here")]), additional_addresses=addresses)
    proxy = pillion(b.bootstrap([listener]), concurrency=2)
    for where in [proxy.address, *more]:
        with socket.create_connection(where, timeout=10) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            assert b"200" in sock.recv(100)
    assert proxy.admin("/listeners").count("ingress::") == 3


def test_inbound_listeners_drain_alone(pillion):
    answer_x = b.http([b.direct(200, "x")])
    listeners = [b.listener(answer_x, name=name, traffic_direction=name) for name in ("INBOUND", "OUTBOUND")]
    proxy = pillion(b.bootstrap(listeners), concurrency=2)
    assert proxy.admin("/drain_listeners?inboundonly", "POST") == "OK\n"

    def refused():
        try:
            proxy.connect(listener="INBOUND").close()
        except OSError:
            return True
        return False
    until(refused, "the inbound listener is closed")
    connection = proxy.connect(listener="OUTBOUND")
    connection.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
    assert b"200" in connection.receive()


def test_metadata_is_shown(pillion):
    metadata = {"filter_metadata": {"istio": {"direction": "inbound"}}}
    listener = b.listener(b.http([b.direct(200, "x")]), metadata=metadata)
    listener["filter_chains"][0]["metadata"] = metadata
    dump = json.loads(pillion(b.bootstrap([listener])).admin("/config_dump"))
    shown = next(part for part in dump["configs"] if "static_listeners" in part)["static_listeners"][0]["listener"]
    assert shown["metadata"] == metadata and shown["filter_chains"][0]["metadata"] == metadata
