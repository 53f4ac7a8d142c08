"""Another configuration for a process that runs: its file, read again on SIGHUP, or what POST /api/reload is sent."""

import copy
import json
import os
import re
import signal
import threading

import pytest

from peers import bootstrap as b
from peers import grpc_echo, http1
from peers import pushed as p
from peers.ca import ctl
from peers.certificates import Authority
from peers.control_plane import pair, trust
from peers.message import Request, Response
from peers.ports import accepts, free_port
from peers.secured import answers, asking, connect, name_of
from peers.server import Server
from peers.traffic import Traffic
from peers.wait import until

SOON = ("--drain-time-s", "1")
SANITIZED = os.environ.get("PILLION_SANITIZED")
KINDS = "clusters", "listeners", "secrets"
_TLS = "extensions.transport_sockets.tls.v3."


def at(port, body, name="ingress", **fields):
    return b.listener(b.http([b.direct(200, body)]), where=("127.0.0.1", port), name=name, **fields)


def asked(address, path="/"):
    connection = http1.connect(address)
    try:
        return connection.exchange(Request("GET", path))
    finally:
        connection.close()


def body_at(port, path="/"):
    return asked(("127.0.0.1", port), path).body


def by_sighup(proxy, config):
    """Returns once it was tried."""
    proxy.configure(config)
    before = proxy.stat("server.reloads")
    proxy.process.send_signal(signal.SIGHUP)
    until(lambda: proxy.stat("server.reloads") == before + 1, "the file was read again")


def by_post(proxy, config, status=200, query=""):
    """The answer, as it is or as a value."""
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    code, _, answer = proxy.admin_response(f"/api/reload{query}", "POST", body=text if isinstance(text, bytes) else text.encode())
    assert code == status, answer
    return json.loads(answer) if "text" not in query else answer


def done(answer):
    """What is not empty of it, without what is unchanged: {"added": ["cluster a"]}"""
    said = {word: [f"{kind[:-1]} {name}" for kind in KINDS for name in answer[word][kind]] for word in ("added", "changed", "removed", "kept")}
    said["refused"] = [f"{one['kind']} {one['name']}".strip() for one in answer["refused"]]
    said["needs_restart"] = answer["needs_restart"]
    return {word: names for word, names in said.items() if names}


def dumped(proxy, section, field):
    """{name: (the resource, when it was taken)} of a field of /config_dump."""
    for found in json.loads(proxy.admin("/config_dump"))["configs"]:
        if found["@type"].endswith("." + section):
            members = [(next(value for key, value in one.items() if isinstance(value, dict)), one["last_updated"]) for one in found.get(field, [])]
            return {member["name"]: (member, when) for member, when in members}
    return {}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("one", "two", "client"):
        authority.issue(name)
    return authority


@pytest.mark.parametrize("way", [by_sighup, by_post])
def test_comes_changes_and_goes(pillion, named, way):
    """Listeners, and what they send to."""
    one, two = named("one", "two")
    first, second = free_port(), free_port()
    proxy = pillion(b.bootstrap([at(first, "0", "a"), b.listener(b.http(), name="b")], [b.cluster(one)]), arguments=SOON)
    config = json.loads(proxy.config_path.read_text())
    before = dumped(proxy, "ListenersConfigDump", "static_listeners")
    live = http1.connect(("127.0.0.1", first))
    assert live.exchange(Request()).body == b"0"
    assert asked(proxy.listeners["b"]).body == b"one"

    resources = config["static_resources"]
    resources["listeners"][0] = at(first, "1", "a")
    resources["listeners"].append(at(second, "new", "c"))
    resources["clusters"] = [b.cluster(two)]
    way(proxy, config)
    until(lambda: body_at(first) == b"1", "the changed one answers")
    until(lambda: live.exchange(Request()).body == b"1", "on the connection that there was, too")
    until(lambda: asked(proxy.listeners["b"]).body == b"two", "the cluster is the new one")
    assert body_at(second) == b"new"
    after = dumped(proxy, "ListenersConfigDump", "static_listeners")
    assert set(after) == {"a", "b", "c"} and after["b"] == before["b"]
    assert after["a"][1] > before["a"][1] and "1" in json.dumps(after["a"][0])

    resources["listeners"] = [at(second, "new", "c")]
    resources["clusters"] = []
    way(proxy, config)
    until(lambda: not accepts(("127.0.0.1", first)), "nobody listens there")
    assert body_at(second) == b"new"
    assert set(dumped(proxy, "ListenersConfigDump", "static_listeners")) == {"c"}
    assert dumped(proxy, "ClustersConfigDump", "static_clusters") == {}
    until(lambda: proxy.stat("cluster_manager.active_clusters") == 0, "no cluster is left")
    counted = {name: proxy.stat(f"listener_manager.listener_{name}") for name in ("added", "modified", "removed")}
    assert counted == {"added": 3, "modified": 1, "removed": 2}
    assert (proxy.stat("server.reloads"), proxy.stat("server.reload_failures")) == (2, 0)


def test_what_is_equal_is_left_alone(pillion, named):
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(*named("one"))]))
    kept = http1.connect(proxy.address)
    assert kept.exchange(Request()).body == b"one"
    for _ in range(3):
        answer = by_post(proxy, b"")
        assert done(answer) == {} and answer["unchanged"] == {"clusters": ["upstream"], "listeners": ["ingress"], "secrets": []}
    assert kept.exchange(Request()).body == b"one"
    assert proxy.stat("cluster.upstream.upstream_cx_total") == 1
    assert proxy.stat("listener_manager.listener_modified") == proxy.stat("cluster_manager.cluster_modified") == 0


def test_a_bad_one_among_good_ones(pillion, named):
    """It keeps its last version, and nothing goes."""
    one, two = named("one", "two")
    ports = [free_port() for _ in range(4)]
    proxy = pillion(b.bootstrap([at(ports[0], "a0", "a"), at(ports[1], "b0", "b"), at(ports[2], "gone", "c")],
                                [b.cluster(one, name="x"), b.cluster(one, name="y")]))
    bad = at(ports[1], "b1", "b")
    bad["filter_chains"][0]["filters"][0]["typed_config"]["http_filtres"] = []
    answer = by_post(proxy, {"static_resources": {
        "listeners": [at(ports[0], "a1", "a"), bad, b.listener(b.http([b.route("nobody")]), where=("127.0.0.1", ports[3]), name="d")],
        "clusters": [b.cluster(two, name="x"), b.cluster(two, name="z", connect_timeout="-1s")]}}, 422)
    assert done(answer) == {"changed": ["cluster x", "listener a"], "kept": ["cluster y", "listener c"],
                            "refused": ["cluster z", "listener b", "listener d"]}
    errors = {one["name"]: " ".join(one["errors"]) for one in answer["refused"]}
    assert 'static_resources.clusters[1].connect_timeout: -1s, expected more than 0s' in errors["z"]
    assert 'unknown field "http_filtres", did you mean "http_filters"' in errors["b"]
    assert "unknown cluster 'nobody'" in errors["d"]
    assert [body_at(port) for port in ports[:3]] == [b"a1", b"b0", b"gone"]
    assert not accepts(("127.0.0.1", ports[3]))
    assert "listener b: refused: " in proxy.log()
    assert (proxy.stat("server.reloads"), proxy.stat("server.reload_failures")) == (1, 1)
    assert set(dumped(proxy, "ClustersConfigDump", "static_clusters")) == {"x", "y"}
    # What was there before: of what was refused and kept nothing is to be done.
    assert done(by_post(proxy, b"")) == {"changed": ["cluster x", "listener a"]}


@pytest.mark.parametrize("fields", [{"connect_timeout": "-1s"}, {"connect_timeout": "0s"}, {"unheard": 1}])
def test_more_bad_ones_than_are_said(pillion, fields):
    """What is good is taken, however much is bad; how much that is, is said."""
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    config = json.loads(proxy.config_path.read_text())
    config["static_resources"]["clusters"] = [{"name": f"c{number}", **fields} for number in range(5000)]
    config["static_resources"]["listeners"] = [at(port, "two")]
    answer = by_post(proxy, config, 422)
    assert answer["changed"]["listeners"] == ["ingress"] and answer["added"]["clusters"] == []
    assert len(answer["refused"]) == 100 and answer["more_refused"] == 4900
    until(lambda: body_at(port) == b"two", "the good one is taken")
    assert by_post(proxy, config, 422, "?format=text").endswith("\nand 4900 more refused\nunchanged: 1\n")
    assert proxy.log().count(": refused: ") == 200 and "and 4900 more refused" in proxy.log()


@pytest.mark.parametrize("text,said", [
    ("a: [", "bootstrap.json:"), ("", "bootstrap.json: empty"), ("{}", "static_resources: missing"), ("[]", "expected an object"),
    ("static_resources:\n  listeners: []\n   clusters: []\n", "bootstrap.json:"), (None, "bootstrap.json")])
def test_a_file_that_is_none(pillion, text, said):
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    if text is None:
        proxy.config_path.unlink()
        code, _, answer = proxy.admin_response("/api/reload", "POST")
        assert (code, said in answer) == (400, True), answer
    else:
        by_sighup(proxy, text)
    until(lambda: "nothing is changed" in proxy.log(), "it is said")
    assert said in proxy.log()
    assert body_at(port) == b"one"
    assert (proxy.stat("server.reloads"), proxy.stat("server.reload_failures")) == (1, 1)


def test_what_needs_a_restart(pillion):
    port = free_port()
    config = b.bootstrap([at(port, "one")], node={"id": "before"})
    proxy = pillion(config)
    config["admin"]["address"]["socket_address"]["port_value"] = free_port()
    config["node"]["id"] = "after"
    config["static_resources"]["listeners"] = [at(port, "two")]
    by_sighup(proxy, config)
    until(lambda: body_at(port) == b"two", "the rest is taken")
    assert proxy.ready()
    assert "admin.address changed: it takes effect with a restart" in proxy.log()
    assert json.loads(proxy.admin("/server_info"))["node"]["id"] == "before"
    assert by_post(proxy, b"")["needs_restart"] == ["node.id", "admin.address"]
    config["overload_manager"] = {"resource_monitors": [{"name": "nothing"}]}
    proxy.configure(config)
    answer = by_post(proxy, b"", 422)
    assert done(answer)["refused"] == ["bootstrap"] and "overload_manager" in " ".join(answer["refused"][0]["errors"])


def test_lists(pillion, named):
    """Resources as a control plane gives them; what can't stand alone is refused with what to do."""
    one, = named("one")
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    listener = {"@type": p.TYPES["listeners"], **b.listener(b.http(), where=("127.0.0.1", port))}
    assert done(by_post(proxy, [listener, p.whole_cluster(one, name="upstream")])) == {"added": ["cluster upstream"], "changed": ["listener ingress"]}
    until(lambda: body_at(port) == b"one", "it is sent on")
    answer = by_post(proxy, {"resources": [listener, p.whole_cluster(one, name="upstream"), p.routes(), p.endpoints(one)]}, 422)
    assert [error for refused in answer["refused"] for error in refused["errors"]] == [
        "body:1: resources[2]: a RouteConfiguration, expected it within its listener: route_config",
        "body:1: resources[3]: a ClusterLoadAssignment, expected it within its cluster: load_assignment"]
    text = f"# in YAML\nresources:\n- \"@type\": {p.TYPES['clusters']}\n  name: more\n  conect_timeout: 1s\n"
    assert 'mine.yaml:5: resources[0]: unknown field "conect_timeout", did you mean "connect_timeout"?' in by_post(
        proxy, text, 422, "?format=text&name=mine.yaml")
    by_post(proxy, "scalar", 400)
    for empty in ("[]", {"resources": []}):
        assert "resources: empty, expected some" in json.dumps(by_post(proxy, empty, 400))
    assert body_at(port) == b"one"


def test_who_may(pillion):
    """The role is WRITE, and nothing is read of who has it not."""
    port = free_port()
    grants = [{"roles": ["MONITOR", "READ", "PROFILE"], "local": True}]
    access = {"name": "access", "typed_config": {"@type": "type.googleapis.com/pillion.admin.v1.AdminAccess", "grants": grants}}
    proxy = pillion(b.bootstrap([at(port, "one")], bootstrap_extensions=[access]))
    code, _, text = proxy.admin_response("/api/reload", "POST", body=b"static_resources: {}")
    assert code == 403 and "needs the role write" in text
    assert proxy.admin_response("/api/reload", "POST", body=b" " * 5000000)[0] == 403
    connection = http1.connect(proxy.admin_address)
    connection.send(b"POST /api/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n")
    assert connection.read_response().status == 403
    connection.close()
    assert body_at(port) == b"one"


def test_method_and_size(pillion):
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    assert proxy.admin_response("/api/reload")[0] == 405
    connection = http1.connect(proxy.admin_address)
    connection.send(b"POST /api/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 16777217\r\n\r\n")
    response = connection.read_response()
    assert response.status == 413 and b"at most" in response.body and b"16 MiB for /api/reload" in response.body
    connection.close()
    code, _, text = proxy.admin_response("/api/reload", "POST", body=b" " * 20000000)  # who sends it all hears of it, too
    assert code == 413 and "at most" in text
    text = json.dumps({"static_resources": {"listeners": [at(port, "x" * 3000000)]}})  # more than a body may have
    assert "direct_response" in by_post(proxy, text, 422, "?format=text")
    padded = json.dumps({"static_resources": {"listeners": [at(port, "two")]}}) + " " * 5000000
    assert done(by_post(proxy, padded)) == {"changed": ["listener ingress"]}
    until(lambda: body_at(port) == b"two", "it is taken")


def test_another_name_for_an_address(pillion):
    """There is always somebody who listens."""
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "0", "a0")]), concurrency=2, arguments=SOON)
    with Traffic(lambda: ("127.0.0.1", port), which=("h1", "h2")):
        for turn in range(1, 4):
            answer = by_post(proxy, {"static_resources": {"listeners": [at(port, str(turn), f"a{turn}")]}})
            assert done(answer) == {"added": [f"listener a{turn}"], "removed": [f"listener a{turn - 1}"]}
            until(lambda: body_at(port) == str(turn).encode(), "the new one answers")
    assert set(dumped(proxy, "ListenersConfigDump", "static_listeners")) == {"a3"}


def test_two_exchange_their_addresses(pillion):
    one, two = free_port(), free_port()
    proxy = pillion(b.bootstrap([at(one, "a", "a"), at(two, "b", "b")]), concurrency=2, arguments=SOON)
    answer = by_post(proxy, {"static_resources": {"listeners": [at(two, "a", "a"), at(one, "b", "b")]}})
    assert done(answer) == {"changed": ["listener a", "listener b"]}
    until(lambda: (body_at(one), body_at(two)) == (b"b", b"a"), "each is where the other one was")


def test_an_address_of_one_that_is_refused(pillion):
    """It stays where it is, so who wanted its address is refused as well."""
    one, two = free_port(), free_port()
    proxy = pillion(b.bootstrap([at(one, "a", "a"), at(two, "b", "b")]), concurrency=2, arguments=SOON)
    elsewhere = b.listener(b.http([b.direct(200, "a")]), where=("192.0.2.1", two), name="a")
    answer = by_post(proxy, {"static_resources": {"listeners": [elsewhere, at(one, "b", "b")]}}, 422)
    assert done(answer) == {"refused": ["listener a", "listener b"]}
    assert [body_at(one) for _ in range(20)] == [b"a"] * 20 and body_at(two) == b"b"


def test_who_goes_leaves_its_address_at_once(pushed):
    """Whatever else waits; and what waits itself is in nobody's way."""
    port = free_port()
    both = pushed(p.listener(b.http([b.direct(200, "theirs")]), name="theirs"))
    config = json.loads(both.proxy.config_path.read_text())

    def reload(*listeners):
        config["static_resources"]["listeners"] = listeners
        return done(by_post(both.proxy, config))

    def only(body):
        until(lambda: body_at(port) == body, f"{body} serves")
        assert [body_at(port) for _ in range(30)] == [body] * 30

    assert reload(at(port, "old", "old")) == {"added": ["listener old"]}
    until(lambda: accepts(("127.0.0.1", port)), "it listens")
    only(b"old")
    waits = b.listener(p.routed("none", timeout="0s"), name="waits")
    assert reload(at(port, "new", "new"), waits) == {"added": ["listener new", "listener waits"], "removed": ["listener old"]}
    only(b"new")
    assert reload(at(port, "last", "last")) == {"added": ["listener last"], "removed": ["listener new", "listener waits"]}
    only(b"last")


def test_a_cluster_that_goes_with_its_listener(pillion, named):
    """Connections of the listener are served until they end."""
    one, two = named("one", "two")
    port = free_port()
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route("a")]), where=("127.0.0.1", port), name="first")], [b.cluster(one, name="a")]),
                    concurrency=2, arguments=("--drain-time-s", "2"))
    kept = http1.connect(("127.0.0.1", port))
    assert kept.exchange(Request()).body == b"one"
    by_post(proxy, b.bootstrap([b.listener(b.http([b.route("b")]), where=("127.0.0.1", free_port()), name="second")], [b.cluster(two, name="b")]))
    served = []
    while True:
        response = kept.exchange(Request())
        served.append(response.status)
        if response.get("connection") == "close":
            break
    assert set(served) == {200}
    kept.close()
    proxy.until_stat("cluster_manager.active_clusters", 1)


def test_a_port_that_somebody_has(pillion):
    port = free_port()
    taken = Server(lambda sock: None)
    try:
        proxy = pillion(b.bootstrap([at(port, "0")]))
        answer = by_post(proxy, {"static_resources": {"listeners": [at(port, "1"), at(taken.port, "2", "b")]}}, 422)
        assert done(answer) == {"changed": ["listener ingress"], "refused": ["listener b"]}
        assert "in use" in answer["refused"][0]["errors"][0]
        assert set(dumped(proxy, "ListenersConfigDump", "static_listeners")) == {"ingress"}
    finally:
        taken.close()
    answer = by_post(proxy, {"static_resources": {"listeners": [at(port, "1"), at(taken.port, "2", "b")]}})
    assert done(answer) == {"added": ["listener b"]}
    assert body_at(taken.port) == b"2"


def secured(port, *names, secret="server"):
    made = b.listener(b.http([b.direct(200, "hello")]), where=("127.0.0.1", port))
    made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(
        _TLS + "DownstreamTlsContext", common_tls_context={"tls_certificate_sds_secret_configs": [{"name": secret}]})}
    return {"static_resources": {"listeners": [made], "secrets": [secret_of(*each) for each in names]}}


def secret_of(ca, which, name="server"):
    made = p.secret(name, pair(ca, which))
    del made["@type"]
    return made


def test_secrets(pillion, ca):
    """Who connects gets the new one; who is connected stays."""
    port = free_port()
    proxy = pillion({**b.bootstrap([]), **secured(port, (ca, "one"))} | {"admin": {"address": b.address(("127.0.0.1", free_port()))}}, concurrency=2)
    assert name_of(proxy, ca) == "one"
    kept = http1.Connection(connect(proxy, ca))
    assert answers(kept)
    with asking(lambda: connect(proxy, ca)):
        for which in ("two", "one", "two"):
            assert done(by_post(proxy, secured(port, (ca, which)))) == {"changed": ["secret server"]}
            until(lambda: name_of(proxy, ca) == which, "the next one is shown")
    assert answers(kept)
    assert proxy.stat("listener_manager.listener_modified") == 0
    broken = secured(port, (ca, "one"))
    broken["static_resources"]["secrets"][0]["tls_certificate"]["private_key"] = {"inline_string": "none"}
    answer = by_post(proxy, broken, 422)
    assert done(answer) == {"refused": ["secret server"]}
    assert "static_resources.secrets[0].tls_certificate.private_key" in answer["refused"][0]["errors"][0]
    answer = by_post(proxy, secured(port), 422)
    assert done(answer) == {"kept": ["secret server"], "refused": ["listener ingress"]}
    assert name_of(proxy, ca) == "two" and answers(kept)
    answer = by_post(proxy, secured(port, (ca, "one", "other"), secret="other"))
    assert done(answer) == {"added": ["secret other"], "changed": ["listener ingress"], "removed": ["secret server"]}
    until(lambda: name_of(proxy, ca) == "one", "that of the other name")
    assert answers(kept)
    assert "PRIVATE" not in proxy.log()


def under_traffic(pillion, serve, concurrency, way, **options):
    """Listeners, routes and clusters change again and again; no request fails."""
    backends = [serve.h1(lambda request: Response(200, [], b"hello")).address for _ in range(3)]
    echo = grpc_echo.Echo()
    server = grpc_echo.serve(echo)
    port, other = free_port(), free_port()

    def config(turn):
        name = f"backend{turn % 3}"
        routes = [b.direct(200, str(turn), "/turn"), b.route("rpc", "/test.Echo/"), b.route(name)]
        listeners = [b.listener(b.http(routes, stream_idle_timeout=f"{300 + turn}s"), where=("127.0.0.1", port))]
        if turn % 2:
            listeners.append(at(other, "other", "other"))
        clusters = [b.cluster(backends[turn % 3], name=name), b.cluster(echo.address, name="rpc", protocol="h2", connect_timeout=f"{2 + turn}s")]
        return {"static_resources": {"listeners": listeners, "clusters": clusters}, "admin": proxy_admin}

    proxy_admin = {"address": b.address(("127.0.0.1", free_port()))}
    proxy = pillion(config(0), concurrency=concurrency, arguments=SOON, **options)
    with Traffic(lambda: ("127.0.0.1", port)):
        for turn in range(1, 16):
            way(proxy, config(turn))
            until(lambda: body_at(port, "/turn") == str(turn).encode(), "the new routes")
    assert proxy.stat("server.reloads") == 15 and proxy.stat("server.reload_failures") == 0
    assert proxy.stat("http.ingress.downstream_rq_5xx") == 0
    until(lambda: set(dumped(proxy, "ClustersConfigDump", "static_clusters")) == {"backend0", "rpc"}, "no other cluster is left")
    until(lambda: proxy.stat("cluster_manager.active_clusters") == 2, "nor is one used")
    server.stop(0)


@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("way", [by_sighup, by_post])
def test_under_traffic(pillion, serve, concurrency, way):
    under_traffic(pillion, serve, concurrency, way)


@pytest.mark.skipif(not SANITIZED, reason="PILLION_SANITIZED names no program")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", [by_sighup, by_post])
def test_sanitized(pillion, serve, monkeypatch, way):
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
    monkeypatch.setenv("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    under_traffic(pillion, serve, 2, way, binary=SANITIZED)


def test_a_cluster_that_warms(pillion, named, serve):
    """Who sends to it waits until it was found to be well; what it replaces goes then, and not before."""
    one, two = named("one", "two")
    well = threading.Event()
    slow = serve.h1(lambda request: Response(200, [], b"slow" if request.path != "/health" or well.wait(10) else b""))
    port = free_port()
    admin = {"address": b.address(("127.0.0.1", free_port()))}

    def config(name, where, **fields):
        return {"static_resources": {"listeners": [b.listener(b.http([b.route(name)]), where=("127.0.0.1", port))],
                                     "clusters": [b.cluster(where, name=name, **fields)]}, "admin": admin}

    check = {"timeout": "9s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/health"}}
    proxy = pillion(config("one", one))
    answer = by_post(proxy, config("slow", slow.address, health_checks=[check]))
    assert done(answer) == {"added": ["cluster slow"], "changed": ["listener ingress"], "removed": ["cluster one"]}
    assert proxy.stat("cluster_manager.warming_clusters") == proxy.stat("listener_manager.total_listeners_warming") == 1
    assert body_at(port) == b"one"
    # What was to go comes again, and what is warming is not wanted any more.
    assert done(by_post(proxy, config("one", one))) == {"added": ["cluster one"], "changed": ["listener ingress"], "removed": ["cluster slow"]}
    until(lambda: proxy.stat("cluster_manager.warming_clusters") == 0, "the one that was warming is gone")
    assert body_at(port) == b"one" and proxy.stat("cluster_manager.active_clusters") == 1
    by_post(proxy, config("slow", slow.address, health_checks=[check]))
    assert body_at(port) == b"one"
    assert done(by_post(proxy, config("two", two))) == {"added": ["cluster two"], "changed": ["listener ingress"], "removed": ["cluster slow"]}
    until(lambda: body_at(port) == b"two", "the last one that was asked for")
    until(lambda: proxy.stat("cluster_manager.active_clusters") == 1, "the others are gone")
    assert proxy.stat("cluster_manager.warming_clusters") == 0
    by_post(proxy, config("slow", slow.address, health_checks=[check]))
    assert body_at(port) == b"two"
    well.set()
    until(lambda: body_at(port) == b"slow", "it is well")
    until(lambda: proxy.stat("cluster_manager.active_clusters") == 1, "the other one is gone")


def test_beside_a_control_plane(pushed, named):
    """Whose names are its own; its cluster may change and may not go."""
    one, two = named("one", "two")
    both = pushed(p.listener(b.http([b.route("theirs")])), p.whole_cluster(one, name="theirs"))
    both.until_body(b"one")
    config = json.loads(both.proxy.config_path.read_text())
    config["static_resources"]["clusters"].append(b.cluster(two, name="theirs"))
    answer = by_post(both.proxy, config, 422)
    assert "a control plane gives a cluster of this name" in answer["refused"][0]["errors"][0]
    assert both.get().body == b"one"
    clusters = config["static_resources"]["clusters"]
    config["static_resources"]["clusters"] = []
    answer = by_post(both.proxy, config, 422)
    assert "unknown cluster 'xds'" in str(answer["refused"]) and answer["kept"]["clusters"] == ["xds"]
    clusters[0]["connect_timeout"] = "9s"
    config["static_resources"]["clusters"] = [clusters[0], b.cluster(two, name="mine")]
    assert done(by_post(both.proxy, config)) == {"added": ["cluster mine"], "changed": ["cluster xds"]}
    both.change(p.listener(b.http([b.route("mine")]), where=both.proxy.address))
    both.until_body(b"two")
    both.change(p.whole_cluster(one, name="mine"))  # passed over
    until(lambda: "mine is passed over: it is one of the static resources" in both.proxy.log(), "it is said")
    assert both.get().body == b"two"


def test_a_remote_secret_of_what_comes(pushed, ca):
    """What a control plane gives is asked for when a configured listener needs it, and the listener waits for it."""
    both = pushed(p.secret("server", pair(ca, "one")), p.secret("trust", trust(ca.pem)))
    port = free_port()
    config = json.loads(both.proxy.config_path.read_text())
    made = secured(port)["static_resources"]["listeners"][0]
    made["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"] = {
        "tls_certificate_sds_secret_configs": [{"name": "server", "sds_config": p.source()}]}
    config["static_resources"]["listeners"] = [made]
    by_post(both.proxy, config)
    both.proxy.listeners["ingress"] = "127.0.0.1", port
    until(lambda: accepts(both.proxy.address), "it listens")
    assert name_of(both.proxy, ca) == "one"


def test_with_more_on_the_command_line(pillion):
    """It is merged as at the start."""
    port = free_port()
    config = b.bootstrap([at(port, "one")])
    proxy = pillion(config, arguments=["--config-yaml", json.dumps(b.bootstrap([at(free_port(), "two", "b")]) | {"admin": config["admin"]})])
    assert done(by_post(proxy, b"")) == {}
    assert set(dumped(proxy, "ListenersConfigDump", "static_listeners")) == {"ingress", "b"}


def test_while_it_ends(pillion):
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    proxy.admin("/drain_listeners", "POST")
    until(lambda: not accepts(("127.0.0.1", port)), "nobody listens")
    assert "its listeners were closed" in by_post(proxy, b"", 503, "?format=text")


def test_pillionctl(pillion, tmp_path):
    port = free_port()
    config = b.bootstrap([at(port, "one")])
    proxy = pillion(config)
    where = "127.0.0.1:%d" % proxy.admin_address[1]
    config["static_resources"]["listeners"] = [at(port, "two"), at(free_port(), "more", "b")]
    file = tmp_path / "next.json"
    file.write_text(json.dumps(config))
    result = ctl("reload", where, file)
    assert (result.returncode, result.stdout, result.stderr) == (0, "listener b: added\nlistener ingress: changed\nunchanged: 0\n", "")
    until(lambda: body_at(port) == b"two", "it is taken")
    config["static_resources"]["listeners"][1]["adress"] = 1
    file.write_text(json.dumps(config, indent=1))
    result = ctl("reload", where, file)
    assert result.returncode == 1
    assert f"listener b: refused: {file}:" in result.stdout and 'unknown field "adress", did you mean "address"?' in result.stdout
    # A mistake in each kind of resource: place, value and what was expected.
    config["static_resources"]["listeners"][1] = at(free_port(), "more", "b")
    config["static_resources"]["listeners"][1]["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": {
        "@type": f"type.googleapis.com/envoy.{_TLS}DownstreamTlsContext",
        "common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": "key"}]}}}
    config["static_resources"]["secrets"] = [{"name": "key", "tls_certificate": {
        "certificate_chain": {"inline_string": "none"}, "private_key": {"inline_string": "none"}}}]
    config["static_resources"]["clusters"] = [{"name": "c", "lb_policy": "RANDOMLY", "connect_timeout": "soon"}]
    config["static_resources"]["listeners"].append(at(70000, "far", "far"))
    file.write_text(json.dumps(config, indent=1))
    result = ctl("reload", where, file)
    assert result.returncode == 1
    place = re.escape(str(file)) + r":\d+: static_resources\."
    for line in (r'cluster c: refused: ' + place + r'clusters\[0\]\.connect_timeout: "soon", expected a duration in seconds such as "1.5s"',
                 r'cluster c: refused: ' + place + r'clusters\[0\]\.lb_policy: "RANDOMLY", expected one of .*, did you mean "RANDOM"\?',
                 r'listener far: refused: ' + place + r'listeners\[2\]\.address\.socket_address\.port_value: 70000, expected at most 65535',
                 r'secret key: refused: ' + place + r'secrets\[0\]\.tls_certificate\.certificate_chain: .*'):
        assert re.search(f"^{line}$", result.stdout, re.M), f"{line}\n{result.stdout}"
    result = ctl("reload", where)  # the file of the process
    assert (result.returncode, result.stdout) == (0, "listener ingress: changed\nlistener b: removed\nunchanged: 0\n")
    assert done(json.loads(ctl("reload", "--json", where).stdout)) == {}
    file.write_text("a: [")
    result = ctl("reload", where, file)
    assert result.returncode == 1 and f"pillionctl: {file}:" in result.stderr
    file.write_text("")
    assert "empty, expected static_resources" in ctl("reload", where, file).stderr
    assert "connecting: Connection refused" in ctl("reload", f"127.0.0.1:{free_port()}").stderr


def test_copies(pillion):
    """A configuration that is changed and changed back is the same."""
    port = free_port()
    config = b.bootstrap([at(port, "one")])
    proxy = pillion(config)
    first = dumped(proxy, "ListenersConfigDump", "static_listeners")
    other = copy.deepcopy(config)
    other["static_resources"]["listeners"] = [at(port, "two")]
    for turn in (other, config, other, config):
        assert done(by_post(proxy, turn)) == {"changed": ["listener ingress"]}
    assert {name: one for name, (one, _) in dumped(proxy, "ListenersConfigDump", "static_listeners").items()} == {
        name: one for name, (one, _) in first.items()}
