"""Route tables that are chosen by scope: each setting has the same routes in several tables, whose answers say which it was."""

from frame.case import Case
from frame.check import alike
from frame.write import adding, get, ok, route, said
from peers.bootstrap import any_of
from peers.message import Request, Response

STATS = "h.passthrough_internal_redirect_no_route", "c.upstream_internal_redirect_succeeded_total"


def field(name="x-scope", **extractor):
    return {"header_value_extractor": {"name": name, **(extractor or {"index": 0})}}


def scoped(*fragments, keys, table=None, **manager):
    """keys: of one scope each, a text or several."""
    def change(listener, log, folder):  # pylint: disable=unused-argument
        typed = listener["filter_chains"][0]["filters"][0]["typed_config"]
        routes = typed.pop("route_config")
        scopes = []
        for number, key in enumerate(keys):
            parts = [key] if isinstance(key, str) else key
            scopes.append({"name": f"scope {number}", "key": {"fragments": [{"string_key": part} for part in parts]},
                           "route_configuration": {**routes, "name": f"table {number}", **((table or {}).get(number, {})),
                                                   "response_headers_to_add": [adding("x-by", f"table {number}")]}})
        typed["scoped_routes"] = {"name": "scoped", "scope_key_builder": {"fragments": list(fragments)},
                                  "scoped_route_configurations_list": {"scoped_route_configurations": scopes}}
    return {"change": change, **manager}


def asks(*values, name="x-scope", **more):
    """One request for each value of the field; None: without it."""
    return [get("/", *([] if value is None else [(name, value)]), **more) for value in values]


def early(*mutations):
    return {"early_header_mutation_extensions": [{"name": "early", "typed_config": any_of(
        "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=list(mutations))}]}


def redirecting(host):
    def answer(request):
        if request.path != "/":
            return ok()
        return Response(302, [("location", f"http://{host}/next")], b"gone\n")
    return [answer]


SETTINGS = {
    "index": scoped(field(), keys=["a", "b", ""]),
    "elements": scoped(field(element_separator=",", index=1), keys=["a", " a", "", "a;b"]),
    "longseparator": scoped(field(element_separator="--", index=1), keys=["a", "-a"]),
    "pairs": scoped(field(element_separator=";", element={"separator": "=", "key": "k"}), keys=["a", "", "a=b", " a"]),
    "onepair": scoped(field(element={"separator": "=", "key": "k"}), keys=["a", "a;k=b"]),
    "two": scoped(field("x-one"), field("x-two", element_separator=".", index=0), keys=[("a", "b"), ("b", "a"), ("a", "")]),
    "authority": scoped(field(":authority"), keys=["scope-authority.test", "scope-redirected.test", "elsewhere.test", "scope-redirected-away.test",
                                                   "scope-direct.test"]),
    "method": scoped(field(":method"), keys=["GET", "POST"]),
    "path": scoped(field(":path", element_separator="/", index=1), keys=["a", "b?c"]),
    "capitals": scoped(field("X-Scope"), keys=["a"]),
    "early": scoped(field(), keys=["a", "b"], **early({"append": {"header": {"key": "x-scope", "value": "b"}, "append_action": "ADD_IF_ABSENT"}})),
    "inside": scoped(field(), keys=["a", "b"], table={0: {"internal_only_headers": ["x-scope"]}, 1: {"internal_only_headers": ["x-other"]}}),
}

CASES = [
    Case("scope-index", asks("a", "b", "c", "A", "a ", "", None), setting="index"),
    Case("scope-index-http2", asks("a", "b", "c", None), setting="index", protocol="h2"),
    Case("scope-first-of-several", [get("/", ("x-scope", "b"), ("x-scope", "a"))], setting="index"),
    Case("scope-requests-of-a-connection", asks("a", "b", "a", None, "b"), setting="index"),
    Case("scope-direct-answer", asks("a", "c"), [{"match": {"prefix": "/"}, **said("direct")}], setting="index"),
    Case("scope-elements", asks("x,a", "x, a", "x", "x,", ",a,b", "x,a;b", None), setting="elements"),
    Case("scope-long-separator", asks("x--a", "x---a", "x-a", "--a"), setting="longseparator"),
    Case("scope-pairs", asks("k=a", "x=1;k=a;k=b", "k", "k=", "k=a=b", "K=a", "k = a", "k= a", "kk=a;k=a", "x", None), setting="pairs"),
    Case("scope-one-pair", asks("k=a", "k=a;k=b", "x=1;k=a"), setting="onepair"),
    Case("scope-two-fragments", [get("/", ("x-one", "a"), ("x-two", "b.c")), get("/", ("x-one", "b"), ("x-two", "a")), get("/", ("x-one", "a")),
                                 get("/", ("x-two", "a"), ("x-one", "a")), get("/", ("x-one", "a"), ("x-two", ""))], setting="two"),
    Case("scope-authority", [get()], setting="authority"),
    Case("scope-authority-unknown", [get()], setting="authority"),
    Case("scope-method", [get(), Request("POST", body=b"abc"), Request("PUT")], setting="method"),
    Case("scope-path", [get("/a/b"), get("/b?c"), get("/b"), get("/")], setting="path"),
    Case("scope-in-capitals", asks("a"), setting="capitals"),
    Case("scope-by-early-mutation", asks("a", None), setting="early"),
    Case("scope-field-taken-away", [get("/", ("x-scope", "a"), ("x-forwarded-for", "8.8.8.8")),
                                    get("/", ("x-scope", "b"), ("x-other", "1"), ("x-forwarded-for", "8.8.8.8"))], setting="inside"),
    Case("scope-redirected", [get()], [route(internal_redirect_policy={})], domains=("@host", "elsewhere.test"), setting="authority", stats=STATS,
         upstream=redirecting("elsewhere.test"), lines=2),
    Case("scope-redirected-away", [get()], [route(internal_redirect_policy={})], domains=("@host", "nowhere.test"), setting="authority", stats=STATS,
         upstream=redirecting("nowhere.test")),
]


def test_alike(pair, case):
    alike(pair, case)
