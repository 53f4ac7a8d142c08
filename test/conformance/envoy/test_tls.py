"""TLS on both sides: who is believed, what is said of it in the log, to upstream and in counters."""

import json
import socket
import ssl

from frame.case import Case, Cluster
from frame.check import alike, judge
from frame.client import outcome
from frame.tls import again_over_tls, digest, downstream, over_tls, serves_tls, upstream
from frame.write import adding, get, ok, route
from peers.bootstrap import any_of

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
NAMES = ("handshake", "connection_error", "session_reused", "no_certificate", "fail_verify_no_cert", "fail_verify_error", "fail_verify_san",
         "fail_verify_cert_hash", "versions.TLSv1.2", "versions.TLSv1.3")
STATS = tuple(f"l.ssl.{name}" for name in NAMES) + ("h.downstream_cx_ssl_total", "h.downstream_cx_ssl_active")
UP = tuple(f"c.ssl.{name}" for name in NAMES) + ("c.upstream_cx_connect_fail", "c.upstream_cx_total", "c.upstream_cx_http1_total", "c.upstream_cx_http2_total")


def tls(make, **manager):
    """A setting whose listener has this transport socket, and a line for each connection behind those of its requests."""
    def change(listener, log, folder):
        listener["filter_chains"][0]["transport_socket"] = make(folder)
        listener["access_log"] = log
        listener["listener_filters"] = [{"name": "envoy.filters.listener.tls_inspector", "typed_config": any_of(
            "extensions.filters.listener.tls_inspector.v3.TlsInspector")}]
    return {"change": change, **manager}


def mutual(required=True, **validation):
    return lambda folder: downstream(folder, validation=validation, require_client_certificate=required)


def named(kind, **matcher):
    return {"match_typed_subject_alt_names": [{"san_type": kind, "matcher": matcher}]}


def turned_away(connection, host):
    """The client says nothing until it has heard what becomes of the handshake: in TLS 1.3 it is over for the client before that."""
    try:
        return [outcome(None, "closed" if connection.closed() else "more bytes")]
    except ssl.SSLError as error:
        return [outcome(None, f"alert {error.reason}" if "ALERT" in error.reason else "broken off")]


def breaks_off(connection, host):
    """The client ends the connection without saying so in TLS."""
    connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    answer = outcome(connection.read_response())
    socket.socket.shutdown(connection.socket, socket.SHUT_WR)
    return [answer]


def case(name, over=None, setting="tls", lines=2, **more):
    # A connection's bytes count the digits of times, too; and for ciphers each has its own taste.
    ignored = more.pop("ignored", ()) + ("log.sent",) + (() if name == "tls-1.3" else ("log.down_tls_cipher",))
    return Case(name, setting=setting, over=over or over_tls(), stats=STATS, lines=lines, ignored=ignored, **more)


def refused(name, over=None, setting="mutual", **more):
    return case(name, over, setting, 1, client=turned_away, **more)


def deaf(sock, folder):
    """A server that never answers."""
    while sock.recv(65536):
        pass


def to(make, serve=None, protocol="h1", http_options=None, hostname="", fields=None):
    """A cluster with this transport socket. `protocol`: "auto h1": what the server chooses, and that is this one."""
    def change(config, addresses, folder):
        config["transport_socket"] = make(folder)
        config["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = hostname
        options = config["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
        if protocol.startswith("auto"):
            del options["explicit_http_config"]
            options["auto_config"] = {"http_protocol_options": {}, "http2_protocol_options": {}}
    return {"": Cluster(protocol.removeprefix("auto "), over=serve or serves_tls(), change=change, http_options=http_options or {}, fields=fields or {})}


def out(name, make, serve=None, protocol="h1", http_options=None, hostname="", fields=None, **more):
    return Case(name, clusters=to(make, serve, protocol, http_options, hostname, fields), stats=UP, **more)


NAMED = named("DNS", exact="server.test")
XFCC = get("/", ("x-forwarded-client-cert", "By=forged"))
AUTO = {"upstream_http_protocol_options": {"auto_sni": True, "auto_san_validation": True}}

CASES = [
    case("tls", over_tls("server.test")), case("tls-1.2", over_tls("server.test", version=V12)), case("tls-1.3", over_tls(version=V13)),
    case("tls-http2", over_tls("server.test", ["h2"]), protocol="h2"), case("tls-alpn-both", over_tls(None, ["http/1.1", "h2"]), protocol="h2"),
    case("tls-alpn-unknown", over_tls(None, ["x"])),
    refused("tls-plain-client", lambda sock, folder: (sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"), sock)[1], "tls"),
    refused("tls-old-client", over_tls(version=V12), "only13"),
    case("tls-without-end", client=breaks_off),
    case("tls-redirect", requests=[get("/a")], routes=[{"match": {"prefix": "/"}, "redirect": {"path_redirect": "/b"}}]),
    case("tls-operators-in-fields", over_tls("server.test", name="client"), "mutual", routes=[{**route(), "request_headers_to_add": [
        adding("x-peer", "%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_SUBJECT%"), adding("x-tls", "%DOWNSTREAM_TLS_VERSION%")]}]),
    case("tls-route-by-no-certificate", setting="optional", routes=[route(match={"prefix": "/", "tls_context": {"presented": True}})]),
    case("tls-required-of-virtual-host", vhost={"require_tls": "ALL"}), Case("tls-required-and-plain", [get("/a?b")], vhost={"require_tls": "ALL"}),

    case("tls-first-certificate", over_tls("server.test"), "two"), case("tls-second-certificate", over_tls("second.test"), "two"),
    case("tls-certificate-by-wildcard", over_tls("a.second.test"), "two"), case("tls-certificate-for-nobody", over_tls("nobody.test"), "two"),
    case("tls-certificate-without-name", over_tls(), "two"),
    case("tls-resumed", again_over_tls(V12), lines=3), case("tls-not-resumed", again_over_tls(V12), "stateless", lines=3),

    case("mutual-pinned", over_tls(name="client"), "pinned"), case("mutual-pinned-key", over_tls(name="client"), "pinnedkey"),
    refused("mutual-pinned-other", over_tls(name="other"), "pinned", ignored=("response.end",)), refused("mutual-pinned-key-other", over_tls(name="other"), "pinnedkey", ignored=("response.end",)),
    case("mutual-other-kind-of-name", over_tls(name="client"), "dns"), refused("mutual-name-of-other-kind", over_tls(name="other"), "dns"),
    case("mutual", over_tls(name="client"), "mutual"), case("mutual-1.2", over_tls(name="client", version=V12), "mutual"),
    case("mutual-optional", over_tls(), "optional"), case("mutual-optional-with", over_tls(name="client"), "optional"),
    refused("mutual-none"), refused("mutual-none-1.2", over_tls(version=V12)),
    refused("mutual-foreign", over_tls(name="foreign")), refused("mutual-foreign-1.2", over_tls(name="foreign", version=V12)),
    refused("mutual-expired", over_tls(name="expired")), refused("mutual-optional-foreign", over_tls(name="foreign"), "optional"),
    refused("mutual-other-name", over_tls(name="other"), "uri"), case("mutual-name", over_tls(name="client"), "uri"),
    case("mutual-name-by-prefix", over_tls(name="other"), "prefix"),
    case("mutual-require-sni", over_tls("server.test"), "sni"),
    case("mutual-sanitize", over_tls(name="client"), "sanitize", requests=[XFCC]), case("mutual-always", over_tls(name="client"), "always", requests=[XFCC]),

    out("to-tls", lambda folder: upstream(folder)), out("to-tls-verified", lambda folder: upstream(folder, validation=NAMED, sni="server.test")),
    out("to-tls-1.2", lambda folder: upstream(folder, validation={}), serves_tls(version=V12)),
    out("to-tls-http2", lambda folder: upstream(folder), serves_tls(alpn=["h2"]), "h2"),
    out("to-tls-mutual", lambda folder: upstream(folder, "client", validation={}), serves_tls(verifies=True)),
    out("to-tls-without-certificate", lambda folder: upstream(folder), serves_tls(verifies=True, version=V12)),
    out("to-tls-foreign-certificate", lambda folder: upstream(folder, "foreign"), serves_tls(verifies=True, version=V12)),
    out("to-tls-unknown-ca", lambda folder: upstream(folder, validation={}), serves_tls("foreign")),
    out("to-tls-other-name", lambda folder: upstream(folder, validation=named("DNS", exact="else.test"))),
    out("to-tls-expired", lambda folder: upstream(folder, validation={}), serves_tls("expired")),
    out("to-tls-expired-allowed", lambda folder: upstream(folder, validation={"allow_expired_certificate": True}), serves_tls("expired")),
    out("to-tls-wrong-use", lambda folder: upstream(folder, validation={}), serves_tls("clientonly")),
    out("to-tls-wildcard", lambda folder: upstream(folder, validation=named("DNS", exact="a.wild.test"))),
    out("to-tls-not-tls", lambda folder: upstream(folder), lambda sock, folder: sock if sock.recv(9) and sock.sendall(b"HTTP/1.1 400 Bad\r\n\r\n") else None),
    out("to-tls-plain-to-tls", lambda folder: {"name": "envoy.transport_sockets.raw_buffer", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}}),
    out("to-tls-auto-sni", lambda folder: upstream(folder, validation={}), http_options=AUTO, requests=[get(authority="server.test")], domains=("server.test",)),
    out("to-tls-auto-san-fails", lambda folder: upstream(folder, validation={}), http_options=AUTO),
    out("to-tls-sni", lambda folder: upstream(folder, sni="name.test"), serves_tls(asked_for="name.test")),
    out("to-tls-sni-other", lambda folder: upstream(folder, sni="name.test"), serves_tls(asked_for="other.test", version=V12)),
    out("to-tls-auto-sni-of-request", lambda folder: upstream(folder), serves_tls(asked_for="to-tls-auto-sni-of-request.test"),
        http_options={"upstream_http_protocol_options": {"auto_sni": True}}),
    out("to-tls-auto-host-sni", lambda folder: upstream(folder, auto_host_sni=True), serves_tls(asked_for="host.test"), hostname="host.test"),
    out("to-tls-alpn-http1", lambda folder: upstream(folder), serves_tls(alpn=["http/1.1"]), "auto h1"),
    out("to-tls-alpn-none", lambda folder: upstream(folder), serves_tls(), "auto h1"),
    out("to-tls-pinned", lambda folder: upstream(folder, validation={"verify_certificate_hash": [digest(folder, "server", "hash")]})),
    out("to-tls-pinned-other", lambda folder: upstream(folder, validation={"verify_certificate_hash": [digest(folder, "other", "hash")]})),
    out("to-tls-old-server", lambda folder: upstream(folder, params={"tls_minimum_protocol_version": "TLSv1_3"}), serves_tls(version=V12)),
    out("to-tls-silent", lambda folder: upstream(folder), deaf, fields={"connect_timeout": "0.2s"}),
    out("to-tls-resumed", lambda folder: upstream(folder, validation={}), serves_tls(version=V12), upstream=[ok(("connection", "close"))],
        requests=[get(), get(), get()]),
    out("to-tls-retried", lambda folder: upstream(folder, validation={}), serves_tls("foreign"),
        routes=[route(retry_policy={"retry_on": "connect-failure", "num_retries": 1, "retry_back_off": {"base_interval": "0.001s"}})]),
]
SETTINGS = {
    "tls": tls(lambda folder: downstream(folder, alpn=("h2", "http/1.1"))),
    "only13": tls(lambda folder: downstream(folder, params={"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"})),
    "mutual": tls(mutual()), "optional": tls(mutual(False)), "uri": tls(mutual(**named("URI", exact="spiffe://td.test/client"))),
    "prefix": tls(mutual(**named("URI", prefix="spiffe://td.test/"))),
    "two": tls(lambda folder: downstream(folder, "server", "second")), "stateless": tls(lambda folder: downstream(folder, disable_stateless_session_resumption=True)),
    "pinned": tls(lambda folder: mutual(verify_certificate_hash=[digest(folder, "client", "hash")])(folder)),
    "pinnedkey": tls(lambda folder: mutual(verify_certificate_spki=[digest(folder, "client", "spki")])(folder)), "dns": tls(mutual(**named("DNS", suffix=".test"))),
    "sni": tls(lambda folder: downstream(folder, require_sni=True)),
    "sanitize": tls(mutual(), forward_client_cert_details="SANITIZE"),
    "always": tls(mutual(), forward_client_cert_details="ALWAYS_FORWARD_ONLY"),
}
MORE_NAMES = ["GET /certs of TLS"]
OPERATORS = {
    **{f"down_{name.lower()}": f"%DOWNSTREAM_{name}%" for name in (
        "TLS_VERSION", "TLS_CIPHER", "TRANSPORT_FAILURE_REASON", "PEER_SUBJECT", "PEER_ISSUER", "PEER_SERIAL", "PEER_FINGERPRINT_256", "PEER_FINGERPRINT_1",
        "PEER_URI_SAN", "PEER_DNS_SAN", "PEER_CERT_V_START", "PEER_CERT_V_END", "LOCAL_URI_SAN", "LOCAL_SUBJECT", "LOCAL_DNS_SAN", "PEER_EMAIL_SAN", "LOCAL_EMAIL_SAN",
        "PEER_OTHERNAME_SAN", "PEER_CHAIN_FINGERPRINTS_256", "PEER_CHAIN_FINGERPRINTS_1", "PEER_CHAIN_SERIALS")},
    **{f"up_{name.lower()}": f"%UPSTREAM_{name}%" for name in (
        "TLS_VERSION", "PEER_SUBJECT", "PEER_ISSUER", "PEER_CERT_V_START", "LOCAL_URI_SAN", "PEER_URI_SAN", "PEER_DNS_SAN", "TRANSPORT_FAILURE_REASON",
        "TLS_GROUP", "SERVER_NAME")},
    "sni": "%REQUESTED_SERVER_NAME%",
}


def test_alike(pair, case):
    alike(pair, case)


def certificates_shown(text):
    """Each certificate once; the list of its names in order."""
    found = set()
    for entry in json.loads(text)["certificates"]:
        for kind in ("ca_cert", "cert_chain"):
            for shown in entry[kind]:
                shown["subject_alt_names"].sort(key=str)
                del shown["days_until_expiration"]  # another one when a day ends
                found.add(f"{kind} {json.dumps(shown, sort_keys=True)}")
    return sorted(found)


def test_certs(pair):
    judge("GET /certs of TLS", {name: {"status": status, "shown": certificates_shown(text)} for name, (status, _, text) in pair.admin("/certs").items()})
