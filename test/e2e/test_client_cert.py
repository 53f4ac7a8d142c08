"""x-forwarded-client-cert: what the upstream is told of a client's certificate, in each mode."""

import hashlib
import socket
import ssl
import urllib.parse

import pytest

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority, pair, source
from peers.message import Request, Response
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."
OTHERS = "By=spiffe://td.test/edge;Hash=00"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    authority.issue("server")
    authority.issue("client", "URI:spiffe://td.test/client,DNS:a.test,DNS:b.test")
    authority.issue("odd", "URI:odd:a;URI=spiffe://td.test/admin")
    authority.issue("nameless", "DNS:a.test")
    authority.issue("person", "email:person@a.test,otherName:1.2.3.4;UTF8:someone")
    return authority


@pytest.fixture
def seen(pillion, ca, serve):
    """What the upstream sees of the field: seen(mode, details, client's certificate, what the client says)."""
    def ask(mode, details=None, name=None, said=()):
        heads = []
        def answer(request):
            heads.append([value for field, value in request.fields if field == "x-forwarded-client-cert"])
            return Response(200)
        server = serve.h1(answer)
        common = {"tls_certificates": [pair(ca, "server")],
                  "validation_context": {"trusted_ca": source(ca.pem)}}
        made = b.listener(b.http(forward_client_cert_details=mode, **({"set_current_client_cert_details": details} if details else {})))
        made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common)}
        proxy = pillion(b.bootstrap([made], [b.cluster(server.address)]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(ca.pem)
        if name:
            context.load_cert_chain(ca.folder / f"{name}.pem", ca.folder / f"{name}.key")
        connection = http1.Connection(context.wrap_socket(socket.create_connection(proxy.address, 10)))
        for _ in range(2):
            fields = [("host", "a"), *(("x-forwarded-client-cert", value) for value in said)]
            assert connection.exchange(Request("GET", "/", fields)).status == 200
        assert heads[0] == heads[1]
        return heads[0]
    return ask


def element(ca, name="client"):
    der = ssl.PEM_cert_to_DER_cert((ca.folder / f"{name}.pem").read_text())
    return f"By=spiffe://td.test/ns/prod/sa/server;Hash={hashlib.sha256(der).hexdigest()}"


@pytest.mark.parametrize("mode", ["FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "SANITIZE"])
def test_without_a_certificate_it_is_taken_away(seen, mode):
    assert seen(mode, said=[OTHERS]) == []


@pytest.mark.parametrize("mode,others,is_said", [
    ("SANITIZE", False, False), ("FORWARD_ONLY", True, False), ("APPEND_FORWARD", True, True), ("SANITIZE_SET", False, True),
    ("ALWAYS_FORWARD_ONLY", True, False)])
def test_modes(seen, ca, mode, others, is_said):
    expected = ",".join([*([OTHERS] if others else []), *([element(ca)] if is_said else [])])
    assert seen(mode, name="client", said=[OTHERS]) == ([expected] if expected else [])


def test_details(seen, ca):
    encoded, issuer = (urllib.parse.quote((ca.folder / f"{name}.pem").read_text(), safe="-") for name in ("client", "ca"))
    (value,) = seen("SANITIZE_SET", {"subject": True, "uri": True, "dns": True, "cert": True, "chain": True}, "client")
    assert value == (f'{element(ca)};Cert="{encoded}";Chain="{encoded}{issuer}";Subject="CN=client,O=test";'
                     "URI=spiffe://td.test/client;DNS=a.test;DNS=b.test")


def test_a_certificate_without_a_uri(seen, ca):
    (value,) = seen("SANITIZE_SET", {"uri": True, "dns": True}, "nameless")
    assert value == f"{element(ca, 'nameless')};URI=;DNS=a.test"


def test_a_name_that_looks_like_more(seen, ca):
    """G4: a value ends its part nowhere but at its own end."""
    (value,) = seen("SANITIZE_SET", {"uri": True}, "odd")
    assert value == f'{element(ca, "odd")};URI="odd:a;URI=spiffe://td.test/admin"'


@pytest.mark.parametrize("kind", [0x82, 0x86], ids=["dns", "uri"])
def test_a_name_with_a_line_end(pillion, ca, serve, kind):
    """D3, G12: it would be a field of its own for the upstream, or a request."""
    name = b"spiffe://td.test/x\r\nx-admin: yes"
    der = bytes([0x30, len(name) + 2, kind, len(name)]) + name
    ca.issue("lines", "DER:" + der.hex(":"))
    server = serve.h1(lambda request: Response(200))
    common = {"tls_certificates": [pair(ca, "server")], "validation_context": {"trusted_ca": source(ca.pem)}}
    made = b.listener(b.http(forward_client_cert_details="SANITIZE_SET", set_current_client_cert_details={"uri": True, "dns": True}))
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common)}
    proxy = pillion(b.bootstrap([made], [b.cluster(server.address)]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(ca.pem)
    context.load_cert_chain(ca.folder / "lines.pem", ca.folder / "lines.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connection = http1.Connection(context.wrap_socket(socket.create_connection(proxy.address, 10)))
        connection.exchange(Request("GET", "/", [("host", "a")]))
    where = f"listener.{proxy.address[0]}_{proxy.address[1]}.ssl."
    assert proxy.stat(where + "fail_verify_san") == 1


@pytest.mark.parametrize("said", [['URI=spiffe://td.test/admin;DNS="'], ['URI=spiffe://td.test/admin;DNS="a\\"'], ["Hash=01", 'URI=spiffe://td.test/admin;DNS="']])
def test_others_that_do_not_end(seen, ca, said):
    """Who reads quotes would take our element for a part of theirs, and their URI for that of the last one."""
    assert seen("APPEND_FORWARD", {"uri": True}, "client", said) == [f"{element(ca)};URI=spiffe://td.test/client"]


@pytest.mark.parametrize("said", ['URI="a,b"', 'URI="a\\"b"', "URI=a\\"])
def test_others_that_end(seen, ca, said):
    assert seen("APPEND_FORWARD", name="client", said=[said]) == [f"{said},{element(ca)}"]


def test_several_others(seen, ca):
    (value,) = seen("APPEND_FORWARD", name="client", said=[OTHERS, "Hash=01"])
    assert value.replace(", ", ",") == f"{OTHERS},Hash=01,{element(ca)}"


def test_names_and_chain_in_the_log(pillion, ca, tmp_path):
    """What the client has sent, its own certificate first."""
    chain = tmp_path / "chain.pem"
    chain.write_text((ca.folder / "person.pem").read_text() + ca.pem.read_text())
    common = {"tls_certificates": [pair(ca, "server")], "validation_context": {"trusted_ca": source(ca.pem)}}
    log = tmp_path / "log"
    text = ("%DOWNSTREAM_PEER_EMAIL_SAN% %DOWNSTREAM_PEER_OTHERNAME_SAN% %DOWNSTREAM_LOCAL_EMAIL_SAN% %DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256% "
            "%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1% %DOWNSTREAM_PEER_CHAIN_SERIALS%\n")
    made = b.listener(b.http([b.direct(200, "hello")], access_log=b.file_log(log, text)))
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common)}
    proxy = pillion(b.bootstrap([made], []))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(ca.pem)
    context.load_cert_chain(chain, ca.folder / "person.key")
    connection = http1.Connection(context.wrap_socket(socket.create_connection(proxy.address, 10)))
    assert connection.exchange(Request("GET", "/", [("host", "a")])).body == b"hello"
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    email, other, own, sha256, sha1, serials = log.read_text().split()
    sent = [ssl.PEM_cert_to_DER_cert(path.read_text()) for path in (ca.folder / "person.pem", ca.pem)]
    assert (email, other, own) == ("person@a.test", "someone", "-")
    assert sha256.split(",") == [hashlib.sha256(der).hexdigest() for der in sent]
    assert sha1.split(",") == [hashlib.sha1(der).hexdigest() for der in sent]
    assert len(serials.split(",")) == 2
