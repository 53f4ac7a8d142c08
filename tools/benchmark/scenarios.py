"""What is measured, as data: the scenarios, the metrics and the figures pillion has to reach."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One column. `digits` after the point; a figure is better when it is smaller unless `more_is_better`."""
    title: str
    digits: int
    more_is_better: bool = False


METRICS = {
    "cpu": Metric("cpu us", 2),  # CPU microseconds of the proxy per request
    "user": Metric("user", 2),
    "system": Metric("system", 2),
    "rate": Metric("requests/s", 0, more_is_better=True),
    "p50": Metric("p50 ms", 3),
    "p99": Metric("p99 ms", 3),
    "rss": Metric("RSS MB", 1),
    "ready": Metric("ready s", 2),  # from the start until it listens
    "wait": Metric("wait %", 1),  # time the proxy was runnable but its core was taken: how disturbed the round was
    "handshakes": Metric("handshakes/s/core", 0, more_is_better=True),
    "calm": Metric("calm ms", 2),  # the longest request while nothing happens
    "spike": Metric("spike ms", 2),  # and when certificates are replaced
    "download": Metric("down MiB/s", 0, more_is_better=True),
    "upload": Metric("up MiB/s", 0, more_is_better=True),
    "download_cpu": Metric("down cpu us/MiB", 1),
    "upload_cpu": Metric("up cpu us/MiB", 1),
    "growth": Metric("growth MB", 2),  # of RSS: peak over what it was before the first round
    "per_connection": Metric("KB/connection", 2),
    "route_p50": Metric("route p50 ms", 2),  # from when the control plane sets it until a request is served by it
    "route_p99": Metric("route p99", 2),
    "endpoint_p50": Metric("endpoint p50", 2),
    "endpoint_p99": Metric("endpoint p99", 2),
    "secret_p50": Metric("secret p50", 2),
    "secret_p99": Metric("secret p99", 2),
    "grain": Metric("grain ms", 2),  # p99 of the time between two looks whether it is: so much of a figure may be ours
    "load": Metric("load s", 2),  # from the start of the process until the last route is served
    "over_empty": Metric("over empty", 1),  # RSS more than that of the same proxy when nothing is pushed
    "rss_later": Metric("RSS later", 1),  # when some of it has changed
    "main": Metric("main thread %", 2),  # of a core
    "calm_main": Metric("when calm", 2),
    "calm_p50": Metric("calm p50 ms", 3),
    "calm_p99": Metric("calm p99", 3),
    "slowdown": Metric("p99 to calm", 3),
    "error_p50": Metric("|error| p50 ms", 2),  # of when the caller sees an error: how far that is from the deadline
    "error_p99": Metric("|error| p99", 2),
    "error_most": Metric("longest", 2),
    "early": Metric("earliest", 2),  # before the deadline
    "requests": Metric("requests", 0, more_is_better=True),
    "unbroken": Metric("unbroken %", 4, more_is_better=True),  # requests whose lines in all logs have their trace
    "failed": Metric("failed", 0),
    "lost": Metric("lines lost", 0),
    "caller": Metric("caller %", 1),  # of a core
    "goodput": Metric("goodput %", 1, more_is_better=True),  # of what upstream can do
    "refused": Metric("refused %", 2),  # of the class that matters most
    "other_p99": Metric("others' p99", 3),
    "busy": Metric("proxy %", 1),  # of a core
    "coloured": Metric("coloured", 0, more_is_better=True),  # requests that are to be in the lane
    "plain": Metric("plain", 0, more_is_better=True),  # and that are not
    "wrong": Metric("wrong lane", 0),  # hops of requests at an instance of another lane than theirs
    "strayed": Metric("of them plain", 0),  # at an instance of the lane
    "instead": Metric("fallen back", 0),  # hops of coloured requests at the baseline of a service that has lanes
    "steps": Metric("changes", 0, more_is_better=True),
    "late_steps": Metric("of them late", 0),
    "deviation": Metric("deviations", 2),  # standard ones, of the percentage that is furthest off
    "percent": Metric("of 1 %", 4),  # who was chosen
    "larger": Metric("of 5 %", 4),
    "changed": Metric("not sticky", 0),  # users chosen the one time and not the other
    "lost_users": Metric("1 % not in 5 %", 0),
}


@dataclass(frozen=True)
class Requirement:
    """A bound on one metric of `subject`: a ratio to `peer` in the same run, or absolute where peer is None; or, with
    `more_than`, how much more than that one's it may be."""
    metric: str
    peer: str | None
    bound: float
    aim: float | None = None
    subject: str = "pillion"
    more_than: str | None = None


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    # how a round is made: "load", "body", "idle", "handshake", "rotation" (measure.py), one of push.py, chained.py or lane_rounds.py,
    # "start" or "clusters" (run.py)
    kind: str
    down: str  # protocol the load speaks to the proxy: "h1" or "h2" (cleartext, prior knowledge)
    up: str  # protocol the proxy speaks to the upstream
    load: str = ""  # of kind "load": "wrk", "wrk-close", "wrk-routes", "wrk-context", "wrk-limits", "wrk-lanes", "h2load", "rate" or "grpc" (load.py)
    without: tuple[str, ...] = ()  # proxies that cannot do it
    required: tuple[Requirement, ...] = ()
    mesh: str = ""  # carried by mutual TLS within the proxy, as "h1" or "h2"; empty: one plain hop
    variants: tuple[str, ...] = ()  # of variants.py: each proxy runs plain and once with each
    always: str = ""  # a variant that each proxy has, instead of running plain
    # By a control plane: "small" or "large" (pushed.py), or "endpoints" (lane_chain.py); empty: all is in the proxy's configuration.
    pushed: str = ""


_OTHERS = ("haproxy", "nginx", "nghttpx")  # they cannot read the bootstrap of a variant
_ONLY_OURS = (*_OTHERS, "envoy")
_NO_NGINX = ("nginx",)  # it proxies to HTTP/2 upstreams for gRPC only
_BODY = (Requirement("download", "haproxy", 0.9), Requirement("upload", "haproxy", 0.9),
         Requirement("growth", None, 4.0))
_CROSS = (Requirement("cpu", "haproxy", 0.95, 0.90),)

SCENARIOS = (
    Scenario("h1", "HTTP/1.1 keep-alive, 64 connections, 36-byte body", "load", "h1", "h1", "wrk",
             required=(Requirement("cpu", "haproxy", 0.95, 0.92), Requirement("cpu", "envoy", 0.33),
                       Requirement("p99", "haproxy", 1.0))),
    Scenario("h2", "h2c to h2c, 8 connections x 16 streams, 36-byte body", "load", "h2", "h2", "h2load", _NO_NGINX,
             (Requirement("cpu", "haproxy", 0.88, 0.80), Requirement("cpu", "envoy", 0.17))),
    Scenario("h1-h2", "HTTP/1.1 down, h2c up, 64 connections", "load", "h1", "h2", "wrk", _NO_NGINX, _CROSS),
    Scenario("h2-h1", "h2c down, HTTP/1.1 up, 8 connections x 16 streams", "load", "h2", "h1", "h2load",
             required=_CROSS),
    Scenario("grpc", "gRPC unary, 8 connections x 16 streams, 42-byte messages", "load", "h2", "h2", "grpc",
             required=(Requirement("cpu", "haproxy", 0.88, 0.80),)),
    Scenario("new", "HTTP/1.1, a new connection for each request, 64 at a time", "load", "h1", "h1", "wrk-close",
             required=(Requirement("cpu", "haproxy", 1.0, 0.95),)),
    Scenario("body-h1", "a 1 GiB body each way, HTTP/1.1", "body", "h1", "h1", required=_BODY),
    Scenario("body-h2", "a 1 GiB body each way, h2c", "body", "h2", "h2", without=_NO_NGINX, required=_BODY),
    Scenario("idle", "10,000 idle HTTP/1.1 connections, one request done on each", "idle", "h1", "h1",
             required=(Requirement("growth", None, 40.0),)),
    Scenario("start", "memory after start, one listener and one cluster", "start", "h1", "h1",
             required=(Requirement("rss", None, 16.0),)),
    Scenario("routes", "10,000 routes: in 1,000 virtual hosts, and in one list", "load", "h1", "h1", "wrk-routes", _OTHERS,
             (Requirement("cpu", "pillion", 1.05, subject="pillion+hosts"),
              Requirement("cpu", "pillion", 1.15, subject="pillion+list")), variants=("hosts", "list")),
    Scenario("log", "a line of access log for each request", "load", "h1", "h1", "wrk", _OTHERS,
             (Requirement("cpu", "pillion", 1.03, subject="pillion+log"),), variants=("log",)),
    Scenario("clusters", "start with 1,000 clusters and 5,000 endpoints", "clusters", "h1", "h1", "", _OTHERS,
             (Requirement("ready", None, 1.0, subject="pillion+clusters"),
              Requirement("rss", None, 40.0, subject="pillion+clusters", more_than="pillion")), variants=("clusters",)),
    Scenario("mesh-h1", "HTTP/1.1 carried as it is by mutual TLS, 64 connections", "load", "h1", "h1", "wrk", ("nghttpx",),
             (Requirement("cpu", "haproxy", 0.80, 0.75), Requirement("cpu", "envoy", 0.30)), "h1"),
    Scenario("mesh-h12", "HTTP/1.1 carried as HTTP/2 by mutual TLS, 64 connections", "load", "h1", "h1", "wrk",
             ("nghttpx", "nginx"), (Requirement("cpu", "haproxy", 0.95, 0.85), Requirement("cpu", "envoy", 0.28)), "h2"),
    Scenario("mesh-h2", "HTTP/2 all the way, carried by mutual TLS, 8 connections x 16 streams", "load", "h2", "h2", "h2load",
             ("nghttpx", "nginx"), (Requirement("cpu", "haproxy", 0.85, 0.80), Requirement("cpu", "envoy", 0.18)), "h2"),
    Scenario("rbac", "mesh-h1 with rules by principal: 1 policy, and 1,000", "load", "h1", "h1", "wrk", _OTHERS,
             (Requirement("cpu", "pillion", 1.02, subject="pillion+rbac1"),
              Requirement("cpu", "pillion", 1.04, subject="pillion+rbac1000")), "h1", ("rbac1", "rbac1000")),
    Scenario("mesh-idle", "1,000 idle connections of mutual TLS, one request done on each", "idle", "h1", "h1",
             without=("nghttpx",), required=(Requirement("per_connection", None, 24.0),), mesh="h1"),
    Scenario("rotation", "certificate and trust are replaced under 1,000 connections of mutual TLS", "rotation", "h1", "h1",
             without=("haproxy", "nginx", "nghttpx", "envoy"), required=(Requirement("spike", None, 5.0),), mesh="h1"),
    Scenario("handshake", "full handshakes of mutual TLS with ECDSA P-256, one request each", "handshake", "h1", "h1", "full",
             ("nghttpx",), (Requirement("handshakes", "haproxy", 0.97, 1.0),), "h1"),
    Scenario("resume", "resumed handshakes of mutual TLS, one request each", "handshake", "h1", "h1", "resume",
             ("nghttpx",), (Requirement("handshakes", "haproxy", 0.97, 1.0),), "h1"),
    Scenario("push", "a route, an endpoint, a certificate is pushed: until a request is served by it", "push", "h1", "h1", "", _OTHERS,
             (Requirement("route_p99", None, 10.0), Requirement("endpoint_p99", None, 10.0), Requirement("secret_p99", None, 10.0)),
             pushed="small"),
    Scenario("push-large", "10,000 routes, 1,000 clusters and 5,000 endpoints are pushed; then one of them changes", "push-large",
             "h1", "h1", "", _OTHERS, (Requirement("load", None, 1.0), Requirement("rss", None, 60.0)), pushed="large"),
    Scenario("push-churn", "at that size, 50 endpoints a second change under load", "push-churn", "h1", "h1", "rate", _OTHERS,
             (Requirement("main", None, 5.0), Requirement("slowdown", None, 1.2)), pushed="large"),
    Scenario("context", "the context of each request is read and carried on: traceparent and X-Vivo-Context, 64 connections", "load",
             "h1", "h1", "wrk-context", _ONLY_OURS, (Requirement("cpu", "pillion", 1.06, subject="pillion+context"),),
             variants=("context", "forgetful")),
    Scenario("limits", "a window and a bucket for each of 20,000 pairs of tenant and kind of path; and Envoy's local_ratelimit by tenant",
             "load", "h1", "h1", "wrk-limits", _OTHERS, (Requirement("cpu", "pillion", 1.05, subject="pillion+limit"),),
             variants=("limit", "local")),
    Scenario("degradation", "h1 with breakers by errors and by slow calls, and with outlier detection, while nothing is wrong", "load",
             "h1", "h1", "wrk", _OTHERS, (Requirement("cpu", "pillion", 1.10, 1.05, subject="pillion+degradation"),),
             variants=("degradation", "outlier")),
    Scenario("deadline", "three services, six sidecars, the last service slow: the error that the caller sees, 200 requests/s",
             "deadline", "h1", "h1", "", _OTHERS, (Requirement("error_p99", None, 3.0),)),
    Scenario("overload", "an upstream that does 50 at once is asked for twice what it can do, a tenth of that of a high class", "overload",
             "h1", "h1", "", _OTHERS, (Requirement("slowdown", None, 1.5), Requirement("goodput", None, 95.0),
                                       Requirement("busy", None, 50.0)), always="concurrency"),
    Scenario("chain", "three services, six sidecars, full load: every line of six logs has its request's trace", "chain", "h1", "h1", "",
             _ONLY_OURS, (Requirement("unbroken", None, 100.0), Requirement("failed", None, 0.0),
                                   Requirement("lost", None, 0.0))),
    Scenario("lanes-chain", "five services, of which three have a lane, coloured and plain requests at full load", "lane-chain", "h1", "h1",
             "", _ONLY_OURS, (Requirement("wrong", None, 0.0), Requirement("failed", None, 0.0))),
    Scenario("lanes-churn", "the same, while endpoints of both kinds come and go every 100 ms", "lane-churn", "h1", "h1", "", _ONLY_OURS,
             (Requirement("strayed", None, 0.0), Requirement("failed", None, 0.0)), pushed="endpoints"),
    Scenario("lanes-rules", "a grey rule, and 1,000 of them, by a header's value that half of the requests have", "load", "h1", "h1",
             "wrk-lanes", _ONLY_OURS, (Requirement("cpu", "pillion+grey1", 1.05, subject="pillion+grey1000"),),
             variants=("grey1", "grey1000")),
    Scenario("lanes-idle", "h1 with grey rules that match no request, and with lanes besides", "load", "h1", "h1", "wrk", _ONLY_OURS,
             (Requirement("cpu", "pillion", 1.03, subject="pillion+grey"), Requirement("cpu", "pillion", 1.03, subject="pillion+lanes")),
             variants=("grey", "lanes")),
    Scenario("lanes-share", "1 % and 5 % of the users, and 5 % of the requests", "lane-share", "h1", "h1", "", _ONLY_OURS,
             (Requirement("deviation", None, 3.0), Requirement("changed", None, 0.0), Requirement("lost_users", None, 0.0)),
             always="shares"),
)

GROUPS = ("body", "lanes")  # of scenarios whose names begin so

GREETING = b"hello world hello world hello world\n"  # the 36-byte body
_MESSAGE = b"\x0a\x23" + GREETING[:35]  # a protobuf message: field 1, a string
GRPC_MESSAGE = b"\x00" + len(_MESSAGE).to_bytes(4, "big") + _MESSAGE  # length-prefixed, as on the wire
GRPC_PATH = "/bench.Echo/Unary.grpc"
GRPC_HEADERS = ("content-type: application/grpc", "te: trailers")


def select(names: str) -> list[Scenario]:
    """The scenarios named in a comma-separated list; "body" and "lanes" mean all that begin so. All of them when empty."""
    if not names:
        return list(SCENARIOS)
    chosen = []
    for name in names.split(","):
        found = [s for s in SCENARIOS if s.name == name or name in GROUPS and s.name.startswith(f"{name}-")]
        if not found:
            known = ", ".join([*(s.name for s in SCENARIOS), *GROUPS])
            raise ValueError(f'unknown scenario "{name}", expected some of: {known}')
        chosen += found
    return chosen
