"""Identities from an agent by the SPIFFE Workload API: none at first, then one; changes under load; bad ones; federated trust."""

import json
import os
import re

import pytest
import yaml

from peers import bootstrap as b
from peers import http1, secured
from peers.ca import ctl
from peers.certificates import Authority
from peers.control_plane import Agent, svid_response
from peers.message import Broken, Request, Response
from peers.ports import free_port
from peers.proxy import ROOT
from peers.secured import answers, asking
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."


def authority(folder, **more):
    return Authority(folder, **more).having("one", "two", "client")


@pytest.fixture
def ca(tmp_path):
    return authority(tmp_path / "ca")


@pytest.fixture
def agent(tmp_path):
    made = Agent(tmp_path / "agent.sock").start()
    yield made
    made.stop()


def extension(endpoint=None, timeout="15s"):
    config = {"@type": "type.googleapis.com/pillion.bootstrap.workload_api.v1.WorkloadApi", "initial_fetch_timeout": timeout}
    return [{"name": "agent", "typed_config": {**config, **({"endpoint": endpoint} if endpoint else {})}}]


def serving(pillion, endpoint, trust="ALL", own="default", timeout="15s", **more):
    """STRICT: who has no identity of a trusted domain is not served."""
    common = {"tls_certificate_sds_secret_configs": [{"name": own}], "validation_context_sds_secret_config": {"name": trust}}
    made = b.listener(b.http([b.direct(200, "hello")]))
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(
        _TLS + "DownstreamTlsContext", require_client_certificate=True, common_tls_context=common)}
    return pillion(b.bootstrap([made], bootstrap_extensions=extension(endpoint, timeout)), **more)


def connect(proxy, ca, client=None, name="client"):
    """As `name` of the authority `client`."""
    client = client or ca
    return secured.connect(proxy, ca, (client.folder / f"{name}.pem", client.folder / f"{name}.key"))


def name_of(proxy, ca, client=None):
    """Of whom answers; None: this client is not served."""
    try:
        with connect(proxy, ca, client) as sock:
            name = dict(field[0] for field in sock.getpeercert()["subject"])["commonName"]
            return name if answers(http1.Connection(sock)) else None
    except (OSError, AssertionError, Broken):
        return None


def test_no_identity_at_first(pillion, agent, ca):
    proxy = serving(pillion, f"unix://{agent.path}", timeout="0.3s")
    assert name_of(proxy, ca) is None
    until(lambda: agent.calls >= 2, "it asks again")
    assert proxy.log().count("PERMISSION_DENIED: no identity issued") == 1
    agent.publish(svid_response((ca, "one")))
    until(lambda: name_of(proxy, ca) == "one", "it has one")
    certificates = json.loads(proxy.admin("/certs"))["certificates"][0]
    assert certificates["cert_chain"][0]["path"] == "workload_api/default"
    assert [item["path"] for item in certificates["ca_cert"]] == ["workload_api/ALL"]
    assert "PRIVATE" not in proxy.admin("/config_dump")


def test_secrets_are_shown_by_their_names(pillion, agent, ca, tmp_path):
    """And are no difference from the configuration that asks for them."""
    agent.publish(svid_response((ca, "one")))
    proxy = serving(pillion, f"unix://{agent.path}")
    assert name_of(proxy, ca) == "one"
    dump = json.loads(proxy.admin("/config_dump"))["configs"]
    shown = next(section for section in dump if section["@type"].endswith("SecretsConfigDump"))["dynamic_active_secrets"]
    assert sorted((one["name"], one["secret"]["name"]) for one in shown) == [("ALL", "ALL"), ("default", "default")]
    bootstrap = next(section for section in dump if section["@type"].endswith("BootstrapConfigDump"))["bootstrap"]
    (tmp_path / "same.json").write_text(json.dumps(bootstrap), encoding="utf-8")
    same = ctl("diff", tmp_path / "same.json", "{}:{}".format(*proxy.admin_address))
    assert (same.returncode, same.stdout) == (0, "")


def test_the_environment_says_where(pillion, agent, ca, monkeypatch):
    monkeypatch.setitem(os.environ, "SPIFFE_ENDPOINT_SOCKET", f"unix://{agent.path}")
    agent.publish(svid_response((ca, "one"), (ca, "two", "inside")))
    proxy = serving(pillion, None, own="hint:inside", trust="ROOTCA")
    assert name_of(proxy, ca) == "two"


def test_rotation_under_load(pillion, agent, ca):
    agent.publish(svid_response((ca, "one")))
    proxy = serving(pillion, f"unix://{agent.path}", concurrency=2)
    with asking(lambda: connect(proxy, ca)):
        for turn in range(6):
            before = proxy.stat("tls.context_renewed")
            name = "two" if turn % 2 == 0 else "one"
            agent.publish(svid_response((ca, name)))
            proxy.until_stat("tls.context_renewed", before + 1)
            assert name_of(proxy, ca) == name


def test_a_bad_agent(pillion, agent, ca):
    agent.publish(svid_response((ca, "one")))
    proxy = serving(pillion, f"unix://{agent.path}")
    bad = svid_response((ca, "two"))
    bad.svids[0].bundle = b""
    wrong_name = svid_response((ca, "two"))
    wrong_name.svids[0].spiffe_id = "spiffe://td.test/somebody"
    for count, response in enumerate([bad, wrong_name, svid_response(), b"\xff\xff\xff"], 1):
        agent.publish(response)
        proxy.until_stat("sds.default.update_rejected", count)
        assert name_of(proxy, ca) == "one"
    assert "the bundle of td.test: empty" in proxy.log()
    agent.publish(svid_response((ca, "two")))
    until(lambda: name_of(proxy, ca) == "two", "a good one is taken")
    agent.stop()
    proxy.until_stat("control_plane.connected_state", 0)
    assert name_of(proxy, ca) == "two"
    agent.publish(svid_response((ca, "one")))
    agent.start()
    until(lambda: name_of(proxy, ca) == "one", "the agent is back")


def test_federated_trust(pillion, agent, ca, tmp_path):
    """Another trust domain comes and goes; connections of one that has gone are drained."""
    other = authority(tmp_path / "other", trust_domain="other.test", name="other")
    agent.publish(svid_response((ca, "one")))
    proxy = serving(pillion, f"unix://{agent.path}", arguments=["--drain-time-s", "1"])
    assert name_of(proxy, ca) == "one" and name_of(proxy, ca, other) is None
    agent.publish(svid_response((ca, "one"), federated=[other]))
    until(lambda: name_of(proxy, ca, other) == "one", "the other domain is trusted")
    foreign, own = http1.Connection(connect(proxy, ca, other)), http1.Connection(connect(proxy, ca))
    assert answers(foreign) and answers(own)
    agent.publish(svid_response((ca, "one")))
    until(lambda: name_of(proxy, ca, other) is None, "it is not any more")
    until(lambda: not _lives(foreign), "its connection has ended")
    assert answers(own)


def test_a_domain_that_is_named_is_withdrawn(pillion, agent, ca, tmp_path):
    """Nobody is accepted by what was withdrawn, until it is given again; our own certificates go on being renewed."""
    other = authority(tmp_path / "other", trust_domain="other.test", name="other")
    agent.publish(svid_response((ca, "one"), federated=[other]))
    proxy = serving(pillion, f"unix://{agent.path}", trust="spiffe://other.test", arguments=["--drain-time-s", "1"])
    assert name_of(proxy, ca, other) == "one"
    foreign = http1.Connection(connect(proxy, ca, other))
    assert answers(foreign)
    agent.publish(svid_response((ca, "two")))
    until(lambda: not _lives(foreign), "its connection has ended")
    assert name_of(proxy, ca, other) is None
    assert "the agent gives no spiffe://other.test; nobody is trusted by it" in proxy.log()
    bad = svid_response((ca, "two"))
    bad.federated_bundles["spiffe://other.test"] = b"junk"
    before = proxy.stat("sds.default.update_success")
    agent.publish(bad)
    proxy.until_stat("sds.default.update_success", before + 1)
    assert name_of(proxy, ca, other) is None
    agent.publish(svid_response((ca, "two"), federated=[other]))
    until(lambda: name_of(proxy, ca, other) == "two", "it is given again")


def test_the_small_file_of_the_page(pillion, agent, ca, serve):
    """docs/tls.md: mutual TLS or nothing, one caller, one method."""
    text, = [block for block in re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/tls.md").read_text(encoding="utf-8"), re.M | re.S)
             if "WorkloadApi" in block and "STRICT" in block]
    application = serve.h1(lambda request: Response(200, [], b"hello"))
    for here, there in (("/run/spire/agent.sock", agent.path), ("example.org/ns/prod/sa/web", "td.test/ns/prod/sa/client"),
                        ("0.0.0.0", "127.0.0.1"), ("8443", free_port()), ("9901", free_port()), ("8080", application.address[1])):
        assert here in text
        text = text.replace(here, str(there))
    agent.publish(svid_response((ca, "one")))
    proxy = pillion(yaml.safe_load(text))

    def status(name, method="GET"):
        with connect(proxy, ca, name=name) as sock:
            return http1.Connection(sock).exchange(Request(method, "/", [("host", "a")])).status

    assert (status("client"), status("client", "DELETE"), status("two")) == (200, 403, 403)
    with pytest.raises((OSError, Broken)):
        with secured.connect(proxy, ca) as sock:
            http1.Connection(sock).exchange(Request("GET", "/", [("host", "a")]))
    with pytest.raises((OSError, Broken)):
        proxy.exchange(Request("GET", "/", [("host", "a")]))
    assert proxy.stat(f"listener.127.0.0.1_{proxy.address[1]}.peer_authentication.mtls") == 3


def _lives(connection):
    try:
        return answers(connection)
    except (OSError, AssertionError, Broken):
        return False
