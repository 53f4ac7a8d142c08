"""Any number of pushes of any kind in any order under traffic: no request fails, and in the end there is what a fresh start has."""

import random

import pytest

from peers import bootstrap as b
from peers import grpc_echo
from peers import pushed as p
from peers.certificates import Authority
from peers.control_plane import pair
from peers.message import Response
from peers.ports import free_port
from peers.traffic import Traffic
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."


class World:
    """What is pushed, by its parts, and changes of it that are good ones whatever came before."""

    def __init__(self, seed, h1, rpc, ca):
        self.random = random.Random(seed)
        self.backends = {"h1": h1, "rpc": rpc}
        self.ca = ca
        self.where = "127.0.0.1", free_port()
        self.secured_at = "127.0.0.1", free_port()
        self.extra = []
        self.turn = 0

    def everything(self):
        return [*self.clusters(), *self.endpoints(), self.listener(), self.table(), self.secured(), self.secret()]

    def listener(self):
        said = b.any_of("extensions.filters.http.header_mutation.v3.HeaderMutation", mutations={"response_mutations": [
            {"append": {"header": {"key": "x-turn", "value": str(self.turn)}}}]})
        return p.listener(p.routed(http_filters=[{"name": "turn", "typed_config": said}, *p.routed()["typed_config"]["http_filters"]]), where=self.where)

    def table(self):
        many = [b.direct(200, str(self.turn), f"/unused/{number}/") for number in range(self.random.randrange(50))]
        return p.routes(*many, b.direct(200, str(self.turn), "/turn"), b.route("rpc", "/test.Echo/"),
                        b.route("h1", timeout=f"{self.random.randint(15, 30)}s"))

    def clusters(self):
        return [self.cluster("h1"), self.cluster("rpc", protocol="h2")]

    def cluster(self, name, **fields):
        """With hosts of its own, as a change of it is then one push; more of it changes with each turn."""
        where = self.backends[name]
        policy = self.random.choice(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"])
        return p.whole_cluster(*self.random.sample(where, self.random.randint(1, len(where))), name=name, lb_policy=policy,
                               connect_timeout=f"{self.random.randint(5, 9)}s", **fields)

    def endpoints(self):
        return [p.cluster("apart"), p.endpoints(*self.backends["h1"], name="apart")]

    def secured(self):
        made = p.listener(b.http([b.direct(200, "hello")], name="secured"), where=self.secured_at, name="secured")
        made["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(_TLS + "DownstreamTlsContext", common_tls_context={
            "tls_certificate_sds_secret_configs": [{"name": "server", "sds_config": p.source()}]})}
        return made

    def secret(self):
        return p.secret("server", pair(self.ca, self.random.choice(["one", "two"])))

    def change(self):
        """Arguments of a push, and the next turn."""
        self.turn += 1
        which = self.random.choice(["routes", "hosts", "cluster", "listener", "secret", "add", "remove", "bad"])
        if which == "hosts":
            where = self.backends["h1"]
            return [p.endpoints(*self.random.sample(where, self.random.randint(1, len(where))), name="apart"), self.table()], []
        if which == "cluster":
            name = self.random.choice(["h1", "rpc"])
            return [self.cluster(name, **({"protocol": "h2"} if name == "rpc" else {})), self.table()], []
        if which == "listener" and not p.ENVOY:  # whose connections end by it, in time
            return [self.listener(), self.table()], []
        if which == "secret":
            return [self.secret(), self.table()], []
        if which == "add" and len(self.extra) < 20:
            name = f"extra{self.turn}"
            self.extra.append(name)
            return [p.whole_cluster(*self.backends["h1"], name=name), self.table()], []
        if which == "remove" and self.extra:
            return [self.table()], [("clusters", self.extra.pop(self.random.randrange(len(self.extra))))]
        if which == "bad" and not p.ENVOY:  # which acknowledges nothing after it
            return [p.whole_cluster(name="bad", connect_timeout="-1s"), self.table()], []
        return [self.table()], []


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).having("one", "two")


def state(both):
    """What is shown, without times and versions."""
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items() if key not in ("last_updated", "version_info", "error_state")}
        return sorted(map(plain, value), key=str) if isinstance(value, list) else value
    return {section: plain(both.dumped(section)) for section in ("ListenersConfigDump", "ClustersConfigDump", "RoutesConfigDump", "EndpointsConfigDump")}


@pytest.mark.parametrize("how", p.AGGREGATED)
@pytest.mark.parametrize("pushes", [60, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_under_traffic(pushed, serve, ca, pushes, how):
    backends = [serve.h1(lambda request: Response(200, [], b"hello")).address for _ in range(3)]
    echoes = [grpc_echo.Echo() for _ in range(2)]
    servers = [grpc_echo.serve(echo) for echo in echoes]
    world = World(pushes, backends, [echo.address for echo in echoes], ca)
    both = pushed(*world.everything(), how=how, run={"concurrency": 2})
    both.until_body(b"0", "/turn")
    with Traffic(lambda: world.where):
        for _ in range(pushes):
            resources, gone = world.change()
            both.push(*resources, remove=gone)
            both.until_body(b"%d" % world.turn, "/turn")
    both.push(remove=[("clusters", "bad")] if both.plane.has("clusters", "bad") else [])
    fresh = pushed(plane=both.plane, how=how)
    fresh.proxy.listeners = both.proxy.listeners
    until(lambda: state(fresh) == state(both), "both have the same")
    for server in servers:
        server.stop(0)
