"""Route tables that are chosen by scope: from a list in the configuration, and as a control plane pushes scopes and tables."""

import json
import signal
import threading

import pytest

import test_guard
import test_last_good
from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request, Response
from peers.ports import accepts, free_port
from peers.proxy import Proxy, run
from peers.wait import until
from test_push_files import file_source, write

again, path = test_last_good.again, test_last_good.path  # fixtures
_RDS = "http.ingress.scoped_rds.scoped."


def by(both, key, path="/", on=None):
    """The answer to a request of that scope, as "200 body"."""
    request = Request("GET", path, fields=[("x-scope", key)] if key is not None else [])
    connection = on or both.connect()
    try:
        response = connection.exchange(request)
    finally:
        if on is None:
            connection.close()
    return f"{response.status} {response.body.decode()}"


def until_by(both, key, answer, **how):
    until(lambda: by(both, key, **how) == answer, f"{key} gets {answer}")


def listed(*scopes, **fields):
    """A network filter: with a list of scopes."""
    made = p.scoped(**fields)["typed_config"]
    made["scoped_routes"] = {name: made["scoped_routes"][name] for name in ("name", "scope_key_builder")}
    made["scoped_routes"]["scoped_route_configurations_list"] = {"scoped_route_configurations": [
        {name: value for name, value in scope.items() if name != "@type"} for scope in scopes]}
    return {"name": "http", "typed_config": made}


def refused(both, *scopes):
    return both.refused(*scopes, kind="scopes")


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_list(tmp_path, workers):
    config = b.bootstrap([b.listener(listed(p.scope("one", "a", b.direct(200, "by one")), p.scope("two", "b", b.direct(200, "by two"))))])
    proxy = Proxy(config, tmp_path, binary=p.binary(), concurrency=workers)
    try:
        for _ in range(3 * workers):
            for key, answer in (("a", (200, b"by one")), ("b", (200, b"by two")), ("c", (404, b"")), ("A", (404, b""))):
                response = proxy.exchange(Request(fields=[("x-scope", key)]))
                assert (response.status, response.body) == answer
        assert proxy.exchange(Request()).status == 404
        assert proxy.stat("http.ingress.no_route") == 6 * workers + 1
        dump = json.loads(proxy.admin("/config_dump"))["configs"]
        section, = (each for each in dump if each["@type"].endswith(".ScopedRoutesConfigDump"))
        one, = section["inline_scoped_route_configs"]
        assert one["name"] == "scoped" and [scope["name"] for scope in one["scoped_route_configs"]] == ["one", "two"]
        names = [each["@type"].rpartition(".")[2] for each in dump]
        assert names.index("ListenersConfigDump") < names.index("ScopedRoutesConfigDump") < names.index("RoutesConfigDump")
    finally:
        proxy.stop()


@p.ours
def test_what_can_not_be(tmp_path):
    """As `pillion --mode validate` and `pillionctl check` say it."""
    def said(*scopes):
        place = tmp_path / "bad.json"
        place.write_text(json.dumps(b.bootstrap([b.listener(listed(*scopes))])), encoding="ascii")
        result = run(["-c", str(place), "--mode", "validate"])
        assert result.returncode != 0
        return result.stdout
    one = p.scope("one", "a", b.direct(200))
    assert 'scoped_route_configurations[1].key: duplicate key "a", as of ' in said(one, p.scope("two", "a", b.direct(200)))
    assert 'scoped_route_configurations[1].name: duplicate name "one", as of ' in said(one, p.scope("one", "b", b.direct(200)))
    assert "route_configuration_name: is for scoped_rds" in said(p.scope("one", "a", table="routes"))
    assert "on_demand: not implemented: tables of scopes are there before somebody asks for them" in said({**one, "on_demand": True})


@pytest.mark.parametrize("how", p.STREAMS)
@pytest.mark.parametrize("workers", [1, 4])
def test_scopes_come_and_change(pushed, how, workers):
    both = pushed(p.listener(p.scoped(how)), p.scope("one", "a", b.direct(200, "own")), p.scope("two", "b", table="routes"),
                  p.routes(b.direct(200, "named")), how=how, run={"concurrency": workers})
    assert by(both, "a") == "200 own"  # it listens when they and their tables are there
    assert by(both, "b") == "200 named"
    assert by(both, "c") == by(both, None) == "404 "
    live = [both.connect() for _ in range(4)]
    both.push(p.scope("one", "a", b.direct(200, "changed")))
    for connection in live:
        until_by(both, "a", "200 changed", on=connection)
    both.push(p.routes(b.direct(200, "also")))
    for connection in live:
        until_by(both, "b", "200 also", on=connection)
    both.push(p.scope("three", "c", table="more"), p.routes(b.direct(200, "more"), name="more"))
    for connection in live:
        until_by(both, "c", "200 more", on=connection)
    both.push(remove=[("scopes", "two")])
    for connection in live:
        until_by(both, "b", "404 ", on=connection)
        assert by(both, "a", on=connection) == "200 changed"
        connection.close()
    assert both.stat(_RDS + "all_scopes") == 2
    assert both.stat(_RDS + "active_scopes") == 1
    assert both.stat(_RDS + "config_reload") >= 4


@p.ours
def test_a_key_goes_to_another_table_when_that_is_there(pushed):
    """Envoy answers 404 until it is."""
    both = pushed(p.listener(p.scoped()), p.scope("one", "a", table="routes"), p.routes(b.direct(200, "old")))
    assert by(both, "a") == "200 old"
    both.change(p.scope("one", "a", table="later"))
    both.plane.until_request("routes", lambda event: "later" in (event.subscribe or ()))
    assert by(both, "a") == "200 old"
    both.push(p.routes(b.direct(200, "new"), name="later"))
    until_by(both, "a", "200 new")


@p.ours
def test_a_bad_scope_keeps_its_former(pushed):
    both = pushed(p.listener(p.scoped()), p.scope("one", "a", b.direct(200, "one")), p.scope("two", "b", b.direct(200, "two")))
    assert by(both, "a") == "200 one"
    assert '"new": key: it is that of scope "one"' in refused(both, p.scope("new", "a", b.direct(200, "new")))
    both.plane.until_ack("scopes", both.push(remove=[("scopes", "new")]))
    text = refused(both, p.scope("one", "a", {"match": {"safe_regex": {"regex": "("}}, "direct_response": {"status": 200}}))
    assert '"one": route_configuration.virtual_hosts[0].routes[0].match.safe_regex.regex' in text
    assert by(both, "a") == "200 one"
    assert by(both, "b") == "200 two"
    shown, = both.dumped("ScopedRoutesConfigDump")["dynamic_scoped_route_configs"]
    assert shown["name"] == "scoped" and [scope["name"] for scope in shown["scoped_route_configs"]] == ["one", "two"]
    assert shown["error_state"]["details"].startswith("one: route_configuration.virtual_hosts[0]")
    assert both.stat(_RDS + "update_rejected") >= 1
    assert '"one": "on_demand' not in text
    assert "on_demand: not implemented" in refused(both, p.scope("one", "a", b.direct(200), on_demand=True))
    # They may exchange their keys in one push.
    both.push(p.scope("one", "b", b.direct(200, "one")), p.scope("two", "a", b.direct(200, "two")))
    until_by(both, "b", "200 one")
    assert by(both, "a") == "200 two"


@p.ours
def test_a_table_that_does_not_fit(pushed):
    """What it says of a filter is for another one: the scope that has it is refused."""
    cors = {"edit": {"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"}}
    manager = p.scoped()
    manager["typed_config"]["http_filters"].insert(0, {"name": "edit", "typed_config": {"@type": p.BUFFER, "max_request_bytes": 9}})
    both = pushed(p.listener(manager), p.scope("one", "a", b.direct(200, "one")))
    assert by(both, "a") == "200 one"
    bad = p.scope("one", "a", b.direct(200, "bad"))
    bad["route_configuration"]["typed_per_filter_config"] = cors
    assert "route_configuration.typed_per_filter_config" in refused(both, bad)
    assert by(both, "a") == "200 one"


def test_what_has_begun_ends_where_it_began(pushed, serve):
    go = threading.Event()

    def slow(request):
        assert go.wait(20)
        return Response(200, [], b"old")

    clusters = [b.cluster(serve.h1(slow).address, name="old"), b.cluster(serve.h1(lambda request: Response(200, [], b"new")).address, name="new")]
    both = pushed(p.listener(p.scoped()), p.scope("one", "a", b.route("old")), clusters=clusters)
    running = both.connect()
    running.send_request(Request(fields=[("x-scope", "a")]))
    both.until_stat("cluster.old.upstream_rq_active", 1)
    both.change(p.scope("one", "a", b.route("new")))
    until_by(both, "a", "200 new")
    both.change(remove=[("scopes", "one")])
    go.set()
    assert running.read_response().body == b"old"
    until_by(both, "a", "404 ", on=running)


def test_scopes_that_do_not_come(pushed):
    """Nobody waits for them for ever: who needs one finds no route; and then it is there."""
    both = pushed(p.listener(p.scoped(timeout="0.3s")))
    both.plane.until_request("scopes")
    until_by(both, "a", "404 ")
    both.push(p.scope("one", "a", b.direct(200, "one")))
    until_by(both, "a", "200 one")


@p.ours
def test_what_a_listener_waits_for(pushed):
    both = pushed(p.listener(b.http([b.direct(200, "other")]), name="other"))
    both.push(p.listener(p.scoped(timeout="20s")), p.scope("one", "a", table="late"))
    both.plane.until_request("routes")
    waiting = json.loads(both.proxy.admin("/init_dump"))["unready_targets_dumps"]
    assert [target for dump in waiting for target in dump["target_names"]] == ['scoped routes "scoped"']
    both.push(p.routes(b.direct(200, "late"), name="late"))
    where = both.proxy.listeners["ingress"]
    until(lambda: accepts(where), "it listens")
    connection = both.connect(listener_="ingress")
    assert by(both, "a", on=connection) == "200 late"
    connection.close()


def test_two_listeners_of_the_same_scopes(pushed):
    """They share what is asked for; and each may make another key of a request."""
    other = p.scoped(fragments=[{"header_value_extractor": {"name": "x-other", "element_separator": ";", "element": {"separator": "=", "key": "k"}}}])
    both = pushed(p.listener(p.scoped()), p.listener(other, name="other"), p.scope("one", "a", table="routes"), p.routes(b.direct(200, "one")))
    assert by(both, "a") == "200 one"
    connection = both.connect(listener_="other")
    assert connection.exchange(Request(fields=[("x-other", "x=1;k=a")])).body == b"one"
    assert connection.exchange(Request(fields=[("x-other", "x=1;k=b")])).status == 404
    assert connection.exchange(Request(fields=[("x-scope", "a")])).status == 404
    connection.close()
    both.change(remove=[("listeners", "other")])
    both.push(p.routes(b.direct(200, "two")))
    until_by(both, "a", "200 two")


def test_from_files(tmp_path):
    for kind, resources in (("scopes", [p.scope("one", "a", table="routes"), p.scope("two", "b", b.direct(200, "own"))]),
                            ("routes", [p.routes(b.direct(200, "named"))])):
        write(tmp_path / f"{kind}.json", *resources)
    manager = p.scoped(from_=file_source(tmp_path / "scopes.json"), tables=file_source(tmp_path / "routes.json"))
    (tmp_path / "proxy").mkdir()
    config = {**b.bootstrap([b.listener(manager)]), "node": {"id": "me", "cluster": "us"}}
    both = p.Pushed(None, Proxy(config, tmp_path / "proxy", binary=p.binary()), None)
    try:
        assert by(both, "a") == "200 named"
        assert by(both, "b") == "200 own"
        write(tmp_path / "scopes.json", p.scope("one", "c", table="routes"), version="2")
        until_by(both, "c", "200 named")
        assert by(both, "a") == by(both, "b") == "404 "
        write(tmp_path / "routes.json", p.routes(b.direct(200, "changed")), version="2")
        until_by(both, "c", "200 changed")
    finally:
        both.proxy.kill()


@p.ours
def test_by_rest(pushed):
    both = pushed(p.listener(p.scoped(p.REST)), p.scope("one", "a", table="routes"), p.routes(b.direct(200, "one")), how=p.REST)
    until_by(both, "a", "200 one")
    both.push(p.scope("one", "b", table="routes"))
    until_by(both, "b", "200 one")


@p.ours
@pytest.mark.parametrize("how", p.STREAMS)
def test_a_start_without_the_control_plane(pushed, again, path, how):
    listener = p.listener(p.scoped(how))
    both = pushed(listener, p.scope("one", "a", table="routes"), p.scope("two", "b", b.direct(200, "own")), p.routes(b.direct(200, "named")), how=how,
                  **test_last_good.keeping(path))
    assert by(both, "a") == "200 named"
    alone = again(both, path, listener, how=how)
    assert by(alone, "a") == "200 named"
    assert by(alone, "b") == "200 own"
    assert test_last_good.shown(alone)["scopes"] == {"one": True, "two": True}
    alone.plane.push(p.scope("one", "a", b.direct(200, "new")))
    alone.plane.start()
    until_by(alone, "a", "200 new")


@p.ours
def test_the_guard_goes_back(pushed, serve):
    good, bad = (serve.h1(lambda request, status=status: Response(status, [], b"x")).address for status in (200, 500))
    manager = p.scoped(fragments=[{"header_value_extractor": {"name": ":method", "index": 0}}])  # every request of the load has it
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), p.listener(manager),
                  p.scope("one", "GET", b.route("good")), bootstrap_extensions=test_guard.guard())
    with test_guard.load(both) as running:
        both.change(p.scope("one", "GET", b.route("bad")))
        test_guard.until_back(both)
        running.until_good()
        assert 'scope "one"' in test_guard.view(both)["returns"][0]["what"]
        mark = both.plane.cut()
        assert '"one": the guard went back from this at ' in both.plane.until_nack("scopes", mark)


@p.ours
def test_explained(pushed):
    both = pushed(p.listener(p.scoped()), p.scope("one", "a", b.direct(200, "own")), p.scope("two", "b", table="routes"),
                  p.routes(b.direct(200, "named")))
    assert by(both, "b") == "200 named"

    def said(*fields):
        return json.loads(both.proxy.admin("/explain?format=json&listener=ingress&path=/" + "".join(f"&header={field}" for field in fields)))
    assert said("x-scope:a")["scope"] == {"key": '"a"', "name": "one", "route_table": "of-one"}
    assert said("x-scope:b")["scope"] == {"key": '"b"', "name": "two", "route_table": "routes"}
    assert said("x-scope:c")["scope"] == {"key": '"c"', "no_scope": "none of 2 has this key"}
    assert said()["scope"] == {"no_scope": "the request has no key: x-scope is not there"}
    assert said("x-scope:c")["result"] == "404: no route fits"


@p.ours
def test_a_reload(tmp_path):
    """A list that changes with the configuration, while connections stay."""
    where = ("127.0.0.1", free_port())
    def config(body):
        return b.bootstrap([b.listener(listed(p.scope("one", "a", b.direct(200, body))), where=where)])
    proxy = Proxy(config("first"), tmp_path, binary=p.binary(), concurrency=2)
    both = p.Pushed(None, proxy, None)
    try:
        assert by(both, "a") == "200 first"
        proxy.configure(config("second"))
        proxy.process.send_signal(signal.SIGHUP)
        until_by(both, "a", "200 second")
    finally:
        proxy.stop()
