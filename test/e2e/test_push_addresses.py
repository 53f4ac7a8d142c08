"""Listeners of one answer that pass their addresses on to one another, or exchange them."""

import contextlib
import functools
import itertools

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.certificates import Authority
from peers.control_plane import pair
from peers.message import Broken, Request
from peers.ports import accepts, free_port
from peers.traffic import meanwhile
from peers.wait import until
from test_last_good import by_sds


def at(name, port, body=None):
    return p.listener(b.http([b.direct(200, body or name)], name=name), where=("127.0.0.1", port), name=name)


@contextlib.contextmanager
def asking(both, name):
    """Each request to this listener, on a connection of its own and on one that is kept, is answered."""
    answered, failed = [], []

    def ask(stop, kept):
        live = both.connect(listener_=name) if kept else None
        while not stop.is_set():
            try:
                body = live.exchange(Request()).body if kept else both.get(listener_=name).body
                (answered if body == name.encode() else failed).append(body)
            except (Broken, OSError) as error:
                failed.append(error)

    with meanwhile(*(functools.partial(ask, kept=kept) for kept in (False, True))):
        yield
    assert answered and not failed, failed[:3]


def until_served(both, *names):
    for name in names:
        both.until_body(name.encode(), listener_=name)


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_two_exchange_theirs(pushed, how):
    one, two = free_port(), free_port()
    both = pushed(at("one", one), at("two", two), at("beside", free_port()), how=how)
    until_served(both, "one", "two")
    with asking(both, "beside"):
        for first, second in ((two, one), (one, two), (two, one)):
            both.change(at("one", first), at("two", second))
            until_served(both, "one", "two")
    assert both.stat("listener_manager.listener_create_failure") == both.stat("listener_manager.lds.update_rejected") == 0
    assert both.stat("listener_manager.listener_modified") == 6
    both.until_stat("listener_manager.total_listeners_warming", 0)


@pytest.mark.parametrize("how", p.AGGREGATED)
@pytest.mark.parametrize("order", list(itertools.permutations("abc"))[::2], ids="".join)
def test_each_takes_that_of_the_next(pushed, order, how):
    """In whatever order their names stand; the last one goes elsewhere."""
    ports = [free_port() for _ in range(4)]
    both = pushed(*[at(name, port) for name, port in zip(order, ports)], how=how)
    until_served(both, *order)
    both.change(*[at(name, port) for name, port in zip(order, ports[1:])])
    until_served(both, *order)
    until(lambda: not accepts(("127.0.0.1", ports[0])), "nobody listens where the first one did")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_one_that_is_refused_keeps_its_own(pushed, how):
    """And who wanted it is refused as well; who wanted nothing of theirs is taken."""
    one, two = free_port(), free_port()
    both = pushed(at("a", one), at("b", two), at("c", free_port()), how=how)
    until_served(both, "a", "b", "c")
    bad = at("b", free_port())
    bad["filter_chains"] = []
    bad["listener_filters"] = [{"name": "nobody"}]
    elsewhere = free_port()
    refusal = both.refused(at("a", two), bad, at("c", elsewhere))
    assert f'its address 127.0.0.1:{two} is that of listener "b"' in refusal
    both.proxy.listeners.update(a=("127.0.0.1", one), b=("127.0.0.1", two))
    until_served(both, "a", "b", "c")
    assert both.proxy.listeners["c"] == ("127.0.0.1", elsewhere)


def test_who_takes_an_address_waits_until_it_is_left(pushed, tmp_path):
    """As long as its owner waits for a secret, all of its connections go to its former version."""
    ca = Authority(tmp_path)
    ca.issue("one")
    one, two, three = free_port(), free_port(), free_port()
    both = pushed(at("taker", one), at("owner", two))
    until_served(both, "taker", "owner")
    moved = {**by_sds(), "name": "owner", "address": b.address(("127.0.0.1", three))}
    both.change(at("taker", two), moved)
    both.until_stat("listener_manager.total_listeners_warming", 2)
    both.proxy.listeners.update(taker=("127.0.0.1", one), owner=("127.0.0.1", two))
    assert {both.get(listener_=name).body for name in ("taker", "owner") for _ in range(10)} == {b"taker", b"owner"}
    assert {both.get(listener_="owner").body for _ in range(20)} == {b"owner"}
    both.change(p.secret("server", pair(ca, "one")))
    both.proxy.listeners["taker"] = "127.0.0.1", two
    until_served(both, "taker")
    until(lambda: accepts(("127.0.0.1", three)), "the owner is elsewhere")
    both.until_stat("listener_manager.total_listeners_warming", 0)
