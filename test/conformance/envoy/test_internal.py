"""Internal listeners: what goes through them, what they are told, what is said of them. Each case has a front, whose log the inner
listener writes too, and a cluster whose host leads from the one to the other. And tunnels between the two proxies, either way round."""

import threading

import pytest

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get, ok, route
from peers import bootstrap as b
from peers import internal
from peers.certificates import Authority
from peers.message import Request
from peers.proxy import BINARY, Proxy
from peers.server import Server
from test_tcp import half_closes, until_the_end

OF_HOST = {"of.host": {"workload": {"name": "a", "tags": ["x", 1, True]}, "zone": "z"}}
OF_CLUSTER = {"of.cluster": {"name": "c"}, "more": {"not": "told"}}
OPERATORS = {"noted": "%DYNAMIC_METADATA(of.host)%", "of_cluster": "%DYNAMIC_METADATA(of.cluster)%", "more": "%DYNAMIC_METADATA(more)%",
             "once": "%FILTER_STATE(test.once:PLAIN)%", "on": "%FILTER_STATE(test.on:PLAIN)%", "own": "%FILTER_STATE(test.own:PLAIN)%",
             "up_local": "%UPSTREAM_LOCAL_ADDRESS%", "up_remote": "%UPSTREAM_REMOTE_ADDRESS%", "whole_remote": "%DOWNSTREAM_REMOTE_ADDRESS%",
             "whole_direct": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "whole_direct_local": "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%"}
SETTINGS = {}
BOOTSTRAP = internal.allowed()
_LOGS = {}  # of the fronts of the side that is being made

STATE = internal.state(("test.once", "once %REQ(:path)%", "ONCE"), ("test.on", "on %REQ(:path)%", "TRANSITIVE"), ("test.own", "own", "NONE"))
ADDRESSES = internal.state(("envoy.filters.listener.original_dst.local_ip", "%REQ(x-to)%", "ONCE"),
                           ("envoy.filters.listener.original_dst.remote_ip", "%REQ(x-from)%", "ONCE"))


def leading(to, endpoint, socket_, metadata, meant):
    """A change of a cluster: its one host is the internal listener; `meant`: its metadata says the address of the cluster's server."""
    def change(config, addresses, folder):
        host = {"endpoint": {"address": internal.to(to, endpoint)}}
        noted = dict(metadata or {})
        if meant:
            noted["envoy.filters.listener.original_dst"] = {"local": "%s:%d" % tuple(addresses[0])}
        if noted:
            host["metadata"] = {"filter_metadata": noted}
            config["metadata"] = {"filter_metadata": OF_CLUSTER}
        config["load_assignment"]["endpoints"] = [{"lb_endpoints": [host]}]
        if socket_:
            config["transport_socket"] = socket_
    return change


def case(name, requests=None, inner="http", front="http", lines=2, tells=None, metadata=None, meant=False, endpoint=None, filters=(), to=None,
         listener_filters=(), back="@back", protocol="h1", manager=None, stats=(), **more):
    """back: the cluster that the inner listener leads to."""
    within = f"{name}-in"

    def keep(listener, access_log, folder):
        _LOGS[name] = access_log
        if front == "tcp":
            listener["filter_chains"] = [{"filters": [b.tcp(name, name=name, access_log=access_log)]}]

    def make(listener, access_log, folder):
        listener.pop("address")
        listener["internal_listener"] = {}
        where = back.replace("@", f"{name}-")
        if inner == "http":
            filter_ = b.http([route(where)], name=within, access_log=_LOGS[name], server_name="inner", **(manager or {}))
        else:
            # Within a connection of a pool nobody knows when it ends.
            filter_ = b.tcp(where, name=within, **({"access_log": _LOGS[name]} if front == "tcp" else {}))
        listener["filter_chains"] = [{"filters": [filter_]}]
        if listener_filters:
            listener["listener_filters"] = list(listener_filters)

    SETTINGS[name] = {"change": keep, **({"http_filters": internal.filters(*filters)} if filters else {})}
    SETTINGS[within] = {"change": make}
    change = leading(to or within, endpoint, tells, metadata, meant)
    clusters = {"": Cluster(protocol, [None] if meant else [], change=change), "back": Cluster()}
    if back == "@meant":
        clusters["meant"] = Cluster(hosts=[], change=lambda config, addresses, folder: (config.clear(), config.update(internal.original_dst(f"{name}-meant"))))
    usual = tuple(f"listener.{within}.downstream_cx_{what}" for what in ("total", "destroy", "active", "overflow")) + (
        f"listener.{within}.no_filter_chain_match", "c.upstream_cx_total", "c.upstream_cx_connect_fail", "c.internal_upstream.no_metadata")
    return Case(name, requests or [get()], setting=name, clusters=clusters, lines=lines, stats=usual + tuple(stats), **more)


TELLING = internal.telling(("host", "of.host"), ("cluster", "of.cluster"), ("cluster", "absent"))
MEANT = internal.telling(("host", "envoy.filters.listener.original_dst"))
DST = [internal.original_dst_filter()]
CASES = [
    case("internal"),
    case("internal-with-endpoint", endpoint="10.0.0.1:80"),
    case("internal-twice", [get("/1"), get("/2")], lines=4),
    case("internal-http2", protocol="h2", upstream=[ok(body=b"x" * 70_000)]),
    case("internal-large", [Request("POST", body=b"x" * 300_000)], upstream=[ok(body=b"y" * 300_000)]),
    case("internal-sees-the-peer", [get("/", ("x-forwarded-for", "192.0.2.1"))], manager={"use_remote_address": True}),
    case("internal-nobody", lines=1, to="nobody", endpoint="x", stats=("c.upstream_rq_pending_failure_eject",)),
    case("internal-nobody-for-bytes", front="tcp", lines=1, to="nobody", client=until_the_end),
    case("internal-told", [get("/1")], tells=TELLING, metadata=OF_HOST, filters=(STATE,)),
    case("internal-told-nothing", [get("/1")], metadata=OF_HOST, filters=(STATE,)),
    case("internal-told-without-metadata", [get("/1")], tells=TELLING),
    case("internal-bytes", inner="tcp", front="tcp", client=half_closes, ignored=("log",)),
    case("internal-bytes-of-http", inner="tcp", lines=1, ignored=("log.tried",)),
    case("internal-meant", tells=MEANT, meant=True, listener_filters=DST, back="@meant", upstream=[ok(body=b"of the host's address")]),
    case("internal-meant-by-nobody", tells=MEANT, listener_filters=DST, back="@meant"),
    case("internal-addresses-of-filters", [get("/", ("x-to", "nonsense"), ("x-from", "192.0.2.9:1234"))], tells=internal.telling(), listener_filters=DST,
         filters=(ADDRESSES,)),
]


def test_alike(pair, case):
    alike(pair, case)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("server", "client"):
        authority.issue(name)
    return authority


@pytest.mark.parametrize("begins", ["envoy", "pillion"])
def test_tunnels_between_both(tmp_path, ca, begins):
    """The tunnels of a mesh, which begin in the one and end in the other."""
    from benchmark import programs  # its folder is known by now
    binaries = {"envoy": programs.envoy(), "pillion": BINARY}
    ends = next(name for name in binaries if name != begins)
    server = Server(internal.echo)
    made = []

    def start(config, name):
        folder = tmp_path / name
        folder.mkdir()
        made.append(Proxy(config, folder, concurrency=2, binary=binaries[name]))
        return made[-1]

    try:
        end = start(internal.tunnel_end(ca), ends)
        inner, tunnels = internal.tunnel_start(end.listeners["connect_terminate"], ca)
        where = "%s:%d" % server.address
        service = internal.noting(b.cluster(internal.to("connect_originate", where), name="service"),
                                  envoy__filters__listener__original_dst={"local": where})
        front = start(b.bootstrap([b.listener(b.tcp("service", name="service")), inner], [tunnels, {**service, "transport_socket": MEANT}],
                                  **internal.allowed()), begins)
        for size in (1, 100_000, 2 << 20):
            internal.both_ways(front.connect(), b"x" * size)
        clients = [threading.Thread(target=lambda: internal.both_ways(front.connect(), b"y" * 50_000)) for _ in range(10)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        front.until_stat("cluster.tunnels.upstream_rq_active", 0)
        assert front.stat("cluster.tunnels.upstream_rq_total") == 13
        end.until_stat("listener.envoy_internal_main_internal.downstream_cx_active", 0)
        assert end.stat("listener.envoy_internal_main_internal.downstream_cx_total") == 13
    finally:
        for proxy in made:
            proxy.kill()
        server.close()
    assert not server.errors
