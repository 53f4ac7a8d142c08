"""Bytes over TLS behind the handshake, with others at the other end: openssl's client and server, gRPC, Python."""

import hashlib
import os
import random
import socket
import ssl
import subprocess
import threading

import grpc
import pytest

from peers import bootstrap as b
from peers.certificates import Authority, pair, source
from peers.grpc_echo import Echo, serve as serve_grpc
from peers.message import Request, Response
from peers.ports import free_port
from peers.programs import Program
from peers.wait import until

TLS = "extensions.transport_sockets.tls.v3."
BIG = os.urandom(1 << 16) * 64  # 4 MiB


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("server", "client"):
        authority.issue(name, f"URI:spiffe://td.test/{name},DNS:localhost")
    return authority


def socket_of(ca, side, alpn=(), **fields):
    common = {"tls_certificates": [pair(ca, "server" if side == "Downstream" else "client")], "alpn_protocols": list(alpn),
              "validation_context": {"trusted_ca": source(ca.pem)}, "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"}}
    return {"name": "tls", "typed_config": b.any_of(TLS + f"{side}TlsContext", common_tls_context=common, **fields)}


def with_tls(listener, ca, **fields):
    listener["filter_chains"][0]["transport_socket"] = socket_of(ca, "Downstream", ("h2", "http/1.1"), require_client_certificate=True, **fields)
    return listener


def client(ca):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(ca.pem)
    made.load_cert_chain(ca.folder / "client.pem", ca.folder / "client.key")
    return made


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_grpc_through_a_hop(pillion, ca, workers):
    """A client of gRPC with its own certificate; the proxy behind it, and one more before the server, in HTTP/2 over TLS."""
    handler = Echo()
    server = serve_grpc(handler)
    routes = b.http([b.route(timeout="0s")])
    inner = pillion(b.bootstrap([with_tls(b.listener(routes), ca)], [b.cluster(handler.address, protocol="h2")]), concurrency=workers)
    outer = pillion(b.bootstrap([with_tls(b.listener(routes), ca)], [
        b.cluster(inner.address, protocol="h2", transport_socket=socket_of(ca, "Upstream", ("h2",)))]), concurrency=workers)
    files = [(ca.folder / name).read_bytes() for name in (ca.pem.name, "client.key", "client.pem")]
    with grpc.secure_channel(f"127.0.0.1:{outer.address[1]}", grpc.ssl_channel_credentials(*files), [
            ("grpc.ssl_target_name_override", "localhost"), ("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]) as channel:
        assert channel.unary_unary("/test.Echo/Unary")(BIG, timeout=30) == BIG
        assert channel.stream_unary("/test.Echo/Collect")(iter([b"a", BIG, b"c"]), timeout=30) == b"a" + BIG + b"c"
        assert list(channel.stream_stream("/test.Echo/Chat")(iter([b"x", b"", b"y" * 20000]), timeout=30)) == [b"x", b"", b"y" * 20000]
    server.stop(0).wait(10)


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_keys_are_changed_between_requests(pillion, ca, suite):
    """openssl's client changes keys at a line with K, and asks for new ones of ours; at one with k it does not ask."""
    proxy = pillion(b.bootstrap([with_tls(b.listener(b.http([b.direct(200, "hello")])), ca)]))
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.address[1]}", "-tls1_3", "-ciphersuites", suite, "-CAfile", ca.pem,
               "-cert", ca.folder / "client.pem", "-key", ca.folder / "client.key", "-crlf", "-msg"]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    said = bytearray()

    def read():
        while data := os.read(run.stdout.fileno(), 65536):
            said.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: b"Verify return code: 0 (ok)" in said, "the handshake ends")
    for number, change in enumerate([b"", b"K", b"k", b"K", b"K"], 1):
        if change:
            before = said.count(b"KEYUPDATE")
            run.stdin.write(change + b"\n")
            until(lambda before=before: said.count(b"KEYUPDATE") > before, "the key is changed")
        for line in (b"GET / HTTP/1.1", b"host: a", b""):
            run.stdin.write(line + b"\n")
        until(lambda number=number: said.count(b"hello") == number, f"answer {number}")
    run.stdin.close()
    run.wait(10)
    reader.join(10)
    assert suite.encode() in said and said.count(b"<<< TLS 1.3, Handshake [length 0005], KeyUpdate") == 3
    assert proxy.stat(f"listener.127.0.0.1_{proxy.address[1]}.ssl.connection_error") == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_records_cut_anywhere(pillion, serve, ca, workers):
    """Bodies both ways through two hops of TLS; the client's bytes come in pieces of any size."""
    server = serve.h1(lambda request: Response(200, body=request.body))
    inner = pillion(b.bootstrap([with_tls(b.listener(b.http()), ca)], [b.cluster(server.address)]), concurrency=workers)
    outer = pillion(b.bootstrap([with_tls(b.listener(b.http()), ca)], [
        b.cluster(inner.address, transport_socket=socket_of(ca, "Upstream"))]), concurrency=workers)
    choose = random.Random(11)
    for size in (0, 1, 5, 16384, 100_001, len(BIG)):
        body = BIG[:size]
        head = f"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n".encode()
        answer = _exchange(outer.address, client(ca), head + body,
                           lambda: choose.choice([1, 4, 5, 6, 20, 21, 22, 100, 1000, 16384, 20000, 65536, 65536]))
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert hashlib.sha256(rest).digest() == hashlib.sha256(body).digest()


def _exchange(address, context, data, piece):
    """What comes back for `data`, whose records are sent in pieces. By Python's ssl over memory: bytes are seen as they go."""
    with socket.create_connection(address, 20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

        def flush():
            sealed = outgoing.read()
            while sealed:
                part = piece()
                sock.sendall(sealed[:part])
                sealed = sealed[part:]

        def step(do):
            while True:
                try:
                    return do()
                except ssl.SSLWantReadError:
                    flush()
                    got = sock.recv(65536)
                    incoming.write(got) if got else incoming.write_eof()

        step(tls.do_handshake)
        answer = bytearray()
        for at in range(0, len(data), 40000):
            tls.write(data[at:at + 40000])
            flush()
        while True:
            try:
                got = step(lambda: tls.read(65536))
            except ssl.SSLZeroReturnError:
                return bytes(answer)
            if not got:
                return bytes(answer)
            answer += got


@pytest.mark.parametrize("tickets", [0, 1, 5])
def test_an_openssl_server_as_upstream(pillion, ca, tmp_path, tickets):
    """Its tickets come before the first answer, as many as it likes."""
    (tmp_path / "page").write_bytes(BIG[:300_000])
    port = free_port()
    program = Program(["openssl", "s_server", "-accept", str(port), "-cert", ca.folder / "server.pem", "-key", ca.folder / "server.key",
                       "-CAfile", ca.pem, "-Verify", "2", "-verify_return_error", "-tls1_3", "-num_tickets", str(tickets), "-WWW"],
                      port, tmp_path / "s_server.log", folder=tmp_path)
    try:
        proxy = pillion(b.bootstrap([b.listener(b.http())], [
            b.cluster(("127.0.0.1", port), transport_socket=socket_of(ca, "Upstream", max_session_keys=8))]))
        for _ in range(5):
            answer = proxy.exchange(Request("GET", "/page"))
            assert answer.status == 200 and answer.body == BIG[:300_000]
        assert proxy.stat("cluster.upstream.ssl.session_reused") == (4 if tickets else 0)
    finally:
        program.stop()
