"""Resources that live for a while only, unless the control plane says that they still do."""

import time

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.go_control_plane import ttl
from peers.message import Request
from peers.ports import accepts, free_port
from peers.wait import until


def two():
    """(two listeners): one that stays and one that may not."""
    return tuple(p.listener(b.http([b.direct(200, name)]), name=name) for name in ("stays", "goes"))


def test_it_is_over(pushed):
    stays, goes = two()
    both = pushed(stays, ttl(goes, 1), how=p.STATE)
    assert both.get(listener_="goes").body == b"goes"
    until(lambda: not accepts(both.proxy.listeners["goes"]), "nobody listens")
    assert both.get(listener_="stays").body == b"stays"
    assert both.stat("listener_manager.listener_removed") == 1


@p.ours
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside-another"])
def test_it_is_said_to_live(pushed, beside):
    """Again and again, with nothing but its name. What is not in such an answer is not gone by it: this control plane says nothing of
    what has no end. Envoy takes it for an answer without any."""
    stays, goes = two()
    both = pushed(ttl(goes, 1), *([stays] if beside else []), how=p.STATE, arguments=["-heartbeat", "200ms"])
    live = both.connect(listener_="goes")
    began = time.monotonic()
    while time.monotonic() - began < 1.6:
        assert live.exchange(Request()).body == b"goes"
        if beside:
            assert both.get(listener_="stays").body == b"stays"
    assert both.stat("listener_manager.listener_modified") == both.stat("listener_manager.listener_removed") == 0


def delta(resource, name, seconds=None, version="1"):
    return {"name": name, "version": version, **({"resource": resource} if resource else {}), **({"ttl": f"{seconds}s"} if seconds else {})}


def test_by_differences(pushed):
    stays, goes = two()
    both = pushed(stays)
    both.note(goes)
    mark = both.plane.respond("listeners", delta(goes, "goes", 0.8))
    both.plane.until_ack("listeners", mark)
    assert both.get(listener_="goes").body == b"goes"
    began = time.monotonic()
    while time.monotonic() - began < 1.2:  # said to live
        mark = both.plane.respond("listeners", delta(None, "goes", 0.8))
        both.plane.until_ack("listeners", mark)
        assert both.get(listener_="goes").body == b"goes"
    until(lambda: not accepts(both.proxy.listeners["goes"]), "nobody listens")
    assert both.stat("listener_manager.listener_modified") == 0


def test_without_an_end_after_all(pushed):
    """A later version without a TTL has none."""
    stays, goes = two()
    both = pushed(stays)
    both.note(goes)
    both.plane.until_ack("listeners", both.plane.respond("listeners", delta(goes, "goes", 0.5)))
    both.plane.until_ack("listeners", both.plane.respond("listeners", delta(goes, "goes", version="2")))
    began = time.monotonic()
    while time.monotonic() - began < 0.9:
        assert both.get(listener_="goes").body == b"goes"


def test_a_cluster(pushed, named):
    one, = named("one")
    both = pushed(p.listener(p.routed(how=p.STATE)), p.routes(), ttl(p.whole_cluster(one), 1), how=p.STATE)
    both.until_body(b"one")
    both.until_status(503)
    both.until_stat("cluster_manager.cluster_removed", 1)


def test_it_ends_while_the_control_plane_is_gone(pushed):
    """As it was said."""
    stays, goes = two()
    both = pushed(stays, ttl(goes, 1), how=p.STATE)
    assert both.get(listener_="goes").body == b"goes"
    both.plane.kill()
    until(lambda: not accepts(both.proxy.listeners["goes"]), "nobody listens")
    assert both.get(listener_="stays").body == b"stays"


def test_it_comes_again(pushed):
    port = free_port()
    goes = p.listener(b.http([b.direct(200, "goes")]), where=("127.0.0.1", port), name="goes")
    both = pushed(ttl(goes, 1), how=p.STATE)
    assert both.get(listener_="goes").body == b"goes"
    both.until_stat("listener_manager.listener_removed", 1)
    until(lambda: not accepts(("127.0.0.1", port)), "nobody listens")
    both.change(goes)
    assert both.get(listener_="goes").body == b"goes"
