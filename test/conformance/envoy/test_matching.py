"""Which virtual host and which route a request gets."""

from frame.case import Case
from frame.check import alike
from frame.write import get, gets, grpc, matching, said, when
from peers.message import Request


def header(**matcher):
    return {"headers": [{"name": "x-a", **matcher}]}


def with_a(*values):
    """Requests with each of these values of x-a, and one without."""
    return [get("/", ("x-a", value)) for value in values] + [get()]


def query(**matcher):
    return {"query_parameters": [{"name": "q", **matcher}]}


def cookie(**matcher):
    return {"cookies": [{"name": "c", **matcher}]}


CASES = [
    Case("match-prefix", gets("/a", "/ab", "/a/b", "/A", "/", "/b?/a"), matching({"prefix": "/a"})),
    Case("match-path", gets("/a", "/a?x", "/ab", "/a/", "/A", "/%61"), matching({"path": "/a"})),
    Case("match-case-insensitive", gets("/a", "/A", "/AB", "/b/c", "/B/C"),
         matching({"path": "/A", "case_sensitive": False}, {"prefix": "/b/", "case_sensitive": False})),
    Case("match-path-separated-prefix", gets("/a", "/a/", "/a/b", "/ab", "/a?b", "/a/?b", "/A/b"), matching({"path_separated_prefix": "/a"})),
    Case("match-safe-regex", gets("/a1", "/a12", "/a", "/a1/x", "/a1?x", "/xa1"), matching({"safe_regex": {"regex": "/a[0-9]+"}})),
    Case("match-first-that-fits", gets("/a/b/c", "/a/b", "/a"), matching({"prefix": "/a/b/c"}, {"prefix": "/a/b"}, {"prefix": "/a/b/c/d"}, {"prefix": "/a"})),
    Case("match-header-exact", with_a("b", "B", "bc", ""), matching(header(string_match={"exact": "b"}))),
    Case("match-header-old-forms", with_a("abc", "xbc", "abx", "xbx", "5", "-3", "10", "5x"),
         matching(header(exact_match="abc"), header(prefix_match="ab"), header(suffix_match="bc"), header(contains_match="b"),
                  header(range_match={"start": "-5", "end": "10"}))),
    Case("match-header-strings", with_a("abc", "ABC", "xbc", "abx", "xBx", "123"),
         matching(header(string_match={"exact": "ABC", "ignore_case": True}), header(string_match={"prefix": "AB", "ignore_case": True}),
                  header(string_match={"suffix": "bc"}), header(string_match={"contains": "B"}), header(string_match={"safe_regex": {"regex": "[0-9]+"}}))),
    Case("match-header-range", with_a("4", "5", "9", "10", "+5", "05", " 7", "5.0", "x", "", "99999999999999999999"),
         matching(header(range_match={"start": "5", "end": "10"}))),
    Case("match-header-present", with_a("b", ""), matching(header(present_match=True))),
    Case("match-header-not-present", with_a("b", ""), matching(header(present_match=False))),
    Case("match-header-name-only", with_a("b", ""), matching(header())),
    Case("match-header-invert", with_a("b", "c", ""), matching(header(string_match={"exact": "b"}, invert_match=True))),
    Case("match-header-invert-present", with_a("b"), matching(header(present_match=True, invert_match=True))),
    Case("match-header-invert-missing-as-empty", with_a("b", "c"),
         matching(header(string_match={"exact": "b"}, invert_match=True, treat_missing_header_as_empty=True))),
    Case("match-header-missing-as-empty", with_a("b", ""), matching(header(string_match={"exact": ""}, treat_missing_header_as_empty=True))),
    Case("match-header-range-invert", with_a("4", "5", "x"), matching(header(range_match={"start": "5", "end": "10"}, invert_match=True))),
    Case("match-header-twice", [get("/", ("x-a", "b"), ("x-a", "c")), get("/", ("x-a", "c"), ("x-a", "b")), get("/", ("x-a", "b,c"))],
         matching(header(string_match={"exact": "b,c"}), header(string_match={"exact": "b"}), header(string_match={"exact": "c,b"}))),
    Case("match-header-all-of", [get("/", ("x-a", "b"), ("x-b", "c")), get("/", ("x-a", "b")), get("/", ("x-b", "c"))],
         matching({"headers": [{"name": "x-a", "string_match": {"exact": "b"}}, {"name": "X-B", "string_match": {"exact": "c"}}]})),
    Case("match-header-pseudo", [get(), Request("POST"), get("/x")],
         matching({"headers": [{"name": ":method", "string_match": {"exact": "POST"}}]},
                  {"headers": [{"name": ":path", "string_match": {"exact": "/x"}}]},
                  {"headers": [{"name": ":authority", "string_match": {"prefix": "match-header-pseudo"}}]})),
    Case("match-header-host", [get()], matching({"headers": [{"name": "host", "string_match": {"prefix": "match"}}]})),
    Case("match-query-exact", gets("/?q=a", "/?q=b", "/?q=", "/?q", "/", "/?x=1&q=a", "/?q=a&q=b", "/?q=b&q=a", "/?Q=a", "/?q=a#"[:5]),
         matching(query(string_match={"exact": "a"}))),
    Case("match-query-present", gets("/?q=a", "/?q", "/?q=", "/", "/?qq=1", "/?a&q&b"), matching(query(present_match=True))),
    Case("match-query-encoded", gets("/?q=%61", "/?q=a%20b", "/?q=a+b", "/?%71=a", "/?q=a%2", "/?q=%4g"),
         matching(query(string_match={"exact": "a"}), query(string_match={"exact": "a b"}), query(string_match={"exact": "a%20b"}))),
    Case("match-query-regex", gets("/?q=12", "/?q=1x", "/?q="), matching(query(string_match={"safe_regex": {"regex": "[0-9]*"}}))),
    Case("match-cookie", [get("/", ("cookie", value)) for value in ("c=1", "b=2; c=1", "c=2", "c=1; c=2", 'c="1"', "c=1;d=2", "c", "cc=1", " c = 1")] + [get()],
         matching(cookie(string_match={"exact": "1"}))),
    Case("match-cookie-invert", [get("/", ("cookie", "c=1")), get("/", ("cookie", "c=2")), get()],
         matching(cookie(string_match={"exact": "1"}, invert_match=True))),
    Case("match-cookie-lines", [get("/", ("cookie", "a=1"), ("cookie", "c=1"))], matching(cookie(string_match={"exact": "1"}))),
    Case("match-grpc", [grpc(body=b""), Request("POST", fields=[("content-type", "application/grpc+proto")]),
                        Request("POST", fields=[("content-type", "application/grpc-web")]), get()],
         matching({"grpc": {}}), protocol="h2"),
    Case("match-runtime-fraction", gets("/", "/"),
         matching({"runtime_fraction": {"default_value": {"numerator": 0, "denominator": "HUNDRED"}}},
                  {"runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}})),
    Case("match-nothing", gets("/a", "/b"), [when({"path": "/a"}, "a")]),
    Case("match-path-and-query-and-header", [get("/a?q=1", ("x-a", "1")), get("/a?q=1"), get("/a", ("x-a", "1")), get("/b?q=1", ("x-a", "1"))],
         matching({"path": "/a", **header(string_match={"exact": "1"}), **query(string_match={"exact": "1"})})),

    Case("host-exact", [get(authority=name) for name in ("host-exact.test", "HOST-Exact.test", "host-exact.test:80", "host-exact.test.")],
         matching({})),
    Case("host-suffix", [get(authority=name) for name in ("a.host-suffix.test", "a.b.host-suffix.test", "b.host-suffix.test", "host-suffix.test", "xhost-suffix.test")],
         [{"match": {"prefix": "/"}, **said("suffix")}], domains=("*.@host", "*-b.@host")),
    Case("host-prefix", [get(authority=name) for name in ("host-prefix.test", "host-prefix.example", "host-prefix.", "host-prefix")],
         [{"match": {"prefix": "/"}, **said("prefix")}], domains=("host-prefix.*",)),
    Case("host-longest-suffix", [get(authority=name) for name in ("x.one.host-longest-suffix.test", "one.host-longest-suffix.test", "y.host-longest-suffix.test")],
         [{"match": {"prefix": "/"}, **said("one")}], domains=("*.one.@host",)),
    Case("host-other-suffix", [get(authority=name) for name in ("x.one.host-longest-suffix.test", "y.host-longest-suffix.test")],
         [{"match": {"prefix": "/"}, **said("any")}], domains=("*.host-longest-suffix.test",)),
    Case("host-unknown", [get(authority="nobody.example")]),
    Case("host-any", [get(authority="anybody.example"), get(authority="127.0.0.1"), get(authority="[::1]:80"), get(authority="x")], matching({}),
         domains=("*",), setting="any"),
    Case("host-port-in-domain", [get(authority="@host:8080"), get(authority="@host"), get(authority="@host:80")],
         [{"match": {"prefix": "/"}, **said("8080")}], domains=("@host:8080",)),
    Case("host-port-ignored", [get(authority="@host:8080"), get(authority="@host"), get(authority="[::1]:80")],
         [{"match": {"prefix": "/"}, **said("any port")}], setting="ports", domains=("@host", "[::1]")),
    Case("host-with-a-bad-port", [b"GET / HTTP/1.1\r\nhost: @host:x\r\n\r\n"], setting="ports"),
    Case("host-of-http2", [get(), get(authority="HOST-of-http2.test"), get(authority="nobody.example")], matching({}), protocol="h2"),
]
SETTINGS = {"any": {}, "ports": {"table": {"ignore_port_in_host_matching": True}}}


def test_alike(pair, case):
    alike(pair, case)
