"""Copies of requests for other clusters; what answers to them change is nothing."""

from frame.case import REFUSES, Case, Cluster, Cut, Hang
from frame.check import alike
from frame.write import adding, get, grpc, ok, route
from peers.message import Request

TWO = {"": Cluster(), "b": Cluster()}
THREE = {"": Cluster(), "b": Cluster(), "c": Cluster()}


def mirror(cluster="@b", percent=None, **more):
    fraction = {} if percent is None else {"runtime_fraction": {"default_value": {"numerator": percent}}}
    return {"cluster": cluster, **fraction, **more}


def copies(*policies, **action):
    return [route(request_mirror_policies=list(policies), **action)]


def case(name, requests=None, routes=None, sees=2, clusters=None, **more):
    """sees: requests and copies together. What is counted of the first cluster of copies is compared, too."""
    of_copies = () if name == "mirror" else ("x-envoy-internal", "x-forwarded-for")  # with which Envoy names its own host as the client
    stats = tuple(f"cluster.{name}-b.upstream_rq_{what}" for what in ("total", "completed", "2xx", "5xx", "200", "timeout", "active")) + more.pop("stats", ())
    return Case(name, requests or [get()], routes or copies(mirror()), clusters=clusters or TWO, sees=sees, unordered=True, stats=stats, unseen=of_copies, **more)


def copied(then, answer=None):
    """An upstream that does `then` with copies."""
    return [lambda request: then if "-shadow" in request.authority else answer or ok()]


def of_cluster(name, **more):
    return {"": Cluster(http_options={"request_mirror_policies": [mirror(f"{name}-b", **more)]}), "b": Cluster(), "c": Cluster()}


CASES = [
    case("mirror"),
    case("mirror-body", [Request("POST", "/a?b", [("x-a", "1")], b"some body")]),
    case("mirror-chunked", [b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"]),
    case("mirror-never", routes=copies(mirror(percent=0)), sees=1),
    case("mirror-always", routes=copies(mirror(percent=100))),
    case("mirror-several", routes=copies(mirror(), mirror("@c")), clusters=THREE, sees=3),
    case("mirror-several-fractions", routes=copies(mirror(percent=0), mirror("@c", 100)), clusters=THREE),
    case("mirror-same-host", routes=copies(mirror(disable_shadow_host_suffix_append=True))),
    case("mirror-port", [get(authority="mirror-port.test:81")], domains=("@host", "@host:81")),
    case("mirror-rewritten", [get("/a/b")], [route(match={"prefix": "/a"}, prefix_rewrite="/z", host_rewrite_literal="other.test",
                                                   request_mirror_policies=[mirror()])]),
    case("mirror-edited", [get("/", ("x-gone", "1"))],
         [{**copies(mirror())[0], "request_headers_to_add": [adding("x-a", "b")], "request_headers_to_remove": ["x-gone"]}]),
    case("mirror-to-another-host", routes=copies(mirror(host_rewrite_literal="copy.test"))),
    case("mirror-of-virtual-host", routes=[route()], vhost={"request_mirror_policies": [mirror()]}),
    case("mirror-of-table", routes=[route()], setting="table", sees=2),
    case("mirror-route-over-virtual-host", routes=copies(mirror("@c")), clusters=THREE, vhost={"request_mirror_policies": [mirror()]}),
    case("mirror-by-header", [get("/", ("x-to", "mirror-by-header-b"))], copies({"cluster_header": "x-to"})),
    case("mirror-by-header-missing", [get()], copies({"cluster_header": "x-to"}), sees=1),
    case("mirror-answer-is-nothing", upstream=copied(ok(("x-copy", "1"), status=500))),
    case("mirror-cut", upstream=copied(Cut())),
    case("mirror-refused", clusters={"": Cluster(), "b": Cluster(hosts=[REFUSES])}, sees=1),
    case("mirror-no-hosts", clusters={"": Cluster(), "b": Cluster(hosts=[])}, sees=1),
    case("mirror-times-out", routes=copies(mirror(), timeout="0.15s"), upstream=copied(Hang()),
         moves=("cluster.mirror-times-out-b.upstream_rq_timeout",)),
    case("mirror-not-retried", routes=copies(mirror(), retry_policy={"retry_on": "5xx", "retry_back_off": {"base_interval": "0.001s"}}),
         upstream=copied(ok(status=503))),
    case("mirror-http2", [get(), Request("POST", body=b"abc", trailers=[("x-t", "1")])], clusters={"": Cluster("h2"), "b": Cluster("h2")}, protocol="h2", sees=4),
    case("mirror-grpc", [grpc()], clusters={"": Cluster("h2"), "b": Cluster("h2")}, protocol="h2", upstream=[ok(("grpc-status", "0"), body=b"")]),
    case("mirror-head", [Request("HEAD")], upstream=[ok(("content-length", "9"))]),
    case("of-the-cluster", routes=[route()], clusters=of_cluster("of-the-cluster")),
    case("of-the-cluster-not-the-route", routes=copies(mirror("@c")), clusters=of_cluster("of-the-cluster-not-the-route")),
    case("of-the-cluster-never", routes=copies(mirror("@c")), clusters=of_cluster("of-the-cluster-never", percent=0), sees=1),
    case("mirror-weighted", routes=[{"match": {"prefix": "/"}, "route": {
        "weighted_clusters": {"clusters": [{"name": "@", "weight": 1}]}, "request_mirror_policies": [mirror()]}}]),
]
SETTINGS = {"table": {"table": {"request_mirror_policies": [{"cluster": "mirror-of-table-b"}]}}}


def test_alike(pair, case):
    alike(pair, case)
