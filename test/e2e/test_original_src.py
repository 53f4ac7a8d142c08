"""Connections to hosts that come from the client's address. In a network of its own, where a whole net of clients is this machine's."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from peers import bootstrap as b
from peers.proxy import BINARY
from peers.wait import until

INSIDE = "PILLION_TEST_NETWORK" in os.environ
NEEDS_NETWORK = pytest.mark.skipif(not INSIDE, reason="runs in the network that test_in_a_network makes")


def unshared(*arguments):
    """A command in a network of its own, as its root."""
    return ["unshare", "--user", "--map-root-user", "--net", "--fork", *arguments]


@pytest.mark.skipif(INSIDE, reason="it is inside")
def test_in_a_network():
    """All tests of this file that need one."""
    if not shutil.which("ip") or subprocess.run(unshared("true"), capture_output=True, check=False).returncode:
        pytest.skip("no network can be made here")
    setup = "ip link set lo up && ip route add local 192.0.2.0/24 dev lo && exec \"$0\" \"$@\""
    run = subprocess.run(unshared("sh", "-c", setup, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__),
                         capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "PILLION_TEST_NETWORK": "1", "PYTEST_ADDOPTS": ""})
    assert run.returncode == 0 and re.search(r"\b5 passed", run.stdout), run.stdout + run.stderr


class Host:
    """Answers each request, and each first line of bytes, with where it came from. Its connections by that in `seen`."""

    def __init__(self):
        self.seen = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, where = self._listener.accept()
            except OSError:
                return
            self.seen.append(where[0])
            threading.Thread(target=self._answer, args=(sock, where[0]), daemon=True).start()

    @staticmethod
    def _answer(sock, where):
        with sock:
            while data := sock.recv(4096):
                body = where.encode()
                if data.startswith(b"GET"):
                    body = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
                sock.sendall(body)

    def stop(self):
        self._listener.close()


@pytest.fixture
def host():
    made = Host()
    yield made
    made.stop()


def config(host, filter_=None, **source):
    filters = [b.listener_filter("proxy_protocol", "ProxyProtocol"), b.listener_filter("original_src", "OriginalSrc", **source)]
    return b.bootstrap([b.listener(filter_ or b.http(), listener_filters=filters)], [b.cluster(host.address)])


def ask(proxy, client, data=b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"):
    """What a client of that address gets."""
    with socket.create_connection(proxy.address, timeout=10) as sock:
        sock.sendall(f"PROXY TCP4 {client} 127.0.0.1 1234 80\r\n".encode() + data)
        if not data.startswith(b"GET"):
            return sock.recv(4096).decode()
        received = b""
        while more := sock.recv(4096):
            received += more
        return received.decode()


@NEEDS_NETWORK
def test_requests(pillion, host):
    """Each client has connections of its own, which its later requests go by."""
    proxy = pillion(config(host))
    for client in ("192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.8"):
        answer = ask(proxy, client)
        assert answer.startswith("HTTP/1.1 200") and answer.endswith(client), answer
    assert sorted(host.seen) == ["192.0.2.7", "192.0.2.8"]


@NEEDS_NETWORK
def test_bytes(pillion, host):
    proxy = pillion(config(host, b.tcp()))
    for client in ("192.0.2.7", "192.0.2.9"):
        assert ask(proxy, client, b"bytes") == client


@NEEDS_NETWORK
def test_mark(pillion, host):
    """The mark is on the connections: a rule for it leads them nowhere."""
    rules = ["ip rule add lookup local pref 5", "ip rule del pref 0", "ip rule add fwmark 7 lookup 77 pref 1", "ip route add unreachable default table 77"]
    for rule in rules:
        subprocess.run(rule.split(), check=True)
    try:
        assert ask(pillion(config(host, mark=7)), "192.0.2.7").startswith("HTTP/1.1 503")
        assert ask(pillion(config(host, mark=8)), "192.0.2.7").endswith("192.0.2.7")
    finally:
        subprocess.run("ip rule del pref 1".split(), check=True)


@NEEDS_NETWORK
def test_other_family(pillion, host):
    """A client that the host's family has no address for: from here, as without the filter."""
    proxy = pillion(config(host))
    with socket.create_connection(proxy.address, timeout=10) as sock:
        sock.sendall(b"PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\nGET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        received = b""
        while more := sock.recv(4096):
            received += more
    assert received.endswith(b"127.0.0.1")


@NEEDS_NETWORK
def test_a_host_of_both_families(pillion, host):
    """Its first address is of the other family, and nobody listens there: the client's is for the second."""
    bootstrap = config(host)
    endpoint = bootstrap["static_resources"]["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["additional_addresses"] = [{"address": endpoint["address"]}]
    endpoint["address"] = b.address(("::1", host.address[1]))
    assert ask(pillion(bootstrap), "192.0.2.7").endswith("192.0.2.7")


@pytest.mark.skipif(INSIDE, reason="it is about who may not")
def test_without_the_privilege(pillion, host, tmp_path):
    """Nothing goes from an address that is not the client's, and a line says so from the start."""
    if subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user without privileges can be made here")
    without = tmp_path / "without"
    without.write_text(f"#!/bin/sh\nexec unshare --user {pathlib.Path(BINARY).absolute()} \"$@\"\n", encoding="ascii")
    without.chmod(0o755)
    log = tmp_path / "log"
    manager = b.http(access_log=b.file_log(log, "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"))
    proxy = pillion(config(host, manager), binary=str(without))
    assert ask(proxy, "192.0.2.7").startswith("HTTP/1.1 503")
    until(lambda: log.exists() and log.read_text(), "the log has a line")
    assert log.read_text().startswith("UF ") and "Operation_not_permitted" in log.read_text().replace(" ", "_"), log.read_text()
    assert host.seen == []
    assert re.search(r'listener "\w+": original_src: .* Operation not permitted; expected the capability CAP_NET_ADMIN', proxy.log()), proxy.log()
    assert json.loads(proxy.admin("/listeners?format=json"))
