"""TLS on both sides: openssl's client, curl and Python's ssl as peers; certificates are made here."""

import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from peers import bootstrap as b
from peers.certificates import source
from peers.message import Request, Response
from peers.proxy import run
from peers.tls import TLS, alert_of, ca, connect, context, downstream, get, listener, serving, spiffe, ssl_stat, stranger, upstream, validation  # noqa: F401
from peers.wait import until


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_mutual_tls(pillion, ca, tmp_path, version):
    log = tmp_path / "log"
    text = ("%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER% %DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_SUBJECT% "
            "%DOWNSTREAM_PEER_ISSUER% %DOWNSTREAM_LOCAL_URI_SAN% %DOWNSTREAM_PEER_FINGERPRINT_256% %REQUESTED_SERVER_NAME% "
            "%DOWNSTREAM_PEER_CERT_V_END% %DOWNSTREAM_PEER_CERT_V_END(%Y/%m/%d)%\n")
    proxy = serving(pillion, downstream(ca, validation=validation(ca), params={
        "tls_minimum_protocol_version": version, "tls_maximum_protocol_version": version}), access_log=b.file_log(log, text))
    made = context(ca, "client")
    sock = connect(proxy, made, "a.example.test")
    assert get(sock).body == b"hello"
    shown = version.replace("_", ".")
    assert sock.version() == shown
    sock.close()
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    words = log.read_text().split()
    assert words[0] == shown and "AES_128_GCM" in words[1].replace("-", "_").replace("AES128", "AES_128")
    assert words[2] == "spiffe://td.test/ns/prod/sa/client" and words[3] == "CN=client,O=test" and words[4] == "O=ca"
    assert words[5] == "spiffe://td.test/ns/prod/sa/server" and re.fullmatch("[0-9a-f]{64}", words[6]) and words[7] == "a.example.test"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", words[8])
    assert words[9] == words[8][:10].replace("-", "/")
    assert ssl_stat(proxy, "handshake") == 1 and ssl_stat(proxy, f"versions.{shown}") == 1
    assert proxy.stat("http.ingress.downstream_cx_ssl_total") == 1


@pytest.mark.parametrize("protocol,version", [("http1.1", "1.1"), ("http2", "2")])
def test_curl_and_alpn(pillion, ca, protocol, version):
    """ALPN chooses the codec; the scheme is https for whoever asks."""
    proxy = serving(pillion, downstream(ca, "dns"), routes=[
        {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "hello"}},
         "response_headers_to_add": [{"header": {"key": "x-scheme", "value": "%REQ(x-forwarded-proto)% %PROTOCOL%"}}]}])
    run = subprocess.run(["curl", "-sS", "-i", f"--{protocol}", "--cacert", ca.pem, f"https://localhost:{proxy.address[1]}/",
                          "--resolve", f"localhost:{proxy.address[1]}:127.0.0.1"], capture_output=True, text=True, timeout=20)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"HTTP/{version} 200") and f"x-scheme: https HTTP/{version}" in run.stdout.replace("HTTP/2\r", "HTTP/2\r")


def test_openssl_client(pillion, ca):
    proxy = serving(pillion, downstream(ca, validation=validation(ca)))
    run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.address[1]}", "-CAfile", ca.pem, "-cert",
                          ca.folder / "client.pem", "-key", ca.folder / "client.key", "-ign_eof", "-alpn", "http/1.1"],
                         input="GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", capture_output=True, text=True, timeout=20)
    assert "Verify return code: 0 (ok)" in run.stdout and "hello" in run.stdout and "ALPN protocol: http/1.1" in run.stdout


@pytest.mark.parametrize("arguments", [["-tls1_1"], ["-tls1"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-tls1_2", "-cipher", "aNULL"]])
def test_nothing_old(pillion, ca, arguments):
    """J16, J17."""
    proxy = serving(pillion, downstream(ca))
    arguments = [f"{word}:@SECLEVEL=0" if word in ("AES128-GCM-SHA256", "aNULL") else word for word in arguments]
    more = [] if "-cipher" in arguments else ["-cipher", "ALL:@SECLEVEL=0"]
    run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.address[1]}", *arguments, *more],
                         input="", capture_output=True, text=True, timeout=20)
    said = run.stdout + run.stderr
    assert ("alert protocol version" if "-tls1_2" not in arguments else "alert handshake failure") in said
    assert ssl_stat(proxy, "handshake") == 0
    proxy.until_stat(f"listener.127.0.0.1_{proxy.address[1]}.ssl.connection_error", 1)


@pytest.mark.parametrize("name,alert,counter", [
    (None, "CERTIFICATE_REQUIRED", "fail_verify_no_cert"),
    ("expired", "CERTIFICATE_EXPIRED", "fail_verify_error"),
    ("server-only", "UNSUPPORTED_CERTIFICATE", "fail_verify_error"),
    ("stranger", "UNKNOWN_CA", "fail_verify_error"),
    ("other", "BAD_CERTIFICATE", "fail_verify_san"),
])
def test_clients_that_are_refused(pillion, ca, stranger, serve, tmp_path, name, alert, counter):
    """J1, J2, J8, J15: the alert says why, nothing reaches the upstream, the listener's log names rule and value."""
    server = serve.h1(lambda request: Response(200))
    log = tmp_path / "log"
    made = listener(b.http(), downstream(ca, validation=validation(ca, "spiffe://td.test/ns/prod/sa/client")))
    made["access_log"] = b.file_log(log, "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%\n")
    proxy = pillion(b.bootstrap([made], [b.cluster(server.address)]))
    owner = stranger if name == "stranger" else ca
    told = alert_of(proxy, context(ca, "client" if name == "stranger" else name, authority=owner))
    assert alert.lower().replace("_", "") in told.lower().replace("_", "").replace(" ", ""), told
    assert ssl_stat(proxy, counter) == 1 and ssl_stat(proxy, "handshake") == 0
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 0
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    assert log.read_text().startswith("TLS_error:|2684")


@pytest.mark.parametrize("name,says", [("client", None), ("two", "exactly_one_URI"), ("dns", "exactly_one_URI")])
def test_spiffe_validator(pillion, ca, tmp_path, name, says):
    """J4, J5: the rules of SVIDs hold where a SPIFFE validator does."""
    log = tmp_path / "log"
    made = listener(b.http([b.direct(200, "hello")]), downstream(ca, validation=spiffe(td_test=ca.pem)))
    made["access_log"] = b.file_log(log, "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%\n")
    proxy = pillion(b.bootstrap([made]))
    if says is None:
        assert get(connect(proxy, context(ca, name))).body == b"hello"
        return
    alert_of(proxy, context(ca, name))
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    assert says in log.read_text()


def test_sessions_are_resumed(pillion, ca):
    proxy = serving(pillion, downstream(ca, validation=validation(ca)))
    made = context(ca, "client")
    first = connect(proxy, made)
    assert get(first).status == 200
    second = made.wrap_socket(socket.create_connection(proxy.address, 10), session=first.session)
    assert get(second).status == 200 and second.session_reused
    assert ssl_stat(proxy, "session_reused") == 1


def test_plain_text_on_a_tls_port(pillion, ca):
    """J31: nothing in clear."""
    proxy = serving(pillion, downstream(ca))
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    got = bytearray()
    connection.rest(got)
    assert b"HTTP" not in got
    assert ssl_stat(proxy, "connection_error") == 1


def test_many_half_open_handshakes(pillion, ca):
    """J30: others are served meanwhile."""
    proxy = serving(pillion, downstream(ca))
    silent = [socket.create_connection(proxy.address) for _ in range(300)]
    assert get(connect(proxy, context(ca))).body == b"hello"
    for sock in silent:
        sock.close()


def test_handshake_timeout(pillion, ca):
    made = listener(b.http([b.direct(200)]), downstream(ca))
    made["filter_chains"][0]["transport_socket_connect_timeout"] = "0.2s"
    proxy = pillion(b.bootstrap([made]))
    sock = socket.create_connection(proxy.address, 10)
    assert sock.recv(1) == b""


@pytest.mark.parametrize("downstream_version", ["TLSv1_2", "TLSv1_3"])
def test_a_hop(pillion, ca, tmp_path, downstream_version):
    """Two proxies and mutual TLS between them; ALPN carries HTTP/1 as HTTP/2."""
    log = tmp_path / "log"
    inner = pillion(b.bootstrap([listener(b.http([b.direct(200, "inner")]), downstream(
        ca, validation=validation(ca, "spiffe://td.test/ns/prod/sa/client")))]))
    params = {"tls_minimum_protocol_version": downstream_version, "tls_maximum_protocol_version": downstream_version}
    where = b.cluster(inner.address, transport_socket=upstream(
        ca, validation=validation(ca, "spiffe://td.test/ns/prod/sa/server"), params=params, sni="inner.test"))
    where["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = b.any_of(
        "extensions.upstreams.http.v3.HttpProtocolOptions", auto_config={})
    text = "%UPSTREAM_PROTOCOL% %UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_LOCAL_URI_SAN%\n"
    outer = pillion(b.bootstrap([b.listener(b.http(access_log=b.file_log(log, text)))], [where]))
    for _ in range(3):
        answer = outer.exchange(Request("GET", "/", [("host", "a")]))
        assert answer.body == b"inner"
    until(lambda: log.exists() and log.read_text().count("\n") == 3, "three lines")
    assert log.read_text().splitlines() == [f"HTTP/2 {downstream_version.replace('_', '.')} spiffe://td.test/ns/prod/sa/server "
                                            "spiffe://td.test/ns/prod/sa/client"] * 3
    assert outer.stat("cluster.upstream.ssl.handshake") == 1 and outer.stat("cluster.upstream.upstream_cx_http2_total") == 1


def test_an_upstream_with_another_identity(pillion, ca, tmp_path):
    """J32: 503, UF, and not a byte of the request is sent."""
    inner = pillion(b.bootstrap([listener(b.http([b.direct(200)]), downstream(ca, validation=validation(ca)))]))
    log = tmp_path / "log"
    text = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n"
    outer = pillion(b.bootstrap([b.listener(b.http(access_log=b.file_log(log, text)))], [b.cluster(
        inner.address, transport_socket=upstream(ca, validation=validation(ca, "spiffe://td.test/ns/prod/sa/other")))]))
    assert outer.exchange(Request("GET", "/", [("host", "a")])).status == 503
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    flag, details, reason = log.read_text().split(" ", 2)
    assert flag == "UF"
    assert details.startswith("upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435581:SSL_routines:")
    assert reason.startswith("TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED")
    assert outer.stat("cluster.upstream.ssl.fail_verify_san") >= 1
    assert inner.stat("http.ingress.downstream_rq_total") == 0


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_an_upstream_that_refuses_us(pillion, ca, stranger, tmp_path, version):
    """The caller's log says so, whose certificate it was, and by which alert; in TLS 1.3 that comes behind the request."""
    inner = pillion(b.bootstrap([listener(b.http([b.direct(200)]), downstream(ca, validation=validation(stranger)))]))
    log = tmp_path / "log"
    text = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n"
    outer = pillion(b.bootstrap([b.listener(b.http(access_log=b.file_log(log, text)))], [b.cluster(
        inner.address, transport_socket=upstream(ca, validation=validation(ca), params={
            "tls_minimum_protocol_version": version, "tls_maximum_protocol_version": version}))]))
    assert outer.exchange(Request("GET", "/", [("host", "a")])).status == 503
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    flag, details, reason = log.read_text().rstrip("\n").split(" ", 2)
    why = {"TLSv1_2": ("UF", "remote_connection_failure"), "TLSv1_3": ("UC", "connection_termination")}[version]
    assert (flag, details) == (why[0], f"upstream_reset_before_response_started{{{why[1]}|{reason}}}")
    assert reason.endswith(r'_ALERT_UNKNOWN_CA:the_peer_refused_our_certificate,_of_\"spiffe://td.test/ns/prod/sa/client\":TLS_error_end')
    assert inner.stat("http.ingress.downstream_rq_total") == 0


def test_prometheus_labels(pillion, ca):
    """What TLS agreed on, and whose certificates end when, by Envoy's labels."""
    inner = pillion(b.bootstrap([listener(b.http([b.direct(200)]), downstream(ca, validation=validation(ca)))]))
    outer = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(inner.address, transport_socket=upstream(ca, validation=validation(ca)))]))
    assert outer.exchange(Request("GET", "/", [("host", "a")])).status == 200
    where = f'envoy_listener_address="{inner.address[0]}_{inner.address[1]}"'
    lines = inner.admin("/stats/prometheus").splitlines()
    assert f'envoy_listener_ssl_versions{{envoy_ssl_version="TLSv1.2",{where}}} 1' in lines
    assert f'envoy_listener_ssl_sigalgs{{envoy_ssl_sigalg="ecdsa_secp256r1_sha256",{where}}} 1' in lines
    assert f'envoy_listener_ssl_curves{{envoy_ssl_curve="X25519",{where}}} 1' in lines
    ends = {line.split('"')[1]: int(line.split()[-1]) for line in lines if line.startswith("envoy_listener_ssl_certificate_expiration_unix_time_seconds{")}
    assert sorted(ends) == ["unnamed_ca_cert_e3b0c442", "unnamed_cert_e3b0c442"] and min(ends.values()) > time.time()
    said = outer.admin("/stats/prometheus")
    assert re.search(r'^envoy_cluster_ssl_ciphers\{cipher_suite="[A-Z0-9-]+",envoy_cluster_name="upstream"\} 1$', said, re.M)
    assert 'envoy_cluster_ssl_sigalgs{envoy_ssl_sigalg="ecdsa_secp256r1_sha256",envoy_cluster_name="upstream"} 1' in said


def test_truncation(pillion, ca, serve):
    """J33: an upstream that ends without close_notify in mid body has not ended well."""
    def script(sock):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(ca.folder / "server.pem", ca.folder / "server.key")
        secured = made.wrap_socket(sock, server_side=True)
        secured.recv(65536)
        secured.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        secured.detach_socket = secured.detach()
        socket.socket(fileno=secured.detach_socket).close()

    outer = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(serve(script).address, transport_socket=upstream(
        ca, None, validation(ca)))]))
    connection = outer.connect()
    connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    got = bytearray()
    try:
        connection.rest(got)
    except ConnectionResetError:
        pass
    assert b"half of it" in got and not got.endswith(b"0\r\n\r\n")


def test_tcp_over_tls(pillion, ca, serve):
    def echo(sock):
        while data := sock.recv(65536):
            sock.sendall(data)
    server = serve(echo)
    proxy = pillion(b.bootstrap([listener(b.tcp(), downstream(ca, validation=validation(ca)))], [b.cluster(server.address)]))
    sock = connect(proxy, context(ca, "client"))
    data = bytes(range(256)) * 4000
    sock.sendall(data)
    got = b""
    while len(got) < len(data):
        got += sock.recv(65536)
    assert got == data
    alert_of(proxy, context(ca))
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 1


def test_health_checks_use_tls(pillion, ca):
    inner = pillion(b.bootstrap([listener(b.http([b.direct(200)]), downstream(ca, validation=validation(ca)))]))
    check = {"timeout": "2s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/"}}
    outer = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(
        inner.address, health_checks=[check], transport_socket=upstream(ca, validation=validation(ca)))]))
    outer.until_stat("cluster.upstream.health_check.success", 1)
    assert outer.exchange(Request("GET", "/", [("host", "a")])).status == 200


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_head_in_front_of_tls(pillion, ca, version):
    """The PROXY protocol names the client, then comes TLS; of health checks it says that they are nobody's."""
    inside = b.listener(b.http([{"match": {"prefix": "/"}, "direct_response": {
        "status": 200, "body": {"inline_string": ""}, "body_format": {"text_format": "%DOWNSTREAM_REMOTE_ADDRESS%"}}}]))
    inside["filter_chains"][0]["transport_socket"] = downstream(ca, validation=validation(ca))
    inside["listener_filters"] = [{"name": "proxy", "typed_config": b.any_of("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")}]
    inner = pillion(b.bootstrap([inside]))
    check = {"timeout": "2s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/"}}
    wrapped = {"name": "proxy", "typed_config": b.any_of(
        "extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport", config={"version": version},
        transport_socket=upstream(ca, validation=validation(ca)))}
    outer = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(inner.address, health_checks=[check], transport_socket=wrapped)]))
    outer.until_stat("cluster.upstream.health_check.success", 1)
    connection = outer.connect()
    host, port = connection.socket.getsockname()
    for _ in range(2):
        assert connection.exchange(Request()).body == f"{host}:{port}".encode()
    connection.close()
    assert outer.stat("cluster.upstream.upstream_cx_total") == 1


@pytest.mark.parametrize("fields", [
    {"private_key": "OPENSESAME"}, {"private_key": {"inline_bytes": "OPENSESAME*"}}, {"password": "OPENSESAME"}, {"password": ["OPENSESAME"]},
    {"private_key": {"inline_string": ["OPENSESAME"]}}, {"private_key": {"inline_string": "OPENSESAME"}}])
def test_keys_that_do_not_belong_there(ca, tmp_path, fields):
    """M24: what is wrong with a key is said, but not the key."""
    made = listener(b.http([b.direct(200)]), downstream(ca))
    made["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]["tls_certificates"][0].update(fields)
    config = tmp_path / "bootstrap.json"
    config.write_text(json.dumps(b.bootstrap([made])), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1 and f"tls_certificates[0].{next(iter(fields))}" in result.stdout and "OPENSESAME" not in result.stdout


def test_secrets_by_name(pillion, ca):
    """And nobody sees the key in /config_dump."""
    made = {"name": "tls", "typed_config": b.any_of(TLS + "DownstreamTlsContext", common_tls_context={
        "tls_certificate_sds_secret_configs": [{"name": "own"}],
        "combined_validation_context": {"default_validation_context": {"match_subject_alt_names": [{"prefix": "spiffe://td.test/"}]},
                                        "validation_context_sds_secret_config": {"name": "trust"}}}, require_client_certificate=True)}
    key = (ca.folder / "server.key").read_text()
    config = b.bootstrap([listener(b.http([b.direct(200, "hello")]), made)])
    config["static_resources"]["secrets"] = [
        {"name": "own", "tls_certificate": {"certificate_chain": source(ca.folder / "server.pem"), "private_key": {"inline_string": key}}},
        {"name": "trust", "validation_context": validation(ca)}]
    proxy = pillion(config)
    assert get(connect(proxy, context(ca, "client"))).body == b"hello"
    dump = proxy.admin("/config_dump")
    assert "[redacted]" in dump and key.splitlines()[1] not in dump and "PRIVATE KEY" not in dump
    alert_of(proxy, context(ca))


def test_certificates_in_use(pillion, ca):
    proxy = serving(pillion, downstream(ca, validation=validation(ca)))
    shown = json.loads(proxy.admin("/certs"))["certificates"]
    assert len(shown) == 1
    (own,), (trusted,) = shown[0]["cert_chain"], shown[0]["ca_cert"]
    assert own["path"] == str(ca.folder / "server.pem") and trusted["path"] == str(ca.pem)
    assert own["subject_alt_names"] == [{"uri": "spiffe://td.test/ns/prod/sa/server"}]
    assert int(own["days_until_expiration"]) in (0, 1) and own["serial_number"] and own["valid_from"] < own["expiration_time"]


def test_another_protocol_than_agreed(pillion, ca):
    """J22: what the handshake agreed on is what is spoken."""
    proxy = serving(pillion, downstream(ca))
    made = context(ca)
    made.set_alpn_protocols(["h2"])
    sock = connect(proxy, made)
    sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    got = b""
    while data := sock.recv(65536):
        got += data
    assert b"hello" not in got and proxy.stat("http.ingress.downstream_rq_total") == 0


def test_no_early_data(pillion, ca, tmp_path):
    """J24."""
    proxy = serving(pillion, downstream(ca))
    session = tmp_path / "session"
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.address[1]}", "-tls1_3"]
    request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    subprocess.run([*command, "-sess_out", session, "-ign_eof"], input=request, capture_output=True, text=True, timeout=20)
    early = tmp_path / "early"
    early.write_text(request)
    run = subprocess.run([*command, "-sess_in", session, "-early_data", early], input="", capture_output=True, text=True, timeout=20)
    assert "Early data was not sent" in run.stdout


def test_key_logs_are_refused(pillion, ca, tmp_path):
    made = downstream(ca)
    made["typed_config"]["common_tls_context"]["key_log"] = {"path": str(tmp_path / "keys")}
    config = tmp_path / "bootstrap.json"
    config.write_text(json.dumps(b.bootstrap([listener(b.http([b.direct(200)]), made)])), encoding="utf-8")
    for more in ([], ["--allow-unknown-static-fields"], ["--ignore-unknown-dynamic-fields"]):
        result = run(["--mode", "validate", "-c", str(config), *more])
        assert result.returncode == 1 and "key_log: is refused, for whoever has that file" in result.stdout


def test_certificates_of_bundles_say_where_they_are_from(pillion, ca, stranger):
    both = spiffe(td_test=ca.pem, other_test=stranger.pem)
    both["custom_validator_config"]["typed_config"]["trust_domains"].append(
        {"name": "third.test", "trust_bundle": {"inline_string": ca.pem.read_text()}})
    proxy = serving(pillion, downstream(ca, validation=both))
    shown = json.loads(proxy.admin("/certs"))["certificates"][0]["ca_cert"]
    assert sorted(item["path"] for item in shown) == sorted([str(ca.pem), str(stranger.pem), "<inline>"])
