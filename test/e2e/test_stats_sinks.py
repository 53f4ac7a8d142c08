"""Metrics that are sent: statsd and DogStatsD, and to a metrics service."""

import socket
import ssl

import pytest

from peers import bootstrap as b
from peers.certificates import Authority, source
from peers.message import Request, Response
from peers.metrics import MetricsService, labels
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


def test_statsd_over_tls(pillion, serve, tmp_path):
    """As the cluster's transport socket says; who can't show that it is the right one is told nothing."""
    ca, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    ca.issue("dns", "DNS:stats.test")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "dns.pem", tmp_path / "dns.key")
    received = {"good": bytearray(), "bad": bytearray()}

    def collect(which):
        def script(sock):
            try:
                with made.wrap_socket(sock, server_side=True) as secured:
                    while data := secured.recv(65536):
                        received[which].extend(data)
            except (ssl.SSLError, OSError):
                pass
        return script

    def cluster(which, authority):
        return b.cluster(serve(collect(which)).address, name=which, transport_socket={"name": "tls", "typed_config": b.any_of(
            "extensions.transport_sockets.tls.v3.UpstreamTlsContext", sni="stats.test", common_tls_context={
                "validation_context": {"trusted_ca": source(authority.pem)}})})

    sinks = [sink("StatsdSink", tcp_cluster_name="good"), sink("StatsdSink", tcp_cluster_name="bad", prefix="secret")]
    proxy = start(pillion, serve, sinks, [cluster("good", ca), cluster("bad", other)])
    assert proxy.exchange(Request()).status == 200
    until(lambda: b"envoy.cluster.upstream.upstream_rq_200:1|c\n" in bytes(received["good"]), "the counter")
    until(lambda: "statsd of cluster bad: " in proxy.log(), "the log says what is wrong")
    assert not received["bad"] and proxy.log().count("statsd of cluster bad: ") == 1


@pytest.fixture
def metrics(tmp_path):
    service = MetricsService(tmp_path / "metrics")
    yield service.start()
    service.stop()


def service_sink(**fields):
    return sink("MetricsServiceConfig", transport_api_version="V3", grpc_service={"envoy_grpc": {"cluster_name": "metrics"}}, **fields)


def with_service(pillion, serve, service, *sinks):
    server = serve.h1(lambda request: Response(200, []))
    plane = b.cluster(name="metrics", protocol="h2")
    plane["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(service.path)}}}}]}]
    return pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address), plane], stats_sinks=list(sinks), stats_flush_interval="0.1s",
                               node={"id": "me", "cluster": "us"}))


def found(message, name):
    return [family for family in message.envoy_metrics if family.name == name]


def test_a_metrics_service(pillion, serve, metrics):
    proxy = with_service(pillion, serve, metrics, service_sink(emit_tags_as_labels=True, histogram_emit_mode="HISTOGRAM"))
    call, first = metrics.told.get(timeout=20)
    assert call == 0 and (first.identifier.node.id, first.identifier.node.cluster) == ("me", "us")
    assert [proxy.exchange(Request()).status for _ in range(3)] == [200] * 3
    seen, times = 0, 0
    while seen < 3 or times < 3:  # a histogram has what came in the last interval
        _, message = metrics.told.get(timeout=20)
        assert not message.HasField("identifier")  # only the first of a call
        for family in found(message, "cluster.upstream_rq"):
            seen = max(seen, *(metric.counter.value for metric in family.metric if labels(metric) == {
                "envoy.response_code": "200", "envoy.cluster_name": "upstream"}), 0)
        for family in found(message, "cluster.upstream_rq_time"):
            assert family.type == 4
            for metric in family.metric:
                if labels(metric) == {"envoy.cluster_name": "upstream"}:
                    times += metric.histogram.sample_count
                    assert metric.histogram.bucket[-1].cumulative_count == metric.histogram.sample_count
                    assert metric.histogram.bucket[-1].upper_bound == 3600000
    assert seen == 3 and times == 3
    live, = found(message, "server.live")
    assert live.type == 1 and live.metric[0].gauge.value == 1 and live.metric[0].timestamp_ms > 1.6e12
    assert proxy.stat("server.dropped_stat_flushes") == 0


def test_a_metrics_service_that_comes_back(pillion, serve, metrics):
    proxy = with_service(pillion, serve, metrics, service_sink(report_counters_as_deltas=True, batch_size=5))
    assert metrics.until(lambda message: len(message.envoy_metrics) == 5)[0] == 0
    metrics.stop()
    until(lambda: "metrics service metrics: " in proxy.log(), "the log says so")
    assert proxy.exchange(Request()).status == 200
    metrics.start()
    call, message = metrics.until(lambda message: message.HasField("identifier") and message.identifier.node.id == "me")
    assert call > 0 and message.envoy_metrics


def test_when_somebody_looks(pillion, serve):
    """And never else."""
    with receiver() as udp:
        server = serve.h1(lambda request: Response(200, []))
        proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)], stats_flush_on_admin=True,
                                    stats_sinks=[sink("StatsdSink", address=b.address(udp.getsockname()))]))
        proxy.admin("/clusters")
        udp.settimeout(0.3)
        with pytest.raises(TimeoutError):
            udp.recv(65536)
        udp.settimeout(10)
        assert proxy.exchange(Request()).status == 200
        proxy.admin("/stats/prometheus?filter=^nothing$")
        until_line(lambda: udp.recv(65536), "envoy.cluster.upstream.upstream_rq_200:1|c")
