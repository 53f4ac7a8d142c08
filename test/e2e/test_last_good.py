"""A start without the control plane: from the file of what it gave before."""

import json
import os
import signal
import ssl

import pytest

import test_guard
from peers import bootstrap as b
from peers import pushed as p
from peers.certificates import Authority
from peers.control_plane import pair, trust
from peers.message import Broken
from peers.ports import accepts
from peers.secured import connect, name_of
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).having("one")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "last-good"


def keeping(path, **fields):
    """Of a bootstrap."""
    return {"bootstrap_extensions": [{"name": "last_good", "typed_config": {
        "@type": "type.googleapis.com/pillion.bootstrap.last_good.v1.LastGood", "path": str(path), **fields}}]}


@pytest.fixture
def again(pushed):
    """again(both, path, *listeners): stops that proxy and its control plane, and starts the proxy alone. kill: as a crash."""
    def start(both, path, *listeners, how=p.DELTA, kill=False, timeout="2s", fields=None, **options):
        if kill:
            both.proxy.kill()
            both.proxy.stop = lambda: None  # what is left to be done at the end of the test
        elif both.proxy.process.poll() is None:
            both.proxy.stop()
        if both.plane.runs():
            both.plane.kill()
        return noted(pushed(plane=both.plane, how=how, timeout=timeout, **keeping(path, **(fields or {})), **options), *listeners)

    return start


def noted(both, *listeners):
    for listener in listeners:
        both.note(listener)
    return both


def shown(both):
    """/last_good, by kind: {name: in use}, and what is left out."""
    view = json.loads(both.proxy.admin("/last_good?format=json"))
    return {section["kind"]: {one["name"]: one["in_use"] for one in section["resources"]} for section in view["sections"]}


def port_of(address):
    """As a SocketAddress says it."""
    port = address[1]
    return bytes([0x18, port & 0x7F | 0x80, port >> 7 & 0x7F | 0x80, port >> 14] if port >> 14 else [0x18, port & 0x7F | 0x80, port >> 7])


def left_out(both):
    view = json.loads(both.proxy.admin("/last_good?format=json"))
    return {left["name"]: left["why"] for section in view["sections"] for left in section["left_out"] + section["not_used"]}


def secured(common, name="secure"):
    made = p.listener(b.http([b.direct(200, "sealed")]), name=name)
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common)}
    return made


def inline(ca):
    return {"certificate_chain": {"inline_string": (ca.folder / "one.pem").read_text()},
            "private_key": {"inline_string": (ca.folder / "one.key").read_text()}}


def by_sds(how=p.DELTA, timeout=None):
    return secured({"tls_certificate_sds_secret_configs": [{"name": "server", "sds_config": p.source(how, timeout)}]})


@pytest.mark.parametrize("how", p.STREAMS)
def test_filters_that_come_apart(pushed, again, path, how):
    listener = p.listener(p.filtered(p.discovered(how=how)))
    both = pushed(listener, p.extension(p.marking("kept")), how=how, **keeping(path))
    assert both.get().get("x-mark") == "kept"
    alone = again(both, path, listener, how=how)
    assert alone.get().get("x-mark") == "kept"
    assert shown(alone) == {"clusters": {}, "listeners": {"ingress": True}, "extensions": {"edit": True}}
    alone.plane.push(p.extension(p.marking("new")))
    alone.plane.start()
    until(lambda: alone.get().get("x-mark") == "new", "the control plane is heard again")


@pytest.mark.parametrize("how", p.STREAMS)
def test_a_start_without_its_control_plane(pushed, again, named, path, how):
    one, two = named("one", "two")
    first, second = p.listener(p.routed(how=how)), p.listener(b.http([b.direct(200, "second")]), name="second")
    both = pushed(first, second, p.routes(), p.cluster(how=how), p.endpoints(one), how=how, **keeping(path))
    assert both.get().body == b"one"
    alone = again(both, path, first, second, how=how)
    assert (path.stat().st_mode & 0o7777, sorted(entry.name for entry in path.parent.glob("last-good*"))) == (0o600, ["last-good"])
    assert alone.get().body == b"one"
    assert alone.get(listener_="second").body == b"second"
    assert alone.stat("last_good.restored") == 5
    assert "last good: serving from %s of " % path in alone.proxy.log()
    assert shown(alone) == {"clusters": {"backend": True}, "assignments": {"backend": True},
                            "listeners": {"ingress": True, "second": True}, "route tables": {"routes": True}}
    assert "backend::" in alone.proxy.admin("/clusters")
    # It comes back, and has something else.
    alone.plane.push(p.endpoints(two), p.routes(b.route("backend"), b.direct(200, "never")), remove=[("listeners", "second")])
    alone.plane.start()
    alone.until_body(b"two")
    until(lambda: not accepts(alone.proxy.listeners["second"]), "the second listener has gone")
    alone.until_stat("last_good.restored", 0)
    assert alone.stat("last_good.age_seconds") == 0
    assert alone.stat("cluster_manager.cluster_modified") == alone.stat("listener_manager.listener_modified") == 0
    # And that is what the next one starts with: also what came on another stream later on, and so in a file of its own.
    until(lambda: shown(alone)["listeners"] == {"ingress": False}, "it is written")
    until(lambda: port_of(two) in path.read_bytes() and b"never" in path.read_bytes(), "the rest is written")
    last = again(alone, path, first, how=how, kill=True)
    assert last.get().body == b"two"


def test_one_that_takes_the_stream_and_says_nothing(pushed, again, named, path):
    one, two = named("one", "two")
    first = p.listener(p.routed())
    both = pushed(first, p.routes(), p.cluster(), p.endpoints(one), **keeping(path))
    assert both.get().body == b"one"
    both.proxy.stop()
    both.plane.push(p.endpoints(two))
    both.plane.signal(signal.SIGSTOP)
    try:
        alone = pushed(plane=both.plane, **keeping(path, silent_after="0.3s"))
        alone.note(first)
        assert alone.get().body == b"one"
    finally:
        both.plane.signal(signal.SIGCONT)
    alone.until_body(b"two")
    alone.until_stat("last_good.restored", 0)


def test_a_control_plane_that_answers_beats_the_file(pushed, named, path):
    one, two = named("one", "two")
    first = p.listener(p.routed())
    both = pushed(first, p.routes(), p.cluster(), p.endpoints(one), **keeping(path))
    assert both.get().body == b"one"
    both.proxy.stop()
    both.plane.push(p.endpoints(two))
    again = pushed(plane=both.plane, **keeping(path))
    again.note(first)
    assert again.get().body == b"two"
    assert "serving from" not in again.proxy.log()


def test_a_key_is_not_written(pushed, again, ca, path):
    """A listener with one is not there then; least of all in plain text."""
    secure, plain = secured({"tls_certificates": [inline(ca)]}), p.listener(b.http([b.direct(200, "plain")]))
    both = pushed(secure, plain, **keeping(path))
    assert name_of_listener(both, ca) == "one"
    alone = again(both, path, secure, plain)
    assert b"PRIVATE KEY" not in path.read_bytes()
    assert alone.get(listener_="ingress").body == b"plain"
    assert not accepts(alone.proxy.listeners["secure"])
    assert "private_key is a secret: include_secrets is not set" in left_out(alone)["secure"]
    assert 'left out: listener "secure" (its filter_chains[0].transport_socket' in alone.proxy.log()
    assert "private_key is a secret" in alone.proxy.admin("/last_good")
    alone.plane.start()
    until(lambda: accepts(alone.proxy.listeners["secure"]), "it is there again")
    assert name_of_listener(alone, ca) == "one"


def test_a_key_that_may_be_written(pushed, again, ca, path):
    secure = secured({"tls_certificates": [inline(ca)]})
    both = pushed(secure, **keeping(path, include_secrets=True))
    assert name_of_listener(both, ca) == "one"
    alone = again(both, path, secure, fields={"include_secrets": True})
    assert name_of_listener(alone, ca) == "one"
    key = (ca.folder / "one.key").read_text().splitlines()[1]
    assert key.encode() in path.read_bytes() and path.stat().st_mode & 0o777 == 0o600
    for page in "/last_good", "/last_good?format=json", "/config_dump?include_eds":
        assert key not in alone.proxy.admin(page)
    assert key not in alone.proxy.log()


@pytest.mark.parametrize("include", [False, True], ids=["without", "with"])
def test_secrets_by_sds(pushed, again, ca, path, include):
    secure = by_sds()  # it would be waited for for 15 s
    trusting = secured({"tls_certificates": [inline(ca)], "validation_context_sds_secret_config": {"name": "trust", "sds_config": p.source()}},
                       name="trusting")
    both = pushed(secure, trusting, p.secret("server", pair(ca, "one")), p.secret("trust", trust(ca.pem)), **keeping(path, include_secrets=include))
    assert name_of_listener(both, ca) == "one"
    alone = again(both, path, secure, trusting, fields={"include_secrets": include}, timeout="3s")
    assert shown(alone)["secrets"] == ({"server": True, "trust": True} if include else {"trust": False})
    if include:
        assert name_of_listener(alone, ca) == "one"
        return
    # The listener is there; whoever comes is closed, and nobody is served without TLS.
    until(lambda: accepts(alone.proxy.listeners["secure"]), "it listens, for the file has no key to wait for", patience=5)
    assert "secret server is not waited for" in alone.proxy.log()
    with pytest.raises((ssl.SSLError, OSError)):
        connect(alone.proxy, ca, where=alone.proxy.listeners["secure"])
    with pytest.raises((Broken, OSError)):
        alone.get(listener_="secure")


@pytest.mark.parametrize("damage, named_as", [
    (lambda whole: whole[:-100], "is damaged: its checksum is not that of its bytes"),
    (lambda whole: whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "is damaged: its checksum is not that of its bytes"),
    (lambda whole: b"", "is damaged: it is empty"),
    (lambda whole: b"admin: {}", "is no file of last good state"),
], ids=["cut", "flipped", "empty", "another"])
def test_a_file_that_is_damaged(pushed, again, path, damage, named_as):
    """It is refused by name, and the start goes on without it."""
    first = p.listener(b.http([b.direct(200, "hello")]))
    both = pushed(first, **keeping(path))
    assert both.get().body == b"hello"
    both.proxy.stop()
    path.write_bytes(damage(path.read_bytes()))
    alone = again(both, path, first, timeout="0.2s")
    assert f"last good: {path}: {named_as}; the start goes on without it" in alone.proxy.log()
    assert alone.stat("last_good.refused") == 1
    assert not accepts(alone.proxy.address)
    alone.plane.start()
    assert alone.get().body == b"hello"
    if named_as.endswith("state"):
        alone.until_stat("last_good.write_failures", 1)
        assert path.read_bytes() == b"admin: {}"
    else:
        alone.until_stat("last_good.writes", 1)
        assert shown(alone)["listeners"] == {"ingress": False}


def test_files_of_others(pushed, again, path):
    first = p.listener(b.http([b.direct(200, "hello")]))
    both = pushed(first, **keeping(path))
    assert both.get().body == b"hello"
    alone = again(both, path, first, timeout="0.2s", run={"arguments": ["--service-node", "somebody"]})
    assert f'{path}: is of node "me" of cluster "us", expected "somebody" of "us"; the start goes on without it' in alone.proxy.log()
    alone.proxy.stop()
    os.chmod(path, 0o640)
    alone = again(both, path, first, timeout="0.2s")
    assert f"{path}: has mode 0640, expected no rights of group and others, as 0600" in alone.proxy.log()
    assert not accepts(alone.proxy.address)


def test_killed_at_any_time(pushed, again, named, path):
    """What it has by then is whole, and no older than what had been written."""
    one, = named("one")
    first = p.listener(p.routed())
    both = pushed(first, p.routes(), p.cluster(), p.endpoints(one), **keeping(path))
    both.until_stat("last_good.writes", 1)
    alone = again(both, path, first, kill=True)
    assert alone.get().body == b"one"


def test_a_guard_that_was_pushed(pushed, again, path):
    """It is there in the next start, too."""
    first = p.listener(b.http([b.direct(200, "hello")]))
    asks = {"name": "guard", "typed_config": {"@type": "type.googleapis.com/pillion.guard.v1.PushedGuard", "name": "ours", "config_source": p.source()}}

    def both_of(kept):
        return {"bootstrap_extensions": [asks, *kept["bootstrap_extensions"]]}

    both = pushed(first, **both_of(keeping(path)))
    mark = both.plane.push(test_guard.extension("ours"))
    both.plane.until_ack("extension_configs", mark)
    assert test_guard.view(both)["guard"]["window"] == "3 s"
    both.proxy.stop()
    both.plane.kill()
    alone = noted(pushed(plane=both.plane, timeout="2s", **both_of(keeping(path))), first)
    assert alone.get().body == b"hello"
    until(lambda: test_guard.view(alone)["guard"] != "none", "the guard is there")
    assert test_guard.view(alone)["guard"]["window"] == "3 s"
    assert shown(alone)["extensions"] == {"ours": True}


def test_nothing_is_kept(pushed):
    both = pushed(p.listener(b.http([b.direct(200, "hello")])))
    assert both.proxy.admin_response("/last_good")[0] == 404
    assert both.proxy.admin_response("/last_good?format=xml")[0] == 400
    assert "last_good" not in both.proxy.admin("/stats")


def name_of_listener(both, ca):
    where = both.proxy.listeners["secure"]
    until(lambda: accepts(where), "it listens")
    return name_of(both.proxy, ca, where)
