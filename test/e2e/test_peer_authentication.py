"""The modes of peer authentication: who may come in plain, and who is counted."""

import socket
import ssl

import pytest

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority, pair, source
from peers.message import Broken, Request

TLS = "extensions.transport_sockets.tls.v3."
OWN = "type.googleapis.com/pillion.transport_sockets.peer_authentication.v1.PeerAuthentication"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("server", "client"):
        authority.issue(name)
    authority.issue("two", "URI:spiffe://td.test/a,URI:spiffe://td.test/b")
    return authority


def tls_context(ca, **validation):
    validation = validation or {"custom_validator_config": {"name": "envoy.tls.cert_validator.spiffe", "typed_config": b.any_of(
        TLS + "SPIFFECertValidatorConfig", trust_domains=[{"name": "td.test", "trust_bundle": source(ca.pem)}])}}
    return {"common_tls_context": {"tls_certificates": [pair(ca, "server")], "validation_context": validation}}


def listener(ca, **fields):
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": [
        {"header": {"key": "x-scheme", "value": "%REQ(:SCHEME)% %DOWNSTREAM_PEER_URI_SAN%"}}]}]
    made = b.listener(b.http(routes))
    made["filter_chains"][0]["transport_socket"] = {"name": "peers", "typed_config": {"@type": OWN, "tls": tls_context(ca), **fields}}
    return made


def plain(address):
    connection = http1.connect(address)
    try:
        return connection.exchange(Request("GET", "/", [("host", "a")]))
    except (ConnectionError, Broken):
        return None


def secured(address, ca, name="client"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(ca.pem)
    if name:
        context.load_cert_chain(ca.folder / f"{name}.pem", ca.folder / f"{name}.key")
    try:
        return http1.Connection(context.wrap_socket(socket.create_connection(address, 10))).exchange(Request("GET", "/", [("host", "a")]))
    except (ssl.SSLError, ConnectionError, Broken):
        return None


def counts(proxy):
    where = f"listener.{proxy.address[0]}_{proxy.address[1]}.peer_authentication."
    return proxy.stat(where + "mtls"), proxy.stat(where + "plain")


def test_strict(pillion, ca):
    proxy = pillion(b.bootstrap([listener(ca)]))
    assert secured(proxy.address, ca).get("x-scheme") == "https spiffe://td.test/ns/prod/sa/client"
    assert plain(proxy.address) is None
    assert secured(proxy.address, ca, None) is None, "a certificate is needed"
    assert secured(proxy.address, ca, "two") is None, "and it has to be an SVID"
    assert counts(proxy) == (1, 0)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_permissive(pillion, ca, concurrency):
    proxy = pillion(b.bootstrap([listener(ca, mode="PERMISSIVE")]), concurrency=concurrency)
    assert secured(proxy.address, ca).get("x-scheme") == "https spiffe://td.test/ns/prod/sa/client"
    assert plain(proxy.address).get("x-scheme") == "http"
    assert secured(proxy.address, ca, None) is None, "TLS without a certificate is neither"
    assert counts(proxy) == (1, 1)


def test_disable(pillion, ca):
    proxy = pillion(b.bootstrap([listener(ca, mode="DISABLE")]))
    assert plain(proxy.address).get("x-scheme") == "http"
    assert secured(proxy.address, ca) is None
    assert counts(proxy) == (0, 2)


def test_ports(pillion, ca):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = listener(ca, mode="DISABLE", port_modes={port: "STRICT"})
    made["additional_addresses"] = [{"address": b.address(("127.0.0.1", port))}]
    proxy = pillion(b.bootstrap([made]))
    assert plain(proxy.address).status == 200
    assert plain(("127.0.0.1", port)) is None
    assert secured(("127.0.0.1", port), ca).status == 200
