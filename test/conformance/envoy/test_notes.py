"""Filters that edit messages and that note things about them: header_mutation, header_to_metadata, set_filter_state, grpc_stats, health_check."""

from frame.case import REFUSES, Case, Cluster
from frame.check import alike
from frame.write import adding, get, grpc, ok, route, router, said
from peers.bootstrap import any_of
from peers.message import Request

ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS")
OLD = [(f"x-{number}", "old") for number in range(4)]
H2 = {"": Cluster("h2")}


def append(name, value, action=None, **more):
    return {"append": {**adding(name, value, action), **more}}


def each(prefix):
    return [append(f"x-{number}", f"{prefix} {action}", action) for number, action in enumerate(ACTIONS)]


def mutating(**mutations):
    return {"http_filters": router(("header_mutation", "HeaderMutation", {"mutations": mutations}))}


def mutation_of(**mutations):
    return {"typed_per_filter_config": {"envoy.filters.http.header_mutation": any_of("extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
                                                                                      mutations=mutations)}}


def query(name, value, action="APPEND_IF_EXISTS_OR_ADD"):
    return {"append": {"record": {"key": name, "value": value}, "action": action}}


def noting(**rules):
    return {"http_filters": router(("header_to_metadata", "Config", rules))}


def note(key, value=None, namespace="n", **more):
    return {"metadata_namespace": namespace, "key": key, **({"value": value} if value is not None else {}), **more}


def state(*values):
    return {"http_filters": router(("set_filter_state", "Config", {"on_request_headers": list(values)}))}


def put(key, text, **more):
    return {"object_key": key, "factory_key": "envoy.string", "format_string": {"text_format_source": {"inline_string": text}}, **more}


def counting(**fields):
    return {"http_filters": router(("grpc_stats", "FilterConfig", fields))}


def grpc_counts(name, service="test.Echo", method="Unary"):
    parts = f"{service}.{method}." if service else ""
    return tuple(f"cluster.{name}.grpc.{parts}{what}" for what in ("0", "5", "success", "failure", "total", "request_message_count", "response_message_count"))


def checking(**fields):
    headers = [{"name": ":path", "string_match": {"exact": "/health"}}]
    return {"http_filters": router(("health_check", "HealthCheck", {"headers": headers, **fields}))}


def minimum(cluster, percent):
    return checking(pass_through_mode=False, cluster_min_healthy_percentages={cluster: {"value": percent}})


def unhealthy(config, addresses, folder):
    """One of three hosts is healthy."""
    for host in config["load_assignment"]["endpoints"][0]["lb_endpoints"][1:]:
        host["health_status"] = "UNHEALTHY"


TYPE = ("content-type", "application/grpc")
MESSAGES = b"\0\0\0\0\1a" * 3
HEALTH = [get("/health"), get("/other")]

CASES = [
    Case("mutate-request-present", [get("/", *OLD)], setting="mutaterequest"), Case("mutate-request-absent", [get()], setting="mutaterequest"),
    Case("mutate-several-lines", [get("/", ("x-0", "a"), ("x-0", "b"), ("x-2", "a"), ("x-2", "b"), ("x-gone", "1"), ("x-gone", "2"))], setting="mutaterequest"),
    Case("mutate-response-present", [get()], setting="mutateresponse", upstream=[ok(*OLD, ("x-gone", "1"))]),
    Case("mutate-response-absent", [get()], setting="mutateresponse"),
    Case("mutate-own-answer", [get()], [{"match": {"prefix": "/"}, **said("d")}], setting="mutateresponse"),
    Case("mutate-failure", [get()], setting="mutateresponse", clusters={"": Cluster(hosts=[])}),
    Case("mutate-formatted", [get("/p?q=1", ("x-b", "b"))], setting="mutateformats"),
    Case("mutate-of-route", [get("/", ("x-gone", "1"))], [{**route(), **mutation_of(request_mutations=[append("x-a", "route"), {"remove": "x-gone"}],
                                                                                    response_mutations=[append("x-r", "route")])}], setting="mutatelevels"),
    Case("mutate-levels", [get()], [{**route(), **mutation_of(request_mutations=[append("x-a", "route")])}],
         mutation_of(request_mutations=[append("x-a", "host")]), setting="mutatelevels"),
    Case("mutate-levels-overwrite", [get()], [{**route(), **mutation_of(request_mutations=[append("x-a", "route", "OVERWRITE_IF_EXISTS_OR_ADD")])}],
         mutation_of(request_mutations=[append("x-a", "host", "OVERWRITE_IF_EXISTS_OR_ADD")]), setting="mutatelevels"),
    Case("mutate-levels-specific-wins", [get()], [{**route(), **mutation_of(request_mutations=[append("x-a", "route", "OVERWRITE_IF_EXISTS_OR_ADD")])}],
         mutation_of(request_mutations=[append("x-a", "host", "OVERWRITE_IF_EXISTS_OR_ADD")]), setting="mutatespecific"),
    Case("mutate-remove-matching", [get("/", ("x-drop-1", "a"), ("X-Drop-2", "b"), ("x-keep", "c"))], setting="mutatematching"),
    Case("mutate-query", [get("/a?x=1&gone=2&y=3"), get("/a"), get("/a?x=1&x=2&gone")], setting="mutatequery"),
    Case("mutate-trailers", [grpc(trailers=[("x-t", "1")])], setting="mutatetrailers", protocol="h2", clusters=H2, upstream=[ok(trailers=[("grpc-status", "0"), ("x-gone", "1")])]),
    Case("mutate-empty-value", [get("/", ("x-a", "1"))], setting="mutateempty"),

    Case("note-header", [get("/", ("x-a", "v")), get(), get("/", ("x-a", "")), get("/", ("x-a", "1"), ("x-a", "2"))], setting="note"),
    Case("note-removed", [get("/", ("x-a", "v"))], setting="noteremove"),
    Case("note-number", [get("/", ("x-a", "12")), get("/", ("x-a", "1.5")), get("/", ("x-a", "x"))], setting="notenumber"),
    Case("note-regex", [get("/", ("x-a", "user=me;rest")), get("/", ("x-a", "none"))], setting="noteregex"),
    Case("note-cookie", [get("/", ("cookie", "b=1; c=two")), get("/", ("cookie", "b=1"))], setting="notecookie"),
    Case("note-response", [get(), get()], setting="noteresponse", upstream=[ok(("x-a", "r")), ok()]),
    Case("note-base64", [get("/", ("x-a", "aGVsbG8=")), get("/", ("x-a", "%%"))], setting="notebase64"),

    Case("state-set", [get("/a", ("x-a", "v"))], setting="state"),
    Case("state-empty-skipped", [get("/a"), get("/a", ("x-b", "w"))], setting="stateskip"),
    Case("state-twice", [get("/a")], setting="statetwice"),

    Case("grpc-count-all", [grpc(body=MESSAGES)], setting="grpcall", protocol="h2", clusters=H2, upstream=[ok(TYPE, body=MESSAGES[:12], trailers=[("grpc-status", "0")])],
         stats=grpc_counts("grpc-count-all")),
    Case("grpc-count-failure", [grpc()], setting="grpcall", protocol="h2", clusters=H2, upstream=[ok(("grpc-status", "5"), body=b"")],
         stats=grpc_counts("grpc-count-failure")),
    Case("grpc-count-without-names", [grpc()], setting="grpcnone", protocol="h2", clusters=H2, upstream=[ok(TYPE, body=MESSAGES[:6], trailers=[("grpc-status", "0")])],
         stats=grpc_counts("grpc-count-without-names") + grpc_counts("grpc-count-without-names", None)),
    Case("grpc-count-some", [grpc(), grpc("/test.Echo/Other")], setting="grpcsome", protocol="h2", clusters=H2, upstream=[ok(TYPE, body=MESSAGES[:6], trailers=[("grpc-status", "0")])],
         stats=grpc_counts("grpc-count-some") + grpc_counts("grpc-count-some", method="Other") + grpc_counts("grpc-count-some", None)),
    Case("grpc-count-no-grpc", [get("/test.Echo/Unary")], setting="grpcall", stats=grpc_counts("grpc-count-no-grpc")),
    Case("grpc-count-over-http1", [grpc()], setting="grpcall", upstream=[ok(TYPE, ("grpc-status", "0"), body=MESSAGES[:6])], stats=grpc_counts("grpc-count-over-http1")),
    Case("grpc-count-refused", [grpc()], setting="grpcall", protocol="h2", clusters={"": Cluster("h2", hosts=[REFUSES])}, stats=grpc_counts("grpc-count-refused")),

    Case("health", HEALTH, setting="health"), Case("health-passed-through", HEALTH, setting="healthpass"),
    Case("health-degraded", [get("/health")], setting="healthpass", upstream=[ok(("x-envoy-degraded", "1"))]),
    Case("health-minimum", [get("/health")], setting="healthmin"),
    Case("health-minimum-empty", [get("/health")], setting="healthempty", clusters={"": Cluster(hosts=[])}),
    Case("health-minimum-not-met", [get("/health")], setting="healthnotmet", clusters={"": Cluster(hosts=[None] * 3, change=unhealthy)}),
    Case("health-minimum-met", [get("/health")], setting="healthmet", clusters={"": Cluster(hosts=[None] * 3, change=unhealthy)}),
    Case("health-minimum-unknown", [get("/health")], setting="healthunknown"),
    Case("health-cached", [get("/health"), get("/health")], setting="healthcache", upstream=[ok(status=200), ok(status=503)]),
]
BASE = [append("x-a", "filter")]
SETTINGS = {
    "mutaterequest": mutating(request_mutations=each("new") + [{"remove": "x-gone"}]), "mutateresponse": mutating(response_mutations=each("new") + [{"remove": "x-gone"}]),
    "mutateformats": mutating(request_mutations=[append(f"x-f{number}", text) for number, text in enumerate((
        "%REQ(:path)%", "%REQ(x-none)%", "%PROTOCOL%", "%REQ(x-b)%-%REQ(:authority)%", "100%%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"))],
        response_mutations=[append("x-r0", "%RESPONSE_CODE%"), append("x-r1", "%RESP(x-up)%"), append("x-r2", "%UPSTREAM_CLUSTER%")]),
    "mutatelevels": mutating(request_mutations=BASE, response_mutations=[append("x-r", "filter")]),
    "mutatespecific": {"http_filters": router(("header_mutation", "HeaderMutation", {
        "mutations": {"request_mutations": BASE}, "most_specific_header_mutations_wins": True}))},
    "mutatematching": mutating(request_mutations=[{"remove_on_match": {"key_matcher": {"prefix": "x-drop"}}}]),
    "mutatequery": mutating(query_parameter_mutations=[query("x", "new"), {"remove": "gone"}, query("y", "over", "OVERWRITE_IF_EXISTS"), query("z", "a b&c")]),
    "mutatetrailers": mutating(request_trailers_mutations=[append("x-q", "1")], response_trailers_mutations=[append("x-r", "2"), {"remove": "x-gone"}]),
    "mutateempty": mutating(request_mutations=[append("x-0", ""), append("x-1", "", keep_empty_value=True), append("x-2", "%REQ(x-none)%")]),
    "note": noting(request_rules=[{"header": "x-a", "on_header_present": note("a"), "on_header_missing": note("missing", "yes")}]),
    "noteremove": noting(request_rules=[{"header": "x-a", "on_header_present": note("a", "fixed"), "remove": True}]),
    "notenumber": noting(request_rules=[{"header": "x-a", "on_header_present": note("a", type="NUMBER")}]),
    "noteregex": noting(request_rules=[{"header": "x-a", "on_header_present": note("a", regex_value_rewrite={"pattern": {"regex": "user=([a-z]+);.*"}, "substitution": "\\1"})}]),
    "notecookie": noting(request_rules=[{"cookie": "c", "on_header_present": note("a"), "on_header_missing": note("missing", "yes")}]),
    "noteresponse": noting(response_rules=[{"header": "x-a", "on_header_present": note("a"), "on_header_missing": note("missing", "yes")}]),
    "notebase64": noting(request_rules=[{"header": "x-a", "on_header_present": note("a", encode="BASE64")}]),
    "state": state(put("k", "%REQ(x-a)% at %REQ(:path)%")), "stateskip": state(put("k", "%REQ(x-b)%", skip_if_empty=True)),
    "statetwice": state(put("k", "first"), put("k", "second")),
    "grpcall": counting(stats_for_all_methods=True), "grpcnone": counting(),
    "grpcsome": counting(individual_method_stats_allowlist={"services": [{"name": "test.Echo", "method_names": ["Unary"]}]}),
    "health": checking(pass_through_mode=False), "healthpass": checking(pass_through_mode=True), "healthcache": checking(pass_through_mode=True, cache_time="60s"),
    "healthmin": minimum("health-minimum", 50), "healthempty": minimum("health-minimum-empty", 50), "healthnotmet": minimum("health-minimum-not-met", 50),
    "healthmet": minimum("health-minimum-met", 30), "healthunknown": minimum("nobody", 50),
}
OPERATORS = {"meta_a": "%DYNAMIC_METADATA(n:a)%", "meta_missing": "%DYNAMIC_METADATA(n:missing)%", "meta": "%DYNAMIC_METADATA(n)%",
             "state": "%FILTER_STATE(k:PLAIN)%", "state_typed": "%FILTER_STATE(k)%"}


def test_alike(pair, case):
    alike(pair, case)
