"""Another configuration for a process that runs: its file, read again on SIGHUP, or what POST /api/reload is sent."""

import copy
import json
import os
import threading

import pytest

from peers import bootstrap as b
from peers import grpc_echo, http1
from peers import pushed as p
from peers.certificates import Authority
from peers.control_plane import pair, trust
from peers.message import Request, Response
from peers.ports import accepts, free_port
from peers.reload import SOON, asked, at, body_at, by_post, by_sighup, done, dumped
from peers.secured import answers, asking, connect, name_of
from peers.server import Server
from peers.traffic import Traffic
from peers.wait import until

SANITIZED = os.environ.get("PILLION_SANITIZED")
_TLS = "extensions.transport_sockets.tls.v3."


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).having("one", "two", "client")


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
