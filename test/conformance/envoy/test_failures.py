"""When there is no good answer: local replies with their flags and details, retries, timeouts, breakers."""

from frame.case import REFUSES, SILENT, Case, Cluster, Cut, Hang, Part, Raw
from frame.check import alike
from frame.write import get, grpc, ok, route
from peers.message import Request

FAST = {"retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"}}


def retry(on, times=2, **more):
    return {"retry_policy": {"retry_on": on, "num_retries": times, **FAST, **more}}


def control(name, value):
    """A request from inside with a field that asks for something."""
    return get("/", (name, value))


def status(code, *fields):
    return ok(*fields, status=code, body=b"failed\n")


RETRIES = ("c.upstream_rq_retry_backoff_exponential", "c.retry_or_shadow_abandoned")
REFUSED = {"": Cluster(hosts=[REFUSES])}
ONE_DEAD = {"": Cluster(hosts=[REFUSES, None])}
H2 = {"": Cluster("h2")}
TIGHT = {"circuit_breakers": {"thresholds": [{"max_connections": 1, "max_pending_requests": 0, "max_requests": 1}]}}

CASES = [
    Case("fail-no-route", routes=[route(match={"prefix": "/x"})]),
    Case("fail-no-hosts", clusters={"": Cluster(hosts=[])}),
    Case("fail-connect-refused", clusters=REFUSED),
    Case("fail-connect-timeout", clusters={"": Cluster(hosts=[SILENT], fields={"connect_timeout": "0.1s"})}),
    Case("fail-closed-before-answer", upstream=[Cut()]),
    Case("fail-reset-before-answer", upstream=[Cut(reset=True)]),
    Case("fail-closed-in-length", upstream=[Part(ok(body=b"abc"), length=10)]),
    Case("fail-closed-in-chunks", upstream=[Part(ok(body=b"abc"))]),
    Case("fail-closed-in-head", upstream=[Raw(b"HTTP/1.1 200 OK\r\nx-a: b\r\n")]),
    Case("fail-no-http", upstream=[Raw(b"SSH-2.0-OpenSSH_9\r\n\r\n")]),
    Case("fail-bad-length", upstream=[Raw(b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nab")]),
    Case("fail-two-lengths", upstream=[Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab")]),
    Case("fail-length-and-chunked", upstream=[Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")]),
    Case("fail-nul-in-field", upstream=[Raw(b"HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 0\r\n\r\n")]),
    Case("fail-bad-status", upstream=[Raw(b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n")]),
    Case("fail-bad-chunk", upstream=[Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")], ignored=("response.body", "log.sent")),
    Case("fail-large-head", upstream=[Raw(b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 90000 + b"\r\ncontent-length: 0\r\n\r\n")]),
    Case("fail-many-fields", upstream=[Raw(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 110 + b"content-length: 0\r\n\r\n")]),
    Case("fail-unframed", upstream=[Raw(b"HTTP/1.1 200 OK\r\nx-a: b\r\n\r\nto the end")]),
    Case("fail-unasked-101", upstream=[Raw(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")]),
    Case("fail-http2-reset", upstream=[Cut(code=2)], clusters=H2),
    Case("fail-http2-refused", upstream=[Cut(code=7)], clusters=H2),
    Case("fail-http2-no-error", upstream=[Cut(code=0)], clusters=H2),
    Case("fail-http2-closed", upstream=[Cut(reset=True)], clusters=H2),
    Case("fail-http2-is-http1", upstream=[ok()], clusters={"": Cluster("h1"), "b": Cluster("h2")}, routes=[route()]),

    Case("timeout-route", routes=[route(timeout="0.15s")], upstream=[Hang()]),
    Case("timeout-route-off", routes=[route(timeout="0s")]),
    Case("timeout-in-body", routes=[route(timeout="0.15s")], upstream=[Part(ok(body=b"abc"), then=Hang())]),
    Case("timeout-in-body-to-http2", routes=[route(timeout="0.15s")], upstream=[Part(ok(body=b"abc"), then=Hang())], protocol="h2"),
    Case("timeout-idle-of-route", routes=[route(timeout="0s", idle_timeout="0.15s")], upstream=[Hang()]),
    Case("timeout-idle-in-body", routes=[route(timeout="0s", idle_timeout="0.15s")], upstream=[Part(ok(body=b"abc"), then=Hang())]),
    Case("timeout-idle-incomplete-request", [b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: 5\r\n\r\nab"], [route(timeout="0s", idle_timeout="0.15s")]),
    Case("timeout-duration-of-route", routes=[route(max_stream_duration={"max_stream_duration": "0.15s"})], upstream=[Hang()]),
    Case("timeout-grpc-header", [grpc("/x/y", ("grpc-timeout", "150m"))], [route(max_stream_duration={"grpc_timeout_header_max": "10s"})], upstream=[Hang()],
         clusters=H2, protocol="h2"),
    Case("timeout-grpc-header-passed", [grpc("/x/y", ("grpc-timeout", "3S")), grpc("/x/y", ("grpc-timeout", "20S"))],
         [route(max_stream_duration={"grpc_timeout_header_max": "10s", "grpc_timeout_header_offset": "1s"})], clusters=H2, protocol="h2"),
    Case("timeout-grpc-route", [grpc()], [route(timeout="0.15s")], upstream=[Hang()], clusters=H2, protocol="h2"),
    Case("timeout-of-manager-duration", setting="duration", upstream=[Hang()]),
    Case("timeout-of-manager-idle", setting="idle", upstream=[Hang()]),
    Case("timeout-of-request", [b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: 5\r\n\r\nab"], setting="request"),
    Case("timeout-of-head", [b"POST / HTTP/1.1\r\nhost: "], setting="head"),
    Case("timeout-of-cluster-duration", clusters={"": Cluster(http_options={"common_http_protocol_options": {"max_stream_duration": "0.15s"}})}, upstream=[Hang()]),

    Case("retry-5xx", routes=[route(**retry("5xx"))], upstream=[status(500), status(503), ok()], stats=RETRIES),
    Case("retry-5xx-used-up", routes=[route(**retry("5xx", 1))], upstream=[status(500)], stats=RETRIES),
    Case("retry-5xx-on-close", routes=[route(**retry("5xx"))], upstream=[Cut(), ok()]),
    Case("retry-5xx-not-4xx", routes=[route(**retry("5xx"))], upstream=[status(404)]),
    Case("retry-gateway-error", routes=[route(**retry("gateway-error"))], upstream=[status(502), status(504), ok()]),
    Case("retry-gateway-error-not-500", routes=[route(**retry("gateway-error"))], upstream=[status(500)]),
    Case("retry-reset", routes=[route(**retry("reset"))], upstream=[Cut(), ok()]),
    Case("retry-reset-not-503", routes=[route(**retry("reset"))], upstream=[status(503)]),
    Case("retry-reset-used-up", routes=[route(**retry("reset", 2))], upstream=[Cut()]),
    Case("retry-reset-before-request", [Request("POST", body=b"abc")], [route(**retry("reset-before-request"))], upstream=[Cut()]),
    Case("retry-reset-http2", routes=[route(**retry("reset"))], upstream=[Cut(code=2), ok()], clusters=H2),
    Case("retry-connect-failure", [get(), get()], [route(**retry("connect-failure"))], clusters=ONE_DEAD,
         ignored=("stat.c", "log.attempts", "upstream.fields")),  # which host is the first is left to chance
    Case("retry-connect-failure-used-up", routes=[route(**retry("connect-failure"))], clusters=REFUSED),
    Case("retry-connect-failure-not-close", routes=[route(**retry("connect-failure"))], upstream=[Cut()]),
    Case("retry-refused-stream", routes=[route(**retry("refused-stream"))], upstream=[Cut(code=7), ok()], clusters=H2),
    Case("retry-refused-stream-not-other-reset", routes=[route(**retry("refused-stream"))], upstream=[Cut(code=2), ok()], clusters=H2),
    Case("retry-4xx", routes=[route(**retry("retriable-4xx"))], upstream=[status(409), ok()]),
    Case("retry-4xx-not-404", routes=[route(**retry("retriable-4xx"))], upstream=[status(404), ok()]),
    Case("retry-status-codes", routes=[route(**retry("retriable-status-codes", retriable_status_codes=[418, 429]))], upstream=[status(418), status(429), ok()]),
    Case("retry-ratelimited", routes=[route(**retry("envoy-ratelimited"))], upstream=[status(429, ("x-envoy-ratelimited", "true")), ok()]),
    Case("retry-5xx-ratelimited-is-final", routes=[route(**retry("5xx"))], upstream=[status(503, ("x-envoy-ratelimited", "true")), ok()]),
    Case("retry-grpc", [grpc()], [route(**retry("unavailable,cancelled"))], clusters=H2, protocol="h2",
         upstream=[ok(("grpc-status", "14"), body=b""), ok(("grpc-status", "1"), body=b""), ok(("grpc-status", "0"), body=b"")]),
    Case("retry-grpc-other-status", [grpc()], [route(**retry("unavailable"))], clusters=H2, protocol="h2",
         upstream=[ok(("grpc-status", "13"), body=b""), ok(("grpc-status", "0"), body=b"")]),
    Case("retry-grpc-not-in-trailers", [grpc()], [route(**retry("unavailable"))], clusters=H2, protocol="h2",
         upstream=[ok(body=b"\0\0\0\0\0", trailers=[("grpc-status", "14")])]),
    Case("retry-grpc-names", [grpc()], [route(**retry("deadline-exceeded,resource-exhausted,internal", 3))], clusters=H2, protocol="h2",
         upstream=[ok(("grpc-status", code), body=b"") for code in ("4", "8", "13", "0")]),
    Case("retry-several-words", routes=[route(**retry("reset,retriable-4xx,gateway-error", 3))], upstream=[Cut(), status(409), status(502), ok()]),
    Case("retry-none", upstream=[status(503)]),
    Case("retry-with-body", [Request("POST", body=b"a body")], [route(**retry("5xx"))], upstream=[status(503), ok()]),
    Case("retry-of-virtual-host", vhost=retry("5xx"), upstream=[status(503), ok()]),
    Case("retry-route-over-virtual-host", routes=[route(**retry("reset"))], vhost=retry("5xx"), upstream=[status(503), ok()]),
    Case("retry-attempt-count", routes=[route(**retry("5xx"))], upstream=[status(503), ok()],
         vhost={"include_request_attempt_count": True, "include_attempt_count_in_response": True}),
    Case("retry-per-try-timeout", routes=[route(**retry("5xx", per_try_timeout="0.1s"))], upstream=[Hang(), ok()]),
    Case("retry-per-try-timeout-used-up", routes=[route(**retry("5xx", 1, per_try_timeout="0.1s"))], upstream=[Hang()]),
    Case("retry-per-try-timeout-not-retried", routes=[route(**retry("connect-failure", per_try_timeout="0.1s"))], upstream=[Hang()]),
    Case("retry-per-try-idle-timeout", routes=[route(**retry("5xx", per_try_idle_timeout="0.1s"))], upstream=[Hang(), ok()]),
    Case("retry-within-route-timeout", routes=[route(timeout="0.15s", **retry("5xx"))], upstream=[status(503), Hang()]),

    Case("ask-timeout", [control("x-envoy-upstream-rq-timeout-ms", "150")], setting="internal", upstream=[Hang()]),
    Case("ask-timeout-alt-response", [get("/", ("x-envoy-upstream-rq-timeout-ms", "150"), ("x-envoy-upstream-rq-timeout-alt-response", "204"))], setting="internal",
         upstream=[Hang()]),
    Case("ask-per-try-timeout", [get("/", ("x-envoy-upstream-rq-per-try-timeout-ms", "100"), ("x-envoy-retry-on", "5xx"))], setting="internal", upstream=[Hang(), ok()]),
    Case("ask-retry", [get("/", ("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "3"))], setting="internal", upstream=[status(500), status(500), status(500), ok()]),
    Case("ask-retry-default-number", [control("x-envoy-retry-on", "5xx")], setting="internal", upstream=[status(500), status(500), ok()]),
    Case("ask-retry-grpc", [grpc("/x/y", ("x-envoy-retry-grpc-on", "unavailable"))], setting="internal", clusters=H2, protocol="h2",
         upstream=[ok(("grpc-status", "14"), body=b""), ok(("grpc-status", "0"), body=b"")]),
    Case("ask-retriable-status-codes", [get("/", ("x-envoy-retry-on", "retriable-status-codes"), ("x-envoy-retriable-status-codes", "418,x,429"))], setting="internal",
         upstream=[status(429), ok()]),
    Case("ask-retry-beside-policy", [get("/", ("x-envoy-retry-on", "retriable-4xx"))], [route(**retry("5xx", 3))], setting="internal",
         upstream=[status(409), status(500), ok()]),
    Case("ask-odd-numbers", [control("x-envoy-upstream-rq-timeout-ms", value) for value in ("x", "-5", "0", "15s", "99999999999999999999")], setting="internal"),
    Case("ask-from-outside", [get("/", ("x-envoy-retry-on", "5xx"), ("x-envoy-upstream-rq-timeout-ms", "1"), ("x-envoy-max-retries", "3"))], upstream=[status(500), ok()]),

    Case("breaker-no-pending", clusters={"": Cluster(fields=TIGHT)}, stats=("c.circuit_breakers.default.rq_open", "c.circuit_breakers.default.rq_pending_open")),
    Case("breaker-no-retries", routes=[route(**retry("5xx"))], upstream=[status(503), ok()],
         clusters={"": Cluster(fields={"circuit_breakers": {"thresholds": [{"max_retries": 0}]}})}),
    Case("breaker-no-requests", clusters={"": Cluster(fields={"circuit_breakers": {"thresholds": [{"max_requests": 0}]}})}),
    Case("breaker-of-high-priority", routes=[route(priority="HIGH")],
         clusters={"": Cluster(fields={"circuit_breakers": {"thresholds": [{"priority": "HIGH", "max_pending_requests": 0}]}})}),

    Case("grpc-fail-no-route", [grpc()], [route(match={"prefix": "/x"})], protocol="h2"),
    Case("grpc-fail-no-hosts", [grpc()], clusters={"": Cluster("h2", hosts=[])}, protocol="h2"),
    Case("grpc-fail-refused", [grpc()], clusters={"": Cluster("h2", hosts=[REFUSES])}, protocol="h2"),
    Case("grpc-fail-reset", [grpc()], clusters=H2, upstream=[Cut()], protocol="h2"),
    Case("grpc-fail-over-http1", [grpc()], clusters=REFUSED),
    Case("grpc-fail-unknown-cluster", [grpc()], [{"match": {"prefix": "/"}, "route": {"cluster_header": "x-c"}}], protocol="h2"),
    Case("grpc-direct-statuses", [grpc(f"/{code}", body=b"") for code in (200, 400, 401, 403, 404, 429, 500, 502, 503, 504)],
         [{"match": {"path": f"/{code}"}, "direct_response": {"status": code, "body": {"inline_string": f"c\u00e4 %{code}"}}}
          for code in (200, 400, 401, 403, 404, 429, 500, 502, 503, 504)], protocol="h2"),
]
SETTINGS = {
    "duration": {"common_http_protocol_options": {"max_stream_duration": "0.15s"}},
    "idle": {"stream_idle_timeout": "0.15s"},
    "request": {"request_timeout": "0.15s"},
    "head": {"request_headers_timeout": "0.15s"},
    "internal": {"use_remote_address": True, "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}},
}


def test_alike(pair, case):
    alike(pair, case)
