"""Certificates that are replaced while requests come: by files, as Kubernetes mounts them, and by secrets in files."""

import contextlib
import json
import os
import re
import socket
import ssl
import threading

import pytest

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority, source
from peers.message import Broken
from peers.secured import answers, connect, name_of
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path / "ca").having("one", "two", "client")


def serving(pillion, common, **more):
    socket_ = {"name": "envoy.transport_sockets.tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common)}
    made = b.listener(b.http([b.direct(200, "hello")]))
    made["filter_chains"][0]["transport_socket"] = socket_
    return pillion(b.bootstrap([made]), **more)


def by_files(folder):
    return {"tls_certificates": [{"certificate_chain": source(folder / "tls.pem"), "private_key": source(folder / "tls.key")}]}


def put(ca, name, folder):
    """As who does it right: each file in one step."""
    for end in ("pem", "key"):
        (folder / "new").write_bytes((ca.folder / f"{name}.{end}").read_bytes())
        os.replace(folder / "new", folder / f"tls.{end}")


def test_files_that_are_replaced(pillion, ca, tmp_path):
    put(ca, "one", tmp_path)
    proxy = serving(pillion, by_files(tmp_path))
    assert name_of(proxy, ca) == "one"
    earlier = http1.Connection(connect(proxy, ca))
    assert answers(earlier)
    put(ca, "two", tmp_path)
    until(lambda: name_of(proxy, ca) == "two", "the new certificate is shown")
    assert answers(earlier), "who came before is served on"
    proxy.until_stat("tls.context_renewed", 1)
    assert re.search(r"certificates were renewed: spiffe://td.test/ns/prod/sa/two until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", proxy.log())
    assert proxy.stat("server.days_until_first_cert_expiring") == 0
    shown = json.loads(proxy.admin("/certs"))["certificates"][0]["cert_chain"][0]["subject_alt_names"]
    assert shown == [{"uri": "spiffe://td.test/ns/prod/sa/two"}]


def test_files_that_do_not_fit(pillion, ca, tmp_path):
    """A key that is not the certificate's: what was there before is kept, and works."""
    put(ca, "one", tmp_path)
    proxy = serving(pillion, by_files(tmp_path))
    (tmp_path / "new").write_bytes((ca.folder / "two.key").read_bytes())
    os.replace(tmp_path / "new", tmp_path / "tls.key")
    proxy.until_stat("tls.context_rejected", 1)
    assert name_of(proxy, ca) == "one"
    assert "tls.key" in proxy.log() and "it keeps the certificates that it has" in proxy.log()
    put(ca, "two", tmp_path)
    until(lambda: name_of(proxy, ca) == "two", "the new certificate is shown")


def test_a_mounted_volume(pillion, ca, tmp_path):
    """Kubernetes: the files are links into a link, ..data, which is renamed over the old one."""
    volume = tmp_path / "volume"
    volume.mkdir()

    def publish(name):
        folder = volume / f"..{name}"
        folder.mkdir()
        put(ca, name, folder)
        os.symlink(folder.name, volume / "..data_tmp")
        os.rename(volume / "..data_tmp", volume / "..data")

    publish("one")
    for end in ("pem", "key"):
        os.symlink(f"..data/tls.{end}", volume / f"tls.{end}")
    proxy = serving(pillion, by_files(volume))
    assert name_of(proxy, ca) == "one"
    publish("two")
    until(lambda: name_of(proxy, ca) == "two", "the new certificate is shown")


def test_a_linked_directory(pillion, ca, tmp_path):
    """The files lie in a directory by way of a link, which is replaced: ln -sfn and mv -T."""
    for name in ("one", "two"):
        (tmp_path / "versions" / name).mkdir(parents=True)
        put(ca, name, tmp_path / "versions" / name)

    def lead_to(name):
        os.symlink(f"../versions/{name}", tmp_path / "used" / "beside")
        os.rename(tmp_path / "used" / "beside", tmp_path / "used" / "now")

    (tmp_path / "used").mkdir()
    lead_to("one")
    proxy = serving(pillion, by_files(tmp_path / "used" / "now"))
    assert name_of(proxy, ca) == "one"
    lead_to("two")
    until(lambda: name_of(proxy, ca) == "two", "the new certificate is shown")
    put(ca, "one", tmp_path / "versions" / "two")
    until(lambda: name_of(proxy, ca) == "one", "what is replaced where it leads to now is shown")


def test_secrets_from_a_file(pillion, ca, tmp_path):
    def publish(name):
        secret = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": "server", "tls_certificate": {
            "certificate_chain": source(ca.folder / f"{name}.pem"), "private_key": source(ca.folder / f"{name}.key")}}
        (tmp_path / "new").write_text(json.dumps({"resources": [secret]}), encoding="utf-8")
        os.replace(tmp_path / "new", tmp_path / "sds.yaml")

    publish("one")
    proxy = serving(pillion, {"tls_certificate_sds_secret_configs": [
        {"name": "server", "sds_config": {"path_config_source": {"path": str(tmp_path / "sds.yaml")}}}]})
    assert name_of(proxy, ca) == "one"
    publish("two")
    until(lambda: name_of(proxy, ca) == "two", "the new certificate is shown")


def test_half_of_its_life(pillion, ca, tmp_path):
    ca.issue("old", days=-1)
    put(ca, "old", tmp_path)
    proxy = serving(pillion, by_files(tmp_path))
    proxy.until_stat("tls.certificates_overdue", 1)
    who = r"certificate [0-9A-Fa-f]+ of spiffe://td.test/ns/prod/sa/old \(" + re.escape(str(tmp_path / "tls.pem")) + r"\)"
    assert re.search(f"half of the life of {who} has passed and it was not renewed; it ends at ", proxy.log())
    assert re.search(f"{who} has expired at .*Z: peers will refuse it", proxy.log())
    assert json.loads(proxy.admin("/certs"))["certificates"][0]["cert_chain"][0]["overdue"] is True
    put(ca, "one", tmp_path)
    proxy.until_stat("tls.certificates_overdue", 0)


def test_certificates_that_nobody_accepts(pillion, ca, tmp_path):
    """They are taken, as Envoy takes them, and it is said what will come of it."""
    put(ca, "one", tmp_path)
    proxy = serving(pillion, by_files(tmp_path))
    ca.issue("ended", days=-1)
    put(ca, "ended", tmp_path)
    proxy.until_stat("tls.context_renewed", 1)
    assert re.search(r"the certificate [0-9A-Fa-f]+ of spiffe://td.test/ns/prod/sa/ended \(.*tls.pem\) has ended .*Z: peers will refuse it", proxy.log())


def test_renewals_under_load(pillion, ca, tmp_path):
    """J26: certificates come and go while clients connect; no request is lost."""
    put(ca, "one", tmp_path)
    proxy = serving(pillion, by_files(tmp_path), concurrency=2)
    stop = threading.Event()
    seen, failed = set(), []

    def ask():
        kept = http1.Connection(connect(proxy, ca))
        while not stop.is_set():
            try:
                seen.add(name_of(proxy, ca))
                assert answers(kept) and answers(http1.Connection(connect(proxy, ca)))
            except Exception as error:  # whatever it is
                failed.append(repr(error))
                return

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    for number in range(1, 7):
        put(ca, "two" if number % 2 else "one", tmp_path)
        until(lambda: proxy.stat("tls.context_renewed") >= number or failed, f"renewal {number}")
    stop.set()
    for client in clients:
        client.join()
    assert not failed and seen == {"one", "two"}


def mutual(folder):
    return {**by_files(folder), "validation_context": {"trusted_ca": source(folder / "ca.pem")}}


def as_client(ca, proxy, name="client"):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.load_cert_chain(ca.folder / f"{name}.pem", ca.folder / f"{name}.key")
    return http1.Connection(made.wrap_socket(socket.create_connection(proxy.address, 10)))


def trust(folder, *authorities):
    (folder / "new").write_text("".join(ca.pem.read_text() for ca in authorities), encoding="ascii")
    os.replace(folder / "new", folder / "ca.pem")


def ssl_stat(proxy, name):
    return proxy.stat(f"listener.{proxy.address[0]}_{proxy.address[1]}.ssl.{name}")


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_ca_that_is_withdrawn(pillion, ca, tmp_path, concurrency):
    """J25: its clients are turned away at once, and those that are there end; others notice nothing."""
    other = Authority(tmp_path / "other", "other").having("client")
    put(ca, "one", tmp_path)
    trust(tmp_path, ca, other)
    proxy = serving(pillion, mutual(tmp_path), concurrency=concurrency, arguments=["--drain-time-s", "30"])
    kept, ended = as_client(ca, proxy), as_client(other, proxy)
    assert answers(kept) and answers(ended)
    trust(tmp_path, ca)
    until(lambda: ssl_stat(proxy, "identity_ended") == 1, "the connection of the other CA's client ends")
    assert ended.receive() == b""
    assert answers(kept)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        late = as_client(other, proxy)
        late.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert late.receive() != b"", "it is refused, not answered"
        raise ssl.SSLError("an alert")
    assert ssl_stat(proxy, "identity_ended") == 1


def test_a_ca_that_is_withdrawn_within_a_handshake(pillion, ca, tmp_path):
    """J25: who has begun under it does not end as somebody."""
    other = Authority(tmp_path / "other", "other").having("client")
    put(ca, "one", tmp_path)
    trust(tmp_path, ca, other)
    proxy = serving(pillion, mutual(tmp_path))

    def begun(authority):
        """(a TLS client, how to bring its bytes, its last flight), with all from the server but the end."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        made.load_cert_chain(authority.folder / "client.pem", authority.folder / "client.key")
        come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
        client, sock = made.wrap_bio(come, go), socket.create_connection(proxy.address, 10)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(go.read())
                come.write(sock.recv(65536))
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        return client, come, sock, go.read()

    for authority, served in ((ca, True), (other, False)):
        client, come, sock, flight = begun(authority)
        trust(tmp_path, ca, *([other] if served else []))
        if served:
            put(ca, "two", tmp_path)
        else:
            until(lambda: not is_answered(proxy, other), "new ones are refused")
        sock.sendall(flight)
        answer = b""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while b"hello" not in answer and (got := sock.recv(65536)):
                come.write(got)
                with contextlib.suppress(ssl.SSLWantReadError):
                    answer += client.read(65536)
        assert (b"hello" in answer) == served
        sock.close()


def is_answered(proxy, other):
    try:
        return answers(as_client(other, proxy))
    except (ssl.SSLError, ConnectionError, Broken):
        return False


def test_a_ca_that_goes_to_another_trust_domain(pillion, tmp_path):
    """J3, J23, J25: two bundles change in one step, and all of their bytes, one behind the other, stay the same."""
    volume, folders = tmp_path / "volume", [tmp_path / name for name in ("first", "moved", "third")]
    volume.mkdir()
    first, moved, third = (Authority(folder, folder.name, "a.test") for folder in folders)
    moved.issue("client", "URI:spiffe://a.test/x")
    first.issue("one")

    def publish(version, **bundles):
        folder = volume / f"..{version}"
        folder.mkdir()
        for name, authorities in bundles.items():
            (folder / f"{name}.pem").write_text("".join(one.pem.read_text() for one in authorities), encoding="ascii")
        os.symlink(folder.name, volume / "..data_tmp")
        os.rename(volume / "..data_tmp", volume / "..data")

    publish("1", a=[first, moved], b=[third])
    for name in "ab":
        os.symlink(f"..data/{name}.pem", volume / f"{name}.pem")
    put(first, "one", tmp_path)
    domains = [{"name": f"{name}.test", "trust_bundle": source(volume / f"{name}.pem")} for name in "ab"]
    proxy = serving(pillion, {**by_files(tmp_path), "validation_context": {"custom_validator_config": {
        "name": "envoy.tls.cert_validator.spiffe", "typed_config": b.any_of(_TLS + "SPIFFECertValidatorConfig", trust_domains=domains)}}},
                    arguments=["--drain-time-s", "1"])
    kept = as_client(moved, proxy)
    assert answers(kept)
    publish("2", a=[first], b=[moved, third])
    until(lambda: ssl_stat(proxy, "identity_ended") == 1, "nobody vouches for it any more")
    assert kept.receive() == b""


def test_a_ca_that_is_withdrawn_from_a_crowd(pillion, ca, tmp_path):
    """J25: of many connections by a few certificates, each one whose CA has gone is ended, and no other."""
    other = Authority(tmp_path / "other", "other").having("client", "two")
    put(ca, "one", tmp_path)
    trust(tmp_path, ca, other)
    proxy = serving(pillion, mutual(tmp_path), arguments=["--drain-time-s", "30"])
    kept, ended = [], []
    for _ in range(60):  # in turns, so that they lie among each other
        kept += [as_client(ca, proxy), as_client(ca, proxy, "two")]
        ended += [as_client(other, proxy), as_client(other, proxy, "two")]
    assert all(answers(client) for client in kept + ended)
    trust(tmp_path, ca)
    until(lambda: ssl_stat(proxy, "identity_ended") == len(ended), "all of the other CA's end")
    assert all(client.receive() == b"" for client in ended)
    assert all(answers(client) for client in kept)
    assert ssl_stat(proxy, "identity_ended") == len(ended)


@pytest.mark.parametrize("filter_", [b.http([b.route(timeout="0s")]), b.tcp()], ids=["http", "tcp"])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_ca_of_hosts_that_is_withdrawn(pillion, serve, ca, tmp_path, filter_, concurrency):
    """J25: an answer without an end, and bytes, from a host of the other CA end within the time for draining."""
    def forever(sock):
        connection = http1.Connection(sock)
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        connection.closed()

    other = Authority(tmp_path / "other", "other")
    trust(tmp_path, ca, other)
    put(ca, "one", tmp_path)
    terminating = b.listener(b.tcp("plain"))
    terminating["filter_chains"][0]["transport_socket"] = {
        "name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=by_files(tmp_path))}
    host = pillion(b.bootstrap([terminating], [b.cluster(serve(forever).address, name="plain")]))
    trusting = {"name": "tls", "typed_config": b.any_of(_TLS + "UpstreamTlsContext", common_tls_context={
        "validation_context": {"trusted_ca": source(tmp_path / "ca.pem")}})}
    proxy = pillion(b.bootstrap([b.listener(filter_)], [b.cluster(host.address, transport_socket=trusting)]),
                    concurrency=concurrency, arguments=["--drain-time-s", "1"])
    clients = [http1.connect(proxy.address) for _ in range(4)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        received = b""
        while b"first" not in received:
            received += client.receive()
    trust(tmp_path, other)
    for client in clients:
        try:
            while client.receive():
                pass
        except ConnectionResetError:
            pass  # an answer that was cut off
