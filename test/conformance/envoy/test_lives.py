"""How long connections live on both sides, and who is told what when they end."""

from frame.case import Case, Cluster, Cut, Raw
from frame.check import alike
from frame.client import outcome
from frame.write import get, ok, said
from peers.message import Request

DOWN = tuple(f"h.downstream_cx_{name}" for name in (
    "total", "destroy", "destroy_local", "destroy_remote", "destroy_local_active_rq", "destroy_remote_active_rq", "idle_timeout", "max_duration_reached",
    "max_requests_reached", "drain_close", "http1_total", "http2_total", "protocol_error", "delayed_close_timeout")) + ("h.downstream_rq_rx_reset",)
UP = tuple(f"c.upstream_cx_{name}" for name in (
    "total", "http1_total", "http2_total", "destroy", "destroy_local", "destroy_remote", "destroy_with_active_rq", "destroy_local_with_active_rq",
    "destroy_remote_with_active_rq", "close_notify", "idle_timeout", "max_requests", "max_duration_reached", "none_healthy", "connect_fail"))
WHO = ("stat.c.upstream_cx_destroy_local", "stat.c.upstream_cx_destroy_remote")  # was the first to end the connection


def case(name, requests=None, setting="plain", **more):
    return Case(name, requests or [get()], setting=setting, stats=DOWN + UP, **more)


def ends(connection, host):
    """A request, its answer, and then the end of the connection."""
    connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    answer = outcome(connection.read_response())
    answer["end"] = "closed" if connection.closed() else "more bytes"
    return [answer]


def says_nothing(connection, host):
    return [outcome(None, "closed" if connection.closed() else "more bytes")]


def http2_ends(connection, host):
    """The same over HTTP/2, and what GOAWAY said."""
    answer = outcome(connection.response(connection.send_request(Request(authority=host))))
    connection.closed()
    answer["end"] = f"goaway {connection.goaways}"
    return [answer]


def upstream_options(**common):
    return {"common_http_protocol_options": common}


def limited(protocol="h1", **common):
    return {"": Cluster(protocol, http_options=upstream_options(**common))}


def formerly(protocol="h1", **fields):
    """What is said by HttpProtocolOptions nowadays, in the cluster itself."""
    def change(config, addresses, folder):
        del config["typed_extension_protocol_options"]
        config.update(fields)
    return {"": Cluster(protocol, change=change)}


CASES = [
    case("live-most-requests", [get()] * 3, "two", lines=2), case("live-most-requests-http2", [get()] * 2, "two", protocol="h2"),
    case("live-idle", setting="idle", client=ends), case("live-idle-http2", setting="idle", client=http2_ends, protocol="h2"),
    case("live-idle-without-request", setting="idle", client=says_nothing, lines=0),
    case("live-longest", setting="longest", client=ends), case("live-longest-http2", setting="longest", client=http2_ends, protocol="h2"),
    case("live-client-closes", [get("/", ("connection", "close"))], reads_on=True),
    case("live-upstream-closes", [get()] * 3, upstream=[ok(("connection", "close")), ok(("connection", "close")), ok()]),
    case("live-upstream-keeps", [get()] * 3), case("live-upstream-most-requests", [get()] * 3, clusters=limited(max_requests_per_connection=1)),
    case("live-upstream-most-requests-http2", [get()] * 3, clusters=limited("h2", max_requests_per_connection=2)),
    case("live-upstream-idle", clusters=limited(idle_timeout="0.1s"), moves=("c.upstream_cx_idle_timeout",)),
    case("live-upstream-longest", clusters=limited(max_connection_duration="0.1s"), moves=("c.upstream_cx_max_duration_reached",)),
    case("live-upstream-cuts", upstream=[Cut()]), case("live-upstream-http10", upstream=[Raw(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab")], ignored=WHO),
    case("live-upstream-too-much", upstream=[Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabcd")], ignored=WHO),
    case("live-own-answer", [get(), Request("POST", "/", [], b"x" * 10), get()], routes=[{"match": {"prefix": "/"}, **said("own")}], lines={"envoy": 2, "pillion": 3}),
    case("live-former-http2", [get()] * 3, clusters=formerly("h2", http2_protocol_options={}, max_requests_per_connection=2),
         ignored=("stat.c.upstream_cx_protocol_error",)),
    case("live-former-most-requests", [get()] * 3, clusters=formerly(common_http_protocol_options={"max_requests_per_connection": 1})),
    case("live-former-as-downstream", [get()] * 2, clusters=formerly("h2", protocol_selection="USE_DOWNSTREAM_PROTOCOL", http2_protocol_options={}), protocol="h2"),
    case("live-by-cluster-of-http2", [get()] * 2, clusters={"": Cluster("h2")}, protocol="h2"),
]
SOON = {"drain_timeout": "0.05s", "delayed_close_timeout": "0.1s"}
SETTINGS = {
    "two": {"common_http_protocol_options": {"max_requests_per_connection": 2}}, "idle": {"common_http_protocol_options": {"idle_timeout": "0.15s"}, **SOON},
    "longest": {"common_http_protocol_options": {"max_connection_duration": "0.15s"}, **SOON},
}


def test_alike(pair, case):
    alike(pair, case)
