"""Network filters in front of HTTP and of bytes: connection_limit, local_ratelimit and set_filter_state. And HTTP filters that a tree of matchers skips."""

import socket

from frame.case import Case
from frame.check import alike
from frame.client import outcome
from frame.write import get, route, router
from peers import bootstrap as b
from peers.bootstrap import any_of
from peers.message import Broken

SKIP = {"action": {"name": "skip", "typed_config": any_of("extensions.filters.common.matcher.action.v3.SkipFilter")}}
HEADER = {"name": "h", "typed_config": any_of("type.matcher.v3.HttpRequestHeaderMatchInput", header_name="x-skip")}
BY_MAP = {"matcher_tree": {"input": HEADER, "exact_match_map": {"map": {"yes": SKIP}}}}
BY_LIST = {"matcher_list": {"matchers": [{"predicate": {"single_predicate": {"input": HEADER, "value_match": {"prefix": "y"}}}, "on_match": SKIP}]}}


def in_front(name, message, log=False, **fields):
    """A setting: that network filter before the last one."""
    def change(listener, access_log, folder):
        filters = listener["filter_chains"][0]["filters"]
        filters.insert(0, {"name": name, "typed_config": any_of(f"extensions.filters.network.{name}.v3.{message}", **fields)})
        if log:
            listener["access_log"] = access_log
    return {"change": change}


def rate(tokens, log=False, **more):
    return in_front("local_ratelimit", "LocalRateLimit", log, stat_prefix="rate", token_bucket={"max_tokens": tokens, "fill_interval": "3600s"}, **more)


def limit(**more):
    return in_front("connection_limit", "ConnectionLimit", True, stat_prefix="limit", max_connections=1, **more)


def put(key, text, **more):
    return {"object_key": key, "factory_key": "envoy.string", "format_string": {"text_format_source": {"inline_string": text}}, **more}


def state(*values, log=False):
    return in_front("set_filter_state", "Config", log, on_new_connection=list(values))


def bytes_behind(setting, name):
    """The same before a tcp_proxy."""
    def change(listener, access_log, folder):
        setting["change"](listener, access_log, folder)
        listener["filter_chains"][0]["filters"][-1] = b.tcp(name, name, access_log=access_log)
    return {"change": change}


def ends_at_once(connection, host):
    try:
        connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        return [outcome(connection.read_response("GET"))]
    except (Broken, OSError):
        return [outcome(None, "ended")]


def one_too_many(connection, host):
    """A request, and while its connection is there one on another."""
    request = f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    connection.send(request)
    answer = outcome(connection.read_response("GET"))
    with socket.create_connection(connection.socket.getpeername(), timeout=20) as other:
        try:
            other.sendall(request)
            data = other.recv(1)
        except OSError:
            data = b""
    return [answer, outcome(None, "answered" if data else "ended")]


def skipping(matcher, **more):
    inner = {"name": "inner", "typed_config": any_of("extensions.filters.http.header_mutation.v3.HeaderMutation", mutations={
        "request_mutations": [{"append": {"header": {"key": "x-m", "value": "on"}}}], "response_mutations": [{"append": {"header": {"key": "x-r", "value": "on"}}}]})}
    made = router()
    made.insert(0, {"name": "some", "typed_config": any_of("extensions.common.matching.v3.ExtensionWithMatcher", extension_config=inner, xds_matcher=matcher)})
    return {"http_filters": made, **more}


def of_route(**fields):
    return {**route(), "typed_per_filter_config": {"some": any_of("extensions.common.matching.v3.ExtensionWithMatcherPerRoute", **fields)}}


RATE = ("local_rate_limit.rate.rate_limited", "l.downstream_cx_total")
BYTES = ("log.sent",)  # of a connection: the digits of x-envoy-upstream-service-time are among them
LIMIT = ("connection_limit.limit.limited_connections", "l.downstream_cx_total")
CASES = [
    Case("rate-of-connections", [get(), get()], setting="rate", stats=RATE), Case("rate-exceeded", client=ends_at_once, setting="none", lines=1, stats=RATE),
    Case("limit-of-connections", client=one_too_many, setting="limit", lines=3, stats=LIMIT, ignored=BYTES),
    Case("limit-switched-off", client=one_too_many, setting="limitoff", lines=4, stats=LIMIT, ignored=BYTES),
    Case("rate-switched-off", setting="off", stats=RATE), Case("state-of-connection", [get(), get("/2")], setting="state"),
    Case("state-of-bytes", setting="statebytes", lines=1), Case("state-of-connection-in-its-line", setting="stateline", lines=2, ignored=BYTES),
    Case("skip-by-map", [get("/", ("x-skip", "yes")), get("/", ("x-skip", "no")), get()], setting="skipmap"),
    Case("skip-by-list", [get("/", ("x-skip", "yes")), get("/", ("x-skip", "no")), get()], setting="skiplist"),
    Case("skip-of-route", [get(), get("/", ("x-skip", "yes"))], [of_route(xds_matcher={"on_no_match": SKIP})], setting="skipmap"),
    Case("skip-our-own-answer", [get("/", ("x-skip", "yes")), get()], [{"match": {"prefix": "/"}, "direct_response": {"status": 418}}], setting="skipmap"),
]
STATE = (put("k", "from %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"), put("l", "<%FILTER_STATE(k:PLAIN)%>", read_only=True))
SETTINGS = {
    "limit": limit(), "limitoff": limit(runtime_enabled={"default_value": False, "runtime_key": "none"}),
    "rate": rate(1000), "off": rate(1, runtime_enabled={"default_value": False, "runtime_key": "none"}), "state": state(*STATE),
    "statebytes": bytes_behind(state(*STATE), "state-of-bytes"), "stateline": state(*STATE, log=True),
    "skipmap": skipping(BY_MAP), "skiplist": skipping(BY_LIST),
}
OPERATORS = {"k": "%FILTER_STATE(k:PLAIN)%", "l": "%FILTER_STATE(l:PLAIN)%", "k_field": "%FILTER_STATE(k:FIELD:x)%",
             "down_end": "%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON%"}


def used_up():
    """No token is left when the case begins: its filter stands twice, and the first takes the only one."""
    def change(listener, access_log, folder):
        filter_ = {"name": "rate", "typed_config": any_of("extensions.filters.network.local_ratelimit.v3.LocalRateLimit", stat_prefix="rate", share_key="one",
                                                          token_bucket={"max_tokens": 1, "fill_interval": "3600s"})}
        listener["filter_chains"][0]["filters"][:0] = [filter_, {**filter_, "name": "again"}]
        listener["access_log"] = access_log
    return {"change": change}


SETTINGS["none"] = used_up()


def test_alike(pair, case):
    alike(pair, case)
