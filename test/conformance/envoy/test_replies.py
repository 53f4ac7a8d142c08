"""Answers that the proxy makes itself: how they are mapped, in which format they come, and what is added to them."""

from frame.case import REFUSES, Case, Cluster, Cut
from frame.check import alike
from frame.write import adding, get, gets, grpc, route, said
from peers.message import Request

NOBODY = {"": Cluster(hosts=[])}
DIRECT = [{"match": {"path": "/direct"}, **said("direct", 403)}, {"match": {"path": "/to"}, "redirect": {"path_redirect": "/b"}},
          route(match={"prefix": "/up"}), {"match": {"path": "/dead"}, "route": {"cluster": "@dead"}}]
CLUSTERS = {"": Cluster(), "dead": Cluster(hosts=[REFUSES])}
ASKED = gets("/direct", "/none", "/up", "/dead", "/to")
WITH_BODY = gets("/direct", "/up", "/dead")


def code(operator, value):
    return {"status_code_filter": {"comparison": {"op": operator, "value": {"default_value": value, "runtime_key": "no.such.key"}}}}


ANY = code("GE", 100)


def text(template, **more):
    return {"text_format_source": {"inline_string": template}, **more}


def replying(mappers=(), **fields):
    return {"local_reply_config": {"mappers": list(mappers), **fields}}


def case(name, requests=None, **more):
    return Case(name, requests or ASKED, more.pop("routes", DIRECT), clusters=more.pop("clusters", CLUSTERS), setting=more.pop("setting", name), **more)


CASES = [
    case("reply-text", WITH_BODY), case("reply-text-type", WITH_BODY), case("reply-json", WITH_BODY), case("reply-json-type"), case("reply-json-nested"),
    case("reply-status"), case("reply-body"), case("reply-headers"), case("reply-first-mapper-counts"), case("reply-no-mapper-fits"),
    case("reply-by-flag"), case("reply-by-field", [get("/none", ("x-a", "b")), get("/none", ("x-a", "c")), get("/none")]),
    case("reply-by-and"), case("reply-format-of-mapper", gets("/none", "/direct", "/up")), case("reply-status-in-format"),
    case("reply-head", [Request("HEAD", "/direct")], setting="reply-text"),
    case("reply-grpc", [grpc("/direct")], setting="reply-text", protocol="h2"),
    case("reply-grpc-status", [grpc("/none")], setting="reply-status", protocol="h2"),
    case("reply-http2", gets("/direct"), setting="reply-json", protocol="h2"),
    case("reply-cut", [get()], routes=None, clusters={"": Cluster()}, upstream=[Cut()], setting="reply-text"),
    case("reply-no-hosts", [get()], routes=None, clusters=NOBODY, setting="reply-json"),
    case("reply-bad-request", [b"GET / HTTP/1.1\r\nhost: @host\r\ncontent-length: x\r\n\r\n"], setting="reply-text"),
    case("reply-large-head", [get("/", ("x-a", "a" * 70000))], setting="reply-text"),
    case("reply-upgrade-refused", [b"GET /up HTTP/1.1\r\nhost: @host\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"], setting="reply-body"),
    case("reply-empty", setting="reply-empty"),
]
SETTINGS = {
    "reply-text": replying(body_format=text("%LOCAL_REPLY_BODY%|%RESPONSE_CODE%|%REQ(:path)%|%RESPONSE_FLAGS%|%RESPONSE_CODE_DETAILS%|%RESP(x-none)%")),
    "reply-text-type": replying(body_format=text("<p>%LOCAL_REPLY_BODY%</p>", content_type="text/html; charset=UTF-8")),
    "reply-json": replying(body_format={"json_format": {"code": "%RESPONSE_CODE%", "body": "%LOCAL_REPLY_BODY%", "none": "%REQ(x-none)%", "text": "%PROTOCOL% \"x\""}}),
    "reply-json-type": replying(body_format={"json_format": {"a": "b"}, "content_type": "application/problem+json", "json_format_options": {"sort_properties": True}}),
    "reply-json-nested": replying(body_format={"json_format": {"z": {"code": "%RESPONSE_CODE%"}, "a": ["%PROTOCOL%", "x"]}}),
    "reply-status": replying([{"filter": code("EQ", 404), "status_code": 410}, {"filter": code("GE", 500), "status_code": 500}]),
    "reply-body": replying([{"filter": code("EQ", 404), "body": {"inline_string": "not here"}}]),
    "reply-headers": replying([{"filter": ANY, "headers_to_add": [
        adding("x-1", "%RESPONSE_CODE_DETAILS%"), adding("x-2", "%REQ(:method)%"), adding("content-type", "a/b", "OVERWRITE_IF_EXISTS_OR_ADD"),
        adding("server", "other", "OVERWRITE_IF_EXISTS_OR_ADD"), adding("location", "/elsewhere", "OVERWRITE_IF_EXISTS")]}]),
    "reply-first-mapper-counts": replying([{"filter": code("GE", 404), "status_code": 599}, {"filter": ANY, "status_code": 418, "body": {"inline_string": "tea"}}]),
    "reply-no-mapper-fits": replying([{"filter": code("EQ", 200), "status_code": 418}], body_format=text("any")),
    "reply-by-flag": replying([{"filter": {"response_flag_filter": {"flags": ["NR"]}}, "status_code": 470},
                               {"filter": {"response_flag_filter": {"flags": ["UF", "UH"]}}, "status_code": 570}]),
    "reply-by-field": replying([{"filter": {"header_filter": {"header": {"name": "x-a", "string_match": {"exact": "b"}}}}, "status_code": 418}]),
    "reply-by-and": replying([{"filter": {"and_filter": {"filters": [code("GE", 400), {"not_health_check_filter": {}}]}}, "body": {"inline_string": "and"}}]),
    "reply-format-of-mapper": replying([{"filter": code("EQ", 404), "body_format_override": text("mapped %LOCAL_REPLY_BODY%"), "body": {"inline_string": "inner"}}],
                                       body_format=text("all %LOCAL_REPLY_BODY%")),
    "reply-status-in-format": replying([{"filter": code("EQ", 404), "status_code": 418, "headers_to_add": [adding("x-code", "%RESPONSE_CODE%")]}],
                                       body_format=text("%RESPONSE_CODE%")),
    "reply-empty": replying([{"filter": ANY, "body": {"inline_string": ""}}]),
}


def test_alike(pair, case):
    alike(pair, case)
