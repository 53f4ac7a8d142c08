"""Who may do what: the HTTP filter rbac, as policies and as a tree of matchers. The route's rules are the case's."""

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get, grpc, route, router
from peers.bootstrap import any_of

STATS = ("h.rbac.allowed", "h.rbac.denied", "h.rbac.shadow_allowed", "h.rbac.shadow_denied")
ANY = {"any": True}


def policy(*permissions, principals=(ANY,)):
    return {"permissions": list(permissions), "principals": list(principals)}


def rules(action="ALLOW", **policies):
    return {"action": action, "policies": policies}


def path(**matcher):
    return {"url_path": {"path": matcher}}


def field(name, **matcher):
    return {"header": {"name": name, **matcher}}


def by(case, requests, stats=STATS, routes=None, **fields):
    """A case whose route has these rules."""
    own = {"typed_per_filter_config": {"envoy.filters.http.rbac": any_of("extensions.filters.http.rbac.v3.RBACPerRoute", rbac=fields)}}
    return Case(case, requests, routes, vhost=own, setting="rbac", stats=stats)


def extension(message, **fields):
    return {"name": "n", "typed_config": any_of(message, **fields)}


def act(name, action="ALLOW", **more):
    made = extension("config.rbac.v3.Action", action=action)
    made["typed_config"]["name"] = name
    return {"action": made, **more}


def one(input_, **match):
    return {"single_predicate": {"input": input_, "value_match": match}}


def entry(predicate, on_match):
    return {"predicate": predicate, "on_match": on_match}


def header(name):
    return extension("type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)


def connection(name):
    return extension(f"extensions.matching.common_inputs.network.v3.{name}")


def matched(input_, message, **fields):
    """A matcher by this type of map."""
    return {"matcher_tree": {"input": input_, "custom_match": {"name": "n", "typed_config": {
        "@type": f"type.googleapis.com/xds.type.matcher.v3.{message}", **fields}}}}


def ranged(*items):
    """Of an IPMatcher: address, length, where it leads, and whether it is exclusive."""
    return [{"ranges": [{"address_prefix": address, "prefix_len": length}], "on_match": target, "exclusive": bool(more)}
            for address, length, target, *more in items]


A, B = ("x-a", "1"), ("x-b", "2")
ENDS = [get("/a"), get("/a/b"), get("/b?a=/a"), get("/x/../a")]
FIELDS = [get("/"), get("/", A), get("/", B), get("/", A, B), get("/", ("x-a", "2"), A), get("/", ("x-a", ""))]
LOCAL = {"address_prefix": "127.0.0.0", "prefix_len": 8}
OTHER = {"address_prefix": "192.0.2.0", "prefix_len": 24}

CASES = [
    by("rbac-allow", ENDS, rules=rules(p=policy(path(exact="/a")))),
    by("rbac-deny", ENDS, rules=rules("DENY", p=policy(path(prefix="/a")))),
    by("rbac-log", ENDS, rules=rules("LOG", p=policy(path(prefix="/a")))),
    by("rbac-first-by-name", ENDS, rules=rules("DENY", **{"b": policy(path(prefix="/a")), "a b": policy(path(exact="/a/b")), "c": policy(ANY)})),
    by("rbac-no-policies", ENDS[:1], rules=rules()), by("rbac-no-policies-deny", ENDS[:1], rules=rules("DENY")),
    by("rbac-nothing", ENDS[:1]),
    by("rbac-shadow", ENDS, rules=rules("DENY", p=policy(path(exact="/a/b"))), shadow_rules=rules(s=policy(path(exact="/a")))),
    by("rbac-header", FIELDS, rules=rules(p=policy(field("x-a", string_match={"exact": "1"})))),
    by("rbac-header-not", FIELDS, rules=rules(p=policy({"not_rule": field("x-a", string_match={"exact": "1"})}))),
    by("rbac-header-inverted", FIELDS, rules=rules(p=policy(field("x-a", invert_match=True, string_match={"exact": "1"})))),
    by("rbac-header-present", FIELDS, rules=rules(p=policy(field("x-a", present_match=True)))),
    by("rbac-header-regex-no-text", [get("/", ("x-a", "a\xff")), get("/", ("x-a", "a"))],
       rules=rules(p=policy({"not_rule": field("x-a", string_match={"safe_regex": {"regex": "b.*"}})}))),
    by("rbac-and-or", FIELDS, rules=rules(p=policy({"and_rules": {"rules": [field("x-a", present_match=True), {"or_rules": {"rules": [
        field("x-b", present_match=True), field("x-a", string_match={"exact": "1"})]}}]}}))),
    by("rbac-principal-header", FIELDS, rules=rules(p=policy(ANY, principals=[{"and_ids": {"ids": [
        {"header": {"name": "x-a", "present_match": True}}, {"not_id": {"header": {"name": "x-b", "present_match": True}}}]}}]))),
    by("rbac-principal-path", ENDS, rules=rules(p=policy(ANY, principals=[path(suffix="b")]))),
    by("rbac-peer", [get()], rules=rules(p=policy(ANY, principals=[{"direct_remote_ip": LOCAL}]))),
    by("rbac-other-peer", [get()], rules=rules(p=policy(ANY, principals=[{"direct_remote_ip": OTHER}]))),
    by("rbac-not-other", [get()], rules=rules(p=policy(ANY, principals=[{"not_id": {"remote_ip": OTHER}}]))),
    by("rbac-source", [get()], rules=rules(p=policy(ANY, principals=[{"source_ip": LOCAL}]))),
    by("rbac-destination", [get()], rules=rules(p=policy({"destination_ip": LOCAL}))),
    by("rbac-destination-port", [get()], rules=rules(p=policy({"destination_port": 1}, {"destination_port_range": {"start": 1, "end": 2}}))),
    by("rbac-destination-ports", [get()], rules=rules(p=policy({"destination_port_range": {"start": 1, "end": 65536}}))),
    by("rbac-server-name", [get()], rules=rules(p=policy({"requested_server_name": {"exact": "a"}}))),
    by("rbac-no-server-name", [get()], rules=rules(p=policy({"requested_server_name": {"exact": ""}}))),
    by("rbac-not-authenticated", [get()], rules=rules(p=policy(ANY, principals=[{"authenticated": {}}]))),
    by("rbac-metadata-of-route", [get("/m"), get("/n")], rules=rules(p=policy({"sourced_metadata": {"metadata_source": "ROUTE", "metadata_matcher": {
        "filter": "f", "path": [{"key": "k"}], "value": {"string_match": {"exact": "v"}}}}})),
       routes=[{**route(match={"path": "/m"}), "metadata": {"filter_metadata": {"f": {"k": "v"}}}}, route()]),
    by("rbac-uri-template", ENDS, rules=rules(p=policy({"uri_template": extension("extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
                                                                                  path_template="/a/{x}")}))),

    by("rbac-tree-list", FIELDS[:4], matcher={"matcher_list": {"matchers": [
        entry(one(header("x-b"), exact="2"), act("b", "DENY")), entry(one(header("x-a"), exact="1"), act("a"))]}, "on_no_match": act("no", "DENY")}),
    by("rbac-tree-and-not", FIELDS[:4], matcher={"matcher_list": {"matchers": [entry({"and_matcher": {"predicate": [
        one(header("x-a"), exact="1"), {"not_matcher": one(header("x-b"), prefix="2")}]}}, act("a"))]}}),
    by("rbac-tree-or", FIELDS[:4], matcher={"matcher_list": {"matchers": [entry({"or_matcher": {"predicate": [
        one(header("x-a"), suffix="1"), one(header("x-b"), contains="2")]}}, act("a", "LOG"))]}}),
    by("rbac-tree-inner", FIELDS[:4], matcher={"matcher_list": {"matchers": [
        entry(one(header("x-a"), exact="1"), {"matcher": {"matcher_list": {"matchers": [entry(one(header("x-b"), exact="2"), act("inner"))]}}}),
        entry(one(header("x-a"), exact="1"), act("later", "DENY"))]}, "on_no_match": act("no", "DENY")}),
    by("rbac-tree-exact-map", FIELDS[:4], matcher={"matcher_tree": {"input": header("x-a"), "exact_match_map": {"map": {"1": act("a")}}}}),
    by("rbac-tree-prefix-map", [get("/", ("x-a", text)) for text in ("a", "ab", "abc", "b")], matcher={"matcher_tree": {
        "input": header("x-a"), "prefix_match_map": {"map": {"a": act("short"), "ab": {"matcher": {"matcher_tree": {
            "input": header("x-b"), "exact_match_map": {"map": {"2": act("inner")}}}}}, "abc": act("long", "DENY")}}}}),
    by("rbac-tree-addresses", [get()], matcher={"matcher_tree": {"input": connection("DirectSourceIPInput"), "exact_match_map": {
        "map": {"127.0.0.2": act("peer")}}}}),
    by("rbac-tree-destination", [get()], matcher={"matcher_tree": {"input": connection("DestinationIPInput"), "exact_match_map": {
        "map": {"127.0.0.1": act("here")}}}}),
    by("rbac-tree-no-server-name", [get()], matcher={"matcher_list": {"matchers": [entry(one(connection("ServerNameInput"), exact=""), act("a"))]}}),
    by("rbac-tree-inner-default", FIELDS[:4], matcher={"matcher_list": {"matchers": [
        entry(one(header("x-a"), exact="1"), {"matcher": {"matcher_list": {"matchers": [entry(one(header("x-b"), exact="2"), act("inner", "DENY"))]},
                                                          "on_no_match": act("inner default")}})]}, "on_no_match": act("no", "DENY")}),
    by("rbac-tree-three-deep", [get("/", *fields) for fields in ((A, B), (A,), (A, B, ("x-c", "3")), (B, ("x-c", "3")))], matcher={"matcher_tree": {
        "input": header("x-a"), "exact_match_map": {"map": {"1": {"matcher": {"matcher_tree": {
            "input": header("x-b"), "prefix_match_map": {"map": {"2": {"matcher": {"matcher_list": {"matchers": [
                entry(one(header("x-c"), exact="3"), act("deep"))]}, "on_no_match": act("not deep", "DENY")}}}}}}}}}}}),
    by("rbac-tree-regex", [get("/", ("x-a", text)) for text in ("1", "12", "b12", "1b")], matcher={"matcher_list": {"matchers": [
        entry(one(header("x-a"), safe_regex={"google_re2": {}, "regex": "[0-9]+"}), act("digits"))]}}),
    by("rbac-tree-ignore-case", [get("/", ("x-a", text)) for text in ("AbC", "abc", "abcd", "b")], matcher={"matcher_list": {"matchers": [
        entry(one(header("x-a"), exact="aBc", ignore_case=True), act("whole")),
        entry(one(header("x-a"), prefix="ABC", ignore_case=True), act("begin", "LOG"))]}}),
    by("rbac-tree-not-and-or", FIELDS[:4], matcher={"matcher_list": {"matchers": [entry({"not_matcher": {"or_matcher": {"predicate": [
        one(header("x-a"), exact="1"), {"and_matcher": {"predicate": [one(header("x-b"), exact="2"), one(header("x-b"), suffix="2")]}}]}}}, act("neither"))]}}),
    by("rbac-tree-port", [get()], matcher={"matcher_tree": {"input": connection("DestinationPortInput"), "exact_match_map": {"map": {"1": act("one")}}},
                                           "on_no_match": act("another", "DENY")}),
    by("rbac-tree-ranges", [get()], matcher=matched(connection("DirectSourceIPInput"), "IPMatcher", range_matchers=ranged(
        ("127.0.0.0", 8, act("wide", "DENY")), ("127.0.0.2", 32, act("narrow"))))),
    by("rbac-tree-ranges-of-a-field", [get("/", ("x-a", text)) for text in ("10.1.2.3", "10.2.0.1", "2001:db8::1", "11.0.0.1", "10.1", "")],
       matcher=matched(header("x-a"), "IPMatcher", range_matchers=ranged(
           ("10.0.0.0", 8, act("ten")), ("10.1.0.0", 16, {"matcher": {"matcher_list": {"matchers": [entry(one(header("x-b"), exact="2"), act("inner"))]}}}),
           ("2001:db8::", 32, act("six"))))),
    by("rbac-tree-ranges-exclusive", [get("/", ("x-a", "10.1.2.3")), get("/", ("x-a", "10.2.0.1"))],
       matcher=matched(header("x-a"), "IPMatcher", range_matchers=ranged(("10.0.0.0", 8, act("ten"), True), ("10.1.0.0", 16, {"matcher": {
           "matcher_list": {"matchers": [entry(one(header("x-b"), exact="2"), act("inner"))]}}})))),
    by("rbac-tree-domains", [get("/", ("x-a", text)) for text in ("www.a.test", "b.a.test", "a.test", "c.b.a.test", "other", "WWW.a.test")],
       matcher=matched(header("x-a"), "ServerNameMatcher", domain_matchers=[
           {"domains": ["www.a.test"], "on_match": act("www")}, {"domains": ["*.a.test", "x.test"], "on_match": act("any", "LOG")},
           {"domains": ["*.b.a.test"], "on_match": act("deeper", "DENY")}, {"domains": ["*.test"], "on_match": act("test")}])),
    by("rbac-tree-only-default", [get()], matcher={"on_no_match": act("a", "DENY")}),
    by("rbac-tree-shadow", FIELDS[:2], shadow_matcher={"matcher_tree": {"input": header("x-a"), "exact_match_map": {"map": {"1": act("a")}}}}),

    Case("rbac-grpc", [grpc(body=b"")], setting="rbacall", protocol="h2", clusters={"": Cluster("h2")}, stats=STATS),
    Case("rbac-http2", [get()], setting="rbacall", protocol="h2", stats=STATS),
]
SETTINGS = {
    "rbac": {"http_filters": router(("rbac", "RBAC", {"rules": rules()}))},
    "rbacall": {"http_filters": router(("rbac", "RBAC", {"rules": rules("DENY", all=policy(ANY))}))},
}


def test_alike(pair, case):
    alike(pair, case)
