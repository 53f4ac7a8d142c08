"""Expressions (CEL): conditions of access rules, matchers, filters and operators of access logs."""

from frame.case import REFUSES, Case, Cluster
from frame.check import alike
from frame.tree import Tree
from frame.write import get, grpc, ok, route, router, said
from peers.bootstrap import any_of
from peers.message import Request

STATS = ("h.rbac.allowed", "h.rbac.denied")
A, B = ("x-a", "1"), ("x-a", "2")
ANY = {"any": True}


def policy(action, **condition):
    return {"rules": {"action": action, "policies": {"p": {"permissions": [ANY], "principals": [ANY], **condition}}}}


def by(name, requests, fields, routes=None):
    """A case whose virtual host has these rules."""
    own = {"typed_per_filter_config": {"envoy.filters.http.rbac": any_of("extensions.filters.http.rbac.v3.RBACPerRoute", rbac=fields)}}
    return Case(name, requests, routes, vhost=own, setting="rbac", stats=STATS)


def condition(name, requests, make, action="ALLOW", routes=None):
    return by(f"cel-{name}", requests, policy(action, condition=make(Tree())), routes)


def matched(name, requests, make):
    """A matcher tree whose only entry is an expression."""
    def typed(message, **fields):
        return {"name": "n", "typed_config": {"@type": f"type.googleapis.com/{message}", **fields}}
    predicate = {"input": typed("xds.type.matcher.v3.HttpAttributesCelMatchInput"),
                 "custom_match": typed("xds.type.matcher.v3.CelMatcher", expr_match={"cel_expr_parsed": {"expr": make(Tree())}})}
    action = typed("envoy.config.rbac.v3.Action", name="a", action="DENY")
    rest = typed("envoy.config.rbac.v3.Action", name="rest", action="ALLOW")
    return by(f"cel-matcher-{name}", requests, {"matcher": {"matcher_list": {"matchers": [
        {"predicate": {"single_predicate": predicate}, "on_match": {"action": action}}]}, "on_no_match": {"action": rest}}})


def logged(name, lines, requests, **more):
    return Case(f"cel-{name}", requests, setting=name, lines=lines, **more)


def somewhere(config, addresses, folder):
    config["load_assignment"]["endpoints"][0]["locality"] = {"zone": "z9"}


FIELDS = [get("/", A), get("/", B), get("/")]
PATHS = [get("/a/b?q=1"), get("/a"), Request("POST", "/a/b", body=b"abc")]
CASES = [
    condition("header", FIELDS, lambda t: t.field("x-a", "1")),
    condition("header-denied", FIELDS, lambda t: t.field("x-a", "1"), "DENY"),
    condition("header-logged", FIELDS, lambda t: t.field("x-a", "1"), "LOG"),
    condition("not", FIELDS, lambda t: t.call("!_", t.field("x-a", "1"))),
    condition("or", FIELDS, lambda t: t.call("_||_", t.field("x-a", "1"), t.call("_==_", t.name("request.method"), t.value("GET")))),
    condition("has", FIELDS, lambda t: t.has("request.headers.x-a")),
    condition("path", PATHS, lambda t: t.call("_==_", t.name("request.path"), t.value("/a/b?q=1"))),
    condition("url-path", PATHS, lambda t: t.call("startsWith", t.value("/a/b"), on=t.name("request.url_path"))),
    condition("query", PATHS, lambda t: t.call("_==_", t.name("request.query"), t.value("q=1"))),
    condition("method", PATHS, lambda t: t.call("_==_", t.name("request.method"), t.value("POST"))),
    condition("mtls", FIELDS[:1], lambda t: t.name("connection.mtls")),
    condition("true", FIELDS[:1], lambda t: t.value(True)), condition("false", FIELDS[:1], lambda t: t.value(False), "DENY"),
    by("cel-checked", PATHS, policy("ALLOW", checked_condition={"expr": (lambda t: t.call(
        "_==_", t.name("request.method"), t.value("POST")))(Tree())})),
    matched("header", FIELDS, lambda t: t.field("x-a", "1")),
    matched("method", PATHS, lambda t: t.call("_==_", t.name("request.method"), t.value("POST"))),

    logged("log-code", 1, [get("/x"), get("/none")], routes=[{"match": {"path": "/x"}, **said("x")}]),
    logged("log-header", 1, FIELDS), logged("log-fails", 0, FIELDS[2:]),
    Case("cel-say-get", PATHS[:2] + [get("/", A, ("user-agent", "me"), ("referer", "http://r.test/"))], [{**route(), "name": "r"}]),
    Case("cel-say-direct", [get("/x")], [{"match": {"prefix": "/"}, **said("hello", 403)}]),
    Case("cel-say-post", [Request("POST", "/p", [A], b"abc")], upstream=[ok(("x-up", "2"), status=201)]),
    Case("cel-say-where", [get("/x")], vhost={"metadata": {"filter_metadata": {"ns": {"k": "of host"}}}}, clusters={"": Cluster(change=somewhere)}, setting="inbound"),
    Case("cel-say-nobody", [get("/x")], clusters={"": Cluster(hosts=[REFUSES])}),
    Case("cel-say-no-route", [get("/x")], routes=[]),
    Case("cel-say-grpc", [grpc()], protocol="h2", clusters={"": Cluster("h2")}, upstream=[ok(("grpc-status", "13"), body=b"")]),
]
BOOTSTRAP = {"node": {"id": "me", "cluster": "us", "locality": {"zone": "z1"}, "metadata": {"k": "v", "deep": {"er": "w"}}}}
SETTINGS = {
    "inbound": {"listener": {"traffic_direction": "INBOUND", "metadata": {"filter_metadata": {"ns": {"k": "of listener"}}}}},
    "rbac": {"http_filters": router(("rbac", "RBAC", policy("DENY", condition=Tree().value(False))))},
    **{name: {"log_filter": {"extension_filter": {"name": "cel", "typed_config": any_of(
        "extensions.access_loggers.filters.cel.v3.ExpressionFilter", expression=expression)}}} for name, expression in {
            "log-code": "response.code >= 400", "log-header": "request.headers['x-a'] == '1'", "log-fails": "request.headers['x-a'] == '1'"}.items()},
}
OPERATORS = {f"cel_{name.replace('.', '_')}": f"%CEL({name})%" for name in (
    "request.path", "request.url_path", "request.host", "request.scheme", "request.method", "request.size", "request.protocol", "request.query",
    "request.referer", "request.useragent", "response.code", "response.code_details", "response.size", "response.grpc_status", "connection.mtls",
    "upstream.address", "upstream.request_attempt_count", "xds.cluster_name")}
OPERATORS |= {f"cel_{name.replace('.', '_')}": f"%CEL({name})%" for name in (
    "response.flags", "xds.virtual_host_name", "xds.listener_direction", "xds.node.id", "xds.node.cluster", "xds.node.locality.zone")}
OPERATORS |= {
    "cel_node": "%CEL(xds.node.metadata['k'])%", "cel_node_deep": "%CEL(xds.node.metadata.deep.er)%", "cel_node_none": "%CEL(has(xds.node.metadata.none))%",
    "cel_of_host": "%CEL(xds.virtual_host_metadata.filter_metadata['ns']['k'])%", "cel_of_listener": "%CEL(xds.listener_metadata.filter_metadata['ns']['k'])%",
    "cel_zone": "%CEL(has(upstream.locality.zone) ? upstream.locality.zone : 'none')%", "cel_region": "%CEL(has(upstream.locality.region))%",
    "cel_field": "%CEL(request.headers['x-a'])%", "cel_answer": "%CEL(response.headers['x-up'])%", "cel_none": "%CEL(request.headers['x-none'])%",
    "cel_method": "%CEL(request.headers[':method'])%", "cel_cut": "%CEL(request.method):2%", "cel_compared": "%CEL(response.code >= 400)%",
    "cel_chosen": "%CEL(response.code == 200 ? 'good' : 'bad')%", "cel_sum": "%CEL(response.code + 1)%", "cel_has": "%CEL(has(request.headers.none))%",
}


def test_alike(pair, case):
    alike(pair, case)
