"""What becomes of a request before a route is chosen: who asks, which path and host are meant, and HTTP/1 at its edges."""

from frame.case import REFUSES, Case, Cluster, Raw
from frame.check import alike
from frame.client import outcome
from frame.write import adding, get, gets, ok, route, said
from peers.bootstrap import any_of
from peers.message import Request, Response

INTERNAL = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}, {"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
EDGE = {"use_remote_address": True}


def forwarded(value):
    return get("/", ("x-forwarded-for", value))


XFF = [get(), forwarded("192.0.2.1"), forwarded("192.0.2.1, 192.0.2.2"), forwarded("10.0.0.1"), forwarded("192.0.2.1,10.0.0.1"), forwarded("10.0.0.1, 192.0.2.1"),
       forwarded("nonsense"), forwarded(""), get("/", ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.3")), forwarded("192.0.2.1:80"), forwarded("::1")]
WHO = [get(), forwarded("192.0.2.1"), forwarded("192.0.2.1, 192.0.2.2"), forwarded("10.0.0.1"), forwarded("8.8.8.8,10.0.0.1, 192.0.2.2"), forwarded("nonsense"),
       forwarded("8.8.8.8,nonsense,192.0.2.1")] + [get("/", ("x-real", value), ("x-forwarded-for", "8.8.8.8")) for value in (
           "10.1.1.1", "2001:db8::1", "[2001:db8::1]", "10.1.1.1:80", "nobody", "")]
CONTROLS = [(f"x-envoy-{name}", "1") for name in (
    "decorator-operation", "downstream-service-cluster", "downstream-service-node", "expected-rq-timeout-ms", "external-address", "force-trace", "internal",
    "ip-tags", "max-retries", "retry-grpc-on", "retry-on", "hedge-on-per-try-timeout", "retriable-status-codes", "retriable-header-names",
    "upstream-alt-stat-name", "upstream-rq-per-try-timeout-ms", "upstream-rq-timeout-alt-response", "upstream-rq-timeout-ms", "original-path",
    "original-host", "attempt-count", "unknown")] + [
    ("x-forwarded-client-cert", "By=x"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "h"), ("x-forwarded-port", "1"), ("x-client-trace-id", "t")]
SAME_ID = "11111111-2222-4333-8444-555555555555"
PATHS = ("/a/../b", "/a/./b", "/../../a", "/a//b", "//a", "/a/%2e%2e/b", "/a/.%2E/b", "/%61", "/%7e", "/a%2fb", "/a%5cb", "/a\\b", "/a/..%2fb", "/a?x=/../y//z",
         "/a/%252e%252e/b", "/a;p/../b", "/a/..;x/b", "/%zz", "/%", "/a/b/..", "/a/", "/.", "/..", "/a/%c3%a9", "/a%20b", "/%41%2d%5F")


PROPER = {"header_key_format": {"proper_case_words": {}}}
SPELLED = b"POST /a HTTP/1.1\r\nhOsT: @host\r\nX-ONE: 1\r\ncontent-Type: t\r\nX_two: 2\r\nUSER-agent: me\r\nTransfer-ENCODING: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


def detecting(*extensions):
    """A setting: each extension by its type's name and fields."""
    return {**INTERNAL, "original_ip_detection_extensions": [
        {"name": "e", "typed_config": any_of(f"extensions.http.original_ip_detection.{type_}", **fields)} for type_, fields in extensions]}


def by_xff(**fields):
    return "xff.v3.XffConfig", fields


def by_field(**fields):
    return "custom_header.v3.CustomHeaderConfig", {"header_name": "x-real", **fields}


def trusting(*addresses, **fields):
    return by_xff(xff_trusted_cidrs={"cidrs": [{"address_prefix": address, "prefix_len": bits} for address, bits in addresses]}, **fields)


def early(*mutations):
    return {"early_header_mutation_extensions": [{"name": "e", "typed_config": any_of(
        "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=list(each))} for each in mutations]}


OURS = (("127.0.0.0", 8), ("192.0.2.0", 24))
OVER = "OVERWRITE_IF_EXISTS_OR_ADD"


def kept(**fields):
    formatter = any_of("extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig", **fields)
    return {"header_key_format": {"stateful_formatter": {"name": "preserve_case", "typed_config": formatter}}}


def spelled(options, protocol="h1"):
    return {"": Cluster(protocol, http_options={"explicit_http_config": {"http_protocol_options": options}} if options else {})}


def ended(config, match=None):
    return route(match=match or {"connect_matcher": {}}, upgrade_configs=[{"upgrade_type": "CONNECT", "connect_config": config}])


def within_connect(connection, host):
    """A request within a CONNECT, and then the end."""
    connection.send(f"CONNECT {host}:80 HTTP/1.1\r\nhost: {host}:80\r\n\r\n".encode())
    head = connection.read_head()
    answers = [outcome(head)]
    if head.status == 200:
        connection.send(b"GET /inner HTTP/1.1\r\nHost: inner\r\n\r\n")
        answers.append(outcome(connection.read_response()))
    connection.close()
    return answers


SPELLED_ANSWER = Raw(b"HTTP/1.1 200 Quite Fine\r\nX-UP: 1\r\nserver: up\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-LENGTH: 2\r\n\r\nhi", keep=True)


def with_reason(connection, host):
    """An answer whose body is the reason that it had."""
    connection.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    response = connection.read_response()
    return [{**outcome(response), "body": response.reason.encode()}]


def raw(name, data, **more):
    return Case(name, [data], **more)


def upgrade(connection, host):
    """A WebSocket handshake, bytes both ways, and the end."""
    connection.send(f"GET /chat HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n".encode())
    answer = outcome(connection.read_response())
    connection.send(b"ping")
    found = bytearray()
    connection.exactly(4, found)
    answer["body"] = bytes(found)
    return [answer]


def switched(request):
    assert request.get("upgrade") == "websocket"
    return Raw(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-up: 1\r\n\r\npong")


CASES = [
    Case("xff-inside", XFF),
    Case("xff-edge", XFF, setting="edge"),
    Case("xff-edge-one-hop", XFF, setting="edge1"),
    Case("xff-edge-two-hops", XFF, setting="edge2"),
    Case("xff-inside-one-hop", XFF, setting="inside1"),
    Case("xff-skip-append", XFF, setting="skip"),
    Case("xff-inside-trusting-addresses", XFF, setting="insideinternal"),
    *(Case(f"who-{name}", WHO, setting=f"who{name}") for name in (
        "xff", "hops", "appended", "trusted", "appendedtrusted", "stranger", "field", "trustedfield", "refused", "refusedotherwise", "both")),
    Case("early", [get("/", ("x-b", "b"), ("x-gone", "1")), get("/", ("x-a", "1"), ("x-forwarded-for", "192.0.2.1"))], setting="early",
         routes=[{"match": {"prefix": "/", "headers": [{"name": "x-a", "string_match": {"contains": "b"}}]}, **said("early")}, route()]),
    Case("xff-edge-trusting-addresses", XFF, setting="internal"),
    Case("xff-loopback-peer", [get()], setting="edge", source="127.0.0.1"),
    Case("controls-from-nobody-internal", [get("/", *CONTROLS)]),
    Case("controls-at-the-edge", [get("/", *CONTROLS)], setting="edge"),
    Case("controls-from-inside", [get("/", *[item for item in CONTROLS if "timeout" not in item[0] and "retr" not in item[0]])],
         setting="internal"),
    Case("id-made", [get()], stats=()),
    Case("id-kept-inside", [get("/", ("x-request-id", SAME_ID)), get("/", ("x-request-id", "any text"))]),
    Case("id-replaced-at-the-edge", [get("/", ("x-request-id", SAME_ID)), get("/", ("x-request-id", "any text"))], setting="edge"),
    Case("id-kept-at-the-edge", [get("/", ("x-request-id", SAME_ID))], setting="preserve"),
    Case("id-none", [get(), get("/", ("x-request-id", SAME_ID))], setting="noid"),
    Case("id-in-response", [get(), get("/", ("x-request-id", SAME_ID))], setting="answerid"),
    Case("user-agent-added", [get(), get("/", ("user-agent", "mine"))], setting="agent"),
    Case("via", [get(), get("/", ("via", "1.1 other"))], setting="via", upstream=[ok(("via", "1.1 up"))]),
    Case("server-pass-through", [get()], setting="passserver", upstream=[ok(("server", "theirs")), ok()]),
    Case("server-append-if-absent", [get(), get()], setting="absentserver", upstream=[ok(("server", "theirs")), ok()]),
    Case("forwarded-proto", [get("/", ("x-forwarded-proto", "https")), get("/", ("x-forwarded-proto", "HTTP")), get("/", ("x-forwarded-proto", "ftp"))]),
    Case("forwarded-proto-at-the-edge", [get("/", ("x-forwarded-proto", "https"))], setting="edge"),
    Case("forwarded-port", [get(), get("/", ("x-forwarded-port", "1"))], setting="fwdport"),

    Case("path-plain", gets(*PATHS)),
    Case("path-normalized", gets(*PATHS), setting="normalize"),
    Case("path-merged", gets(*PATHS), setting="merge"),
    Case("path-escaped-rejected", gets("/a?x=%2f", "/a%2fb"), setting="reject"),
    Case("path-escaped-redirected", gets("/a%2Fb?x=%2f"), setting="redirect"),
    Case("path-escaped-forwarded", gets("/a%2fb", "/a%5Cb", "/a%2f..%2fb?x=%2f"), setting="unescape"),
    Case("path-escaped-kept", gets("/a%2fb"), setting="keep"),
    Case("path-fragment", gets("/a#b")),
    Case("path-encoded-nul", gets("/a%00b"), setting="normalize"),
    Case("host-strip-matching", [get(authority="@host:1"), get(authority="@host")], setting="stripmatching"),
    Case("host-strip-any", [get(authority="@host:1"), get(authority="@host."), get(authority="@host.:1")], setting="stripany"),
    Case("host-strip-dot", [get(authority="@host."), get(authority="@host")], setting="stripdot"),
    Case("underscores-rejected", [get("/", ("x_a", "1"))], setting="noscore"),
    Case("underscores-dropped", [get("/", ("x_a", "1"), ("x-b", "2"))], setting="dropscore"),
    Case("underscores-passed", [get("/", ("x_a", "1"))]),
    Case("fields-too-large", [get("/", ("x-a", "a" * 70000))]),
    Case("fields-many", [get("/", *[(f"x-{number}", "v") for number in range(105)])]),
    Case("fields-own-bound", [get("/", *[(f"x-{number}", "v") for number in range(9)])], setting="fewfields",
         stats=("h.downstream_rq_rx_reset", "h.downstream_rq_response_before_rq_complete")),

    raw("h1-hop-by-hop", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: x\r\nte: gzip, trailers\r\nupgrade: x\r\n\r\n"),
    raw("h1-connection-names-xff", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: x-forwarded-for, x-request-id\r\nx-forwarded-for: 192.0.2.1\r\nx-request-id: a\r\n\r\n"),
    raw("h1-hop-by-hop-response", b"GET / HTTP/1.1\r\nhost: @host\r\n\r\n",
        upstream=[ok(("connection", "x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=5"), ("proxy-connection", "x"), ("proxy-authenticate", "Basic"))]),
    raw("h1-connection-close", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: close\r\n\r\n"),
    raw("h1-pipelined", b"GET /1 HTTP/1.1\r\nhost: @host\r\n\r\nPOST /2 HTTP/1.1\r\nhost: @host\r\ncontent-length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nhost: @host\r\n\r\n", answers=3),
    raw("h1-http10", b"GET / HTTP/1.0\r\nhost: @host\r\n\r\n"),
    raw("h1-http10-accepted", b"GET / HTTP/1.0\r\nhost: @host\r\n\r\n", setting="http10"),
    raw("h1-http10-keep-alive", b"GET / HTTP/1.0\r\nhost: @host\r\nconnection: keep-alive\r\n\r\n", setting="http10"),
    raw("h1-http10-no-host", b"GET / HTTP/1.0\r\n\r\n", setting="http10", domains=("@host", "default.test")),
    raw("h1-http10-chunked-answer", b"GET / HTTP/1.0\r\nhost: @host\r\n\r\n", setting="http10",
        upstream=[Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")]),
    raw("h1-http20", b"GET / HTTP/2.0\r\nhost: @host\r\n\r\n"),
    raw("h1-no-host", b"GET / HTTP/1.1\r\n\r\n"),
    raw("h1-empty-host", b"GET / HTTP/1.1\r\nhost: \r\n\r\n"),
    raw("h1-two-hosts", b"GET / HTTP/1.1\r\nhost: @host\r\nhost: other.test\r\n\r\n"),
    raw("h1-host-with-userinfo", b"GET / HTTP/1.1\r\nhost: u@h1-host-with-userinfo.test\r\n\r\n"),
    raw("h1-absolute-form", b"GET http://@host/a?b HTTP/1.1\r\nhost: other.test\r\n\r\n"),
    raw("h1-absolute-form-no-path", b"GET http://@host HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-absolute-form-https", b"GET https://@host/ HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-absolute-form-odd-scheme", b"GET gopher://@host/ HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-options-asterisk", b"OPTIONS * HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-get-no-slash", b"GET foo HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-connect", b"CONNECT @host:80 HTTP/1.1\r\nhost: @host:80\r\n\r\n"),
    raw("h1-trace", b"TRACE / HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-unknown-method", b"BREW / HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-bad-method", b"G(T / HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-length-and-chunked", b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    raw("h1-two-lengths", b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd"),
    raw("h1-equal-lengths", b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nabcd"),
    raw("h1-negative-length", b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: -4\r\n\r\nabcd"),
    raw("h1-length-with-plus", b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: +4\r\n\r\nabcd"),
    raw("h1-length-with-zeros", b"POST / HTTP/1.1\r\nhost: @host\r\ncontent-length: 0004\r\n\r\nabcd"),
    raw("h1-gzip-coding", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    raw("h1-identity-coding", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: identity\r\n\r\n"),
    raw("h1-chunked-in-capitals", b"POST / HTTP/1.1\r\nhost: @host\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
    raw("h1-space-before-colon", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a : b\r\n\r\n"),
    raw("h1-folded-field", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a: b\r\n c\r\n\r\n"),
    raw("h1-bare-lf", b"GET / HTTP/1.1\nhost: @host\n\n"),
    raw("h1-bare-cr-in-value", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a: b\rc\r\n\r\n"),
    raw("h1-nul-in-value", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a: b\0c\r\n\r\n"),
    raw("h1-control-in-value", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a: b\x01c\r\n\r\n"),
    raw("h1-high-bytes-in-value", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a: \xc3\xa9\r\n\r\n"),
    raw("h1-high-bytes-in-path", b"GET /\xc3\xa9 HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-no-colon", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a\r\n\r\n"),
    raw("h1-empty-value", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a:\r\n\r\n"),
    raw("h1-spaces-around-value", b"GET / HTTP/1.1\r\nhost: @host\r\nx-a: \t b c \t\r\n\r\n"),
    raw("h1-crlf-before-request", b"\r\nGET / HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-space-in-target", b"GET /a b HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-chunk-extension", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\n\r\n"),
    raw("h1-bad-chunk-size", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"),
    raw("h1-chunk-longer-than-said", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n"),
    raw("h1-trailers-dropped", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n"),
    raw("h1-trailers", b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n", setting="trailers",
        clusters={"": Cluster(trailers=True)}, upstream=[ok(trailers=[("x-t", "2")])]),
    raw("h1-expect-continue", b"POST / HTTP/1.1\r\nhost: @host\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nab"),
    raw("h1-expect-continue-passed", b"POST / HTTP/1.1\r\nhost: @host\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nab", setting="continue",
        upstream=[Response(200, [], b"", [], [Response(100)])]),
    raw("h1-expect-other", b"POST / HTTP/1.1\r\nhost: @host\r\nexpect: x\r\ncontent-length: 2\r\n\r\nab"),
    raw("h1-early-hints", b"GET / HTTP/1.1\r\nhost: @host\r\n\r\n", upstream=[Response(200, [], b"a", [], [Response(103, [("link", "</a>")])])]),
    raw("h1-head", b"HEAD / HTTP/1.1\r\nhost: @host\r\n\r\n", upstream=[ok(("content-length", "9"))]),
    raw("h1-204", b"GET / HTTP/1.1\r\nhost: @host\r\n\r\n", upstream=[Response(204, [("x-a", "1")])]),
    raw("h1-304", b"GET / HTTP/1.1\r\nhost: @host\r\n\r\n", upstream=[Response(304, [("etag", "1")])]),
    raw("h1-get-with-body", b"GET / HTTP/1.1\r\nhost: @host\r\ncontent-length: 2\r\n\r\nab"),
    raw("h1-delete", b"DELETE / HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-post-empty", b"POST / HTTP/1.1\r\nhost: @host\r\n\r\n"),
    raw("h1-names-in-capitals", b"GET / HTTP/1.1\r\nHOST: @host\r\nX-CAPITAL: Value\r\n\r\n", upstream=[ok(("X-Capital", "Value"))]),
    raw("h1-cookies", b"GET / HTTP/1.1\r\nhost: @host\r\ncookie: a=1\r\ncookie: b=2\r\n\r\n", upstream=[ok(("set-cookie", "a=1"), ("set-cookie", "b=2"))]),
    raw("h1-upgrade-refused", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
    raw("h1-upgrade-answered-200", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", setting="websocket"),
    Case("h1-upgrade", setting="websocket", client=upgrade, upstream=[switched], ignored=("log", "stat")),  # who of the two ends first
    raw("h1-upgrade-h2c", b"GET / HTTP/1.1\r\nhost: @host\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n"),
    raw("h1-reason-phrase", b"GET / HTTP/1.1\r\nhost: @host\r\n\r\n", upstream=[Response(418, [], b"", reason="Odd")]),

    Case("h2-to-http1", [Request("POST", "/a?b", [("x-a", "1"), ("cookie", "a=1"), ("cookie", "b=2")], b"body")], protocol="h2"),
    Case("h2-to-http2", [Request("POST", "/a?b", [("x-a", "1"), ("cookie", "a=1"), ("cookie", "b=2")], b"body", [("x-t", "1")])], protocol="h2",
         clusters={"": Cluster("h2")}, upstream=[ok(trailers=[("x-t", "2")])]),
    Case("h1-to-http2", [Request("POST", "/a?b", [("x-a", "1"), ("connection", "x-a"), ("te", "trailers")], b"body")], clusters={"": Cluster("h2")},
         upstream=[ok(("x-up", "1"), trailers=[("x-t", "2")])]),
    raw("name-lower", SPELLED, upstream=[SPELLED_ANSWER]),
    raw("name-proper", SPELLED, setting="proper", clusters=spelled(PROPER), upstream=[SPELLED_ANSWER]),
    raw("name-proper-downstream", SPELLED, setting="proper", upstream=[SPELLED_ANSWER]),
    raw("name-kept", SPELLED, setting="kept", clusters=spelled(kept()), upstream=[SPELLED_ANSWER]),
    raw("name-kept-downstream", SPELLED, setting="kept", upstream=[SPELLED_ANSWER]),
    raw("name-kept-upstream", SPELLED, clusters=spelled(kept()), upstream=[SPELLED_ANSWER]),
    raw("name-kept-others-proper", SPELLED, setting="keptproper", clusters=spelled(kept(formatter_type_on_envoy_headers="PROPER_CASE")),
        upstream=[SPELLED_ANSWER]),
    raw("name-kept-to-proper", SPELLED, setting="kept", clusters=spelled(PROPER), upstream=[SPELLED_ANSWER]),
    raw("name-kept-to-http2", SPELLED, setting="kept", clusters={"": Cluster("h2")}),
    raw("name-kept-in-own-answer", b"GET / HTTP/1.1\r\nHost: @host\r\nX-ONE: 1\r\nServer: a\r\n\r\n", setting="kept", routes=[{"match": {"prefix": "/"}, **said("hi")}]),
    raw("name-kept-when-edited", SPELLED, setting="kept", clusters=spelled(kept()), upstream=[SPELLED_ANSWER],
        routes=[{**route(), "request_headers_to_add": [adding("x-one", "2", "OVERWRITE_IF_EXISTS_OR_ADD"), adding("X-New", "1")],
                 "response_headers_to_add": [adding("x-up", "2"), adding("X-New", "1")]}]),
    Case("name-reason", [], client=with_reason, lines=1, setting="kept", clusters=spelled(kept()), upstream=[SPELLED_ANSWER]),
    Case("name-reason-kept", [], client=with_reason, lines=1, setting="kept", clusters=spelled(kept(forward_reason_phrase=True)), upstream=[SPELLED_ANSWER]),
    Case("connect-ended", [], client=within_connect, setting="connect", lines=1, domains=("@host:80",), routes=[ended({})]),
    Case("connect-ended-refused", [], client=within_connect, setting="connect", lines=1, domains=("@host:80",), routes=[ended({})], clusters={"": Cluster(hosts=[REFUSES])}),
    Case("connect-ended-no-post", [Request("POST", "/a", body=b"hi")], setting="connect", routes=[ended({}, match={"prefix": "/"})]),
    Case("h2-head", [Request("HEAD")], protocol="h2", clusters={"": Cluster("h2")}),
    Case("h2-204", [get()], protocol="h2", clusters={"": Cluster("h2")}, upstream=[Response(204, [], b"")]),
    Case("h2-scheme-and-path", gets("/a/../b?x"), protocol="h2", clusters={"": Cluster("h2")}),
    Case("h2-bad-path", [get("no-slash")], protocol="h2"),
    Case("h2-te", [get("/", ("te", "gzip"))], protocol="h2"),
    Case("h2-connection-field", [get("/", ("connection", "close"))], protocol="h2"),


]
SETTINGS = {
    "whoxff": detecting(by_xff()), "whohops": detecting(by_xff(xff_num_trusted_hops=1)), "whoappended": detecting(by_xff(skip_xff_append=False)),
    "whotrusted": detecting(trusting(*OURS)), "whoappendedtrusted": detecting(trusting(*OURS, skip_xff_append=False)),
    "whostranger": detecting(trusting(OURS[1])), "whofield": detecting(by_field()),
    "whotrustedfield": detecting(by_field(allow_extension_to_set_address_as_trusted=True)),
    "whorefused": detecting(by_field(reject_with_status={"code": "Unauthorized"})), "whorefusedotherwise": detecting(by_field(reject_with_status={"code": "OK"})),
    "whoboth": detecting(by_field(), by_xff()),
    "early": early([{"remove": "x-gone"}, {"append": adding("x-a", "%REQ(x-b)% %PROTOCOL%")}, {"append": adding("x-forwarded-for", "192.0.2.77", OVER)}],
                   [{"append": adding("x-c", "%REQ(x-a)%")}]),
    "edge": EDGE, "edge1": {**EDGE, "xff_num_trusted_hops": 1}, "edge2": {**EDGE, "xff_num_trusted_hops": 2}, "inside1": {"xff_num_trusted_hops": 1},
    "skip": {**EDGE, "skip_xff_append": True}, "internal": {**EDGE, **INTERNAL}, "insideinternal": INTERNAL,
    "preserve": {**EDGE, "preserve_external_request_id": True}, "noid": {"generate_request_id": False}, "answerid": {"always_set_request_id_in_response": True},
    "agent": {"add_user_agent": True}, "via": {"via": "1.1 proxy"}, "passserver": {"server_header_transformation": "PASS_THROUGH"},
    "absentserver": {"server_header_transformation": "APPEND_IF_ABSENT"}, "fwdport": {"append_x_forwarded_port": True},
    "normalize": {"normalize_path": True}, "merge": {"merge_slashes": True, "normalize_path": True},
    "reject": {"path_with_escaped_slashes_action": "REJECT_REQUEST"}, "redirect": {"path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"},
    "unescape": {"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD", "normalize_path": True}, "keep": {"path_with_escaped_slashes_action": "KEEP_UNCHANGED"},
    "stripmatching": {"strip_matching_host_port": True, "table": {"ignore_port_in_host_matching": True}}, "stripany": {"strip_any_host_port": True, "strip_trailing_host_dot": True},
    "stripdot": {"strip_trailing_host_dot": True},
    "noscore": {"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}},
    "dropscore": {"common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"}},
    "fewfields": {"common_http_protocol_options": {"max_headers_count": 8}},
    "http10": {"http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "default.test"}},
    "trailers": {"http_protocol_options": {"enable_trailers": True}}, "continue": {"proxy_100_continue": True},
    "websocket": {"upgrade_configs": [{"upgrade_type": "websocket"}]},
    "proper": {"http_protocol_options": PROPER}, "kept": {"http_protocol_options": kept()}, "connect": {"upgrade_configs": [{"upgrade_type": "CONNECT"}]},
    "keptproper": {"http_protocol_options": kept(formatter_type_on_envoy_headers="PROPER_CASE")},
}
BOOTSTRAP = {"node": {"id": "the-node", "cluster": "the-cluster"}}


def test_alike(pair, case):
    alike(pair, case)
