"""Which connections a listener takes, whose they become, and what is noted of them."""

import pathlib
import socket
import struct

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def stats_name(proxy):
    return f"listener.{proxy.address[0]}_{proxy.address[1]}"


def ended(connection):
    """True when the other side has closed it without a word."""
    connection.socket.settimeout(10)
    try:
        return connection.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def runtime(**values):
    return {"layered_runtime": {"layers": [{"name": "base", "static_layer": values}, {"name": "admin", "admin_layer": {}}]}}


@pytest.mark.parametrize("reuse_port", [True, False])
def test_exact_balance(pillion, serve, reuse_port):
    server = serve.h1(lambda request: Response(200, []))
    listener = b.listener(b.http()) | {"connection_balance_config": {"exact_balance": {}}, "enable_reuse_port": reuse_port}
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]), concurrency=3)
    connections = [proxy.connect() for _ in range(12)]
    for connection in connections:
        assert connection.exchange(Request()).status == 200
    for worker in range(3):
        proxy.until_stat(f"{stats_name(proxy)}.worker_{worker}.downstream_cx_active", 4)
        proxy.until_stat(f"{stats_name(proxy)}.worker_{worker}.downstream_cx_total", 4)
    for connection in connections:
        connection.close()
    proxy.until_stat(f"{stats_name(proxy)}.downstream_cx_active", 0)
    more = [proxy.connect() for _ in range(3)]
    for connection in more:
        assert connection.exchange(Request()).status == 200
    for worker in range(3):
        proxy.until_stat(f"{stats_name(proxy)}.worker_{worker}.downstream_cx_active", 1)


@pytest.mark.parametrize("key,counter", [("envoy.resource_limits.listener.in.connection_limit", "downstream_cx_overflow"),
                                         ("overload.global_downstream_max_connections", "downstream_global_cx_overflow")])
def test_connection_limit(pillion, serve, key, counter):
    server = serve.h1(lambda request: Response(200, []))
    listener = b.listener(b.http(), name="in")
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]) | runtime(**{key: 2}), concurrency=2)
    first, second = proxy.connect(), proxy.connect()
    assert first.exchange(Request()).status == second.exchange(Request()).status == 200
    assert ended(proxy.connect())
    proxy.until_stat(f"{stats_name(proxy)}.{counter}", 1)
    first.close()
    proxy.until_stat(f"{stats_name(proxy)}.downstream_cx_active", 1)
    third = proxy.connect()
    assert third.exchange(Request()).status == 200
    assert proxy.admin_response(f"/runtime_modify?{key}=3", "POST")[0] == 200
    assert proxy.connect().exchange(Request()).status == 200


def test_global_limit_that_a_listener_ignores(pillion, serve):
    server = serve.h1(lambda request: Response(200, []))
    listener = b.listener(b.http(), name="in") | {"ignore_global_conn_limit": True}
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)])
                    | runtime(**{"overload.global_downstream_max_connections": 0}))
    assert proxy.exchange(Request()).status == 200


def test_modify_only_listeners_do_not_drain(pillion, serve):
    server = serve.h1(lambda request: Response(200, []))
    for drain_type, close in (("MODIFY_ONLY", None), ("DEFAULT", "close")):
        listener = b.listener(b.http()) | {"drain_type": drain_type}
        proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]))
        assert proxy.admin_response("/healthcheck/fail", "POST")[0] == 200
        until(lambda: proxy.exchange(Request()).get("connection") == close, f"{drain_type} answers")
        assert proxy.admin_response("/ready")[0] == 503


def test_keepalive_of_a_listener(pillion, serve):
    """The system's timer of a connection that was accepted, as /proc/net/tcp has it: 2 is that of keepalive, then when, in 1/100 s."""
    server = serve.h1(lambda request: Response(200, []))
    proxy = pillion(b.bootstrap([b.listener(b.http()) | {"tcp_keepalive": {"keepalive_time": 500}}], [b.cluster(server.address)]))
    with socket.create_connection(proxy.address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert connection.recv(4) == b"HTTP"
        ends = [f"0100007F:{port:04X}" for port in (proxy.address[1], connection.getsockname()[1])]

        def waits_for_long():  # until the answer is acknowledged, the timer is that of sending it again
            rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
            timer, when = next(row[5] for row in rows if row[1:3] == ends).split(":")
            return timer == "02" and 40000 < int(when, 16) <= 50000
        until(waits_for_long, "the timer of 500 s")


def test_socket_options_that_the_system_refuses(pillion, serve):
    listener = b.listener(b.http()) | {"socket_options": [{"level": 1, "name": 9, "int_value": 1},
                                                          {"level": 1, "name": 9999, "int_value": 1, "state": "STATE_BOUND"}]}
    with pytest.raises(AssertionError) as refused:
        pillion(b.bootstrap([listener], [b.cluster(("127.0.0.1", 1))]))
    assert "socket_options[1]: level 1, name 9999: Protocol not available" in str(refused.value)


def proxy_header(tlvs, destination=("192.0.2.2", 80)):
    ends = socket.inet_aton("192.0.2.1") + socket.inet_aton(destination[0]) + struct.pack("!HH", 1234, destination[1])
    body = ends + b"".join(bytes([kind]) + struct.pack("!H", len(value)) + value for kind, value in tlvs)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(body)) + body


def test_tlvs_of_a_proxy_header(pillion, serve, tmp_path):
    """They are there for routes, for logs of requests and of connections."""
    server = serve.h1(lambda request: Response(200, []))
    rules = [{"tlv_type": 0xEA, "on_tlv_present": {"key": "vpc"}},
             {"tlv_type": 2, "on_tlv_present": {"metadata_namespace": "mine", "key": "authority"}}, {"tlv_type": 3}]
    matched = {"filter": "mine", "path": [{"key": "authority"}], "value": {"string_match": {"exact": "a.example"}}}
    routes = [{"match": {"prefix": "/", "dynamic_metadata": [matched]}, "direct_response": {"status": 201}},
              {"match": {"prefix": "/"}, "direct_response": {"status": 202}}]
    log = tmp_path / "log"
    text = "%RESPONSE_CODE% %DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:vpc)% %METADATA(DYNAMIC:mine)%\n"
    listener = b.listener(b.http(routes, access_log=b.file_log(log, text)))
    listener["listener_filters"] = [b.listener_filter("proxy_protocol", "ProxyProtocol", rules=rules)]
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]))
    for tlvs, status in (([(0xEA, b"vpc-\xff1"), (2, b"a.example"), (4, b"x")], 201), ([], 202)):
        connection = proxy.connect()
        connection.send(proxy_header(tlvs))
        assert connection.exchange(Request()).status == status
        assert connection.exchange(Request()).status == status
        connection.close()
    until(lambda: log.exists() and log.read_text().count("\n") == 4, "the lines of the log")
    assert log.read_text().splitlines() == ['201 vpc-!1 {"authority":"a.example"}'] * 2 + ["202 - -"] * 2


def test_lines_of_a_tcp_connection(pillion, serve, tmp_path):
    def script(sock):
        while data := sock.recv(100):
            sock.sendall(data)

    log = tmp_path / "log"
    options = {"flush_access_log_on_start": True, "flush_access_log_on_connected": True, "access_log_flush_interval": "0.2s"}
    tcp = b.tcp(access_log=b.file_log(log, "%ACCESS_LOG_TYPE% %BYTES_RECEIVED% %UPSTREAM_HOST%\n"), access_log_options=options)
    server = serve(script)
    proxy = pillion(b.bootstrap([b.listener(tcp)], [b.cluster(server.address)]))
    connection = proxy.connect()
    connection.send(b"12345")
    host = f"{server.address[0]}:{server.address[1]}"
    until(lambda: log.exists() and f"TcpPeriodic 5 {host}\n" in log.read_text(), "a line in between")
    connection.close()
    until(lambda: "TcpConnectionEnd" in log.read_text(), "the last line")
    lines = log.read_text().splitlines()
    assert lines[:2] == ["TcpConnectionStart 0 -", f"TcpUpstreamConnected 0 {host}"]
    assert lines[-1] == f"TcpConnectionEnd 5 {host}"


def test_tcp_goes_to_a_subset_by_hash(pillion, serve):
    """metadata_match chooses the hosts; hash_policy the one of them for a client."""
    def server(name):
        return serve(lambda sock: sock.sendall(name))

    servers = [server(name) for name in (b"a1", b"b1", b"b2", b"b3")]
    cluster = b.cluster(servers[0].address)
    endpoints = [{"endpoint": {"address": b.address(s.address)},
                  "metadata": {"filter_metadata": {"envoy.lb": {"stage": stage}}}} for s, stage in zip(servers, "abbb")]
    cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    cluster |= {"lb_policy": "MAGLEV", "lb_subset_config": {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["stage"]}]}}
    tcp = b.tcp(metadata_match={"filter_metadata": {"envoy.lb": {"stage": "b"}}}, hash_policy=[{"source_ip": {}}])
    proxy = pillion(b.bootstrap([b.listener(tcp)], [cluster]), concurrency=2)
    answers = set()
    for _ in range(8):
        back = bytearray()
        proxy.connect().rest(back)
        answers.add(bytes(back))
    assert len(answers) == 1 and answers < {b"b1", b"b2", b"b3"}


def test_tcp_goes_by_an_object_of_the_filter_state(pillion, serve):
    """hash_policy with filter_state: the same text, the same host; of several texts not all have one."""
    servers = [serve(lambda sock, name=b"%d" % number: sock.sendall(name)) for number in range(4)]
    listeners = []
    for text in "abcdefgh":
        value = {"object_key": "who", "factory_key": "envoy.hashable_string", "format_string": {"text_format_source": {"inline_string": text}}}
        state = {"name": "state", "typed_config": b.any_of("extensions.filters.network.set_filter_state.v3.Config", on_new_connection=[value])}
        made = b.listener(b.tcp(hash_policy=[{"filter_state": {"key": "who"}}]), name=text)
        made["filter_chains"][0]["filters"].insert(0, state)
        listeners.append(made)
    proxy = pillion(b.bootstrap(listeners, [b.cluster(*(server.address for server in servers), lb_policy="RING_HASH")]), concurrency=2)

    def host(text):
        back = bytearray()
        proxy.connect(listener=text).rest(back)
        return bytes(back)
    chosen = {text: {host(text) for _ in range(4)} for text in "abcdefgh"}
    assert all(len(hosts) == 1 for hosts in chosen.values()), chosen
    assert len(set.union(*chosen.values())) > 1


def test_connect_attempts_of_tcp(pillion, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    log = tmp_path / "log"
    tcp = b.tcp(max_connect_attempts=2, access_log=b.file_log(log, "%RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%\n"))
    proxy = pillion(b.bootstrap([b.listener(tcp)], [b.cluster(address)]))
    assert ended(proxy.connect())
    until(lambda: log.exists() and log.read_text(), "the line of the log")
    assert log.read_text() == "UF,URX 2\n"
    proxy.until_stat("cluster.upstream.upstream_cx_connect_attempts_exceeded", 1)
    proxy.until_stat("cluster.upstream.upstream_cx_connect_fail", 2)
