"""A version of a listener that waits for what it names: what serves meanwhile, and what it waits for when it names something else."""

import json

import pytest

from peers import bootstrap as b
from peers import http1
from peers import pushed as p
from peers.certificates import Authority
from peers.control_plane import pair
from peers.message import Request
from peers.ports import accepts, free_port
from peers.secured import connect, name_of
from peers.wait import until
from test_push_network_filters import _MANAGER, answer, discovered, manager, until_answer

pytestmark = p.ours
WARMING = "listener_manager.total_listeners_warming"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("one", "two"):
        authority.issue(name)
    return authority


def by_sds(filter_, where, name="ingress"):
    made = p.listener(filter_, where=where, name=name)
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={"tls_certificate_sds_secret_configs": [{"name": "server", "sds_config": p.source()}]})}
    return made


def forever(table):
    """Whoever names this table waits for it as long as that takes."""
    return p.routed(table, timeout="0s")


def push_filter(both, filter_):
    """The configuration of the filter that ends the chain is that of `filter_`, and is taken."""
    mark = both.push(p.extension(filter_["typed_config"], name="end"))
    both.plane.until_ack("extension_configs", mark)


def needs(both):
    return json.dumps(json.loads(both.proxy.admin("/init_dump")))


def test_what_serves_goes_on_following(pushed, ca):
    """Its certificate is renewed and its filter replaced, though the version that was to take its place was replaced itself."""
    where = "127.0.0.1", free_port()

    def body():
        connection = http1.Connection(connect(both.proxy, ca))
        try:
            return connection.exchange(Request()).body
        finally:
            connection.close()

    both = pushed(by_sds(discovered("end", _MANAGER), where), p.extension(manager("former"), name="end"), p.secret("server", pair(ca, "one")))
    until(lambda: accepts(where), "it listens")
    assert (body(), name_of(both.proxy, ca)) == (b"former", "one")
    push_filter(both, forever("never"))
    both.until_stat(WARMING, 1)
    both.change(by_sds(forever("table"), where))
    until(lambda: 'route table \\"table\\"' in needs(both) and "never" not in needs(both), "another version waits")
    assert body() == b"former"
    both.change(p.secret("server", pair(ca, "two")))
    until(lambda: name_of(both.proxy, ca) == "two", "the next certificate is shown")
    push_filter(both, p.filtered(body="later"))
    until(lambda: body() == b"later", "the next filter serves")
    both.change(p.routes(b.direct(200, "of the table"), name="table"))
    until(lambda: body() == b"of the table", "the other version serves")
    both.until_stat(WARMING, 0)


def test_what_it_names_no_more_is_not_waited_for(pushed):
    """Even where others wait for it."""
    both = pushed(p.listener(discovered("end", _MANAGER)), p.extension(manager("former"), name="end"))
    until_answer(both, b"former", listener_="ingress")
    both.change(p.listener(forever("never"), name="other"))
    both.until_stat(WARMING, 1)
    push_filter(both, forever("never"))
    both.until_stat(WARMING, 2)
    assert answer(both, listener_="ingress") == b"former"
    push_filter(both, p.filtered(body="later"))
    until_answer(both, b"later", listener_="ingress")
    both.until_stat(WARMING, 1)


def test_who_waits_for_an_address_waits_for_tables_as_well(pushed, ca):
    """What comes for its filters meanwhile names one that is not there."""
    one, two, three = (("127.0.0.1", free_port()) for _ in range(3))
    end = discovered("end", _MANAGER)
    both = pushed(p.listener(end, where=one, name="taker"), p.listener(p.filtered(body="owner"), where=two, name="owner"),
                  p.extension(manager("former"), name="end"))
    until_answer(both, b"former", listener_="taker")
    both.change(p.listener(end, where=two, name="taker"), by_sds(p.filtered(body="owner"), three, "owner"))
    both.until_stat(WARMING, 2)
    push_filter(both, forever("table"))
    both.proxy.listeners.update(taker=one, owner=two)
    assert (answer(both, listener_="taker"), answer(both, listener_="owner")) == (b"former", b"owner")
    both.change(p.secret("server", pair(ca, "one")))
    until(lambda: accepts(three), "the owner is elsewhere")
    both.until_stat(WARMING, 1)
    assert 'route table \\"table\\"' in needs(both)
    assert answer(both, listener_="taker") == b"former"
    both.change(p.routes(b.direct(200, "of the table"), name="table"))
    both.proxy.listeners["taker"] = two
    until_answer(both, b"of the table", listener_="taker")
    both.until_stat(WARMING, 0)
