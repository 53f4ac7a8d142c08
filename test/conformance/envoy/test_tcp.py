"""tcp_proxy: bytes as they are, which cluster they go to, what is said of the connection when it ends. HTTP is what is carried."""

import socket

from frame.case import REFUSES, SILENT, Case, Cluster, Cut, Hang, Raw
from frame.check import alike
from frame.client import outcome
from frame.write import get, ok
from peers import bootstrap as b
from peers.message import Broken, Request

STATS = tuple(f"tcp.%.{name}" for name in (
    "downstream_cx_total", "downstream_cx_no_route", "downstream_cx_rx_bytes_total", "downstream_cx_tx_bytes_total", "idle_timeout", "max_downstream_connection_duration",
    "upstream_flush_total")) + tuple(f"c.upstream_cx_{name}" for name in (
        "total", "connect_attempts_exceeded", "connect_fail", "connect_timeout", "overflow", "pool_overflow", "destroy", "destroy_local", "destroy_remote",
        "rx_bytes_total", "tx_bytes_total", "none_healthy")) + ("l.downstream_cx_total", "l.downstream_cx_destroy")
TIGHT = {"circuit_breakers": {"thresholds": [{"max_connections": 0}]}}


def carrying(name, cluster="@", fields=None, log=None, ahead=()):
    """A setting: tcp_proxy in the place of HTTP, to a cluster of the case `name`."""
    def change(listener, access_log, folder):
        where = {"cluster": cluster.replace("@", name)} if isinstance(cluster, str) else cluster
        filter_ = b.tcp(name=name, access_log=access_log, **(fields or {}))
        filter_["typed_config"].pop("cluster")
        filter_["typed_config"].update(where)
        listener["filter_chains"] = [{"filters": [*ahead, filter_]}]
        if log:
            listener["access_log"] = access_log
    return {"change": change}


SETTINGS = {}


def case(name, requests=None, lines=1, stats=(), cluster="@", fields=None, log=False, ahead=(), **more):
    """Its setting is its own."""
    SETTINGS[name] = carrying(name, cluster, fields, log, ahead)
    return Case(name, requests or [get()], setting=name, lines=lines, stats=STATS + stats, **more)


def until_the_end(connection, host):
    """The client says nothing, and hears what becomes of it."""
    try:
        return [outcome(None, "more bytes" if connection.receive() else "closed")]
    except ConnectionResetError:
        return [outcome(None, "reset")]


def half_closes(connection, host):
    """The client has sent all it has to say before it hears anything."""
    connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    connection.socket.shutdown(socket.SHUT_WR)
    try:
        return [outcome(connection.read_response())]
    except (Broken, ConnectionResetError):
        return [outcome(None, "broken off")]


def asks_and_waits(connection, host):
    """Asks, and waits for the end of the connection without an answer."""
    connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    return until_the_end(connection, host)


def weighted(*weights):
    return {"weighted_clusters": {"clusters": [{"name": name, "weight": weight} for name, weight in weights]}}


def hashed(name, text):
    """The host by an object of the filter state that is this text."""
    value = {"object_key": "user", "factory_key": "envoy.hashable_string", "format_string": {"text_format_source": {"inline_string": text}}}
    state = {"name": "state", "typed_config": b.any_of("extensions.filters.network.set_filter_state.v3.Config", on_new_connection=[value])}
    return case(name, [get()] * 2, clusters={"": Cluster(hosts=[None] * 4, fields={"lb_policy": "RING_HASH"})}, ahead=[state],
                fields={"hash_policy": [{"filter_state": {"key": "user"}}]})


CASES = [
    hashed("tcp-hash-one", "one"), hashed("tcp-hash-two", "two"), hashed("tcp-hash-three", "three"),
    case("tcp"), case("tcp-twice", [get("/1"), get("/2")]), case("tcp-large", [Request("POST", body=b"x" * 300000)], upstream=[ok(body=b"y" * 300000)]),
    case("tcp-log-of-listener", log=True, lines=2),
    case("tcp-upstream-ends", upstream=[Raw(b"HTTP/1.1 200 OK\r\n\r\nto the end")]), case("tcp-upstream-cuts", client=asks_and_waits, upstream=[Cut()]),
    case("tcp-upstream-resets", client=asks_and_waits, upstream=[Cut(reset=True)]),
    case("tcp-client-half-closes", client=half_closes),
    case("tcp-client-leaves", client=lambda connection, host: [], ignored=("stat.c", "log.host", "log.tried", "log.attempts", "log.cluster")),
    case("tcp-refused", client=until_the_end, clusters={"": Cluster(hosts=[REFUSES])}),
    case("tcp-refused-more-attempts", client=until_the_end, clusters={"": Cluster(hosts=[REFUSES])}, fields={"max_connect_attempts": 3}),
    case("tcp-second-host", clusters={"": Cluster(hosts=[REFUSES, None])}, fields={"max_connect_attempts": 5},
         ignored=("stat.c", "log.attempts", "log.tried", "log.failure", "log.flags", "log.flags_long")),  # which host is the first is left to chance
    case("tcp-connect-timeout", client=until_the_end, clusters={"": Cluster(hosts=[SILENT], fields={"connect_timeout": "0.1s"})}),
    case("tcp-no-hosts", client=until_the_end, clusters={"": Cluster(hosts=[])}),
    case("tcp-overflow", client=until_the_end, clusters={"": Cluster(fields=TIGHT)}),
    case("tcp-idle", client=asks_and_waits, upstream=[Hang()], fields={"idle_timeout": "0.2s"}),
    case("tcp-longest-duration", client=asks_and_waits, upstream=[Hang()], fields={"max_downstream_connection_duration": "0.2s"}),
    case("tcp-weighted", clusters={"a": Cluster(), "b": Cluster()}, cluster=weighted(("tcp-weighted-b", 1))),
    case("tcp-line-on-connect", lines=2, fields={"access_log_options": {"flush_access_log_on_connected": True}}),
    case("tcp-line-on-start", lines=2, fields={"access_log_options": {"flush_access_log_on_start": True}}),
]
OPERATORS = {"log_type": "%ACCESS_LOG_TYPE%", "up_local": "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "wire_in": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
             "wire_out": "%DOWNSTREAM_WIRE_BYTES_SENT%", "up_in": "%UPSTREAM_WIRE_BYTES_RECEIVED%", "up_out": "%UPSTREAM_WIRE_BYTES_SENT%",
             "up_remote": "%UPSTREAM_REMOTE_ADDRESS%", "reason": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
             "down_end": "%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON%", "up_end": "%UPSTREAM_DETECTED_CLOSE_TYPE% %UPSTREAM_LOCAL_CLOSE_REASON%",
             "heads": "%DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_SENT% %UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT%"}


def test_alike(pair, case):
    alike(pair, case)
