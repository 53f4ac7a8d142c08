"""TLS contexts of bootstraps, clients of Python's ssl, and the certificates of both. The fixtures are for who imports them."""

import socket
import ssl

import pytest

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority, pair, source
from peers.message import Request

TLS = "extensions.transport_sockets.tls.v3."


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("server", "client", "other"):
        authority.issue(name)
    authority.issue("dns", "DNS:localhost,DNS:*.example.test")
    authority.issue("expired", days=-1)
    authority.issue("server-only", usage="serverAuth")
    authority.issue("two", "URI:spiffe://td.test/a,URI:spiffe://td.test/b")
    authority.issue("rsa", "DNS:rsa.example.test", rsa=True)
    return authority


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger").having("client")


def validation(ca, *uris):
    names = [{"san_type": "URI", "matcher": {"exact": uri}} for uri in uris]
    return {"trusted_ca": source(ca.pem), **({"match_typed_subject_alt_names": names} if names else {})}


def spiffe(**bundles):
    domains = [{"name": name.replace("_", "."), "trust_bundle": source(path)} for name, path in bundles.items()]
    return {"custom_validator_config": {"name": "envoy.tls.cert_validator.spiffe", "typed_config": b.any_of(
        TLS + "SPIFFECertValidatorConfig", trust_domains=domains)}}


def downstream(ca, *names, validation=None, required=True, alpn=("h2", "http/1.1"), params=None, **fields):
    common = {"tls_certificates": [pair(ca, name) for name in names or ("server",)], "alpn_protocols": list(alpn)}
    if validation:
        common["validation_context"] = validation
    if params:
        common["tls_params"] = params
    return {"name": "envoy.transport_sockets.tls", "typed_config": b.any_of(
        TLS + "DownstreamTlsContext", common_tls_context=common, require_client_certificate=bool(validation and required), **fields)}


def upstream(ca, name="client", validation=None, alpn=(), params=None, **fields):
    common = {"alpn_protocols": list(alpn)}
    if name:
        common["tls_certificates"] = [pair(ca, name)]
    if validation:
        common["validation_context"] = validation
    if params:
        common["tls_params"] = params
    return {"name": "envoy.transport_sockets.tls", "typed_config": b.any_of(TLS + "UpstreamTlsContext", common_tls_context=common, **fields)}


def listener(filter_, socket_, where=None, name="ingress", **fields):
    made = b.listener(filter_, where, name, **fields)
    made["filter_chains"][0]["transport_socket"] = socket_
    return made


def serving(pillion, socket_, routes=None, clusters=(), **manager):
    """One listener with TLS."""
    return pillion(b.bootstrap([listener(b.http(routes or [b.direct(200, "hello")], **manager), socket_)], clusters))


def context(ca, name=None, trust=True, authority=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    if trust:
        made.load_verify_locations(ca.pem)
    else:
        made.verify_mode = ssl.CERT_NONE
    if name:
        owner = authority or ca
        made.load_cert_chain(owner.folder / f"{name}.pem", owner.folder / f"{name}.key")
    return made


def connect(proxy, made, name=None):
    return made.wrap_socket(socket.create_connection(proxy.address, 10), server_hostname=name)


def get(sock, path="/"):
    connection = http1.Connection(sock)
    return connection.exchange(Request("GET", path, [("host", "a")]))


def alert_of(proxy, made):
    """What the client is told, in the handshake or instead of an answer."""
    with pytest.raises((ssl.SSLError, ConnectionResetError)) as error:
        sock = connect(proxy, made)
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(1) == b"", "an answer"
        raise ConnectionResetError("no alert")
    return str(error.value)


def ssl_stat(proxy, name):
    where = f"{proxy.address[0]}_{proxy.address[1]}"
    return proxy.stat(f"listener.{where}.ssl.{name}")
