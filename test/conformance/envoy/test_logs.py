"""Which requests an access log has a line for."""

from frame.case import Case, Cluster, Hang
from frame.check import alike
from frame.write import get, gets, grpc, ok, route, router, said
from peers.message import Request

STATUSES = (200, 301, 404, 499, 500, 503)
DIRECT = [{"match": {"path": f"/{status}"}, "direct_response": {"status": status}} for status in STATUSES if status != 301] + [{"match": {"prefix": "/"}, **said("x")}]
ALL = gets(*[f"/{status}" for status in STATUSES if status != 301])


def compared(operator, value):
    return {"status_code_filter": {"comparison": {"op": operator, "value": {"default_value": value, "runtime_key": "no.such.key"}}}}


def header(**matcher):
    return {"header_filter": {"header": {"name": "x-a", **matcher}}}


NOTING = router(("header_to_metadata", "Config", {"request_rules": [{"header": "x-a", "on_header_present": {"metadata_namespace": "n", "key": "a"}}]}))


def metadata(value, **more):
    return {"metadata_filter": {"matcher": {"filter": "n", "path": [{"key": "a"}], "value": {"string_match": {"exact": value}}}, **more}}


def logged(name, count, requests=None, **more):
    """A case whose setting is its own."""
    return Case(name, requests or ALL, more.pop("routes", DIRECT), setting=name, lines=count, **more)


CASES = [
    logged("log-status-at-least", 2), logged("log-status-at-most", 2), logged("log-status-equal", 1), logged("log-status-not-equal", 4),
    logged("log-header", 1, [get("/", ("x-a", "b")), get("/", ("x-a", "c")), get()]),
    logged("log-header-present", 2, [get("/", ("x-a", "b")), get("/", ("x-a", "c")), get()]),
    logged("log-header-inverted", 1, [get("/", ("x-a", "b")), get("/", ("x-a", "c")), get()]),
    logged("log-and", 1, [get("/404", ("x-a", "b")), get("/404"), get("/200", ("x-a", "b"))]),
    logged("log-or", 3, [get("/404", ("x-a", "b")), get("/404"), get("/200", ("x-a", "b")), get("/200")]),
    logged("log-flags", 1, [get("/x"), get("/none")], routes=[{"match": {"path": "/x"}, **said("x")}]),
    logged("log-flags-any", 1, [get("/x"), get("/none")], routes=[{"match": {"path": "/x"}, **said("x")}]),
    logged("log-grpc-status", 1, [grpc(body=b""), grpc("/none", body=b"")], protocol="h2", clusters={"": Cluster("h2")},
           upstream=[ok(("grpc-status", "0"), body=b"")], routes=[route(match={"prefix": "/test"})]),
    logged("log-grpc-status-excluded", 1, [grpc(body=b""), grpc("/none", body=b"")], protocol="h2", clusters={"": Cluster("h2")},
           upstream=[ok(("grpc-status", "0"), body=b"")], routes=[route(match={"prefix": "/test"})]),
    logged("log-duration", 1, [get("/x"), get("/slow")], routes=[{"match": {"path": "/x"}, **said("x")}, route(timeout="0.15s")], upstream=[Hang()]),
    logged("log-runtime-never", 0, [get("/200")]),
    logged("log-runtime-always", 1, [get("/200")]),
    logged("log-not-health-check", 2, [get("/200"), get("/200", ("user-agent", "Envoy/HC"))]),
    logged("log-metadata", 1, [get("/200", ("x-a", "b")), get("/200", ("x-a", "c"))]),
    logged("log-metadata-missing", 1, [get("/200", ("x-a", "b")), get("/200")]), logged("log-metadata-missing-fits", 2, [get("/200", ("x-a", "b")), get("/200")]),
    logged("log-flags-several", 2, [get("/x"), get("/none"), get("/dead")],
           routes=[{"match": {"path": "/x"}, **said("x")}, {"match": {"path": "/dead"}, "route": {"cluster": "@"}}], clusters={"": Cluster(hosts=[])}),
    logged("log-nested", 1, [get("/404", ("x-a", "b")), get("/404", ("x-a", "c")), get("/503"), get("/200")]),
    logged("log-runtime-key", 1, [get("/200"), get("/404"), get("/503")]), logged("log-runtime-fraction", 0, [get("/200")]),
    logged("log-header-of-path", 1, [get("/200"), get("/404")]), logged("log-type-excluded", 0, [get("/200")]),
    logged("log-grpc-status-several", 2, [grpc(body=b""), grpc("/none", body=b"")], protocol="h2", clusters={"": Cluster("h2")},
           upstream=[ok(("grpc-status", "0"), body=b"")], routes=[route(match={"prefix": "/test"})]),
    logged("log-type", 1, [Request("GET", "/200")]),
]
SETTINGS = {name: {"log_filter": filter_} for name, filter_ in {
    "log-status-at-least": compared("GE", 500), "log-status-at-most": compared("LE", 404), "log-status-equal": compared("EQ", 404), "log-status-not-equal": compared("NE", 404),
    "log-header": header(string_match={"exact": "b"}), "log-header-present": header(present_match=True),
    "log-header-inverted": header(string_match={"exact": "b"}, invert_match=True),
    "log-and": {"and_filter": {"filters": [compared("EQ", 404), header(present_match=True)]}},
    "log-or": {"or_filter": {"filters": [compared("EQ", 404), header(present_match=True)]}},
    "log-flags": {"response_flag_filter": {"flags": ["NR"]}}, "log-flags-any": {"response_flag_filter": {}},
    "log-grpc-status": {"grpc_status_filter": {"statuses": ["OK"]}}, "log-grpc-status-excluded": {"grpc_status_filter": {"statuses": ["OK"], "exclude": True}},
    "log-duration": {"duration_filter": {"comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "no.such.key"}}}},
    "log-runtime-never": {"runtime_filter": {"runtime_key": "no.such.key", "percent_sampled": {"numerator": 0}}},
    "log-runtime-always": {"runtime_filter": {"runtime_key": "no.such.key", "percent_sampled": {"numerator": 100}}},
    "log-not-health-check": {"not_health_check_filter": {}}, "log-type": {"log_type_filter": {"types": ["DownstreamEnd"]}},
    "log-metadata": metadata("b"), "log-metadata-missing": metadata("b", match_if_key_not_found=False), "log-metadata-missing-fits": metadata("b"),
    "log-flags-several": {"response_flag_filter": {"flags": ["UH", "NR"]}},
    "log-nested": {"and_filter": {"filters": [compared("EQ", 404), {"or_filter": {"filters": [header(string_match={"exact": "b"}), compared("GE", 500)]}}]}},
    "log-runtime-key": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "from.code"}}}},
    "log-runtime-fraction": {"runtime_filter": {"runtime_key": "never", "percent_sampled": {"numerator": 100}}},
    "log-header-of-path": {"header_filter": {"header": {"name": ":path", "string_match": {"prefix": "/4"}}}},
    "log-type-excluded": {"log_type_filter": {"types": ["DownstreamEnd"], "exclude": True}},
    "log-grpc-status-several": {"grpc_status_filter": {"statuses": ["OK", "UNIMPLEMENTED"]}},
}.items()}
SETTINGS.update({name: {**setting, "http_filters": NOTING} for name, setting in SETTINGS.items() if "metadata" in name})
BOOTSTRAP = {"layered_runtime": {"layers": [{"name": "static", "static_layer": {"from": {"code": 500}, "never": 0}}]}}


def test_alike(pair, case):
    alike(pair, case)
