"""Listeners that come, change and go while they are used."""

import json
import socket

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Broken, Request
from peers.ports import accepts, free_port
from peers.proxy import Proxy
from peers.server import Server
from peers.wait import until

SOON = {"arguments": ["--drain-time-s", "1"]}


def at(port, body, name="ingress", **fields):
    """Answers with this body."""
    return p.listener(b.http([b.direct(200, body)]), where=("127.0.0.1", port), name=name, **fields)


def until_ended(live):
    """Whether the connection is ended as it should be: with word of it in an answer, or between two."""
    def told():
        try:
            return live.exchange(Request()).get("connection") == "close"
        except (Broken, OSError):
            return True
    until(told, "the connection is ended")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_comes_and_goes(pushed, how):
    port = free_port()
    both = pushed(how=how, run=SOON)
    both.change(at(port, "one", name="a"))
    assert both.get(listener_="a").body == b"one"
    live = both.connect(listener_="a")
    assert live.exchange(Request()).status == 200
    both.change(remove=[("listeners", "a")])
    until(lambda: not accepts(("127.0.0.1", port)), "nobody listens")
    until_ended(live)
    both.until_stat("listener_manager.total_listeners_draining", 0)
    counted = {name: both.stat(f"listener_manager.listener_{name}") for name in ("added", "removed", "modified", "create_success", "create_failure")}
    assert counted == {"added": 1, "removed": 1, "modified": 0, "create_success": counted["create_success"], "create_failure": 0}
    both.change(at(port, "again", name="a"))
    assert both.get(listener_="a").body == b"again"


def test_http2_is_told_that_it_goes(pushed):
    port = free_port()
    both = pushed(at(port, "one"), run=SOON)
    live = both.connect("h2")
    assert live.exchange(Request()).status == 200
    both.change(remove=[("listeners", "ingress")])

    def told():
        assert live.exchange(Request()).status == 200
        return live.goaway
    until(told, "a GOAWAY came, and no request was lost")
    assert live.goaway[1] == 0


def test_what_runs_ends_while_it_drains(pushed, serve):
    """Bytes that go through stay until the drain is over."""
    server = serve(lambda sock: [sock.sendall(data) for data in iter(lambda: sock.recv(100), b"")])
    port = free_port()
    both = pushed(p.listener(b.tcp("echo"), where=("127.0.0.1", port)), clusters=[b.cluster(server.address, name="echo")])
    live = both.connect()
    live.send(b"one")
    assert live.socket.recv(100) == b"one"
    both.change(remove=[("listeners", "ingress")])
    until(lambda: not accepts(("127.0.0.1", port)), "nobody listens")
    live.send(b"two")
    assert live.socket.recv(100) == b"two"
    assert both.stat("listener_manager.total_listeners_draining") == 1


def test_other_filters(pushed):
    """At the same address nobody who comes is refused."""
    port = free_port()
    both = pushed(at(port, "0"))
    assert both.get().body == b"0"
    for turn in ("1", "2", "3"):
        both.change(at(port, turn))
        both.until_body(turn.encode())
    assert both.stat("listener_manager.listener_modified") == 3
    assert both.stat("listener_manager.total_listeners_active") == 1


@p.ours
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_other_filters_for_live_connections(pushed, protocol):
    """They stay, and their next request has the new ones; Envoy has them end."""
    port = free_port()
    both = pushed(at(port, "0"))
    live = both.connect(protocol)
    assert live.exchange(Request()).body == b"0"
    for turn in ("1", "2", "3"):
        both.change(at(port, turn))
        both.until_body(turn.encode(), on=live)
    assert both.stat("listener_manager.total_listeners_draining") == 0
    assert protocol == "h1" or live.goaway is None


def _by_source(*ranges, otherwise=None):
    """A listener's matcher. ranges: (address, name of a chain)..."""
    def to(name):
        return {"action": {"name": "chain", "typed_config": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": name}}}
    items = [{"ranges": [{"address_prefix": address, "prefix_len": 32}], "on_match": to(name)} for address, name in ranges]
    custom = {"name": "ranges", "typed_config": {"@type": "type.googleapis.com/xds.type.matcher.v3.IPMatcher", "range_matchers": items}}
    source = {"name": "source", "typed_config": b.any_of("extensions.matching.common_inputs.network.v3.SourceIPInput")}
    return {"matcher_tree": {"input": source, "custom_match": custom}, **({"on_no_match": to(otherwise)} if otherwise else {})}


def test_its_matcher_changes(pushed):
    """The chains stay what they are, and so does a connection whose chain is still its own; one that asks for a chain that is not there is
    refused with its place, and changes nothing."""
    port = free_port()

    def chosen(matcher):
        listener = at(port, "")
        listener["filter_chains"] = [{"name": name, "filters": [b.http([b.direct(200, name)], name=name)]} for name in ("first", "second")]
        listener["filter_chain_matcher"] = matcher
        return listener

    both = pushed(chosen(_by_source(("127.0.0.1", "first"))))
    live = both.connect()
    assert live.exchange(Request()).body == b"first"
    both.change(chosen(_by_source(("127.0.0.9", "second"), otherwise="first")))
    assert live.exchange(Request()).body == b"first"
    both.change(chosen(_by_source(("127.0.0.1", "second"), otherwise="first")))
    both.until_body(b"second")
    if not p.ENVOY:  # a connection that would get another chain now has that one's filters; Envoy leaves it with its own
        both.until_body(b"second", on=live)
        text = both.refused(chosen(_by_source(("127.0.0.1", "third"))))
        assert '"third" is no filter chain' in text and "filter_chain_matcher.matcher_tree.custom_match" in text
    assert both.get().body == b"second"
    assert both.stat("http.first.downstream_cx_total") >= 1 and both.stat("listener_manager.total_listeners_active") == 1


def test_another_address(pushed):
    """The new one listens before the old one ends."""
    first, second = free_port(), free_port()
    both = pushed(at(first, "one"), run=SOON)
    live = both.connect()
    assert live.exchange(Request()).body == b"one"
    both.change(at(second, "two"))
    assert both.get().body == b"two"
    until(lambda: not accepts(("127.0.0.1", first)), "nobody listens there")
    until_ended(live)
    until(lambda: both.stat("listener_manager.total_listeners_active") == 1, "one is left")


def test_a_port_that_somebody_has(pushed):
    """It is refused with the address in the reason, and the others are taken."""
    taken = Server(lambda sock: None)
    try:
        both = pushed()
        text = both.refused(at(taken.port, "one", name="bad"), at(free_port(), "two", name="good"))
        assert "bad" in text and f"127.0.0.1:{taken.port}" in text and "in use" in text
        assert both.get(listener_="good").body == b"two"
        assert both.stat("listener_manager.listener_create_failure") >= 1
    finally:
        taken.close()


@p.ours
def test_a_port_that_somebody_has_had(pushed):
    """Once it is free, a later push has its way, and one that did not change may be sent again."""
    taken = Server(lambda sock: None)
    both = pushed()
    both.refused(at(taken.port, "one"))
    taken.close()
    both.change(at(taken.port, "two"))
    assert both.get().body == b"two"


def test_two_at_one_address(pushed):
    port = free_port()
    both = pushed(at(port, "one", name="a"))
    assert both.get(listener_="a").body == b"one"
    text = both.refused(at(port, "two", name="b"))
    assert f"127.0.0.1:{port}" in text
    assert both.get(listener_="a").body == b"one"


def test_the_same_again(pushed):
    """Under another version."""
    port = free_port()
    both = pushed(at(port, "one"), how=p.STATE)
    live = both.connect()
    assert live.exchange(Request()).body == b"one"
    both.change(at(port, "one"), versions={"listeners": "other"})
    assert live.exchange(Request()).body == b"one"
    assert both.stat("listener_manager.listener_modified") == 0
    assert both.plane.requests("listeners")[-1].version == "other"


def test_many_at_once(pushed):
    """Thirty come, ten of them change, ten go."""
    ports = [free_port() for _ in range(30)]
    both = pushed()
    both.change(*(at(port, "one", name=f"l{port}") for port in ports))
    for port in ports:
        assert both.get(listener_=f"l{port}").body == b"one"
    both.change(*(at(port, "two", name=f"l{port}") for port in ports[:10]), remove=[("listeners", f"l{port}") for port in ports[10:20]])
    for port in ports[:10]:
        both.until_body(b"two", listener_=f"l{port}")
    until(lambda: not any(accepts(("127.0.0.1", port)) for port in ports[10:20]), "the ten have gone")
    for port in ports[20:]:
        assert both.get(listener_=f"l{port}").body == b"one"
    assert both.stat("listener_manager.total_listeners_active") == 20


def test_a_unix_socket(pushed, tmp_path):
    path = str(tmp_path / "socket")
    both = pushed()
    both.change(p.listener(b.http([b.direct(200, "one")]), where=path))
    both.proxy.listeners["ingress"] = path
    assert both.get().body == b"one"
    both.change(p.listener(b.http([b.direct(200, "two")]), where=path))
    both.until_body(b"two")


def test_filter_chains(pushed):
    """One chain of two changes; who uses the other one sees nothing of it."""
    port = free_port()

    def two(first, second):
        made = at(port, second)
        chain = {"name": "first", "filter_chain_match": {"source_prefix_ranges": [{"address_prefix": "127.0.0.9", "prefix_len": 32}]},
                 "filters": [b.http([b.direct(200, first)], name="first")]}
        made["filter_chains"][0]["name"] = "second"
        return {**made, "filter_chains": [chain, *made["filter_chains"]]}
    both = pushed(two("a", "b"))
    live = both.connect()
    assert live.exchange(Request()).body == b"b"
    both.change(two("c", "b"))

    def from_elsewhere():
        with socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.9", 0)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            return b"".join(iter(lambda: sock.recv(1000), b"")).endswith(b"\r\n\r\nc")
    until(from_elsewhere, "the first chain is the new one")
    assert live.exchange(Request()).get("connection") is None
    assert live.exchange(Request()).body == b"b"


def test_how_a_warming_one_is_shown(pushed):
    both = pushed()
    both.change(p.listener(p.routed()))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    shown = both.dumped("ListenersConfigDump")["dynamic_listeners"]
    assert [("warming_state" in one, "active_state" in one) for one in shown] == [(True, False)]
    both.change(p.routes(b.direct(200, "one")))
    both.until_body(b"one")
    where = both.proxy.listeners["ingress"]
    both.change(p.listener(p.routed("others"), where=where))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    shown, = both.dumped("ListenersConfigDump")["dynamic_listeners"]
    tables = [shown[state]["listener"]["filter_chains"][0]["filters"][0]["typed_config"]["rds"]["route_config_name"]
              for state in ("active_state", "warming_state")]
    assert tables == ["routes", "others"]
    assert shown["active_state"]["version_info"] != shown["warming_state"]["version_info"]
    both.change(p.routes(b.direct(200, "other"), name="others"))
    both.until_body(b"other")
    shown, = both.dumped("ListenersConfigDump")["dynamic_listeners"]
    assert "warming_state" not in shown


def waiting(both, mask=""):
    """Of /init_dump: what waits for what."""
    dumps = json.loads(both.proxy.admin(f"/init_dump{mask}")).get("unready_targets_dumps", [])
    return {one["name"]: one["target_names"] for one in dumps}


@p.ours
def test_what_a_warming_one_waits_for(pushed, named):
    one, = named("one")
    both = pushed(p.whole_cluster(one))
    assert waiting(both) == {}
    both.push(p.listener(p.routed()), p.cluster("silent"))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    both.until_stat("cluster_manager.warming_clusters", 1)
    name = "init manager Listener-local-init-manager ingress"
    assert waiting(both) == {"init manager Cluster silent": ["hosts"], name: ['route table "routes"']}
    assert waiting(both, "?mask=listener") == {name: ['route table "routes"']}
    explained = both.proxy.admin("/explain?listener=ingress")
    assert explained.startswith('result: nothing takes the connection: listener "ingress" is warming\n')
    assert '  - route table "routes"\n' in explained
    both.change(p.routes())
    both.until_body(b"one")
    assert waiting(both, "?mask=listener") == {}
    # Another version, which waits for another table: the former one is explained, as it serves.
    port = both.proxy.listeners["ingress"][1]
    both.change(p.listener(p.routed("others"), where=("127.0.0.1", port)))
    both.until_stat("listener_manager.total_listeners_warming", 1)
    explained = both.proxy.admin("/explain?listener=ingress")
    assert explained.startswith('result: cluster "backend": ') and 'next version waits for:\n    - route table "others"\n' in explained


class Starting(Proxy):
    """One that is looked at before it is ready."""

    def ready(self):
        try:
            return self.admin("/init_dump") != "{}\n"
        except OSError:
            return False


@p.ours
def test_what_the_start_waits_for(tmp_path):
    proxy = Starting(p.bootstrap(("127.0.0.1", free_port())), tmp_path)
    try:
        assert json.loads(proxy.admin("/init_dump"))["unready_targets_dumps"] == [
            {"name": "init manager Server", "target_names": ["clusters of the control plane (CDS)"]}]
        assert proxy.admin_response("/ready")[0] == 503
    finally:
        proxy.kill()
