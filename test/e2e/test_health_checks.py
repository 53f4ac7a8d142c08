"""Hosts that are asked whether they are well, and get requests only while they are."""

import json
import threading
from concurrent import futures

import grpc
import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def check(**fields):
    return {"timeout": "1s", "interval": "0.05s", "no_traffic_interval": "0.05s", "unhealthy_threshold": 2, "healthy_threshold": 2, **fields}


def http_check(**fields):
    return check(http_health_check={"path": "/ready", **fields})


def proxy_for(pillion, *addresses, checks, protocol="h1", policy=None, concurrency=1, **cluster):
    action = {"retry_policy": policy} if policy else {}
    return pillion(b.bootstrap([b.listener(b.http([b.route(**action)]))],
                               [b.cluster(*addresses, protocol=protocol, health_checks=[checks], **cluster)]), concurrency=concurrency)


def flags(proxy):
    """{host: its health_flags}"""
    lines = [line.split("::") for line in proxy.admin("/clusters").splitlines()]
    return {line[1]: line[3] for line in lines if len(line) == 4 and line[2] == "health_flags"}


def name(where):
    return "%s:%d" % where


class Host:
    """Answers checks as it is told, and requests always."""

    def __init__(self, body):
        self.status, self.body, self.checks = 200, body, []

    def __call__(self, request):
        if request.path == "/ready":
            self.checks.append(request)
            return Response(self.status, [], b"")
        return Response(200, [], self.body)


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_http(pillion, serve, protocol, workers):
    one, two = Host(b"one"), Host(b"two")
    servers = [serve.http(protocol, one), serve.http(protocol, two)]
    proxy = proxy_for(pillion, *(server.address for server in servers), protocol=protocol, concurrency=workers,
                      checks=http_check(codec_client_type="HTTP2" if protocol == "h2" else "HTTP1",
                                        request_headers_to_add=[{"header": {"key": "x-check", "value": "yes"}}]))
    assert set(flags(proxy).values()) == {"healthy"}
    first = one.checks[0]
    assert (first.method, first.authority, first.get("user-agent"), first.get("x-check")) == ("GET", "upstream", "Envoy/HC", "yes")
    until(lambda: {proxy.exchange(Request()).body for _ in range(8)} == {b"one", b"two"}, "both get requests")
    one.status = 503
    until(lambda: flags(proxy)[name(servers[0].address)] == "/failed_active_hc", "it has failed")
    until(lambda: {proxy.exchange(Request()).body for _ in range(8)} == {b"two"}, "only the other gets requests")
    assert [proxy.exchange(Request()).body for _ in range(20)] == [b"two"] * 20
    assert proxy.stat("cluster.upstream.membership_healthy") == 1
    one.status = 200
    until(lambda: {proxy.exchange(Request()).body for _ in range(8)} == {b"one", b"two"}, "it is back")
    assert proxy.stat("cluster.upstream.health_check.failure") >= 1
    assert proxy.stat("cluster.upstream.health_check.healthy") == 2


def test_connections_end_with_the_health_of_their_host(pillion, serve):
    """close_connections_on_host_health_failure: of tcp_proxy at once; of others no request begins on one that there was."""
    host = Host(b"one")
    server = serve.h1(host)
    closes = {"close_connections_on_host_health_failure": True, "health_checks": [{**http_check(), "unhealthy_threshold": 1}]}
    proxy = pillion(b.bootstrap(
        [b.listener(b.http()), b.listener(b.tcp("bytes"), name="bytes")],
        [b.cluster(server.address, **closes), b.cluster(server.address, name="bytes", **closes)]))
    assert proxy.exchange(Request()).body == b"one"
    assert proxy.stat("cluster.upstream.upstream_cx_active") == 1
    connection = proxy.connect(listener="bytes")
    assert connection.exchange(Request()).body == b"one"
    host.status = 503
    until(lambda: proxy.stat("cluster.upstream.membership_healthy") == 0, "it has failed")
    until(lambda: proxy.stat("cluster.upstream.upstream_cx_active") == 0, "what was idle is closed")
    until(lambda: proxy.stat("cluster.bytes.upstream_cx_active") == 0, "what has bytes as well")
    connection.close()
    assert proxy.stat("cluster.bytes.upstream_cx_destroy_local") == 1
    assert proxy.exchange(Request()).body == b"one"  # all hosts are ill, so any will do
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 2


def test_tcp(pillion, serve):
    good = serve.h1(Host(b"good"))
    dead = ("127.0.0.1", b.free_port())
    proxy = proxy_for(pillion, dead, good.address, checks=check(tcp_health_check={}))
    assert flags(proxy) == {name(dead): "/failed_active_hc", name(good.address): "healthy"}
    until(lambda: proxy.exchange(Request()).body == b"good", "the worker knows")
    assert [proxy.exchange(Request()).body for _ in range(10)] == [b"good"] * 10
    assert proxy.stat("cluster.upstream.health_check.network_failure") >= 1
    serve.h1(Host(b"revived"), address=dead)
    until(lambda: {proxy.exchange(Request()).body for _ in range(8)} == {b"good", b"revived"}, "it is back")


class Health(grpc.GenericRpcHandler):
    """grpc.health.v1.Health, whose messages are made by hand."""

    def __init__(self):
        self.serving, self.calls = True, []

    def service(self, details):
        if details.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(self._check)

    def _check(self, request, context):
        self.calls.append((request, dict(context.invocation_metadata()), context.code()))
        return b"\x08\x01" if self.serving else b"\x08\x02"


def test_grpc(pillion):
    handler = Health()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handler], options=[("grpc.so_reuseport", 0)])
    where = ("127.0.0.1", server.add_insecure_port("127.0.0.1:0"))
    server.start()
    try:
        proxy = proxy_for(pillion, where, protocol="h2", checks=check(grpc_health_check={
            "service_name": "app", "authority": "app.test", "initial_metadata": [{"header": {"key": "x-check", "value": "yes"}}]}))
        until(lambda: flags(proxy)[name(where)] == "healthy", "it serves")
        request, metadata, _ = handler.calls[0]
        assert request == b"\x0a\x03app" and metadata["x-check"] == "yes" and metadata["user-agent"] == "Envoy/HC"
        handler.serving = False
        until(lambda: flags(proxy)[name(where)] == "/failed_active_hc", "it does not serve")
        handler.serving = True
        until(lambda: flags(proxy)[name(where)] == "healthy", "it serves again")
    finally:
        server.stop(0).wait(10)


def test_start_waits_for_the_first_checks(pillion, serve):
    """A request that came at the first moment never meets a host that was not asked yet."""
    gate = threading.Event()

    def answer(request):
        if request.path == "/ready":
            assert gate.wait(10)
        return Response(200, [], b"here")

    slow = serve.h1(answer)
    threading.Timer(0.5, gate.set).start()
    proxy = proxy_for(pillion, slow.address, checks=check(http_health_check={"path": "/ready"}, timeout="5s"))
    assert gate.is_set() and flags(proxy)[name(slow.address)] == "healthy"
    gate.clear()
    eager = proxy_for(pillion, slow.address, checks=check(http_health_check={"path": "/ready"}, timeout="5s"), wait_for_warm_on_init=False)
    assert flags(eager)[name(slow.address)] == "/failed_active_hc"
    gate.set()
    until(lambda: flags(eager)[name(slow.address)] == "healthy", "it was asked")


def test_a_host_that_stalls(pillion, serve):
    """It takes connections and says nothing: a timeout each, and then no requests."""
    stalled = serve(lambda sock: sock.recv(1 << 20) and sock.recv(1))
    good = serve.h1(Host(b"good"))
    proxy = proxy_for(pillion, stalled.address, good.address, checks=check(timeout="0.1s", http_health_check={"path": "/ready"}))
    until(lambda: flags(proxy)[name(stalled.address)] == "/failed_active_hc/active_hc_timeout", "it has failed")
    until(lambda: [proxy.exchange(Request()).body for _ in range(4)] == [b"good"] * 4, "the worker knows")


def test_immediate_failure(pillion, serve):
    """An answer to a request takes its host out."""
    def leaving(request):
        if request.path == "/ready":
            return Response(200, [], b"")
        return Response(200, [("x-envoy-immediate-health-check-fail", "true")], b"leaving")

    hosts = [serve.h1(leaving), serve.h1(Host(b"good"))]
    proxy = proxy_for(pillion, *(host.address for host in hosts), checks=check(interval="60s", http_health_check={"path": "/ready"}))
    until(lambda: proxy.exchange(Request()).body == b"leaving", "it says so")
    until(lambda: flags(proxy)[name(hosts[0].address)] == "/failed_active_hc/excluded_via_immediate_hc_fail", "it is out")
    until(lambda: [proxy.exchange(Request()).body for _ in range(4)] == [b"good"] * 4, "the worker knows")
    assert proxy.stat("cluster.upstream.health_check.passive_failure") == 1


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_request_is_lost_while_hosts_flap(pillion, serve, workers):
    """Hosts fail and return, one at a time, while requests go on: with a retry policy each is answered."""
    hosts = [Host(b"%d" % index) for index in range(3)]
    servers = [serve.h1(host) for host in hosts]
    proxy = proxy_for(pillion, *(server.address for server in servers), checks=http_check(), concurrency=workers,
                      policy={"retry_on": "5xx,connect-failure,reset", "num_retries": 2})
    stop, statuses = threading.Event(), []

    def ask():
        while not stop.is_set():
            statuses.append(proxy.exchange(Request()).status)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for host, server in zip(hosts, servers):
            host.status = 503
            until(lambda server=server: flags(proxy)[name(server.address)] == "/failed_active_hc", "it has failed")
            host.status = 200
            until(lambda server=server: flags(proxy)[name(server.address)] == "healthy", "it is back")
    finally:
        stop.set()
        asking.join()
    assert len(statuses) > 10 and set(statuses) == {200}


@pytest.mark.parametrize("sink", [False, True])
def test_event_log(pillion, serve, tmp_path, sink):
    path = tmp_path / "health.log"
    kind = b.any_of("extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink", event_log_path=str(path))
    log = {"event_logger": [{"name": "file", "typed_config": kind}]} if sink else {"event_log_path": str(path)}
    host = Host(b"host")
    server = serve.h1(host)
    proxy = proxy_for(pillion, server.address, checks={**http_check(), **log})
    host.status = 503

    def events():
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    until(lambda: len(events()) >= 2, "both events are there")
    first, second = events()[:2]
    assert first["add_healthy_event"] == {"first_check": True} and first["cluster_name"] == "upstream"
    assert first["host"]["socket_address"]["port_value"] == server.port
    assert second["eject_unhealthy_event"] == {"failure_type": "ACTIVE"}
    assert flags(proxy)[name(server.address)] == "/failed_active_hc"
