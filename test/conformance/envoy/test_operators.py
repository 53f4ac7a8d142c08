"""What operators of access logs say of many kinds of requests; as text, and as JSON."""

import json

from frame.case import REFUSES, Case, Cluster, Cut, Hang, Part
from frame.check import alike
from frame.write import get, grpc, ok, route, said
from peers.message import Request, Response

H2 = {"": Cluster("h2")}
LONG = [("x-long", "v" * 300), ("x-quoted", 'a "b" \\ c'), ("x-tab", "a\tb"), ("x-high", "\xc3\xa9"), ("x-low", "caf\xe9")]


def of(what):
    return {"filter_metadata": {"n": {"k": f"of {what}", "number": 3, "list": [1, "a"]}}}


def formatted(text, **options):
    """A setting whose lines have another format."""
    def change(listener, log, folder):
        made = listener["filter_chains"][0]["filters"][0]["typed_config"]["access_log"][0]["typed_config"]
        made["log_format"] = {"json_format": text, **options}
        listener["metadata"], listener["filter_chains"][0]["metadata"] = of("listener"), of("chain")
    return {"change": change}


def everywhere(suffix, setting):
    """Each kind of request once."""
    def case(name, *rest, **more):
        # Not yet: the name of a host that has none is its address.
        ignored = more.pop("ignored", ()) + (() if name == "named" else ("log.host_name", "log.host_names"))
        return Case(f"say-{name}{suffix}", *rest, setting=setting, ignored=ignored, **more)
    return [
        case("get", [get("/a/b?q=1&x=%20y", *LONG[:2])]), case("post", [Request("POST", "/?q", LONG, b"abc")], upstream=[ok(*LONG[:2], body=b"x" * 2000)]),
        case("odd-bytes", [get("/", *LONG)]), case("chunked", [b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"]),
        case("trailers", [grpc(trailers=[("x-t", "1")])], protocol="h2", clusters=H2, upstream=[ok(body=b"\0\0\0\0\1a", trailers=[("grpc-status", "0"), ("x-t", "2")])]),
        case("grpc-error", [grpc()], protocol="h2", clusters=H2, upstream=[ok(("grpc-status", "13"), ("grpc-message", "no%20way"), body=b"")]),
        case("direct", [get("/x?q=1")], [{"match": {"prefix": "/"}, "name": "direct", **said("hello", 403)}]),
        case("redirect", [get("/x?q=1")], [{"match": {"prefix": "/"}, "redirect": {"host_redirect": "o.test"}}]),
        case("no-route", [get("/x")], [route(match={"path": "/none"})]), case("refused", clusters={"": Cluster(hosts=[REFUSES])}), case("cut", upstream=[Cut()]),
        case("retried", [get()], [route(retry_policy={"retry_on": "5xx", "retry_back_off": {"base_interval": "0.001s"}})], upstream=[ok(status=503), ok()]),
        case("rewritten", [get("/a?q=1")], [route(prefix_rewrite="/z", host_rewrite_literal="other.test")]),
        case("timeout", [get()], [route(timeout="0.15s")], upstream=[Hang()]), case("head", [Request("HEAD")], upstream=[ok(("content-length", "9"))]),
        case("named", [get()], [{**route(), "name": "the route", "metadata": of("route")}], vhost={"metadata": of("host")},
             clusters={"": Cluster(fields={"metadata": of("cluster")}, change=described)}),
        case("no-content", upstream=[Response(204)]), case("broken-off", upstream=[Part(ok(body=b"abc"), length=10)],
                                                          ignored=("log.details", "log.details_as_is", "log.flags", "log.flags_long", "stat", "log.flags_short", "log.json")),
    ]


def first(*operators):
    """The first of these that has a value."""
    return f"%COALESCE({json.dumps({'operators': operators})})%"


def described(config, addresses, folder):
    host = config["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    host["metadata"] = {"filter_metadata": {"n": {"k": "of host", "deep": {"er": [1, 2]}}}}
    host["endpoint"]["hostname"] = "host.test"


CASES = everywhere("", "plain") + everywhere("-json", "json")
OPERATORS = {
    "path_only": "%PATH(NQ)%", "path_both": "%PATH(WQ:ORIG)%", "path_orig": "%PATH(NQ:ORIG_OR_PATH)%", "queries": "%QUERY_PARAMS%", "query_none": "%QUERY_PARAM(none)%",
    "long": "%REQ(X-LONG):5%", "quoted": "%REQ(X-QUOTED)%", "high": "%REQ(X-HIGH)%", "low": "%REQ(X-LOW)%",
    "raw_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "host_name": "%UPSTREAM_HOST_NAME%", "host_names": "%UPSTREAM_HOST_NAMES_ATTEMPTED%", "hosts_bare": "%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%",
    "up_ip": "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "up_local": "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
    "cluster_note": "%CLUSTER_METADATA(n:k)%", "host_note": "%UPSTREAM_METADATA(n:deep)%",
    "route_note": "%METADATA(ROUTE:n:k)% %METADATA(ROUTE:n:list)%", "other_notes": "%METADATA(VIRTUAL_HOST:n:k)% %METADATA(CLUSTER:n:k)% %METADATA(UPSTREAM_HOST:n:k)%",
    "grpc_camel": "%GRPC_STATUS(CAMEL_STRING)%", "grpc_snake": "%GRPC_STATUS(SNAKE_STRING)%", "grpc_number": "%GRPC_STATUS_NUMBER%",
    "log_type": "%ACCESS_LOG_TYPE%", "message": "%RESP(grpc-message)%", "environment": "%ENVIRONMENT(NO_SUCH_VARIABLE)%",
    "name_first": "%REQUESTED_SERVER_NAME(SNI_FIRST)%", "name_host": "%REQUESTED_SERVER_NAME(HOST_FIRST:HOST)%", "name_orig": "%REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)%",
    "name_only": "%REQUESTED_SERVER_NAME(SNI_ONLY:ORIG_OR_HOST)%", "details_as_is": "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%",
    "first": first("TRACE_ID", {"command": "REQ", "param": "x-long", "max_length": 3}, {"command": "PATH", "param": "NQ"}), "first_none": first("TRACE_ID", "SPAN_ID"),
    "first_cut": first("PROTOCOL")[:-1] + ":6%",
    "ms_connect": "%COMMON_DURATION(US_CX_BEG:US_CX_END)%", "ms_to_connect": "%COMMON_DURATION(DS_RX_BEG:US_CX_BEG:us)%",
    "ms_body": "%COMMON_DURATION(US_RX_BEG:US_RX_BODY_BEG:ns)%", "ms_cx": "%COMMON_DURATION(DS_CX_BEG:DS_TX_END:ms)%",
    "ends": "%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON% %UPSTREAM_DETECTED_CLOSE_TYPE% %UPSTREAM_LOCAL_CLOSE_REASON%",
    "never": "%DOWNSTREAM_HANDSHAKE_DURATION% %DOWNSTREAM_PEER_ISSUER_SERIAL%",
    "mask": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%", "flags_short": "%RESPONSE_FLAGS%", "percent": "100%%",
}
JSON = {
    "code": "%RESPONSE_CODE%", "sent": "%BYTES_SENT%", "both": "%RESPONSE_CODE% %BYTES_SENT%", "none": "%REQ(X-NONE)%", "none_in_text": "a%REQ(X-NONE)%b", "quoted": "%REQ(X-QUOTED)%",
    "tab": "%REQ(X-TAB)%", "high": "%REQ(X-HIGH)%", "low": "%REQ(X-LOW)%", "list": ["%PROTOCOL%", 1, True], "deep": {"er": {"code": "%RESPONSE_CODE%", "path": "%REQ(:PATH)%"}},
    "first": first("RESPONSE_CODE"), "first_none": first("TRACE_ID"), "first_text": first("TRACE_ID", "PROTOCOL"),
    "number": 7, "truth": False, "text": "literal \"quoted\"", "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "grpc": "%GRPC_STATUS_NUMBER%", "note": "%CLUSTER_METADATA(n)%",
    "host_note": "%UPSTREAM_METADATA(n)%", "route_note": "%METADATA(ROUTE:n)%", "listener_note": "%METADATA(LISTENER:n)%", "chain_note": "%METADATA(LISTENER_FILTER_CHAIN:n:k)%",
    "vhost_note": "%METADATA(VIRTUAL_HOST:n:number)%", "flags": "%RESPONSE_FLAGS%", "empty": "",
}
SETTINGS = {"json": formatted(JSON)}


def test_alike(pair, case):
    alike(pair, case)
