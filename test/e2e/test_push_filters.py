"""Configurations of filters that come apart from their listeners (ECDS)."""

import json
import os

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request
from peers.traffic import Traffic
from peers.wait import until

_DISCOVERY = "extension_config_discovery.http_filter.edit."
_CORS = b.any_of("extensions.filters.http.cors.v3.Cors")


def marks(response):
    return [value for name, value in response.fields if name == "x-mark"]


def until_marked(both, *values, on=None, **how):
    """Until answers have these fields."""
    def ask():
        response = on.exchange(Request()) if on else both.get(**how)
        return marks(response) == list(values)
    until(ask, f"answers are marked with {values}")


@pytest.mark.parametrize("how", p.STREAMS)
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_on_a_live_connection(pushed, protocol, how):
    """The next request of a connection passes the filter as it is then; nobody loses a connection, on any worker."""
    both = pushed(p.listener(p.filtered(p.discovered(how=how))), p.extension(p.marking("0")), how=how, run={"concurrency": 2})
    live = both.connect(protocol)
    until_marked(both, "0", on=live)
    for turn in ("1", "2", "3"):
        both.change(p.extension(p.marking(turn)))
        until_marked(both, turn, on=live)
        for _ in range(8):  # whichever worker takes it
            until_marked(both, turn)
    assert both.stat("listener_manager.listener_added") == 1 and both.stat("listener_manager.listener_modified") == 0
    assert both.stat(_DISCOVERY + "config_reload") == 4 and both.stat(_DISCOVERY + "update_success") == 4
    assert both.stat("http.ingress.downstream_cx_destroy") >= 24
    live.close()


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_listener_waits_for_its_filters(pushed, how):
    """A new version of it waits, too; the former one serves meanwhile."""
    both = pushed(p.listener(p.filtered(body="first"), name="ingress"), how=how)
    where = both.proxy.listeners["ingress"]
    assert both.get().body == b"first"
    both.change(p.listener(p.filtered(p.discovered(how=how), body="second"), where=where))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    assert both.get().body == b"first"
    both.change(p.extension(p.marking("a")))
    both.until_body(b"second")
    until_marked(both, "a")
    both.until_stat("listener_manager.total_listeners_warming", 0)


def test_nothing_comes_in_time(pushed):
    both = pushed(p.listener(p.filtered(p.discovered(timeout="0.2s"))))
    both.until_status(500)
    response = both.get()
    assert response.body == b"" and not marks(response)
    assert both.stat(_DISCOVERY + "init_fetch_timeout") == 1 and both.stat(_DISCOVERY + "config_fail") == 1
    assert p.ENVOY or both.stat("http.ingress.extension_config_missing") >= 2
    both.change(p.extension(p.marking("late")))
    until_marked(both, "late")
    assert both.get().status == 200


def test_the_default_until_then(pushed):
    """Where it may be used at once, nothing is waited for."""
    both = pushed(p.listener(p.filtered(p.discovered(default_config=p.marking("default"), apply_default_config_without_warming=True))))
    until_marked(both, "default")
    both.change(p.extension(p.marking("pushed")))
    until_marked(both, "pushed")
    mark = both.plane.push(remove=[("extension_configs", "edit")])
    both.plane.until_ack("extension_configs", mark)
    until_marked(both, "default")


def test_the_default_when_nothing_comes(pushed):
    both = pushed(p.listener(p.filtered(p.discovered(timeout="0.2s", default_config=p.marking("default")))))
    until_marked(both, "default")


def test_taken_away(pushed):
    """By differences; over the state of the world what is not there was not said."""
    both = pushed(p.listener(p.filtered(p.discovered())), p.extension(p.marking("a")))
    until_marked(both, "a")
    mark = both.plane.push(remove=[("extension_configs", "edit")])
    both.plane.until_ack("extension_configs", mark)
    both.until_status(500)
    both.change(p.extension(p.marking("b")))
    until_marked(both, "b")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_bad_one_is_refused(pushed, how):
    """The last good one stays."""
    both = pushed(p.listener(p.filtered(p.discovered(how=how))), p.extension(p.marking("good")), how=how)
    until_marked(both, "good")
    for bad in (_CORS, {"@type": p.MUTATION, "mutations": {"response_mutations": [{}]}}, {"@type": p.BUFFER, "max_request_bytes": 1}):
        assert both.refused(p.extension(bad))
        assert marks(both.get()) == ["good"]
    assert both.stat(_DISCOVERY + "update_rejected") >= 3
    both.push(p.extension(p.marking("better")))  # the bad one may have come again meanwhile, and be refused once more
    until_marked(both, "better")


@p.ours
def test_why_it_is_refused(pushed):
    """Also what only the listener's other parts make bad."""
    listener = p.filtered(p.discovered(types=[p.MUTATION, p.BUFFER]))
    host = listener["typed_config"]["route_config"]["virtual_hosts"][0]
    host["typed_per_filter_config"] = {"edit": b.any_of("extensions.filters.http.buffer.v3.BufferPerRoute", disabled=True)}
    both = pushed(p.listener(listener), p.extension({"@type": p.BUFFER, "max_request_bytes": 9}))
    assert both.get().status == 200
    text = both.refused(p.extension(_CORS))
    assert '"edit": typed_config: a envoy.extensions.filters.http.cors.v3.Cors, expected envoy.extensions.filters.http.header_mutation' in text
    text = both.refused(p.extension(p.marking("a")))
    assert 'listener "ingress": route_config.virtual_hosts[0].typed_per_filter_config["edit"]: ' in text
    shown = both.dumped("EcdsConfigDump")["ecds_filters"]
    assert shown[0]["ecds_filter"]["typed_config"]["max_request_bytes"] == 9 and "typed_per_filter_config" in shown[0]["error_state"]["details"]


def test_many_listeners_and_filters(pushed):
    """Each filter of the one answer finds its places, and one configuration serves all who name it."""
    names = [f"f{number}" for number in range(8)]
    listeners = [p.listener(p.filtered(*(p.discovered(name) for name in names)), name=f"l{number}") for number in range(4)]
    both = pushed(*listeners, *(p.extension(p.marking(name), name=name) for name in names))
    for number in range(4):
        until_marked(both, *reversed(names), listener_=f"l{number}")  # the last filter sees an answer first
    both.change(p.extension(p.marking("other"), name="f3"))
    names[3] = "other"
    for number in range(4):
        until_marked(both, *reversed(names), listener_=f"l{number}")


def test_a_listener_that_changes_keeps_its_filters(pushed):
    both = pushed(p.listener(p.filtered(p.discovered())), p.extension(p.marking("a")))
    where = both.proxy.listeners["ingress"]
    until_marked(both, "a")
    both.change(p.listener(p.filtered(p.discovered(), body="two"), where=where))
    both.until_body(b"two")
    assert marks(both.get()) == ["a"]


def test_of_a_file(pushed, tmp_path):
    path = tmp_path / "edit.json"

    def write(*configs):
        new = tmp_path / "new"
        new.write_text(json.dumps({"version_info": "1", "resources": [p.extension(config) for config in configs]}), encoding="ascii")
        os.replace(new, path)

    write(p.marking("a"))
    both = pushed(p.listener(p.filtered(p.discovered(from_={"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}))))
    until_marked(both, "a")
    write(p.marking("b"))
    until_marked(both, "b")
    write(_CORS)
    both.until_stat(_DISCOVERY + "update_rejected", 1)
    assert marks(both.get()) == ["b"]
    write()  # what is being written, perhaps
    both.until_stat(_DISCOVERY + "update_rejected", 2)
    assert marks(both.get()) == ["b"]


def test_under_load(pushed):
    """However often it changes, no request is lost, and every connection has the last one in the end."""
    both = pushed(p.listener(p.filtered(p.discovered())), p.extension(p.marking("0")), run={"concurrency": 2})
    until_marked(both, "0")
    live = [both.connect(protocol) for protocol in ("h1", "h2")]
    with Traffic(lambda: both.proxy.listeners["ingress"], which=("h1", "h2")):
        for turn in range(1, 60):
            both.change(p.extension(p.marking(str(turn))))
    for connection in live:
        until_marked(both, "59", on=connection)
        connection.close()


def test_by_rest(pushed):
    both = pushed(p.listener(p.filtered(p.discovered(how=p.REST))), p.extension(p.marking("a")), how=p.REST)
    until_marked(both, "a")
    both.plane.push(p.extension(p.marking("b")))
    until_marked(both, "b")


def test_of_a_static_listener(pushed):
    """The start waits for it."""
    both = pushed(p.extension(p.marking("a")), listeners=[b.listener(p.filtered(p.discovered()))])
    assert marks(both.get()) == ["a"]
    both.change(p.extension(p.marking("b")))
    until_marked(both, "b")


def test_disabled_by_routes(pushed):
    """Where a route turns it off, nobody misses it."""
    manager = p.filtered(p.discovered(timeout="0.1s"))
    off = b.direct(200, "off", "/off")
    off["typed_per_filter_config"] = {"edit": b.any_of("config.route.v3.FilterConfig", disabled=True)}
    manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"].insert(0, off)
    both = pushed(p.listener(manager))
    both.until_status(500)
    assert both.get("/off").body == b"off"


def test_what_is_shown(pushed):
    both = pushed(p.listener(p.filtered(p.discovered())), p.extension(p.marking("a")))
    until_marked(both, "a")
    shown, = both.dumped("EcdsConfigDump")["ecds_filters"]
    assert shown["ecds_filter"] == {**p.extension(p.marking("a"))} or shown["ecds_filter"]["name"] == "edit"
    assert shown["version_info"] and shown["last_updated"]
    only = json.loads(both.proxy.admin("/config_dump?resource=ecds_filters"))["configs"]
    assert [one["@type"].rpartition(".")[2] for one in only] == ["EcdsFilterConfig"]
    listener = both.dumped("ListenersConfigDump")["dynamic_listeners"][0]["active_state"]["listener"]
    filters = listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    assert "config_discovery" in filters[0]  # as it came


@p.ours
def test_explained(pushed):
    both = pushed(p.listener(p.filtered(p.discovered(timeout="0.1s"))))
    both.until_status(500)
    text = both.proxy.admin("/explain?listener=ingress&path=/")
    assert "500: the configuration of filter edit has not come" in text
