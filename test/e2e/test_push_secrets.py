"""Certificates that come with the rest, by SDS on the stream of all types, or within listeners and clusters."""

import json
import ssl

import pytest

from peers import bootstrap as b
from peers import http1
from peers import pushed as p
from peers.certificates import Authority
from peers.control_plane import pair, trust
from peers.message import Broken, Response
from peers.ports import accepts, free_port
from peers.secured import answers, asking, connect, name_of
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).having("one", "two", "client")


def named_secret(name, how=p.DELTA, timeout=None):
    return {"name": name, "sds_config": p.source(how, timeout)}


def secured(common, where, name="ingress", body="hello", **context):
    made = p.listener(b.http([b.direct(200, body)]), where=where, name=name)
    made["filter_chains"][0]["transport_socket"] = {
        "name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context=common, **context)}
    return made


def by_sds(name="server", how=p.DELTA, timeout=None, where=None, listener="ingress", **common):
    return secured({"tls_certificate_sds_secret_configs": [named_secret(name, how, timeout)], **common}, where or ("127.0.0.1", free_port()), listener)


def inline(ca, name):
    """A TlsCertificate with its bytes, as Consul sends them."""
    return {"certificate_chain": {"inline_string": (ca.folder / f"{name}.pem").read_text()},
            "private_key": {"inline_string": (ca.folder / f"{name}.key").read_text()}}


@pytest.mark.parametrize("how", p.STREAMS)
def test_the_first_and_the_next(pushed, ca, how):
    both = pushed(by_sds(how=how), p.secret("server", pair(ca, "one")), how=how)
    until(lambda: accepts(both.proxy.address), "it listens")
    assert name_of(both.proxy, ca) == "one"
    kept = http1.Connection(connect(both.proxy, ca))
    assert answers(kept)
    both.change(p.secret("server", pair(ca, "two")))
    until(lambda: name_of(both.proxy, ca) == "two", "the next one is shown")
    assert answers(kept)
    assert both.stat("sds.server.update_success") == 2
    shown = both.dumped("SecretsConfigDump")["dynamic_active_secrets"]
    assert [one["name"] for one in shown] == ["server"] and shown[0]["version_info"]


def test_a_refused_one_is_shown(pushed, ca):
    """With its version, the time and the reason; without a key."""
    both = pushed(by_sds(), p.secret("server", pair(ca, "one")))
    until(lambda: accepts(both.proxy.address), "it listens")
    bad = p.secret("server", pair(ca, "two"))
    bad["tls_certificate"]["private_key"] = {"inline_string": "no key"}
    refusal = both.refused(bad)
    shown, = both.dumped("SecretsConfigDump")["dynamic_active_secrets"]
    state = shown["error_state"]
    assert state["details"] in refusal and "private_key" in state["details"]
    assert state["version_info"] and state["version_info"] != shown["version_info"]
    assert state["last_update_attempt"] >= shown["last_updated"]
    assert name_of(both.proxy, ca) == "one"


def test_a_listener_waits_for_its_secret(pushed, ca):
    both = pushed()
    both.change(by_sds())
    both.until_stat("listener_manager.total_listeners_warming", 1)
    assert not accepts(both.proxy.address)
    both.change(p.secret("server", pair(ca, "one")))
    until(lambda: accepts(both.proxy.address), "it listens")
    assert name_of(both.proxy, ca) == "one"


def test_a_secret_that_does_not_come(pushed, ca):
    """The listener listens when the time is over, and closes whoever comes; nobody is served without TLS."""
    both = pushed(by_sds(timeout="0.2s"))
    until(lambda: accepts(both.proxy.address), "it listens")
    with pytest.raises((ssl.SSLError, OSError)):
        connect(both.proxy, ca)
    with pytest.raises((Broken, OSError)):
        both.get()
    both.change(p.secret("server", pair(ca, "one")))
    until(lambda: accepted_as(both, ca) == "one", "it has come")


def accepted_as(both, ca):
    try:
        return name_of(both.proxy, ca)
    except OSError:
        return None


def test_one_subscription_for_two_listeners(pushed, ca):
    first, second = by_sds(listener="a"), by_sds(listener="b")
    both = pushed(first, second, p.secret("server", pair(ca, "one")))
    for name in ("a", "b"):
        until(lambda: accepts(both.proxy.listeners[name]), "it listens")  # pylint: disable=cell-var-from-loop
    assert sum("server" in event.subscribe for event in both.plane.requests("secrets")) == 1
    both.change(p.secret("server", pair(ca, "two")))
    until(lambda: name_of(both.proxy, ca) == "two", "the first one shows it")
    both.proxy.listeners = {"b": both.proxy.listeners["b"]}
    until(lambda: name_of(both.proxy, ca) == "two", "the second one shows it")


def test_rotation_under_load(pushed, ca):
    both = pushed(by_sds(), p.secret("server", pair(ca, "one")))
    until(lambda: accepts(both.proxy.address), "it listens")
    with asking(lambda: connect(both.proxy, ca)):
        for turn in range(6):
            name = "two" if turn % 2 == 0 else "one"
            both.change(p.secret("server", pair(ca, name)))
            until(lambda: name_of(both.proxy, ca) == name, f"{name} is shown")  # pylint: disable=cell-var-from-loop
    assert both.stat("sds.server.update_rejected") == 0


@p.ours
def test_rotation_within_a_listener(pushed, ca):
    """Certificates that come inline: nobody who is connected loses anything, and nobody who comes is refused."""
    where = "127.0.0.1", free_port()
    both = pushed(secured({"tls_certificates": [inline(ca, "one")]}, where))
    until(lambda: accepts(where), "it listens")
    with asking(lambda: connect(both.proxy, ca)):
        for turn in range(6):
            name = "two" if turn % 2 == 0 else "one"
            both.change(secured({"tls_certificates": [inline(ca, name)]}, where))
            until(lambda: name_of(both.proxy, ca) == name, f"{name} is shown")  # pylint: disable=cell-var-from-loop
    assert both.stat("listener_manager.total_listeners_draining") == 0


def test_a_certificate_within_a_listener(pushed, ca):
    """The next one is shown to who comes; and no key is shown to anybody."""
    where = "127.0.0.1", free_port()
    both = pushed(secured({"tls_certificates": [inline(ca, "one")]}, where))
    until(lambda: accepts(where), "it listens")
    assert name_of(both.proxy, ca) == "one"
    both.change(secured({"tls_certificates": [inline(ca, "two")]}, where))
    until(lambda: name_of(both.proxy, ca) == "two", "the next one is shown")
    assert "BEGIN PRIVATE" not in both.proxy.admin("/config_dump") and "BEGIN EC PRIVATE" not in both.proxy.admin("/config_dump")


def test_no_key_is_shown(pushed, ca):
    both = pushed(by_sds(), p.secret("server", pair(ca, "one")))
    until(lambda: accepts(both.proxy.address), "it listens")
    shown, = both.dumped("SecretsConfigDump")["dynamic_active_secrets"]
    key = shown["secret"]["tls_certificate"]["private_key"]["inline_bytes"]
    assert key == "W3JlZGFjdGVkXQ=="  # [redacted]
    assert json.dumps(p.secret("", pair(ca, "one"))["tls_certificate"]["private_key"]["inline_bytes"]) not in both.proxy.admin("/config_dump")


def test_whom_to_trust(pushed, ca, tmp_path):
    """Who is trusted changes for who comes; a client of another authority is refused after it."""
    other = Authority(tmp_path / "other", "other")
    own = ca.folder / "client.pem", ca.folder / "client.key"
    made = by_sds(validation_context_sds_secret_config=named_secret("trust"))
    made["filter_chains"][0]["transport_socket"]["typed_config"]["require_client_certificate"] = True
    both = pushed(made, p.secret("server", pair(ca, "one")), p.secret("trust", trust(ca.pem)))
    until(lambda: accepts(both.proxy.address), "it listens")

    def served():
        try:
            with connect(both.proxy, ca, own) as sock:
                return answers(http1.Connection(sock))
        except (OSError, Broken):
            return False
    assert served()
    both.change(p.secret("trust", trust(other.pem)))
    until(lambda: not served(), "the client is not trusted")
    both.change(p.secret("trust", trust(ca.pem, other.pem)))
    until(served, "the client is trusted again")


def test_upstream(pushed, ca, serve):
    """A cluster waits for the secrets that it needs; then it shows the new ones."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.folder / "two.pem", ca.folder / "two.key")
    context.load_verify_locations(ca.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    seen = []

    def script(sock):
        with context.wrap_socket(sock, server_side=True) as inner:
            seen.append(dict(field[0] for field in inner.getpeercert()["subject"])["commonName"])
            http1.serving(lambda request: Response(200, [("connection", "close")], b"hello"))(inner)
    server = serve(script)
    tls = b.any_of(_TLS + "UpstreamTlsContext", common_tls_context={
        "tls_certificate_sds_secret_configs": [named_secret("own")], "validation_context_sds_secret_config": named_secret("trust")})
    both = pushed(p.listener(p.routed()), p.routes(), p.secret("trust", trust(ca.pem)))
    both.push(p.whole_cluster(server.address, transport_socket={"name": "tls", "typed_config": tls}))
    both.until_stat("cluster_manager.warming_clusters", 1)
    both.change(p.secret("own", pair(ca, "client")))
    both.until_body(b"hello")
    both.change(p.secret("own", pair(ca, "one")))
    until(lambda: both.get().body == b"hello" and seen[-1] == "one", "the new one is shown")
    assert seen[0] == "client"


def test_a_bad_one(pushed, ca):
    """The key is another's: the last good one stays."""
    both = pushed(by_sds(), p.secret("server", pair(ca, "one")))
    until(lambda: accepts(both.proxy.address), "it listens")
    text = both.refused(p.secret("server", pair(ca, "one", key="two")))
    if not p.ENVOY:
        assert '"server": tls_certificate.private_key' in text and "the private key is not that of the certificate" in text
    assert name_of(both.proxy, ca) == "one"
    assert both.stat("sds.server.update_rejected") == 1
    both.change(p.secret("server", pair(ca, "two")))
    until(lambda: name_of(both.proxy, ca) == "two", "a good one is taken")


def test_another_one(pushed, ca):
    """A listener that now names a secret that is not there: until it comes the one before serves."""
    where = "127.0.0.1", free_port()
    both = pushed(by_sds("server", where=where), p.secret("server", pair(ca, "one")))
    until(lambda: accepts(where), "it listens")
    both.push(by_sds("other", where=where))
    both.plane.until_request("secrets", lambda event: "other" in event.subscribe)
    assert name_of(both.proxy, ca) == "one"
    both.change(p.secret("other", pair(ca, "two")))
    until(lambda: name_of(both.proxy, ca) == "two", "the other one is shown")
