"""TLS towards upstreams: what is offered, whose name is verified, and what checks of health see of it."""

import socket
import ssl

import pytest

from peers import bootstrap as b
from peers.certificates import Authority, pair, source
from peers.message import Request
from peers.wait import until

TLS = "extensions.transport_sockets.tls.v3."
CHECK = {"timeout": "2s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/"}}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("server", "client"):
        authority.issue(name)
    authority.issue("dns", "DNS:a.test,IP:127.0.0.1")
    return authority


def server(ca, filter_, name="dns", alpn=("h2", "http/1.1")):
    made = b.listener(filter_)
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(TLS + "DownstreamTlsContext", common_tls_context={
        "tls_certificates": [pair(ca, name)], "alpn_protocols": list(alpn)})}
    return made


def client(ca, **fields):
    return {"name": "tls", "typed_config": b.any_of(TLS + "UpstreamTlsContext", common_tls_context={
        "validation_context": {"trusted_ca": source(ca.pem)}}, **fields)}


def inner(pillion, ca, **more):
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": [
        {"header": {"key": "x-sees", "value": "%PROTOCOL% %REQUESTED_SERVER_NAME%"}}]}]
    return pillion(b.bootstrap([server(ca, b.http(routes), **more)]))


def outer(pillion, cluster, **more):
    return pillion(b.bootstrap([b.listener(b.http())], [cluster]), **more)


def speaking(cluster, options):
    """`cluster` with these options of its protocol."""
    cluster["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": b.any_of(
        "extensions.upstreams.http.v3.HttpProtocolOptions", **options)}
    return cluster


def ask(proxy, host="a.test"):
    return proxy.exchange(Request("GET", "/", [("host", host)]))


@pytest.mark.parametrize("http_options,protocol", [
    ({"explicit_http_config": {"http_protocol_options": {}}}, "HTTP/1.1"), ({"explicit_http_config": {"http2_protocol_options": {}}}, "HTTP/2"),
    ({"auto_config": {}}, "HTTP/2"), ({"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}, "HTTP/1.1")])
def test_what_is_offered(pillion, ca, http_options, protocol):
    """And checks speak their own protocol, whatever requests do."""
    proxy = outer(pillion, speaking(b.cluster(inner(pillion, ca).address, transport_socket=client(ca), health_checks=[CHECK]), http_options))
    proxy.until_stat("cluster.upstream.health_check.success", 1)
    assert ask(proxy).get("x-sees") == protocol
    assert proxy.stat("cluster.upstream.health_check.failure") == 0


def test_as_downstream_over_http2(pillion, ca):
    proxy = outer(pillion, b.cluster(inner(pillion, ca).address, protocol="downstream", transport_socket=client(ca)))
    assert proxy.exchange(Request("GET", "/", [("host", "a.test")]), protocol="h2").get("x-sees") == "HTTP/2"


@pytest.mark.parametrize("host,status", [("a.test", 200), ("A.TEST:80", 200), ("evil.test", 503), ("127.0.0.1:80", 200), ("10.1.2.3", 503),
                                         ("[::1]:80", 503)])
def test_the_certificate_is_of_the_host_that_is_asked_for(pillion, ca, host, status):
    proxy = outer(pillion, b.cluster(inner(pillion, ca).address, transport_socket=client(ca), http_options={
        "upstream_http_protocol_options": {"auto_sni": True, "auto_san_validation": True}}))
    assert ask(proxy, host).status == status


def test_a_host_without_a_name_to_verify(pillion, ca):
    proxy = outer(pillion, b.cluster(inner(pillion, ca).address, transport_socket=client(ca, auto_host_sni=True, auto_sni_san_validation=True)))
    assert ask(proxy).status == 503
    assert proxy.stat("cluster.upstream.ssl.fail_verify_san") >= 1


@pytest.mark.parametrize("hostname,healthy", [("a.test", True), ("b.test", False)])
def test_checks_verify_as_requests_do(pillion, ca, hostname, healthy):
    cluster = b.cluster(inner(pillion, ca).address, health_checks=[CHECK], transport_socket=client(ca, auto_host_sni=True, auto_sni_san_validation=True))
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = hostname
    proxy = outer(pillion, cluster)
    until(lambda: proxy.stat("cluster.upstream.health_check.attempt") > 0, "a check is over")
    proxy.until_stat("cluster.upstream.membership_healthy", 1 if healthy else 0)
    assert ask(proxy).status == (200 if healthy else 503)


def test_tcp_keeps_what_came_before_an_end_without_close_notify(pillion, ca, serve):
    """Many clients just close. The bytes that came are the stream's."""
    got = []

    def script(sock):
        data = b""
        while piece := sock.recv(65536):
            data += piece
        got.append(data)
    proxy = pillion(b.bootstrap([server(ca, b.tcp(), alpn=())], [b.cluster(serve(script).address)]))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(ca.pem)
    made.maximum_version = ssl.TLSVersion.TLSv1_2  # no tickets that nobody reads, which would make a reset of the end
    sock = made.wrap_socket(socket.create_connection(proxy.address, 10))
    sock.sendall(b"x" * 300_000)
    sock.close()
    until(lambda: got, "the upstream has seen the end")
    assert len(got[0]) == 300_000


@pytest.mark.parametrize("operator", ["SESSION_ID", "VERSION", "CIPHER"])
def test_logs_of_what_is_no_tls(pillion, ca, tmp_path, operator):
    log = tmp_path / "log"
    made = server(ca, b.tcp(), alpn=())
    made["access_log"] = b.file_log(log, f"%DOWNSTREAM_TLS_{operator}% %DOWNSTREAM_PEER_URI_SAN%\n")
    proxy = pillion(b.bootstrap([made], [b.cluster(("127.0.0.1", 9))]))
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    assert proxy.admin("/ready") == "LIVE\n"
