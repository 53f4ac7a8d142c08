"""Who may do what with the administration: by place, token, certificate and user; with TLS and by a unix socket."""

import os
import re
import socket
import ssl

import pytest
import yaml

from peers import bootstrap as b
from peers import tls
from peers import http1
from peers.certificates import Authority, pair
from peers.ports import free_port
from peers.proxy import ROOT, run
from peers.wait import until

ca = tls.ca
_TOKEN = "correct-horse-battery"
_SPIFFE = "spiffe://td.test/ns/prod/sa/"


def elsewhere():
    """An address of this machine that is no loopback one: who connects to it comes from it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return sock.getsockname()[0]


def access(*grants, **fields):
    return {"bootstrap_extensions": [{"name": "access", "typed_config": {
        "@type": "type.googleapis.com/pillion.admin.v1.AdminAccess", "grants": list(grants), **fields}}]}


def may(*roles, **to):
    return {"roles": list(roles), **to}


PROBE = may("MONITOR", anybody=True)


def bootstrap(*grants, where=None, **fields):
    made = b.bootstrap([b.listener(b.http([b.direct(200)]))], **(access(*grants, **fields) if grants else {}))
    made["admin"]["address"] = b.address(where or ("127.0.0.1", free_port()))
    return made


def token_file(folder, text=_TOKEN + "\n", mode=0o600, name="token"):
    """As it is to be replaced: at once."""
    file = folder / f"{name}.new"
    file.write_text(text, encoding="latin-1", newline="")
    file.chmod(mode)
    file.rename(folder / name)
    return folder / name


def status(proxy, path, method="GET", token=None, **more):
    fields = [("Authorization", f"Bearer {token}")] if token else []
    return proxy.admin_response(path, method, fields=fields, **more)[0]


def test_from_elsewhere(pillion):
    """Without a policy: all from this machine, probes and scrapes from others."""
    config = bootstrap(where=("0.0.0.0", free_port()))
    proxy = pillion(config)
    port = proxy.admin_address[1]
    outside = (elsewhere(), port)
    assert "/ready and /stats and no more" in proxy.log()
    for path in ("/ready", "/stats", "/stats?usedonly", "/stats/prometheus"):
        assert status(proxy, path, where=outside) == 200
    refused = 0
    for path, method, role in (("/config_dump", "GET", "read"), ("/memory", "GET", "profile"), ("/", "GET", "read"),
                               ("/quitquitquit", "POST", "write"), ("/healthcheck/fail", "POST", "write"),
                               ("/nothing", "GET", "write"), ("/stats/../quitquitquit", "POST", "write"), ("//ready", "GET", "write")):
        code, _, text = proxy.admin_response(path, method, where=outside)
        assert (code, f"needs the role {role}, and you have monitor; " in text) == (403, True), text
        assert "pillion.admin.v1.AdminAccess" in text
        refused += 1
    assert proxy.stat("http.admin.access_denied") == refused
    assert "GET /config_dump of" in proxy.log() and proxy.log().count("was refused") < refused  # many are said once
    assert status(proxy, "/config_dump", where=("127.0.0.1", port)) == status(proxy, "/memory", where=("127.0.0.1", port)) == 200


def test_roles(pillion, tmp_path):
    """Each has what it says and nothing else; WRITE alone reads nothing."""
    files = {role: token_file(tmp_path, f"token-of-role-{role}\n", name=role) for role in ("READ", "PROFILE", "WRITE")}
    proxy = pillion(bootstrap(PROBE, *(may(role, token_file=str(file)) for role, file in files.items())))
    granted = {"READ": ("/config_dump", "/server_info", "/clusters", "/listeners", "/certs", "/runtime", "/help", "/ready"),
               "PROFILE": ("/memory", "/contention"), "WRITE": ("/logging", "/reset_counters", "/healthcheck/ok", "/reopen_logs")}
    for role in files:
        for owner, paths in granted.items():
            for path in paths:
                expected = 200 if owner == role or path == "/ready" else 403
                assert status(proxy, path, "POST" if owner == "WRITE" else "GET", f"token-of-role-{role}") == expected, (role, path)
    assert status(proxy, "/nothing", token="token-of-role-WRITE") == 404
    assert status(proxy, "/nothing", token="token-of-role-READ") == 403


@pytest.mark.parametrize("value", [
    None, "Bearer", "Bearer ", f"Basic {_TOKEN}", _TOKEN, f"Bearer {_TOKEN}x", f"Bearer {_TOKEN[:-1]}", f"Bearer  {_TOKEN}",
    f"Bearer {_TOKEN}\t{_TOKEN}", f"Bearer\t{_TOKEN}", f"Bearer {_TOKEN.upper()}", "Bearer " + "x" * 8000])
def test_wrong_tokens(pillion, tmp_path, value):
    proxy = pillion(bootstrap(PROBE, may("READ", token_file=str(token_file(tmp_path)))))
    code, fields, text = proxy.admin_response("/server_info", fields=[("Authorization", value)] if value else [])
    assert (code, fields["www-authenticate"]) == (401, "Bearer")
    assert text == "/server_info needs the role read, and you have monitor\n"
    assert _TOKEN not in proxy.log()


def test_two_authorizations(pillion, tmp_path):
    proxy = pillion(bootstrap(PROBE, may("READ", token_file=str(token_file(tmp_path)))))
    given = [("Authorization", f"Bearer {_TOKEN}")]
    assert proxy.admin_response("/server_info", fields=given)[0] == 200
    assert proxy.admin_response("/server_info", fields=given + given)[0] == 401


def test_a_token_that_is_replaced(pillion, tmp_path):
    file = token_file(tmp_path, f"{_TOKEN}\r\nanother-of-them-for-a-while\n\n")
    proxy = pillion(bootstrap(PROBE, may("WRITE", token_file=str(file))))

    def takes(token):
        return status(proxy, "/healthcheck/ok", "POST", token) == 200

    assert takes(_TOKEN) and takes("another-of-them-for-a-while")
    token_file(tmp_path, "the-token-of-tomorrow")
    until(lambda: takes("the-token-of-tomorrow"), "the new one is taken")
    assert not takes(_TOKEN)
    for text, mode, said in (("the-token-of-tomorrow", 0o640, "has mode 0640, expected no rights of group and others, as 0600"),
                             ("", 0o600, "has no token"), ("too-short", 0o600, "line 1: 9 bytes, expected at least 16")):
        token_file(tmp_path, text, mode)
        until(lambda said=said: said in proxy.log(), said)
        assert not takes("the-token-of-tomorrow")
        token_file(tmp_path, "the-token-of-tomorrow")
        until(lambda: takes("the-token-of-tomorrow"), "it is taken again")
    file.rename(tmp_path / "elsewhere")
    until(lambda: not takes("the-token-of-tomorrow"), "a file that is not there lets nobody in")


@pytest.mark.parametrize(("text", "mode", "said"), [
    (_TOKEN, 0o644, "has mode 0644"), (_TOKEN, 0o620, "has mode 0620"), (_TOKEN, 0o604, "has mode 0604"), ("\n\n", 0o600, "has no token"),
    (f"{_TOKEN} \n", 0o600, "line 1: byte 0x20 at 22"), ("a-first-good-token\n correct\n", 0o600, "line 2: byte 0x20 at 1"),
    (f"{_TOKEN}\0", 0o600, "line 1: byte 0x00 at 22"), (f"{_TOKEN}\xe9", 0o600, "line 1: byte 0xe9 at 22"),
    ("x" * 70000, 0o600, "is larger than 65536 bytes"), ("a-token-of-several\n" * 17, 0o600, "has 17 tokens, expected at most 16")])
def test_token_files_that_are_refused(tmp_path, text, mode, said):
    file = token_file(tmp_path, text, mode)
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(bootstrap(may("READ", token_file=str(file)))), encoding="utf-8")
    for mode in ("validate", "serve"):
        result = run(["--mode", mode, "-c", str(config)])
        assert result.returncode == 1 and f'.grants[0].token_file: "{file}": ' in result.stdout and said in result.stdout
        assert _TOKEN not in result.stdout


def test_a_token_file_that_is_not_there(tmp_path):
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(bootstrap(may("READ", token_file=str(tmp_path / "none")))), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1 and f'token_file: "{tmp_path / "none"}": cannot be opened: No such file' in result.stdout


def test_a_policy_without_an_administration(tmp_path):
    made = bootstrap(PROBE)
    del made["admin"]
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(made), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1
    assert "bootstrap_extensions[0].typed_config: an AdminAccess, but there is no administration" in result.stdout


@pytest.mark.parametrize(("grants", "fields", "said"), [
    ([may("READ", principal={"exact": "a"})], {}, "grants[0].principal: needs tls with a validation context"),
    ([may("READ", uids={"uids": [0]})], {}, "grants[0].uids: needs a pipe as admin.address"),
    ([may("READ", uids=[0])], {}, "grants[0].uids: a list, expected a map of uids"),
    ([may("READ", principal="spiffe://td.test/a")], {},
     'grants[0].principal: "spiffe://td.test/a", expected a map of exact, prefix, suffix, safe_regex, contains, ignore_case'),
    ([may("READ", local=False)], {}, "grants[0].local: false"), ([may("READ", anybody=False)], {}, "grants[0].anybody: false"),
    ([may("UNSPECIFIED", anybody=True)], {}, "grants[0].roles[0]: expected MONITOR, READ, PROFILE or WRITE"),
    ([may(anybody=True)], {}, "grants[0].roles"), ([may("READ")], {}, "grants[0]"), ([may("READ", token_file="")], {}, "token_file: empty"),
    ([PROBE], {"tls": {"common_tls_context": {}}}, "tls_certificates")])
def test_policies_that_are_refused(tmp_path, grants, fields, said):
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(bootstrap(*grants, **fields)), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1 and said in result.stdout, result.stdout


def test_two_policies_are_refused(tmp_path):
    made = bootstrap(PROBE)
    made["bootstrap_extensions"] *= 2
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(made), encoding="utf-8")
    assert "a second AdminAccess, expected one" in run(["--mode", "validate", "-c", str(config)]).stdout


def test_unix_socket(pillion, tmp_path):
    """Who may connect at all is a matter of the file; who may do what, of the process's user."""
    path = str(tmp_path / "admin.sock")
    made = bootstrap(PROBE, may("READ", uids={"uids": [os.getuid()]}), may("WRITE", uids={"uids": [os.getuid() + 1]}), where=path)
    made["admin"]["address"]["pipe"]["mode"] = 0o600
    proxy = pillion(made)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert status(proxy, "/server_info") == 200
    assert status(proxy, "/healthcheck/fail", "POST") == 403
    assert f"POST /healthcheck/fail of uid {os.getuid()} pid {os.getpid()} was refused: it needs the role write" in proxy.log()


def test_a_unix_socket_without_a_folder(tmp_path):
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(bootstrap(where=str(tmp_path / "none" / "admin.sock"))), encoding="utf-8")
    result = run(["-c", str(config)])
    assert result.returncode == 1 and f"there is no folder {tmp_path / 'none'}, expected one" in result.stdout


def test_unix_socket_without_a_policy(pillion, tmp_path):
    proxy = pillion(bootstrap(where=str(tmp_path / "admin.sock")))
    assert status(proxy, "/config_dump") == status(proxy, "/healthcheck/ok", "POST") == 200
    assert "no more" not in proxy.log()


def server_tls(authority, **fields):
    return {"common_tls_context": {"tls_certificates": [pair(authority, "server")], "validation_context": tls.validation(authority)}, **fields}


def test_principals(pillion, ca, stranger_ca):
    """With TLS: by the SPIFFE ID of the client; who has none may look at what all may."""
    made = bootstrap(PROBE, may("READ", principal={"exact": _SPIFFE + "client"}), may("WRITE", principal={"prefix": _SPIFFE + "o"}),
                     tls=server_tls(ca))
    proxy = pillion(made, admin_tls=tls.context(ca))
    assert status(proxy, "/server_info") == 403
    assert status(proxy, "/server_info", tls=tls.context(ca, "client")) == 200
    assert status(proxy, "/healthcheck/ok", "POST", tls=tls.context(ca, "client")) == 403
    assert status(proxy, "/healthcheck/ok", "POST", tls=tls.context(ca, "other")) == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(proxy, "/ready", tls=tls.context(ca, "client", authority=stranger_ca))
    until(lambda: "certificate verify failed" in proxy.log(), "the log says why")
    with http_without_tls(proxy) as sock:
        assert not sock.recv(100).startswith(b"HTTP")
    assert proxy.stat("http.admin.downstream_cx_handshake_failed") == 2
    assert "server" in proxy.admin_response("/certs", tls=tls.context(ca, "client"))[2]


def http_without_tls(proxy):
    sock = socket.create_connection(proxy.admin_address, 10)
    sock.sendall(b"GET /ready HTTP/1.1\r\nhost: a\r\n\r\n")
    return sock


@pytest.fixture(scope="module")
def stranger_ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger").having("client")


def test_certificates_of_the_administration_are_renewed(pillion, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    authority, next_one = (Authority(folder).having("server", "client") for folder in (old, new))
    before, after = tls.context(authority, "client"), tls.context(next_one, "client")
    proxy = pillion(bootstrap(may("READ", principal={"exact": _SPIFFE + "client"}), tls=server_tls(authority)), admin_tls=before)
    assert status(proxy, "/server_info") == 200
    for name in ("ca.pem", "server.key", "server.pem"):
        (new / name).rename(old / name)
    proxy.admin_tls = after

    def taken():
        try:
            return status(proxy, "/server_info") == 200
        except (ssl.SSLError, ConnectionError):
            return False

    until(taken, "clients of the new CA are taken")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        status(proxy, "/server_info", tls=before)


def test_a_crowd_that_says_nothing(pillion):
    """E8: a probe gets its answer all the same."""
    proxy = pillion(bootstrap())
    crowd = [socket.create_connection(proxy.admin_address, 10) for _ in range(150)]
    for _ in range(3):
        assert status(proxy, "/ready") == 200
    assert proxy.stat("http.admin.downstream_cx_overflow") >= 50
    for sock in crowd:
        sock.close()


def test_a_connection_whose_ca_is_withdrawn(pillion, tmp_path):
    """J25. Who nobody vouches for any more has no role of a principal's, also where it stays connected."""
    old, new = tmp_path / "old", tmp_path / "new"
    authority, next_one = (Authority(folder).having("server", "client") for folder in (old, new))
    proxy = pillion(bootstrap(PROBE, may("WRITE", principal={"exact": _SPIFFE + "client"}), tls=server_tls(authority)), admin_tls=tls.context(authority))

    def ask(connection):
        connection.send(b"POST /healthcheck/ok HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        line = connection.line()
        body = bytearray()
        connection.exactly(int(dict(connection.fields())["Content-Length"]), body)
        return int(line.split()[1])

    kept = http1.Connection(tls.context(authority, "client").wrap_socket(socket.create_connection(proxy.admin_address, 10)))
    assert ask(kept) == 200
    for name in ("server.key", "server.pem"):  # another pair under the same bundle changes nothing for it
        (old / name).write_bytes((old / name).read_bytes())
    assert ask(kept) == 200
    (new / "ca.pem").rename(old / "ca.pem")
    until(lambda: ask(kept) == 403, "it may not any more")


@pytest.mark.parametrize(("host", "taken"), [
    ("evil.example", False), ("evil.example:9901", False), ("127.0.0.1.evil.example", False), ("localhost.evil.example:1", False), ("[::1].evil.example", False),
    ("localhost", True), ("LocalHost:9901", True), ("a.localhost", True), ("127.0.0.1:9901", True), ("[::1]:9901", True), ("sidecar", True), ("", True)])
def test_a_name_that_leads_here(pillion, host, taken):
    """A page of a name that was made to lead to this machine (DNS rebinding) is of the same origin, so browsers let it ask; it is nobody of here."""
    proxy = pillion(bootstrap())
    for path, method, fields in (("/config_dump", "GET", ""), ("/healthcheck/ok", "POST", f"origin: http://{host}\r\n")):
        with socket.create_connection(proxy.admin_address, 10) as sock:
            sock.sendall(f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{fields}content-length: 0\r\nconnection: close\r\n\r\n".encode())
            assert int(http1.Connection(sock).line().split()[1]) == (200 if taken else 403), path
    assert status(proxy, "/stats") == 200


def test_example_of_the_page(pillion, tmp_path):
    """docs/admin.md: on all addresses, with all kinds of grants."""
    text = (ROOT / "docs/admin.md").read_text(encoding="utf-8")
    example, = [block for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S) if "AdminAccess" in block]
    authority = Authority(tmp_path, trust_domain="example.org")
    authority.issue("web")
    authority.issue("console", "URI:spiffe://example.org/ns/ops/sa/console")
    token_file(tmp_path, name="dashboard.token")
    made = bootstrap() | yaml.safe_load(example.replace("/etc/pillion", str(tmp_path)).replace("9901", str(free_port())))
    proxy = pillion(made, admin_tls=tls.context(authority))
    outside = (elsewhere(), proxy.admin_address[1])
    here = ("127.0.0.1", outside[1])
    console = tls.context(authority, "console")
    assert status(proxy, "/stats", where=outside) == 200
    assert status(proxy, "/config_dump", where=outside) == 401
    assert status(proxy, "/config_dump", where=here) == status(proxy, "/memory", where=here) == 200
    assert status(proxy, "/config_dump", where=outside, token=_TOKEN) == 200
    assert status(proxy, "/healthcheck/ok", "POST", where=outside, token=_TOKEN) == 403
    assert status(proxy, "/healthcheck/ok", "POST", where=outside, tls=console) == 200
    assert status(proxy, "/memory", where=outside, tls=console) == 401
    assert "in clear" not in proxy.log()
