"""Secrets from a control plane (SDS): late ones, ones that change under load, bad ones, and a control plane that comes and goes."""

import json
import socket
import ssl

import grpc
import pytest

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority, source
from peers.certificates import pair as files
from peers.control_plane import ControlPlane, pair, trust
from peers.message import Request, Response
from peers.secured import answers, asking, connect, name_of
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path / "ca").having("one", "two", "client")


@pytest.fixture
def plane(tmp_path):
    made = ControlPlane(tmp_path / "sds.sock").start()
    yield made
    made.stop()


def sds(name, timeout="15s", **more):
    service = {"envoy_grpc": {"cluster_name": "sds"}, "initial_metadata": [{"key": "x-token", "value": "t0"}], "timeout": "10s"}
    source = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service], **more}
    return {"name": name, "sds_config": {"api_config_source": source, "initial_fetch_timeout": timeout, "resource_api_version": "V3"}}


def cluster(where, **fields):
    return b.cluster(where if isinstance(where, tuple) else str(where), protocol="h2", name="sds", **fields)


def serving(pillion, plane, *clusters, route=None, **more):
    """A listener whose certificate is "server"."""
    timeout = more.pop("timeout", "15s")
    common = {"tls_certificate_sds_secret_configs": [sds("server", timeout)], **more.pop("common", {})}
    made = {**b.listener(b.http([route or b.direct(200, "hello")], **more.pop("manager", {}))), **more.pop("listener", {})}
    made["filter_chains"][0]["transport_socket"] = {
        "name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common, **more.pop("fields", {}))}
    node = {"id": "me", "cluster": "us", "metadata": {"a": 1}}
    control = cluster(plane.address or plane.path, **more.pop("control", {}))
    return pillion({**b.bootstrap([made], [control, *clusters]), "node": node}, **more)


def test_the_first_secret(pillion, plane, ca):
    plane.publish(server=pair(ca, "one"))
    proxy = serving(pillion, plane)
    assert name_of(proxy, ca) == "one"
    plane.until_request(lambda request: request.version_info == "1" and request.response_nonce == "n1" and not request.HasField("error_detail"))
    first = plane.requests[0]
    assert list(first.resource_names) == ["server"] and first.type_url.endswith("tls.v3.Secret")
    assert (first.node.id, first.node.cluster, first.node.user_agent_name) == ("me", "us", "pillion")
    assert first.node.metadata["a"] == 1 and first.node.user_agent_build_version.HasField("version")
    assert (first.version_info, first.response_nonce) == ("", "")
    assert plane.requests[1].node.id == "me"  # in each, unless it is to be in the first alone
    assert plane.metadata["x-token"] == "t0"
    assert proxy.stat("sds.server.update_success") == 1 and proxy.stat("sds.server.update_attempt") == 2  # as Envoy counts
    assert proxy.stat("control_plane.connected_state") == 1
    assert json.loads(proxy.admin("/certs"))["certificates"][0]["cert_chain"][0]["path"] == "sds:sds/server"
    shown = next(section for section in json.loads(proxy.admin("/config_dump"))["configs"] if section["@type"].endswith("SecretsConfigDump"))
    secret = shown["dynamic_active_secrets"][0]
    assert (secret["name"], secret["version_info"]) == ("server", "1")
    assert "PRIVATE" not in proxy.admin("/config_dump") and secret["secret"]["tls_certificate"]["private_key"]["inline_bytes"]


def test_a_control_plane_behind_tls(pillion, ca, tmp_path):
    """Mutual TLS, by files; who is not the one that is meant is told nothing."""
    credentials = grpc.ssl_server_credentials([((ca.folder / "two.key").read_bytes(), (ca.folder / "two.pem").read_bytes())],
                                              ca.pem.read_bytes(), require_client_auth=True)
    plane = ControlPlane(tmp_path / "unused", credentials).start()

    def control(name):
        context = {"trusted_ca": source(ca.pem), "match_typed_subject_alt_names": [
            {"san_type": "URI", "matcher": {"exact": f"spiffe://td.test/ns/prod/sa/{name}"}}]}
        return {"transport_socket": {"name": "tls", "typed_config": b.any_of(_TLS + "UpstreamTlsContext", common_tls_context={
            "tls_certificates": [files(ca, "client")], "validation_context": context})}}

    try:
        plane.publish(server=pair(ca, "one"))
        assert name_of(serving(pillion, plane, control=control("two")), ca) == "one"
        calls = plane.calls
        refused = serving(pillion, plane, control=control("three"), timeout="0.3s")
        assert "CERTIFICATE_VERIFY_FAILED" in refused.log() and plane.calls == calls
    finally:
        plane.stop()


def test_half_of_its_life(pillion, plane, ca):
    ca.issue("old", days=-1)
    plane.publish(server=pair(ca, "old"))
    proxy = serving(pillion, plane)
    proxy.until_stat("tls.certificates_overdue", 1)
    plane.publish(server=pair(ca, "one"))
    proxy.until_stat("tls.certificates_overdue", 0)


def test_a_late_secret(pillion, plane, ca, tmp_path):
    """After the initial fetch timeout the listener listens, and closes who comes until the secret is there: J35."""
    log = tmp_path / "log"
    proxy = serving(pillion, plane, timeout="0.3s", listener={"access_log": b.file_log(log, "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%\n")})
    with pytest.raises((ssl.SSLError, OSError)):
        connect(proxy, ca)
    until(lambda: log.exists() and log.read_text().startswith("TLS_error:_Secret_is_not_supplied_by_SDS\n"), "the listener's log says why")
    with socket.create_connection(proxy.address, 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        try:
            assert plain.recv(100) == b""
        except ConnectionResetError:
            pass
    assert proxy.stat("sds.server.init_fetch_timeout") == 1
    stats = {line.split(": ")[0]: line.split(": ")[1] for line in proxy.admin("/stats?filter=not_ready").splitlines()}
    assert sum(int(value) for name, value in stats.items() if name.endswith("downstream_context_secrets_not_ready")) == 2
    assert "dynamic_warming_secrets" in proxy.admin("/config_dump")
    plane.publish(server=pair(ca, "one"))
    proxy.until_stat("tls.context_renewed", 1)
    assert name_of(proxy, ca) == "one"
    assert "secret server has not come in time" in proxy.log()


def test_rotation_under_load(pillion, plane, ca):
    """J26: no request fails, and who was there before stays."""
    plane.publish(server=pair(ca, "one"))
    proxy = serving(pillion, plane, concurrency=2)
    with asking(lambda: connect(proxy, ca)):
        for turn in range(10):
            before = proxy.stat("tls.context_renewed")
            name = "two" if turn % 2 == 0 else "one"
            plane.publish(server=pair(ca, name))
            proxy.until_stat("tls.context_renewed", before + 1)
            assert name_of(proxy, ca) == name
    assert proxy.stat("sds.server.update_rejected") == 0


def test_bad_updates(pillion, plane, ca):
    """J27, J28: they are refused with what is wrong, and the last good one stays; the good ones beside them are taken."""
    plane.publish(server=pair(ca, "one"), trust=trust(ca.pem))
    proxy = serving(pillion, plane, common={"validation_context_sds_secret_config": sds("trust")},
                    fields={"require_client_certificate": True})
    own = ca.folder / "client.pem", ca.folder / "client.key"

    def name():
        with connect(proxy, ca, own) as sock:
            assert answers(http1.Connection(sock))
            return dict(field[0] for field in sock.getpeercert()["subject"])["commonName"]

    assert name() == "one"
    plane.publish(server=pair(ca, "one", key="two"), trust=trust(ca.pem))
    refusal = plane.until_request(lambda request: request.HasField("error_detail"))
    assert (refusal.version_info, refusal.response_nonce) == ("1", "n2")
    assert '"server": tls_certificate.private_key' in refusal.error_detail.message
    assert "the private key is not that of the certificate" in refusal.error_detail.message
    plane.publish(server=pair(ca, "two"), trust=trust())
    refusal = plane.until_request(lambda request: request.HasField("error_detail") and request.response_nonce == "n3")
    assert '"trust": validation_context.trusted_ca' in refusal.error_detail.message and "expected certificates of CAs" in refusal.error_detail.message
    until(lambda: name() == "two", "the good one of that answer is used")
    assert proxy.stat("sds.server.update_rejected") == proxy.stat("sds.trust.update_rejected") == 1
    plane.publish(trust=trust(ca.pem))
    plane.until_request(lambda request: request.version_info == "4" and not request.HasField("error_detail"))
    assert name() == "two"


def test_a_control_plane_that_comes_and_goes(pillion, plane, ca):
    plane.publish(server=pair(ca, "one"))
    proxy = serving(pillion, plane)
    kept = http1.Connection(connect(proxy, ca))
    plane.stop()
    proxy.until_stat("control_plane.connected_state", 0)
    assert name_of(proxy, ca) == "one" and answers(kept)
    until(lambda: proxy.stat("sds.server.update_failure") >= 1, "a try has failed")
    plane.requests.clear()
    plane.publish(server=pair(ca, "two"))
    plane.start()
    again = plane.until_request(lambda request: True)
    assert (again.version_info, again.response_nonce, again.node.id) == ("1", "", "me")
    until(lambda: name_of(proxy, ca) == "two", "the new certificate is shown")
    assert answers(kept)


def test_upstream(pillion, plane, ca, serve, tmp_path):
    """Requests for a cluster without its secret are answered with 503, and nothing goes out; then they go through."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.folder / "two.pem", ca.folder / "two.key")
    context.load_verify_locations(ca.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    answer = http1.serving(lambda request: Response(200, [], b"hello"))
    plane.publish(server=pair(ca, "one"))
    server = serve(lambda sock: answer(context.wrap_socket(sock, server_side=True)))
    tls = b.any_of(_TLS + "UpstreamTlsContext", common_tls_context={
        "tls_certificate_sds_secret_configs": [sds("own", "0.3s")], "validation_context_sds_secret_config": sds("trust", "0.3s")})
    proxy = serving(pillion, plane, b.cluster(server.address, transport_socket={"name": "tls", "typed_config": tls}), route=b.route(),
                    manager={"access_log": b.file_log(tmp_path / "log", "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n")})
    connection = http1.Connection(connect(proxy, ca))
    refused = connection.exchange(Request("GET", "/", [("host", "a")]))
    assert refused.status == 503
    until(lambda: (tmp_path / "log").read_text().startswith("UF ") and "not_supplied_by_SDS" in (tmp_path / "log").read_text(), "the log says why")
    assert proxy.stat("cluster.upstream.client_ssl_socket_factory.upstream_context_secrets_not_ready") >= 1
    plane.publish(own=pair(ca, "client"), trust=trust(ca.pem))
    proxy.until_stat("cluster.upstream.client_ssl_socket_factory.ssl_context_update_by_sds", 1)
    assert answers(connection)
    assert server.accepted == 1
