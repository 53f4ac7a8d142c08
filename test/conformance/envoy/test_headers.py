"""What routes do to messages: header edits at every level, redirects, rewrites, direct answers."""

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import adding, get, gets, ok, route, router, said
from peers.message import Request

ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS")


def each_action(**more):
    return [adding(f"x-{number}", f"new {action}", action) for number, action in enumerate(ACTIONS)]


def formatted(*texts):
    return [adding(f"x-f{number}", text) for number, text in enumerate(texts)]


WITH_ALL = [(f"x-{number}", "old") for number in range(4)]

REQUEST_FORMATTERS = (
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_LOCAL_ADDRESS%", "%PROTOCOL%", "%REQ(:method)%-%REQ(x-none)%-%REQ(x-a?x-b)%",
    "%REQ(x-long):3%", "100%%", "%ROUTE_NAME%", "%REQ(:authority)%", "%UPSTREAM_CLUSTER%", "%HOSTNAME%"[:0] + "literal", "%REQ(x-none)%",
    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "%QUERY_PARAM(q)%", "%PATH(NQ)%", "%VIRTUAL_CLUSTER_NAME%"[:0] + "x%REQ(host)%x")
RESPONSE_FORMATTERS = (
    "%RESPONSE_CODE%", "%RESPONSE_CODE_DETAILS%", "%RESPONSE_FLAGS%", "%RESP(x-up)%", "%UPSTREAM_HOST%", "%UPSTREAM_CLUSTER%", "%REQ(x-a)%",
    "%BYTES_RECEIVED%", "%PROTOCOL%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "%UPSTREAM_PROTOCOL%")

CASES = [
    Case("edit-request-actions-present", [get("/", *WITH_ALL)], [{**route(), "request_headers_to_add": each_action()}]),
    Case("edit-request-actions-absent", [get()], [{**route(), "request_headers_to_add": each_action()}]),
    Case("edit-response-actions-present", [get()], [{**route(), "response_headers_to_add": each_action()}], upstream=[ok(*WITH_ALL)]),
    Case("edit-response-actions-absent", [get()], [{**route(), "response_headers_to_add": each_action()}]),
    Case("edit-append-flag", [get("/", ("x-a", "1"), ("x-b", "1"))],
         [{**route(), "request_headers_to_add": [{**adding("x-a", "2"), "append": True}, {**adding("x-b", "2"), "append": False}]}]),
    Case("edit-several-lines", [get("/", ("x-0", "a"), ("x-0", "b"), ("x-2", "a"), ("x-2", "b"))], [{**route(), "request_headers_to_add": each_action()}]),
    Case("edit-levels", [get("/", ("x-gone", "1"))],
         [{"match": {"prefix": "/"}, "request_headers_to_add": [adding("x-level", "route")], "response_headers_to_add": [adding("x-level", "route")],
           "request_headers_to_remove": ["x-gone"],
           "route": {"weighted_clusters": {"clusters": [{
               "name": "@", "weight": 1, "request_headers_to_add": [adding("x-level", "cluster")],
               "response_headers_to_add": [adding("x-level", "cluster")], "response_headers_to_remove": ["x-up"]}]}}}],
         {"request_headers_to_add": [adding("x-level", "host")], "response_headers_to_add": [adding("x-level", "host")]}, setting="levels"),
    Case("edit-levels-specific-wins", [get()],
         [{**route(), "request_headers_to_add": [adding("x-level", "route", "OVERWRITE_IF_EXISTS_OR_ADD")],
           "response_headers_to_add": [adding("x-level", "route", "OVERWRITE_IF_EXISTS_OR_ADD")]}],
         {"request_headers_to_add": [adding("x-level", "host", "OVERWRITE_IF_EXISTS_OR_ADD")],
          "response_headers_to_add": [adding("x-level", "host", "OVERWRITE_IF_EXISTS_OR_ADD")]}, setting="specific"),
    Case("edit-remove", [get("/", ("x-a", "1"), ("X-B", "2"), ("x-a", "3"), ("user-agent", "u"))],
         [{**route(), "request_headers_to_remove": ["X-A", "user-agent"], "response_headers_to_remove": ["x-up", "server", "date"]}]),
    Case("edit-remove-then-add", [get("/", ("x-a", "1"))], [{**route(), "request_headers_to_remove": ["x-a"], "request_headers_to_add": [adding("x-a", "2")]}]),
    Case("edit-empty-value", [get("/", ("x-a", "1"))],
         [{**route(), "request_headers_to_add": [adding("x-0", ""), {**adding("x-1", ""), "keep_empty_value": True}, adding("x-2", "%REQ(x-none)%")]}]),
    Case("edit-direct-response", [get("/", ("x-a", "1"))],
         [{"match": {"prefix": "/"}, **said("d"), "response_headers_to_add": [adding("x-1", "%RESPONSE_CODE%"), adding("x-2", "%REQ(x-a)%")]}]),
    Case("edit-local-reply", [get()], [{**route(), "response_headers_to_add": [adding("x-1", "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%")]}],
         clusters={"": Cluster(hosts=[])}),
    Case("edit-of-no-route", gets("/x"), [route(match={"prefix": "/a"})], {"response_headers_to_add": [adding("x-1", "y")]}),
    Case("edit-request-formatters", [get("/p?q=1", ("x-b", "b"), ("x-long", "abcdef"))],
         [{**route(), "name": "the route", "request_headers_to_add": formatted(*REQUEST_FORMATTERS)}]),
    Case("edit-response-formatters", [get("/", ("x-a", "a"))], [{**route(), "response_headers_to_add": formatted(*RESPONSE_FORMATTERS)}]),
    Case("edit-host", [get()], [{**route(), "request_headers_to_add": [adding("x-h", "%REQ(host)%")], "request_headers_to_remove": ["x-request-id"]}]),
    Case("edit-status-and-content-type", [get()], [{**route(), "response_headers_to_add": [adding("content-type", "a/b", "OVERWRITE_IF_EXISTS_OR_ADD")]}],
         upstream=[ok(("content-type", "c/d"))]),
    Case("edit-http2", [get("/", ("x-a", "1"))], [{**route(), "request_headers_to_add": [adding("X-A", "2")], "response_headers_to_add": [adding("X-B", "c")]}],
         protocol="h2", clusters={"": Cluster("h2")}),

    Case("redirect-host", gets("/a?b=c"), [{"match": {"prefix": "/"}, "redirect": {"host_redirect": "other.test"}}]),
    Case("redirect-https", [get("/a"), get("/a", authority="@host:80"), get("/a", authority="@host:8080")],
         [{"match": {"prefix": "/"}, "redirect": {"https_redirect": True}}], setting="ports"),
    Case("redirect-scheme", gets("/a"), [{"match": {"prefix": "/"}, "redirect": {"scheme_redirect": "ftp"}}]),
    Case("redirect-port", [get("/a"), get("/a", authority="@host:81")], [{"match": {"prefix": "/"}, "redirect": {"port_redirect": 8443}}], setting="ports"),
    Case("redirect-https-and-port", [get("/a"), get("/a", authority="@host:81")],
         [{"match": {"prefix": "/"}, "redirect": {"port_redirect": 443, "https_redirect": True}}], setting="ports"),
    Case("redirect-path", gets("/a?b=c"), [{"match": {"prefix": "/"}, "redirect": {"path_redirect": "/x"}}]),
    Case("redirect-path-with-query", gets("/a?b=c", "/a"), [{"match": {"prefix": "/"}, "redirect": {"path_redirect": "/x?y=z"}}]),
    Case("redirect-prefix", gets("/a/b?c", "/a", "/ab"), [{"match": {"prefix": "/a"}, "redirect": {"prefix_rewrite": "/z"}}]),
    Case("redirect-regex", gets("/a/12?c", "/a/x"),
         [{"match": {"prefix": "/"}, "redirect": {"regex_rewrite": {"pattern": {"regex": "/([a-z])/([0-9]+)"}, "substitution": "/\\2/\\1"}}}]),
    Case("redirect-strip-query", gets("/a?b=c"), [{"match": {"prefix": "/"}, "redirect": {"host_redirect": "o.test", "strip_query": True}}]),
    Case("redirect-codes", gets("/1", "/2", "/3", "/4", "/5"),
         [{"match": {"path": f"/{number}"}, "redirect": {"path_redirect": "/x", "response_code": code}}
          for number, code in enumerate(("MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"), 1)], stats=("h.rq_redirect",)),
    Case("redirect-with-headers", gets("/a"),
         [{"match": {"prefix": "/"}, "redirect": {"path_redirect": "/b"}, "response_headers_to_add": [adding("x-1", "y"), adding("cache-control", "no-store")]}]),
    Case("redirect-post", [Request("POST", "/a", [("content-length", "0")])], [{"match": {"prefix": "/"}, "redirect": {"path_redirect": "/b"}}]),

    Case("rewrite-prefix", gets("/a/b?c", "/a", "/ab"), [route(match={"prefix": "/a"}, prefix_rewrite="/z")]),
    Case("rewrite-prefix-to-root", gets("/a/b", "/a", "/a/"), [route(match={"prefix": "/a/"}, prefix_rewrite="/"), route(match={"path": "/a"}, prefix_rewrite="/")]),
    Case("rewrite-separated-prefix", gets("/a/b?c", "/a"), [route(match={"path_separated_prefix": "/a"}, prefix_rewrite="/z")]),
    Case("rewrite-path", gets("/a?b"), [route(match={"path": "/a"}, prefix_rewrite="/z/y")]),
    Case("rewrite-case-insensitive", gets("/A/b"), [route(match={"prefix": "/a", "case_sensitive": False}, prefix_rewrite="/z")]),
    Case("rewrite-regex", gets("/a/12/b?x=/a/12", "/none"),
         [route(regex_rewrite={"pattern": {"regex": "/a/([0-9]+)"}, "substitution": "/z/\\1/\\0"})]),
    Case("rewrite-regex-every-time", gets("/aXbXc"), [route(regex_rewrite={"pattern": {"regex": "X"}, "substitution": "-"})]),
    Case("rewrite-host-literal", [get(), get("/", ("x-envoy-original-host", "forged"))], [route(host_rewrite_literal="other.test")]),
    Case("rewrite-host-header", [get("/", ("x-to", "there.test")), get(), get("/", ("x-to", ""))], [route(host_rewrite_header="x-to")]),
    Case("rewrite-host-by-path", gets("/there.test/x", "/"),
         [route(host_rewrite_path_regex={"pattern": {"regex": "^/([a-z.]+)/.*$"}, "substitution": "\\1"})]),
    Case("rewrite-host-append-forwarded", [get(), get("/", ("x-forwarded-host", "first.test"))], [route(host_rewrite_literal="other.test", append_x_forwarded_host=True)]),
    Case("rewrite-host-of-weighted", [get()],
         [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": "@", "weight": 1, "host_rewrite_literal": "w.test"}]}}}]),
    Case("rewrite-original-path-forged", [get("/a", ("x-envoy-original-path", "/forged"))], [route(prefix_rewrite="/z")]),
    Case("rewrite-path-not-forged", [get("/a", ("x-envoy-original-path", "/forged"))]),

    Case("direct-body", gets("/"), [{"match": {"prefix": "/"}, **said("hello")}]),
    Case("direct-empty", gets("/"), [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]),
    Case("direct-status", gets("/200", "/204", "/301", "/404", "/503", "/599"),
         [{"match": {"path": f"/{status}"}, "direct_response": {"status": status}} for status in (200, 204, 301, 404, 503, 599)]),
    Case("direct-head", [Request("HEAD")], [{"match": {"prefix": "/"}, **said("hello")}]),
    Case("direct-http2", [get(), Request("HEAD"), get("/204")], [{"match": {"path": "/204"}, "direct_response": {"status": 204}}, {"match": {"prefix": "/"}, **said("hello")}],
         protocol="h2"),
    Case("direct-post", [Request("POST", body=b"abc")], [{"match": {"prefix": "/"}, **said("hello")}]),
    Case("direct-content-type", gets("/"),
         [{"match": {"prefix": "/"}, **said("{}"), "response_headers_to_add": [adding("content-type", "application/json", "OVERWRITE_IF_EXISTS_OR_ADD")]}]),

    Case("attempt-count", [get("/", ("x-envoy-attempt-count", "9"))], [route()], {"include_request_attempt_count": True, "include_attempt_count_in_response": True}),
    Case("cluster-header", [get("/", ("x-c", "cluster-header")), get("/", ("x-c", "nobody")), get(), get("/", ("x-c", ""))],
         [{"match": {"prefix": "/"}, "route": {"cluster_header": "x-c"}}]),
    Case("cluster-header-other-status", [get()],
         [{"match": {"prefix": "/"}, "route": {"cluster_header": "x-c", "cluster_not_found_response_code": "NOT_FOUND"}}]),
    Case("cluster-unknown", [get()], [{"match": {"prefix": "/"}, "route": {"cluster": "nobody"}}], setting="unvalidated"),
    Case("suppressed-envoy-headers", [get()], setting="suppressed"),
    Case("upstream-has-our-fields", [get()],
         upstream=[ok(("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("server", "up"), ("x-envoy-upstream-service-time", "7"), ("x-request-id", "u"))]),
]
SETTINGS = {
    "levels": {"table": {"request_headers_to_add": [adding("x-level", "table")], "response_headers_to_add": [adding("x-level", "table")],
                         "request_headers_to_remove": ["x-none"], "response_headers_to_remove": ["x-none"]}},
    "specific": {"table": {"most_specific_header_mutations_wins": True,
                           "request_headers_to_add": [adding("x-level", "table", "OVERWRITE_IF_EXISTS_OR_ADD")],
                           "response_headers_to_add": [adding("x-level", "table", "OVERWRITE_IF_EXISTS_OR_ADD")]}},
    "ports": {"table": {"ignore_port_in_host_matching": True}},
    "unvalidated": {"table": {"validate_clusters": False}},
    "suppressed": {"http_filters": router()[:-1] + [{**router()[-1], "typed_config": {**router()[-1]["typed_config"], "suppress_envoy_headers": True}}]},
}


def test_alike(pair, case):
    alike(pair, case)
