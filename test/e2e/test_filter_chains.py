"""Listeners with several filter chains, and what looks at a connection before one is chosen."""

import shutil
import socket
import ssl
import subprocess

import pytest

from peers import bootstrap as b


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of our own, as Python's ssl wants it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True, timeout=60)
    return folder


def tls_server(serve, certificate, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])

    def script(sock):
        with context.wrap_socket(sock, server_side=True) as tls:
            tls.sendall(name + b" " + (tls.selected_alpn_protocol() or "-").encode())
            tls.recv(1)
    return serve(script)


def tls_answer(where, name, protocols=("http/1.1",)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    with socket.create_connection(where, timeout=10) as plain, context.wrap_socket(plain, server_hostname=name) as tls:
        return tls.recv(100)


def chain(filter_, name="", **match):
    return {"name": name, "filters": [filter_], "filter_chain_match": match}


@pytest.mark.parametrize("concurrency", [2, 4])
def test_tls_goes_where_its_name_says(pillion, serve, certificate, concurrency):
    servers = [tls_server(serve, certificate, name) for name in (b"one", b"two")]
    listener = b.listener(b.tcp())
    listener["filter_chains"] = [
        chain(b.tcp("one"), "first", server_names=["one.example"]),
        chain(b.tcp("two"), "second", server_names=["*.example"]),
        chain(b.tcp("one"), "third", transport_protocol="tls", application_protocols=["h2"]),
    ]
    listener["listener_filters"] = [b.listener_filter("tls_inspector", "TlsInspector")]
    clusters = [b.cluster(server.address, name=name) for server, name in zip(servers, ("one", "two"))]
    proxy = pillion(b.bootstrap([listener], clusters), concurrency=concurrency)
    for _ in range(4):
        assert tls_answer(proxy.address, "one.example") == b"one http/1.1"
        assert tls_answer(proxy.address, "three.example") == b"two http/1.1"
        assert tls_answer(proxy.address, "elsewhere", ["h2"]) == b"one h2"
    with pytest.raises(OSError):
        tls_answer(proxy.address, "elsewhere")
    with socket.create_connection(proxy.address, timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            assert plain.recv(100) == b""
            raise ConnectionResetError
    proxy.until_stat("tls_inspector.tls_found", 13)
    name = f"listener.{proxy.address[0]}_{proxy.address[1]}"
    proxy.until_stat(f"{name}.no_filter_chain_match", 2)
    proxy.until_stat(f"{name}.downstream_cx_total", 12)


def test_proxy_protocol(pillion, serve):
    from peers.message import Response
    server = serve.h1(lambda request: Response(200, [], dict(request.fields)["x-forwarded-for"].encode()))
    listener = b.listener(b.http(use_remote_address=True),
                          listener_filters=[b.listener_filter("proxy_protocol", "ProxyProtocol")])
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]), concurrency=2)
    connection = proxy.connect()
    connection.send(b"PROXY TCP4 192.0.2.7 198.51.100.1 1234 80\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n")
    answer = b""
    while b"192.0.2.7" not in answer:
        more = connection.receive()
        assert more, answer
        answer += more


def test_weighted_clusters(pillion, serve):
    servers = {name: serve(lambda sock, name=name: sock.sendall(name.encode())) for name in ("many", "few")}
    tcp = b.tcp()
    del tcp["typed_config"]["cluster"]
    tcp["typed_config"]["weighted_clusters"] = {"clusters": [{"name": "many", "weight": 90}, {"name": "few", "weight": 10}]}
    clusters = [b.cluster(server.address, name=name) for name, server in servers.items()]
    proxy = pillion(b.bootstrap([b.listener(tcp)], clusters), concurrency=2)
    answers = []
    for _ in range(200):
        with socket.create_connection(proxy.address, timeout=10) as sock:
            answers.append(sock.recv(10))
    assert 2 <= answers.count(b"few") <= 60
    assert answers.count(b"few") + answers.count(b"many") == 200
