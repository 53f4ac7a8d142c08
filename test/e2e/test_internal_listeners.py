"""Listeners without sockets: connections to them are made within the process, on the worker that wants one."""

import json
import socket
import threading
import time

import pytest

from peers import bootstrap as b
from peers import http1, internal
from peers import pushed as p
from peers.certificates import Authority
from peers.message import Broken, Request, Response
from peers.proxy import run
from peers.tls import downstream, upstream, validation
from peers.wait import until

SUMS = ("downstream_cx_total", "downstream_cx_active", "downstream_cx_destroy")


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).having("server", "client")


def chain(front, inner, clusters, **fields):
    """A bootstrap: `front` listens and leads to the cluster "inner", which leads to the listener "inner"."""
    those = [inner] if isinstance(inner, dict) else inner
    return b.bootstrap([b.listener(front), *those], clusters, **internal.allowed(), **fields)


@pytest.mark.parametrize("concurrency", [1, 2, 4])
def test_http(pillion, serve, concurrency):
    """Requests of several clients, each connection on the worker of its client."""
    server = serve.h1(lambda request: Response(200, [("x-saw", request.get("x-inner") or "nothing")], request.path.encode()))
    config = chain(b.http([b.route("inner")]),
                   internal.listener(b.http([{**b.route(), "request_headers_to_add": [{"header": {"key": "x-inner", "value": "been"}}]}], name="in")),
                   [b.cluster(internal.to(), name="inner"), b.cluster(server.address)])
    proxy = pillion(config, concurrency=concurrency)
    connections = [proxy.connect() for _ in range(12)]
    for turn in range(3):
        for number, connection in enumerate(connections):
            answer = connection.exchange(Request(path=f"/{turn}/{number}"))
            assert (answer.status, answer.body, answer.get("x-saw")) == (200, f"/{turn}/{number}".encode(), "been")
    made = proxy.stat("cluster.inner.upstream_cx_total")
    assert 1 <= made <= 12
    assert proxy.stat("listener.envoy_internal_inner.downstream_cx_total") == made
    own = [proxy.stat(f"listener.envoy_internal_inner.worker_{number}.downstream_cx_total") for number in range(concurrency)]
    assert sum(own) == made and own == [proxy.stat(f"listener.envoy_internal_inner.worker_{number}.downstream_cx_active") for number in range(concurrency)]
    assert proxy.stat("http.in.downstream_rq_completed") == proxy.stat("cluster.inner.upstream_rq_completed") == 36
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_large_bodies(pillion, serve, protocol):
    server = serve.h1(lambda request: Response(200, [], request.body))
    config = chain(b.http([b.route("inner", timeout="0s")]), internal.listener(b.http([b.route(timeout="0s")], name="in")),
                   [b.cluster(internal.to(), name="inner", protocol=protocol), b.cluster(server.address)])
    proxy = pillion(config, concurrency=2)
    body = bytes(range(256)) * 20_000
    for _ in range(2):
        assert proxy.exchange(Request("POST", "/", body=body)).body == body


@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 100_000, 10 << 20])
def test_bytes_both_ways(pillion, serve, size, concurrency):
    """And each end of them: a half-close passes."""
    config = chain(b.tcp("inner"), internal.listener(b.tcp(name="in")), [b.cluster(internal.to(), name="inner"), b.cluster(serve(internal.echo).address)])
    proxy = pillion(config, concurrency=concurrency)
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for _ in range(2):
        internal.both_ways(proxy.connect(), data)
    for name in ("tcp", "in"):
        proxy.until_stat(f"tcp.{name}.downstream_cx_rx_bytes_total", 2 * size)
        proxy.until_stat(f"tcp.{name}.downstream_cx_tx_bytes_total", 2 * size)
    for name in ("inner", "upstream"):
        proxy.until_stat(f"cluster.{name}.upstream_cx_active", 0)
    proxy.until_stat("listener.envoy_internal_inner.downstream_cx_destroy", 2)


def test_upstream_speaks_first(pillion, serve):
    config = chain(b.tcp("inner"), internal.listener(b.tcp(name="in")),
                   [b.cluster(internal.to(), name="inner"), b.cluster(serve(lambda sock: sock.sendall(b"220 ready\r\n")).address)])
    connection = pillion(config).connect()
    assert connection.line() == "220 ready"
    assert connection.closed()


def test_resets_pass(pillion, serve):
    """A connection that is cut short on one side is never taken for one that ended, on the other."""
    ended = threading.Event()

    def script(sock):
        try:
            if sock.recv(100) == b"cut":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            while sock.recv(100):
                pass
        except ConnectionResetError:
            ended.set()

    config = chain(b.tcp("inner"), internal.listener(b.tcp(name="in")), [b.cluster(internal.to(), name="inner"), b.cluster(serve(script).address)])
    proxy = pillion(config)
    connection = proxy.connect()
    connection.send(b"cut")
    with pytest.raises(ConnectionResetError):
        while connection.socket.recv(100):
            pass
        raise AssertionError("an end")
    connection = proxy.connect()
    connection.send(b"a")
    proxy.until_stat("cluster.upstream.upstream_cx_active", 1)
    connection.abort()
    assert ended.wait(10)


def test_who_does_not_read_stops_the_others(pillion, serve):
    """All that waits has a bound, that of the pipe among it."""
    go_on = threading.Event()

    def script(sock):
        assert go_on.wait(30)
        count = 0
        while data := sock.recv(1 << 20):
            count += len(data)
        sock.sendall(b"%d" % count)

    config = b.bootstrap([b.listener(b.tcp("inner"), per_connection_buffer_limit_bytes=32768),
                          internal.listener(b.tcp(name="in"), per_connection_buffer_limit_bytes=32768)],
                         [b.cluster(internal.to(), name="inner"), b.cluster(serve(script).address)], **internal.allowed(buffer_size_kb=64))
    proxy = pillion(config)
    connection = proxy.connect()
    connection.socket.settimeout(2)
    sent, piece = 0, b"x" * (1 << 20)
    with pytest.raises(TimeoutError):
        while sent < 200 << 20:
            sent += connection.socket.send(piece)
    assert proxy.stat("tcp.tcp.downstream_cx_rx_bytes_total") - proxy.stat("tcp.in.downstream_cx_rx_bytes_total") <= 512 << 10
    go_on.set()
    connection.socket.settimeout(20)
    connection.socket.shutdown(socket.SHUT_WR)
    back = bytearray()
    connection.rest(back)
    assert int(back) == sent


def test_nobody_is_there(pillion, tmp_path):
    log = tmp_path / "log"
    text = "%RESPONSE_FLAGS% %UPSTREAM_HOST% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n"
    config = b.bootstrap([b.listener(b.http([b.route("nobody")], access_log=b.file_log(log, text=text))),
                          b.listener(b.tcp("nobody", access_log=b.file_log(log, text=text)), name="bytes")],
                         [b.cluster(internal.to("nobody", "x"), name="nobody")], **internal.allowed())
    proxy = pillion(config)
    answer = proxy.exchange(Request())
    assert answer.status == 503
    assert proxy.connect(listener="bytes").closed()
    proxy.until_stat("cluster.nobody.upstream_cx_connect_fail", 2)
    proxy.stop()
    lines = log.read_text().splitlines()
    assert lines[0].startswith("UF envoy://nobody/x ")
    assert lines[1].split()[0].split(",")[0] in ("UF", "URX") and "envoy://nobody/x" in lines[1]


def test_what_is_shown(pillion):
    config = chain(b.http([b.route("inner")]), internal.listener(b.http([b.direct(200, "in")], name="in")),
                   [b.cluster(internal.to("inner", "10.0.0.1:80"), internal.to(), name="inner")])
    proxy = pillion(config)
    for _ in range(2):
        assert proxy.exchange(Request()).body == b"in"
    assert "inner::envoy://inner/\n" in proxy.admin("/listeners")
    where = json.loads(proxy.admin("/listeners?format=json"))["listener_statuses"][1]["local_address"]
    assert where == {"envoy_internal_address": {"server_listener_name": "inner"}}
    assert "inner::envoy://inner/10.0.0.1:80::rq_total::1\n" in proxy.admin("/clusters")
    hosts = json.loads(proxy.admin("/clusters?format=json"))["cluster_statuses"][0]["host_statuses"]
    assert [host["address"]["envoy_internal_address"] for host in hosts] == [
        {"server_listener_name": "inner", "endpoint_id": "10.0.0.1:80"}, {"server_listener_name": "inner"}]
    dump = json.loads(proxy.admin("/config_dump?include_eds"))["configs"]
    listeners = next(part for part in dump if part["@type"].endswith("ListenersConfigDump"))["static_listeners"]
    assert next(one["listener"] for one in listeners if one["listener"]["name"] == "inner")["internal_listener"] == {}
    assert json.dumps(dump).count('"envoy_internal_address"') >= 2


def test_log_of_the_inner_one(pillion, tmp_path):
    """Who connects has no address, and no port."""
    log = tmp_path / "log"
    text = "|".join(f"%DOWNSTREAM_{what}%" for what in ("LOCAL_ADDRESS", "REMOTE_ADDRESS", "REMOTE_ADDRESS_WITHOUT_PORT", "DIRECT_REMOTE_ADDRESS"))
    inner = internal.listener(b.http([b.direct(200, "in")], name="in", use_remote_address=True,
                                     access_log=b.file_log(log, text=text + "|%REQ(x-forwarded-for)%\n")))
    proxy = pillion(chain(b.http([b.route("inner")], access_log=b.file_log(tmp_path / "outer", text="%UPSTREAM_HOST% %UPSTREAM_LOCAL_ADDRESS%\n")),
                          inner, [b.cluster(internal.to("inner", "10.0.0.1:80"), name="inner")]))
    assert proxy.exchange(Request(fields=[("x-forwarded-for", "192.0.2.1")])).status == 200
    proxy.stop()
    who = "envoy://internal_client_address/"
    assert log.read_text() == f"envoy://inner/10.0.0.1:80|{who}|{who}|{who}|192.0.2.1\n"
    assert (tmp_path / "outer").read_text() == f"envoy://inner/10.0.0.1:80 {who}\n"


def test_what_is_told(pillion, tmp_path):
    """Metadata of the host and the cluster, whole namespaces; of the filter state what is shared, and with whom."""
    first, second = tmp_path / "first", tmp_path / "second"
    text = "%DYNAMIC_METADATA(of.host)% %DYNAMIC_METADATA(of.cluster)% %FILTER_STATE(test.once:PLAIN)% %FILTER_STATE(test.on:PLAIN)% %FILTER_STATE(test.own:PLAIN)%\n"
    objects = [("test.once", "once %REQ(:path)%", "ONCE"), ("test.on", "on %REQ(:path)%", "TRANSITIVE"), ("test.own", "own", "NONE")]
    to_inner = internal.noting(b.cluster(internal.to("inner"), name="inner"), of__host={"a": {"b": ["c", 1, True, None]}, "d": "e"})
    to_inner["metadata"] = {"filter_metadata": {"of.cluster": {"name": "inner"}, "other": {"not": "told"}}}
    to_inner["transport_socket"] = internal.telling(("host", "of.host"), ("cluster", "of.cluster"), ("cluster", "absent"))
    to_last = {**b.cluster(internal.to("last"), name="last"), "transport_socket": internal.telling()}
    proxy = pillion(chain(
        b.http([b.route("inner")], http_filters=internal.filters(internal.state(*objects))),
        [internal.listener(b.http([b.route("last")], name="in", access_log=b.file_log(first, text=text))),
         internal.listener(b.http([b.direct(200, "told")], name="last", access_log=b.file_log(second, text=text)), name="last")],
        [to_inner, to_last]))
    connection = proxy.connect()
    for path in ("/1", "/2", "/1"):
        assert connection.exchange(Request(path=path)).body == b"told"
    connection.close()
    # Each connection is told what its requests are about, and serves no others.
    assert proxy.stat("cluster.inner.upstream_cx_total") == 2
    assert proxy.stat("cluster.inner.internal_upstream.no_metadata") == 2
    assert proxy.stat("cluster.last.internal_upstream.no_metadata") == 0
    proxy.stop()
    seen = [line.split(" ", 1) for line in first.read_text().splitlines()]
    for (host, rest), path in zip(seen, ("/1", "/2", "/1")):
        assert json.loads(host) == {"a": {"b": ["c", 1, True, None]}, "d": "e"}
        assert rest == '{"name":"inner"} once %s on %s -' % (path, path)
    assert second.read_text().splitlines() == [f"- - - on {path} -" for path in ("/1", "/2", "/1")]


def test_without_its_transport_socket_nothing_is_told(pillion, tmp_path):
    log = tmp_path / "log"
    to_inner = internal.noting(b.cluster(internal.to(), name="inner"), of__host={"a": "b"})
    inner = internal.listener(b.http([b.direct(200, "in")], name="in", access_log=b.file_log(log, text="%DYNAMIC_METADATA(of.host)% %FILTER_STATE(test.on:PLAIN)%\n")))
    proxy = pillion(chain(b.http([b.route("inner")], http_filters=internal.filters(internal.state(("test.on", "x", "TRANSITIVE")))), inner, [to_inner]))
    assert proxy.exchange(Request()).status == 200
    proxy.stop()
    assert log.read_text() == "- -\n"


def test_bytes_go_where_the_host_says(pillion, serve):
    """original_dst of an internal connection: what the metadata of the host has as `local`; each host its own."""
    servers = [serve(lambda sock, n=n: sock.sendall(b"server %d" % n)) for n in range(2)]
    clusters = [internal.original_dst()]
    for n, server in enumerate(servers):
        one = internal.noting(b.cluster(internal.to("inner", str(n)), name=f"to-{n}"),
                              envoy__filters__listener__original_dst={"local": "%s:%d" % server.address})
        clusters.append({**one, "transport_socket": internal.telling(("host", "envoy.filters.listener.original_dst"))})
    listeners = [b.listener(b.tcp(f"to-{n}", name=f"front-{n}"), name=f"front-{n}") for n in range(2)]
    inner = internal.listener(b.tcp(name="in"), listener_filters=[internal.original_dst_filter()])
    proxy = pillion(b.bootstrap([*listeners, inner], clusters, **internal.allowed()), concurrency=2)
    for n in (0, 1, 0, 1):
        back = bytearray()
        proxy.connect(listener=f"front-{n}").rest(back)
        assert back == b"server %d" % n
    assert proxy.stat("listener.envoy_internal_inner.downstream_cx_total") == 4


def test_addresses_that_filters_share(pillion, tmp_path, serve):
    """original_dst takes the address that was meant, and that of the client, from the filter state; nonsense is none."""
    log = tmp_path / "log"
    server = serve.h1(lambda request: Response(200, [], b"served"))
    objects = [("envoy.filters.listener.original_dst.local_ip", "%REQ(x-to)%", "ONCE"), ("envoy.filters.listener.original_dst.remote_ip", "%REQ(x-from)%", "ONCE")]
    inner = internal.listener(b.http(name="in", access_log=b.file_log(log, text="%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %RESPONSE_CODE%\n")),
                              listener_filters=[internal.original_dst_filter()])
    to_inner = {**b.cluster(internal.to(), name="inner"), "transport_socket": internal.telling()}
    proxy = pillion(chain(b.http([b.route("inner")], http_filters=internal.filters(internal.state(*objects))), inner, [to_inner, internal.original_dst()]))
    where = "%s:%d" % server.address
    assert proxy.exchange(Request(fields=[("x-to", where), ("x-from", "192.0.2.9:1234")])).body == b"served"
    assert proxy.exchange(Request(fields=[("x-to", "nonsense"), ("x-from", "192.0.2.9")])).status == 503
    proxy.stop()
    assert log.read_text() == f"{where} 192.0.2.9:1234 200\nenvoy://inner/ envoy://internal_client_address/ 503\n"


def test_tls_inside(pillion, ca, tmp_path):
    """TLS over an internal connection, with certificates on both sides; the inner listener tells chains apart by the name asked for."""
    log = tmp_path / "log"
    inner = internal.listener(b.http([b.direct(200, "no name")], name="in"),
                              listener_filters=[{"name": "tls_inspector", "typed_config": b.any_of("extensions.filters.listener.tls_inspector.v3.TlsInspector")}])
    named = b.http([b.direct(200, "by name")], name="named", access_log=b.file_log(log, text="%DOWNSTREAM_PEER_URI_SAN% %REQUESTED_SERVER_NAME%\n"))
    inner["filter_chains"].append({"filter_chain_match": {"server_names": ["a.test"]}, "filters": [named]})
    for one in inner["filter_chains"]:
        one["transport_socket"] = downstream(ca, validation=validation(ca))
    clusters = [{**b.cluster(internal.to(), name=name), "transport_socket": internal.telling(inner=upstream(ca, validation=validation(ca), **fields))}
                for name, fields in (("inner", {}), ("named", {"sni": "a.test"}))]
    proxy = pillion(chain(b.http([b.route("named", prefix="/named"), b.route("inner")]), inner, clusters), concurrency=2)
    assert proxy.exchange(Request()).body == b"no name"
    assert proxy.exchange(Request(path="/named")).body == b"by name"
    assert proxy.stat("listener.envoy_internal_inner.ssl.handshake") == 2
    proxy.stop()
    assert log.read_text() == "spiffe://td.test/ns/prod/sa/client a.test\n"


@pytest.mark.parametrize("concurrency", [2, 4])
def test_tunnels_of_a_mesh(pillion, serve, ca, concurrency):
    """HBONE: bytes go to a host by way of an internal listener, which puts them into a CONNECT over HTTP/2 with mutual TLS; at the other end
    a route ends it, and a second internal listener takes it to where the CONNECT said."""
    servers = [serve(internal.echo), serve(lambda sock: sock.sendall(b"the other one"))]
    end = pillion(internal.tunnel_end(ca), concurrency=concurrency)
    inner, tunnels = internal.tunnel_start(end.listeners["connect_terminate"], ca)
    listeners, clusters = [inner], [tunnels]
    for n, server in enumerate(servers):
        where = "%s:%d" % server.address
        one = internal.noting(b.cluster(internal.to("connect_originate", where), name=f"service-{n}"), envoy__filters__listener__original_dst={"local": where})
        clusters.append({**one, "transport_socket": internal.telling(("host", "envoy.filters.listener.original_dst"))})
        listeners.append(b.listener(b.tcp(f"service-{n}", name=f"service-{n}"), name=f"service-{n}"))
    start = pillion(b.bootstrap(listeners, clusters, **internal.allowed()), concurrency=concurrency)
    for size in (1, 100_000, 5 << 20):
        internal.both_ways(start.connect(listener="service-0"), b"x" * size)
    back = bytearray()
    start.connect(listener="service-1").rest(back)
    assert back == b"the other one"
    many = [start.connect(listener="service-0") for _ in range(20)]
    for number, connection in enumerate(many):
        connection.send(b"%03d" % number)
    for number, connection in enumerate(many):
        got = bytearray()
        connection.exactly(3, got)
        assert got == b"%03d" % number
        connection.close()
    for proxy, cluster, total in ((start, "tunnels", 24), (end, "main", 24)):
        proxy.until_stat(f"cluster.{cluster}.upstream_rq_total", total)
        proxy.until_stat(f"cluster.{cluster}.upstream_rq_active", 0)
    assert start.stat("cluster.tunnels.upstream_cx_total") <= concurrency
    end.until_stat("listener.envoy_internal_main_internal.downstream_cx_active", 0)
    assert end.stat("listener.envoy_internal_main_internal.downstream_cx_total") == 24


def test_tunnel_to_nowhere(pillion, ca, serve):
    """Who can't be reached at the far end: the client's connection ends, and each side says why."""
    end = pillion(internal.tunnel_end(ca))
    inner, tunnels = internal.tunnel_start(end.listeners["connect_terminate"], ca)
    where = f"127.0.0.1:{b.free_port()}"
    one = internal.noting(b.cluster(internal.to("connect_originate", where), name="service"), envoy__filters__listener__original_dst={"local": where})
    one["transport_socket"] = internal.telling(("host", "envoy.filters.listener.original_dst"))
    start = pillion(b.bootstrap([b.listener(b.tcp("service", name="service")), inner], [tunnels, one], **internal.allowed()))
    connection = start.connect()
    connection.send(b"hello")
    try:
        assert connection.closed()
    except ConnectionResetError:
        pass
    end.until_stat("cluster.upstream.upstream_cx_connect_fail", 1)
    start.until_stat("listener.envoy_internal_connect_originate.downstream_cx_active", 0)


def test_ends_with_its_clients(pillion, serve):
    """A drain does not wait for connections that nobody but the process itself keeps open."""
    server = serve(http1.serving(lambda request: Response(200, [], b"served")))
    config = chain(b.http([b.route("inner")]), internal.listener(b.tcp(name="in")), [b.cluster(internal.to(), name="inner"), b.cluster(server.address)])
    proxy = pillion(config, concurrency=2, arguments=["--drain-time-s", "60"])
    assert proxy.exchange(Request()).body == b"served"
    assert proxy.stat("listener.envoy_internal_inner.downstream_cx_active") == 1
    begun = time.monotonic()
    proxy.stop()
    assert time.monotonic() - begun < 20


def test_requests_that_are_in_flight_end_in_a_drain(pillion, serve):
    asked, go_on = threading.Event(), threading.Event()

    def answer(request):
        asked.set()
        assert go_on.wait(20)
        return Response(200, [], b"late")

    config = chain(b.http([b.route("inner")]), internal.listener(b.http(name="in")), [b.cluster(internal.to(), name="inner"), b.cluster(serve.h1(answer).address)])
    proxy = pillion(config, arguments=["--drain-time-s", "30"])
    connection = proxy.connect()
    connection.send_request(Request())
    assert asked.wait(10)
    proxy.process.terminate()
    until(lambda: proxy.stat("server.state") != 0, "the process drains")
    go_on.set()
    assert connection.read_response().body == b"late"
    proxy.stop()


def test_limit_of_connections(pillion):
    """Of the inner listener itself; that of the process is about clients."""
    config = chain(b.tcp("inner"), internal.listener(b.http([b.direct(200, "in")], name="in")), [b.cluster(internal.to(), name="inner")],
                   layered_runtime={"layers": [{"name": "limits", "static_layer": {
                       "envoy.resource_limits.listener.inner.connection_limit": 2, "overload.global_downstream_max_connections": 3}}]})
    proxy = pillion(config)
    connections = [proxy.connect() for _ in range(3)]
    answers = []
    for connection in connections:
        try:
            answers.append(connection.exchange(Request()).status)
        except (Broken, ConnectionError):
            answers.append("ended")
    assert answers == [200, 200, "ended"]
    assert proxy.stat("listener.envoy_internal_inner.downstream_cx_overflow") == 1
    assert proxy.stat("listener.envoy_internal_inner.downstream_global_cx_overflow") == 0


def test_a_listener_that_leads_to_itself(pillion):
    """Is bounded by the breaker of its cluster, and costs nobody else anything."""
    loop = {**b.cluster(internal.to(), name="loop"), "circuit_breakers": {"thresholds": [{"max_connections": 50}]}}
    proxy = pillion(b.bootstrap([b.listener(b.tcp("loop")), b.listener(b.http([b.direct(200, "alive")]), name="other"),
                                 internal.listener(b.tcp("loop", name="in"))], [loop], **internal.allowed()))
    connection = proxy.connect()
    connection.send(b"round")
    proxy.until_stat("cluster.loop.upstream_cx_total", 50)
    until(lambda: proxy.stat("cluster.loop.upstream_cx_overflow") >= 1, "the breaker is open")
    other = proxy.connect(listener="other")
    assert other.exchange(Request()).body == b"alive"
    other.close()
    connection.close()
    proxy.until_stat("cluster.loop.upstream_cx_active", 0)


REFUSED = [
    ({"bootstrap_extensions": []}, {}, "static_resources.listeners[1].internal_listener", "envoy.bootstrap.internal_listener"),
    ({}, {"address": b.address(("127.0.0.1", 1))}, "static_resources.listeners[1].address", "no socket"),
    ({}, {"enable_reuse_port": False}, "static_resources.listeners[1].enable_reuse_port", "no socket"),
    ({}, {"tcp_backlog_size": 5}, "static_resources.listeners[1].tcp_backlog_size", "no socket"),
    ({}, {"transparent": True}, "static_resources.listeners[1].transparent", "no socket"),
    ({}, {"name": ""}, "static_resources.listeners[1].name", "empty"),
]


def refusal(tmp_path, config):
    path = tmp_path / "bootstrap.json"
    path.write_text(json.dumps(config))
    result = run(["--mode", "validate", "-c", str(path)])
    assert result.returncode != 0
    return result.stdout


@pytest.mark.parametrize("whole,fields,place,text", REFUSED)
def test_refused(tmp_path, whole, fields, place, text):
    config = {**b.bootstrap([b.listener(b.http([b.direct(200)])), internal.listener(b.http([b.direct(200)], name="in"), **fields)]), **internal.allowed(), **whole}
    said = refusal(tmp_path, config)
    assert place in said and text in said


@pytest.mark.parametrize("change,text", [
    (lambda c: c["static_resources"]["listeners"][0].update(address=internal.to()), "only endpoints of clusters lead to internal listeners"),
    (lambda c: c["static_resources"]["clusters"][0].update(type="STRICT_DNS"), "expected a socket_address in a cluster of DNS names"),
    (lambda c: c["static_resources"]["clusters"][0].update(transport_socket=internal.telling(("request", "a"))), "expected host or cluster"),
    (lambda c: c["static_resources"]["clusters"][0].update(transport_socket=internal.telling(inner=internal.telling())), "a second InternalUpstreamTransport"),
    (lambda c: c.update(internal.allowed(buffer_size_kb=8193)), "buffer_size_kb"),
    (lambda c: c["static_resources"]["listeners"][0].pop("address"), "required")])
def test_addresses_that_are_refused(tmp_path, change, text):
    config = b.bootstrap([b.listener(b.http([b.route("inner")]))], [b.cluster(internal.to(), name="inner")], **internal.allowed())
    change(config)
    assert text in refusal(tmp_path, config)


def inner_resource(body, name="inner", **fields):
    return {"@type": p.TYPES["listeners"], **internal.listener(b.http([b.direct(200, body)], name=name), name=name, **fields)}


def test_comes_changes_and_goes(pushed):
    """By a control plane, while connections are open and pools keep theirs."""
    front = p.listener(b.http([b.route("inner")]))
    both = pushed(front, p.whole_cluster(internal.to(), name="inner"), run={"arguments": ["--drain-time-s", "1"]}, **internal.allowed())
    live = both.connect()
    assert live.exchange(Request()).status == 503
    both.change(inner_resource("one"))
    both.until_body(b"one", on=live)
    both.change(inner_resource("two"))
    both.until_body(b"two", on=live)
    assert "inner::envoy://inner/\n" in both.proxy.admin("/listeners")
    # With other statistics it is another one on the workers: connections to the former one drain.
    both.change(inner_resource("three", stat_prefix="other"))
    both.until_body(b"three", on=live)
    both.until_stat("listener_manager.total_listeners_draining", 0)
    assert both.stat("listener.other.downstream_cx_total") >= 1
    both.change(remove=[("listeners", "inner")])
    both.until_status(503)
    both.until_stat("listener_manager.total_listeners_draining", 0)
    both.change(inner_resource("again"))
    both.until_body(b"again", on=live)
    live.close()


def test_hosts_that_come_apart(pushed):
    """In an assignment."""
    both = pushed(p.listener(b.http([b.route("backend")])), p.cluster(), p.endpoints(*(p.host(internal.to("inner", name)) for name in "ab")),
                  inner_resource("in"), **internal.allowed())
    both.until_body(b"in")
    assert both.get().body == b"in"
    assert "backend::envoy://inner/a::" in both.proxy.admin("/clusters") and "backend::envoy://inner/b::" in both.proxy.admin("/clusters")
    dumped = json.dumps(both.dumped("EndpointsConfigDump"))
    assert '"server_listener_name": "inner"' in dumped and '"endpoint_id": "b"' in dumped


def test_pushed_without_the_extension(pushed):
    both = pushed(p.listener(b.http([b.direct(200, "front")])))
    assert "envoy.bootstrap.internal_listener" in both.refused(inner_resource("in"))
    assert both.get().body == b"front"
