"""Bytes as they are."""

import socket
import threading

import pytest

from peers import bootstrap as b
from peers import http1
from peers.wait import until


def echo(sock):
    """Sends back what comes; its own end follows the client's."""
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def proxy_for(pillion, *where, concurrency=1, **fields):
    return pillion(b.bootstrap([b.listener(b.tcp(**fields))], [b.cluster(*where)]), concurrency=concurrency)


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("size", [1, 100_000, 10 << 20])
def test_bytes_both_ways(pillion, serve, size, concurrency):
    proxy = proxy_for(pillion, serve(echo).address, concurrency=concurrency)
    connection = proxy.connect()
    data, back = bytes(range(256)) * (size // 256) + b"x" * (size % 256), bytearray()
    sender = threading.Thread(target=lambda: (connection.send(data), connection.socket.shutdown(socket.SHUT_WR)))
    sender.start()
    connection.rest(back)
    sender.join()
    assert back == data
    connection.close()
    proxy.until_stat("tcp.tcp.downstream_cx_rx_bytes_total", size)
    proxy.until_stat("tcp.tcp.downstream_cx_tx_bytes_total", size)
    proxy.until_stat("cluster.upstream.upstream_cx_active", 0)


def test_half_close_of_the_client(pillion, serve):
    """The end of what one side sends passes on; the other direction lives."""
    def script(sock):
        received = b""
        while data := sock.recv(100):
            received += data
        sock.sendall(b"got " + received)

    connection = proxy_for(pillion, serve(script).address).connect()
    connection.send(b"all of it")
    connection.socket.shutdown(socket.SHUT_WR)
    back = bytearray()
    connection.rest(back)
    assert back == b"got all of it"


def test_half_close_of_the_upstream(pillion, serve):
    received = threading.Event()

    def script(sock):
        sock.sendall(b"first word")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b"late"
        received.set()

    connection = proxy_for(pillion, serve(script).address).connect()
    back = bytearray()
    connection.rest(back)
    assert back == b"first word"
    connection.send(b"late")
    connection.close()
    assert received.wait(10)


def test_upstream_speaks_first(pillion, serve):
    connection = proxy_for(pillion, serve(lambda sock: sock.sendall(b"220 ready\r\n")).address).connect()
    assert connection.line() == "220 ready"
    assert connection.closed()


def test_reset_of_the_client_reaches_the_upstream(pillion, serve):
    ended = threading.Event()

    def script(sock):
        try:
            while sock.recv(100):
                pass
        finally:
            ended.set()

    proxy = proxy_for(pillion, serve(script).address)
    connection = proxy.connect()
    connection.send(b"a")
    proxy.until_stat("cluster.upstream.upstream_cx_active", 1)
    connection.abort()
    assert ended.wait(10)


def test_upstream_that_does_not_listen(pillion):
    proxy = proxy_for(pillion, ("127.0.0.1", b.free_port()))
    assert proxy.connect().closed()
    proxy.until_stat("cluster.upstream.upstream_cx_connect_fail", 1)


def test_idle_timeout(pillion, serve):
    proxy = proxy_for(pillion, serve(echo).address, idle_timeout="0.3s")
    connection = proxy.connect()
    connection.send(b"a")
    assert connection.receive() == b"a"
    assert connection.closed()
    proxy.until_stat("tcp.tcp.idle_timeout", 1)


def test_slow_reader_stops_the_sender(pillion, serve):
    """What is not read waits at the upstream, not in the proxy's memory."""
    size = 64 << 20

    def script(sock):
        piece = b"z" * (1 << 20)
        for _ in range(size >> 20):
            sock.sendall(piece)

    proxy = proxy_for(pillion, serve(script).address)
    before = proxy.rss_kib()
    connection = proxy.connect()
    last = -1

    def stands_still():
        nonlocal last
        now = proxy.stat("cluster.upstream.upstream_cx_rx_bytes_total")
        previous, last = last, now
        return now > 0 and now == previous and proxy.rss_kib() < before + 16384
    until(stands_still, "the proxy stops reading")
    assert last < size
    back = bytearray()
    connection.rest(back)
    assert len(back) == size


def test_http_after_all(pillion, serve):
    """What passes may well be HTTP."""
    from peers.message import Request, Response
    proxy = proxy_for(pillion, serve.h1(lambda request: Response(200, [], b"through")).address)
    assert proxy.exchange(Request()).body == b"through"
    assert http1.connect(proxy.address)


def subset(address, version):
    return {"endpoint": {"address": b.address(address)}, "metadata": {"filter_metadata": {"envoy.lb": {"version": version}}}}


def wants(version):
    return {"filter_metadata": {"envoy.lb": {"version": version}}}


def first_bytes(proxy, listener):
    connection = proxy.connect(listener=listener)
    back = bytearray()
    connection.rest(back)
    connection.close()
    return bytes(back)


def test_subsets(pillion, serve):
    addresses = [serve(lambda sock, name=b"%d" % i: (sock.sendall(name), sock.shutdown(socket.SHUT_WR))).address for i in range(2)]
    cluster = b.cluster(*addresses, lb_subset_config={"subset_selectors": [{"keys": ["version"]}]}, load_assignment={
        "cluster_name": "upstream", "endpoints": [{"lb_endpoints": [subset(addresses[0], "1"), subset(addresses[1], "2")]}]})
    weighted = b.tcp(name="weighted", metadata_match=wants("1"),
                     weighted_clusters={"clusters": [{"name": "upstream", "weight": 1, "metadata_match": wants("2")}]})
    del weighted["typed_config"]["cluster"]
    listeners = [b.listener(b.tcp(name="one", metadata_match=wants("1")), name="one"), b.listener(weighted, name="weighted")]
    proxy = pillion(b.bootstrap(listeners, [cluster]))
    assert {first_bytes(proxy, "one") for _ in range(4)} == {b"0"}
    assert {first_bytes(proxy, "weighted") for _ in range(4)} == {b"1"}


def test_a_hash_of_the_client(pillion, serve):
    addresses = [serve(lambda sock, name=b"%d" % i: (sock.sendall(name), sock.shutdown(socket.SHUT_WR))).address for i in range(4)]
    listeners = [b.listener(b.tcp(hash_policy=[{"source_ip": {}}]), name="ip"), b.listener(b.tcp(name="none"), name="none")]
    proxy = pillion(b.bootstrap(listeners, [b.cluster(*addresses, lb_policy="MAGLEV")]))
    assert len({first_bytes(proxy, "ip") for _ in range(10)}) == 1
    assert len({first_bytes(proxy, "none") for _ in range(40)}) > 1, "by chance"
    assert proxy.stat("cluster.upstream.maglev_lb.min_entries_per_host") == 16384
    assert proxy.stat("cluster.upstream.maglev_lb.max_entries_per_host") == 16385
