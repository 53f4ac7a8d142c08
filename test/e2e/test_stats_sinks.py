"""Metrics that are sent: statsd and DogStatsD."""

import socket

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def sink(message, **fields):
    return {"name": "sink", "typed_config": b.any_of(f"config.metrics.v3.{message}", **fields)}


def start(pillion, serve, sinks, clusters=()):
    server = serve.h1(lambda request: Response(200, []))
    config = b.bootstrap([b.listener(b.http())], [b.cluster(server.address), *clusters])
    return pillion(config | {"stats_sinks": sinks, "stats_flush_interval": "0.1s"}, concurrency=2)


def receiver():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(10)
    return udp


def until_line(read, wanted):
    """Reads datagrams or lines until one is `wanted`; those before it."""
    seen = []
    while wanted not in seen:
        seen += read().decode().split("\n")
    return seen


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_statsd_by_datagrams(pillion, serve, protocol):
    with receiver() as udp:
        address = b.address(udp.getsockname())
        address["socket_address"]["protocol"] = protocol
        proxy = start(pillion, serve, [sink("StatsdSink", address=address, prefix="mine")])
        for _ in range(3):
            assert proxy.exchange(Request()).status == 200
        total = 0
        while total < 3:
            for line in udp.recv(65536).decode().split("\n"):
                name, _, rest = line.partition(":")
                if name == "mine.cluster.upstream.upstream_rq_200":
                    value, kind = rest.split("|")
                    assert kind == "c"
                    total += int(value)
        assert total == 3
        until_line(lambda: udp.recv(65536), "mine.server.live:1|g")


def test_tags_of_dog_statsd(pillion, serve):
    with receiver() as udp, receiver() as large:
        proxy = start(pillion, serve, [sink("DogStatsdSink", address=b.address(udp.getsockname())),
                                       sink("DogStatsdSink", address=b.address(large.getsockname()), max_bytes_per_datagram=500)])
        assert proxy.exchange(Request()).status == 200
        line = "envoy.cluster.upstream_rq:1|c|#envoy.response_code:200,envoy.cluster_name:upstream"
        assert all("\n" not in one for one in until_line(lambda: udp.recv(65536), line))
        sizes = []

        def read():
            data = large.recv(65536)
            sizes.append((len(data), data.count(b"\n")))
            return data

        until_line(read, line)
        assert max(size for size, _ in sizes) <= 500 and any(lines for _, lines in sizes)


def test_statsd_over_a_connection(pillion, serve):
    received = bytearray()

    def script(sock):
        while data := sock.recv(65536):
            received.extend(data)

    collector = serve(script)
    proxy = start(pillion, serve, [sink("StatsdSink", tcp_cluster_name="statsd")], [b.cluster(collector.address, name="statsd")])
    assert proxy.exchange(Request()).status == 200
    until(lambda: b"envoy.cluster.upstream.upstream_rq_200:1|c\n" in bytes(received), "the counter")
    assert proxy.stat("server.dropped_stat_flushes") == 0
