"""Network filters, the one that ends a chain among them, and listener filters whose configurations come apart from their listeners (ECDS)."""

import json

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.ca import ctl
from peers.http1 import connect
from peers.message import Broken, Request
from peers.wait import until

_FILTERS = "type.googleapis.com/envoy.extensions.filters."
_LIMIT = _FILTERS + "network.connection_limit.v3.ConnectionLimit"
_MANAGER = _FILTERS + "network.http_connection_manager.v3.HttpConnectionManager"
_INSPECTOR = _FILTERS + "listener.http_inspector.v3.HttpInspector"


def limit(most):
    return {"@type": _LIMIT, "stat_prefix": "l", "max_connections": most}


def manager(body):
    return p.filtered(body=body)["typed_config"]


def discovered(name, type_, **how):
    return p.discovered(name, types=[type_], **how)


def answer(both, **how):
    """The body of an answer; None: the connection is closed instead."""
    try:
        return both.get(**how).body
    except (Broken, OSError):
        return None


def until_answer(both, body, **how):
    until(lambda: answer(both, **how) == body, f"the answer is {body}")


def until_connected(both):
    """A connection that had an answer: those before it may not have been counted out."""
    connections = []

    def ask():
        connections.append(connect(both.proxy.listeners["ingress"]))
        try:
            return connections[-1].exchange(Request()).status == 200
        except (Broken, OSError):
            connections[-1].close()
            return False
    until(ask, "a connection is let in")
    return connections[-1]


def of_listener(both, counter):
    host, port = both.proxy.listeners["ingress"]
    return both.stat(f"listener.{host}_{port}.{counter}")


@pytest.mark.parametrize("how", p.STREAMS)
def test_who_is_connected_keeps_what_there_was(pushed, how):
    """What comes is for connections that begin then; no other is cut off."""
    both = pushed(p.listener(discovered("end", _MANAGER, how=how)), p.extension(manager("one"), name="end"), how=how, run={"concurrency": 2})
    until_answer(both, b"one")
    live = both.connect()
    assert live.exchange(Request()).body == b"one"
    both.change(p.extension(manager("two"), name="end"))
    for _ in range(8):  # whichever worker takes it
        until_answer(both, b"two")
    assert live.exchange(Request()).body == b"one"
    live.close()
    assert both.stat("listener_manager.listener_added") == 1 and both.stat("listener_manager.listener_modified") == 0
    assert both.stat("extension_config_discovery.network_filter.end.config_reload") == 2


def test_in_front_of_the_last_one(pushed):
    """A bound of connections that others give; what is refused by it is what comes from then on."""
    both = pushed(p.listener(discovered("limit", _LIMIT), p.filtered()), p.extension(limit(2), name="limit"))
    until_answer(both, b"one")
    live = [until_connected(both) for _ in range(2)]
    until_answer(both, None)
    both.change(p.extension(limit(100), name="limit"))
    until_answer(both, b"one")
    for connection in live:
        assert connection.exchange(Request()).body == b"one"
        connection.close()
    assert both.stat("connection_limit.l.limited_connections") >= 1


def test_nobody_is_connected_without(pushed):
    both = pushed(p.listener(discovered("limit", _LIMIT, timeout="0.2s"), p.filtered()))
    both.until_stat("extension_config_discovery.network_filter.limit.init_fetch_timeout", 1)
    until_answer(both, None)
    until(lambda: of_listener(both, "network_extension_config_missing") >= 1, "it is counted")
    both.change(p.extension(limit(9), name="limit"))
    until_answer(both, b"one")
    both.plane.push(remove=[("extension_configs", "limit")])
    until_answer(both, None)


def test_a_default(pushed):
    both = pushed(p.listener(discovered("end", _MANAGER, default_config=manager("default"), apply_default_config_without_warming=True)))
    until_answer(both, b"default")
    both.change(p.extension(manager("pushed"), name="end"))
    until_answer(both, b"pushed")
    both.plane.push(remove=[("extension_configs", "end")])
    until_answer(both, b"default")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_listener_waits_for_them(pushed, how):
    both = pushed(p.listener(p.filtered(body="former"), name="ingress"), how=how)
    where = both.proxy.listeners["ingress"]
    until_answer(both, b"former")
    both.change(p.listener(discovered("end", _MANAGER, how=how), where=where))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    assert answer(both) == b"former"
    if not p.ENVOY:
        needs = json.loads(both.proxy.admin("/init_dump"))
        assert "filter configuration \\\"end\\\"" in json.dumps(needs)
    both.change(p.extension(manager("next"), name="end"))
    until_answer(both, b"next")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_bad_one_is_refused(pushed, how):
    """The last good one stays."""
    both = pushed(p.listener(discovered("limit", _LIMIT, how=how), discovered("end", _MANAGER, how=how)), p.extension(limit(9), name="limit"),
                  p.extension(manager("good"), name="end"), how=how)
    until_answer(both, b"good")
    for name, bad in (("limit", {"@type": _INSPECTOR}), ("limit", {"@type": _LIMIT, "max_connections": 1}), ("end", limit(9)),
                      ("end", {"@type": _MANAGER, "stat_prefix": "x"})):
        assert both.refused(p.extension(bad, name=name))
        assert answer(both) == b"good"
    both.push(p.extension(limit(8), name="limit"), p.extension(manager("better"), name="end"))
    until_answer(both, b"better")


def test_listener_filters(pushed):
    """Nobody is let in without, as nobody knows what it would have found."""
    both = pushed(p.listener(p.filtered(), listener_filters=[discovered("looks", _INSPECTOR, timeout="0.2s")]))
    both.until_stat("extension_config_discovery.tcp_listener_filter.looks.init_fetch_timeout", 1)
    until_answer(both, None)
    until(lambda: of_listener(both, "extension_config_missing") >= 1, "it is counted")
    both.change(p.extension({"@type": _INSPECTOR}, name="looks"))
    until_answer(both, b"one")
    assert both.stat("http_inspector.http11_found") >= 1
    live = both.connect()
    both.plane.push(remove=[("extension_configs", "looks")])
    until_answer(both, None)
    live.close()
    assert both.refused(p.extension(limit(1), name="looks"))


def test_of_a_static_listener(pushed):
    """The start waits for them."""
    listener = b.listener(discovered("end", _MANAGER))
    both = pushed(p.extension(manager("a"), name="end"), listeners=[listener])
    assert answer(both) == b"a"
    both.change(p.extension(manager("b"), name="end"))
    until_answer(both, b"b")


@p.ours
def test_a_manager_that_names_a_table(pushed):
    """Nobody has that as yet: the former one serves until it is there."""
    both = pushed(p.listener(discovered("end", _MANAGER)), p.extension(manager("former"), name="end"))
    until_answer(both, b"former")
    mark = both.push(p.extension(p.routed("table")["typed_config"], name="end"))
    both.plane.until_ack("extension_configs", mark)
    both.until_stat("listener_manager.total_listeners_warming", 1)
    assert answer(both) == b"former"
    both.change(p.routes(b.direct(200, "of the table"), name="table"))
    until_answer(both, b"of the table")


def test_what_is_shown(pushed):
    both = pushed(p.listener(discovered("limit", _LIMIT), discovered("end", _MANAGER), listener_filters=[discovered("looks", _INSPECTOR)]),
                  p.extension(limit(9), name="limit"), p.extension(manager("one"), name="end"), p.extension({"@type": _INSPECTOR}, name="looks"))
    until_answer(both, b"one")
    shown = both.dumped("EcdsConfigDump")["ecds_filters"]
    names = sorted(one["ecds_filter"]["name"] for one in shown)
    assert names == ["end", "limit", "looks"] or p.ENVOY and names == ["end", "limit"]  # it shows those of one kind
    assert all(one["version_info"] and one["last_updated"] for one in shown)
    listener = both.dumped("ListenersConfigDump")["dynamic_listeners"][0]["active_state"]["listener"]
    assert "config_discovery" in listener["filter_chains"][0]["filters"][0] and "config_discovery" in listener["listener_filters"][0]


@p.ours
def test_explained(pushed):
    both = pushed(p.listener(discovered("end", _MANAGER, timeout="0.1s")))
    until_answer(both, None)
    assert "the configuration of the network filter end has not come" in both.proxy.admin("/explain?listener=ingress&path=/")


@p.ours
def test_checked(tmp_path):
    """By pillionctl, which knows no place for it."""
    path = tmp_path / "filters.json"
    path.write_text(json.dumps({"resources": [p.extension(limit(0), name="limit"), p.extension(manager("x"), name="end"),
                                              p.extension({"@type": _INSPECTOR}, name="looks")]}), encoding="ascii")
    done = ctl("check", path)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and '.max_connections ("limit"): 0, expected' in said and '"end"' not in said and '"looks"' not in said, said
