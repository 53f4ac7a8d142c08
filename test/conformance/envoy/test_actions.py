"""More of what routes do: hashes and their cookies, weighted clusters with edits, runtime fractions, faults that slow down, CONNECT and
upgrades, redirects at their edges, limits of bodies, timeouts by fields."""

from frame.case import REFUSES, Case, Cluster, Cut, Raw
from frame.check import alike
from frame.client import outcome
from frame.write import adding, get, gets, grpc, ok, route, router, said
from peers.bootstrap import any_of
from peers.message import Request, Response
from test_redirects import STATS as REDIRECTS
from test_redirects import predicate, to

RING = {"": Cluster(hosts=[None] * 4, fields={"lb_policy": "RING_HASH"})}
TWO = {"a": Cluster(), "b": Cluster()}
ALWAYS = {"numerator": 100, "denominator": "HUNDRED"}


def hashed(name, *policies, requests=None, **more):
    """Which host it is follows from the policies; where none says anything it is left to chance."""
    return Case(name, requests or [get()] * 4, [route(hash_policy=list(policies))], clusters=RING, **more)


def cookie(name="c", **fields):
    return {"cookie": {"name": name, **fields}}


def weighted(*clusters, **more):
    return [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": list(clusters), **more}}}]


def runtime(numerator, key, text, denominator="HUNDRED"):
    return {"match": {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": numerator, "denominator": denominator}, "runtime_key": key}}, **said(text)}


def redirect(text, **match):
    return {"match": match or {"prefix": "/"}, "redirect": text}


def following(**policy):
    return [route(internal_redirect_policy=policy)]


def raw(name, data, **more):
    return Case(name, [data], **more)


def connect(text=b"CONNECT @host:80 HTTP/1.1\r\nhost: @host:80\r\n\r\n"):
    return [text]


def tunnel(connection, host):
    connection.send(f"CONNECT {host}:80 HTTP/1.1\r\nhost: {host}:80\r\n\r\n".encode())
    answer = outcome(connection.read_head())
    connection.send(b"ping")
    found = bytearray()
    connection.exactly(4, found)
    answer["body"] = bytes(found)
    return [answer]


COOKIES = [get("/", ("cookie", "c=one")), get("/", ("cookie", "c=two")), get("/", ("cookie", "x=1; c=three"))]
CHANCE = ("upstream.host", "log.host", "log.tried")
CONNECT_ROUTE = [{"match": {"connect_matcher": {}}, "route": {"cluster": "@"}}]
WEIGHTED = ({"name": "@a", "weight": 0}, {"name": "@b", "weight": 1, "request_headers_to_add": [adding("x-w", "b %UPSTREAM_CLUSTER%")],
                                          "request_headers_to_remove": ["x-gone"], "response_headers_to_add": [adding("x-from", "%UPSTREAM_CLUSTER%")],
                                          "response_headers_to_remove": ["x-up"]})

CASES = [
    hashed("hash-cookie", cookie(), requests=COOKIES), hashed("hash-cookie-made", cookie(ttl="60s"), requests=[get()], ignored=CHANCE),
    hashed("hash-cookie-made-with-path", cookie(ttl="60s", path="/p"), requests=[get()], ignored=CHANCE),
    hashed("hash-cookie-made-for-session", cookie(ttl="0s"), requests=[get()], ignored=CHANCE),
    hashed("hash-cookie-made-with-attributes", cookie(ttl="60s", attributes=[{"name": "SameSite", "value": "Strict"}, {"name": "Secure"}]), requests=[get()], ignored=CHANCE),
    hashed("hash-cookie-not-made", cookie(), requests=[get()], ignored=CHANCE), hashed("hash-cookie-kept", cookie(ttl="60s"), requests=COOKIES),
    hashed("hash-source", {"connection_properties": {"source_ip": True}}), hashed("hash-source-other", {"connection_properties": {"source_ip": True}}, source="127.0.0.9"),
    hashed("hash-query", {"query_parameter": {"name": "q"}}, requests=gets(*[f"/?q={number}" for number in range(9)], "/?x=1&q=5&q=6", "/?q=%35")),
    hashed("hash-several", {"header": {"header_name": "x-a"}}, {"query_parameter": {"name": "q"}}, requests=[get(f"/?q={n}", ("x-a", str(n % 3))) for n in range(9)]),
    hashed("hash-terminal", {"header": {"header_name": "x-a"}, "terminal": True}, {"query_parameter": {"name": "q"}}, requests=[get(f"/?q={n}", ("x-a", "1")) for n in range(6)]),
    hashed("hash-header-twice", {"header": {"header_name": "x-a"}}, requests=[get("/", ("x-a", "1"), ("x-a", "2")), get("/", ("x-a", "2"), ("x-a", "1"))]),
    hashed("hash-header-rewritten", {"header": {"header_name": "x-a", "regex_rewrite": {"pattern": {"regex": "^(\\w+)-.*"}, "substitution": "\\1"}}},
           requests=[get("/", ("x-a", f"{user}-{n}")) for user in ("me", "you") for n in range(4)]),

    Case("weighted-edits", [get("/", ("x-gone", "1"))], weighted(*WEIGHTED), clusters=TWO),
    Case("weighted-by-cluster-header", [get("/", ("x-c", "weighted-by-cluster-header-b"))], weighted({"cluster_header": "x-c", "weight": 1}), clusters=TWO),
    Case("weighted-prefix-rewrite", [get("/p/x")], [{"match": {"prefix": "/p"}, "route": {"prefix_rewrite": "/q", "weighted_clusters": {"clusters": [
        {"name": "@a", "weight": 1, "host_rewrite_literal": "w.test"}]}}}], clusters=TWO, ignored=("upstream.fields",)),

    Case("runtime-static", [get()] * 3, [runtime(0, "all", "all"), runtime(100, "none", "none"), {"match": {"prefix": "/"}, **said("rest")}]),
    Case("runtime-none", [get()] * 3, [runtime(100, "none", "none"), {"match": {"prefix": "/"}, **said("rest")}]),
    Case("runtime-missing", [get()] * 3, [runtime(0, "no.such", "a"), runtime(100, "no.such", "b")]),
    Case("runtime-millionths", [get()] * 3, [runtime(0, "no.such", "a", "MILLION"), runtime(1000000, "no.such", "b", "MILLION")]),
    Case("runtime-fault", [get()], setting="runtimefault"), Case("runtime-mirror", [get()], [route(request_mirror_policies=[{"cluster": "@b", "runtime_fraction": {
        "default_value": {"numerator": 100}, "runtime_key": "none"}}])], clusters={"": Cluster(), "b": Cluster()}, stats=("cluster.runtime-mirror-b.upstream_rq_total",)),

    Case("fault-slow-answer", [get()], setting="slow", upstream=[ok(body=b"x" * 3000)], stats=("h.fault.response_rl_injected", "h.fault.active_faults")),
    Case("fault-slow-by-header", [get("/", ("x-envoy-fault-throughput-response", "100")), get()], setting="slowbyheader", upstream=[ok(body=b"x" * 3000)],
         stats=("h.fault.response_rl_injected",)),
    Case("fault-abort-of-grpc-by-http", [grpc(body=b"")], setting="abort", protocol="h2"), Case("fault-abort-of-post", [Request("POST", body=b"abc")], setting="abort"),

    raw("connect-refused", *connect()), raw("connect-no-route", *connect(), setting="connect", routes=[route()]),
    Case("connect-tunnel", setting="connect", routes=CONNECT_ROUTE, client=tunnel, lines=1, domains=("@host", "@host:80"), ignored=("log", "stat"),
         upstream=[Raw(b"HTTP/1.1 200 OK\r\n\r\npong")]),
    raw("connect-upstream-refuses", *connect(), setting="connect", routes=CONNECT_ROUTE, clusters={"": Cluster(hosts=[REFUSES])}, domains=("@host", "@host:80")),
    raw("upgrade-of-other-kind", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n", setting="websocket"),
    raw("upgrade-in-capitals", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n", setting="websocket", upstream=[Raw(
        b"HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno")]),
    raw("upgrade-off-for-route", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", setting="websocket",
        routes=[route(upgrade_configs=[{"upgrade_type": "websocket", "enabled": False}])]),
    raw("upgrade-upstream-gone", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", setting="websocket", upstream=[Cut()]),

    Case("redirect-scheme-and-host-and-port", gets("/a?b"), [redirect({"scheme_redirect": "https", "host_redirect": "o.test", "port_redirect": 8443})]),
    Case("redirect-everything", gets("/a?b=c"), [redirect({"https_redirect": True, "host_redirect": "o.test", "path_redirect": "/x", "strip_query": True, "response_code": "FOUND"})]),
    Case("redirect-prefix-slash", gets("/a", "/a/", "/a/b"), [redirect({"prefix_rewrite": "/"}, prefix="/a")]),
    Case("redirect-prefix-and-query", gets("/a/b?c=d", "/a?c"), [redirect({"prefix_rewrite": "/z?y"}, prefix="/a")]),
    Case("redirect-path-keeps-query", gets("/a?", "/a?b=c&d"), [redirect({"path_redirect": "/x"})]),
    Case("redirect-escapes", gets("/a%20b?c=%2f", "/%c3%a9"), [redirect({"host_redirect": "o.test"})]),
    Case("redirect-http2", gets("/a?b"), [redirect({"https_redirect": True})], protocol="h2"),
    Case("redirect-head", [Request("HEAD", "/a")], [redirect({"host_redirect": "o.test"})]),
    Case("redirect-formatted-header", gets("/a"), [{**redirect({"host_redirect": "o.test"}), "response_headers_to_add": [adding("x-1", "%REQ(:path)% %PROTOCOL%")]}]),

    Case("follow-to-other-route", upstream=to("/next"), routes=[route(match={"path": "/next"}, prefix_rewrite="/rewritten"), *following()], stats=REDIRECTS, lines=2,
         ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
    Case("follow-to-direct-answer", upstream=to("/next"), routes=[{"match": {"path": "/next"}, **said("direct")}, *following()], stats=REDIRECTS, lines=2,
         ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
    Case("follow-to-redirect", upstream=to("/next"), routes=[{"match": {"path": "/next"}, "redirect": {"host_redirect": "o.test"}}, *following()], stats=REDIRECTS, lines=2,
         ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
    Case("follow-to-failure", upstream=to("/next"), routes=[{"match": {"path": "/next"}, "route": {"cluster": "@dead"}}, *following()], stats=REDIRECTS, lines=2,
         clusters={"": Cluster(), "dead": Cluster(hosts=[REFUSES])}, ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
    Case("follow-previous-route", upstream=to("/next", first=lambda path: True), routes=following(max_internal_redirects=3, predicates=[predicate("previous_routes", "PreviousRoutesConfig")]),
         stats=REDIRECTS, lines=2, ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
    Case("follow-http2", upstream=to("/next"), routes=following(), protocol="h2", stats=REDIRECTS, lines=2, ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http2_total")),
    Case("follow-head", [Request("HEAD")], upstream=to("/next"), routes=following(), stats=REDIRECTS, lines=2,
         ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total", "response.fields", "stat.c.upstream_rq_pending_total")),
    Case("follow-port", upstream=to(host="follow-port.test:81"), routes=following(), stats=REDIRECTS),
    Case("follow-other-host", upstream=to(host="follow-other-host-next.test"), routes=following(), stats=REDIRECTS, lines=2, domains=("@host", "follow-other-host-next.test"),
         ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
    Case("follow-query-only", upstream=to("/?next", first=lambda path: path == "/"), routes=following(), stats=REDIRECTS, lines=2,
         ignored=("stat.h.downstream_rq_total", "stat.h.downstream_rq_http1_total")),
]
FAULT = {"response_rate_limit": {"fixed_limit": {"limit_kbps": 10}, "percentage": ALWAYS}}
SETTINGS = {
    "runtimefault": {"http_filters": router(("fault", "HTTPFault", {"abort": {"http_status": 418, "percentage": {"numerator": 0}}, "abort_percent_runtime": "abort.percent"}))},
    "slow": {"http_filters": router(("fault", "HTTPFault", FAULT))},
    "slowbyheader": {"http_filters": router(("fault", "HTTPFault", {"response_rate_limit": {"header_limit": {}, "percentage": ALWAYS}}))},
    "abort": {"http_filters": router(("fault", "HTTPFault", {"abort": {"http_status": 503, "percentage": ALWAYS}}))},
    "connect": {"upgrade_configs": [{"upgrade_type": "CONNECT"}]}, "websocket": {"upgrade_configs": [{"upgrade_type": "websocket"}]},
}
BOOTSTRAP = {"layered_runtime": {"layers": [{"name": "static", "static_layer": {
    "all": {"numerator": 100, "denominator": "HUNDRED"}, "none": 0, "abort": {"percent": 100}}}]}}


def test_alike(pair, case):
    alike(pair, case)
