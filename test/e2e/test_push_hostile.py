"""Answers that no control plane should give: nobody else is harmed, and what there is stays."""

import time

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.go_control_plane import TYPES, packed, with_bytes
from peers.message import Request
from peers.wait import until


def serving(pushed, how=p.DELTA, **options):
    return pushed(p.listener(p.routed(how=how)), p.routes(b.direct(200, "one")), how=how, **options)


def still_well(both):
    """It serves, and takes the next push."""
    assert both.get().body == b"one"
    both.push(p.routes(b.direct(200, "next")))
    both.until_body(b"next")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_name_twice(pushed, named, how):
    one, two = named("one", "two")
    both = serving(pushed, how)
    mark = both.plane.respond("clusters", p.whole_cluster(one), p.whole_cluster(two))
    assert "backend" in both.plane.until_nack("clusters", mark)
    still_well(both)


@pytest.mark.parametrize("how", p.AGGREGATED)
@pytest.mark.parametrize("which", ["another-type", "unknown-type", "no-message", "nothing"])
def test_what_is_no_resource(pushed, how, which):
    resource = {
        "another-type": {**packed(TYPES["listeners"], b"\x0a\x01x"), "name": "x"},
        "unknown-type": packed("type.googleapis.com/nobody.has.This", b"\x0a\x01x", "x"),
        "no-message": packed(TYPES["clusters"], b"\x0a\x7fx", "x"),
        "nothing": packed(TYPES["clusters"], b"", "x"),
    }[which]
    both = serving(pushed, how)
    mark = both.plane.respond("clusters", resource)
    text = both.plane.until_nack("clusters", mark)
    if not p.ENVOY:
        assert ('"x"' if how == p.DELTA else "resources[0]") in text
    still_well(both)


@p.ours
@pytest.mark.parametrize("how", p.AGGREGATED)
def test_one_bad_among_good_ones(pushed, named, how):
    """Bytes that nobody can read do no harm to what is beside them. Envoy takes none of it."""
    one, = named("one")
    both = pushed(p.listener(p.routed(how=how)), p.routes(), how=how)
    mark = both.plane.respond("clusters", p.whole_cluster(one), packed(TYPES["clusters"], b"\x0a\x7fx", "x"), version="7")
    both.plane.until_nack("clusters", mark)
    both.until_body(b"one")


def test_unknown_fields(pushed):
    """They are passed over, and counted."""
    both = serving(pushed)
    both.change(with_bytes(p.whole_cluster(name="new"), b"\xc0\x3e\x01"))  # field 1000
    assert both.stat("server.dynamic_unknown_fields") == 1
    assert both.stat("cluster_manager.cluster_added") == 2


def test_unknown_fields_refused(pushed):
    both = serving(pushed, run={"arguments": ["--reject-unknown-dynamic-fields"]})
    text = both.refused(with_bytes(p.whole_cluster(name="new"), b"\xc0\x3e\x01"))
    assert "1000" in text and "unknown field" in text
    assert both.get().body == b"one"


def test_the_end_of_what_nobody_knows(pushed):
    both = serving(pushed)
    for kind in ("clusters", "listeners", "routes"):
        mark = both.plane.respond(kind, removed=["stranger"])
        both.plane.until_ack(kind, mark)
    still_well(both)


def test_many_small_changes(pushed):
    """A cluster that changes all the time: the last one is what there is, and the process does not grow."""
    both = serving(pushed)
    before = both.proxy.rss_kib()
    for number in range(200):
        both.push(p.whole_cluster(("127.0.0.1", 9), name="flapping", connect_timeout=f"{number + 1}s"))
    until(lambda: both.dumped("ClustersConfigDump").get("dynamic_active_clusters", [{}])[0].get("cluster", {}).get("connect_timeout") == "200s",
          "the last one is there")
    assert both.proxy.rss_kib() - before < 20000
    assert both.get().body == b"one"


@p.ours
def test_the_same_bad_one_at_once_again(pushed):
    """Who sends it again for each refusal, as this control plane does over the state of the world, is answered seldom; what is good and
    comes meanwhile is taken at once. Envoy answers a thousand times a second."""
    both = serving(pushed, p.STATE)
    mark = both.push(p.whole_cluster(name="bad", connect_timeout="-1s"))
    both.plane.until_nack("clusters", mark)
    since, live = time.monotonic(), both.connect()
    while time.monotonic() - since < 2:
        assert live.exchange(Request()).status == 200
    answers = len([event for event in both.plane.requests("clusters", mark) if event.error])
    assert answers <= 12
    began = time.monotonic()
    both.push(p.routes(b.direct(200, "next")))
    both.until_body(b"next")
    assert time.monotonic() - began < 0.5
    assert both.proxy.log().count("connect_timeout: -1s") <= 3
    mended = p.whole_cluster(name="bad")
    both.push(mended)
    both.until_stat("cluster_manager.cluster_added", 2)


@p.ours
def test_a_field_that_nobody_knows(pushed):
    """It is passed over, and the log says of which resource."""
    both = serving(pushed)
    both.plane.respond("clusters", packed(TYPES["clusters"], b"\x0a\x04odd1\x22\x02\x08\x01\xb8\x3e\x01", "odd1"))
    until(lambda: 'cluster "odd1": unknown field "number 999" of envoy.config.cluster.v3.Cluster is passed over' in both.proxy.log(), "it is named")
    still_well(both)


@p.ours
def test_what_is_hardly_meant(pushed):
    """It is taken, and the log says of which resource, as of a file; of thousands in one answer it says a few."""
    both = serving(pushed)
    tls = {"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}}
    note = "common_tls_context: has no validation context that verifies"
    both.change(p.whole_cluster(name="open", transport_socket=tls))
    until(lambda: f'cluster "open": transport_socket.typed_config.{note}' in both.proxy.log(), "it is said")
    both.change(*[p.whole_cluster(name=f"open{number}", transport_socket=tls) for number in range(30)])
    until(lambda: "10 notes more on clusters of the same answer" in both.proxy.log(), "there are more")
    assert both.proxy.log().count(note) == 1 + 20
    still_well(both)


def large(name, mib=1):
    """A cluster of so much metadata that nothing here reads."""
    return p.whole_cluster(name=name, metadata={"filter_metadata": {"nobody": {"reads": "x" * mib * 1024 * 1024}}})


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_an_answer_of_many_mebibytes(pushed, how):
    """As that of some thousand clusters is: gRPC's own servers and clients stop at four."""
    both = pushed(p.listener(p.routed(how=how)), p.routes(b.direct(200, "one")), how=how)
    both.push(*[large(f"large-{number}") for number in range(8)])
    both.until_stat("cluster_manager.cluster_added", 1 + 8)
    assert "RESOURCE_EXHAUSTED" not in both.proxy.log()
    still_well(both)


@p.ours
def test_an_answer_that_is_longer_than_configured(pushed):
    """The log says how long it was, how long it may be, and what says so."""
    api = {"grpc_services": [{"envoy_grpc": {"cluster_name": "xds", "max_receive_message_length": 100000}}]}
    both = serving(pushed, p.STATE, api=api)
    both.push(large("large"))
    until(lambda: "expected 100000 at most (envoy_grpc.max_receive_message_length)" in both.proxy.log(), "the limit is named")
    assert both.get().body == b"one"
    both.push(remove=[("clusters", "large")])
    both.push(p.routes(b.direct(200, "next")))
    both.until_body(b"next")
