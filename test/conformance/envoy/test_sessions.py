"""stateful_session: requests stay with the host that a cookie or a field names."""

import base64

from frame.case import REFUSES, Case, Cluster
from frame.check import alike
from frame.client import outcome
from frame.write import get, ok, route, router
from peers.bootstrap import any_of
from test_hosts import aggregate

COUNTS = tuple(f"h.stateful_session.own.{what}" for what in ("routed", "failed_open", "failed_closed", "no_session"))
THREE = {"": Cluster(hosts=[None] * 3)}
AGGREGATE = {"": Cluster(hosts=[], change=aggregate("a", "b")), "a": Cluster(), "b": Cluster()}
NOBODY = base64.b64encode(b"127.0.0.9:9").decode()


def cookie(**fields):
    return {"session_state": {"name": "envoy.http.stateful_session.cookie", "typed_config": any_of(
        "extensions.http.stateful_session.cookie.v3.CookieBasedSessionState", cookie={"name": "s", **fields})}}


def header(name="x-session"):
    return {"session_state": {"name": "envoy.http.stateful_session.header", "typed_config": {
        **any_of("extensions.http.stateful_session.header.v3.HeaderBasedSessionState"), "name": name}}}


def filtered(strict=False, **state):
    return {"http_filters": router(("stateful_session", "StatefulSession", {"strict": strict, "stat_prefix": "own", **state}))}


def of_route(**fields):
    return {**route(), "typed_per_filter_config": {"envoy.filters.http.stateful_session": any_of(
        "extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute", **fields)}}


def again(answered, asked, path="/"):
    """A client that says what it was told: three more requests with the field `asked` that has what stood in `answered`."""
    def ask(connection, host):
        def send(fields):
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
            connection.send(f"GET {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n".encode())
            return connection.read_response("GET")
        first = send([])
        told = next(value for name, value in first.fields if name == answered)
        return [outcome(response) for response in (first, *(send([(asked, told.split(";")[0])]) for _ in range(3)))]
    return ask


def case(name, requests=None, routes=None, setting="cookie", **more):
    return Case(name, requests or [get()], routes, setting=setting, stats=COUNTS, **more)


# Which of several hosts is the first is left to chance; that it stays the same is told by the counters.
CHANCE = ("response.fields", "response.body", "upstream.host", "upstream.fields", "log.host", "log.tried")
CASES = [
    case("session-begins"), case("session-goes-on", client=again("set-cookie", "cookie"), lines=4),
    case("session-goes-on-among-hosts", client=again("set-cookie", "cookie"), lines=4, clusters=THREE, ignored=CHANCE),
    case("session-of-a-path", [get("/a"), get("/a/b"), get("/a?x"), get("/ab"), get("/")], setting="path"),
    case("session-of-a-directory", [get("/a"), get("/a/b"), get("/")], setting="directory"),
    case("session-attributes", setting="attributes"),
    case("session-that-is-none", [get("/", ("cookie", "s=none")), get("/", ("cookie", "s=")), get("/", ("cookie", 's="AAAA"')), get("/", ("cookie", "other=1"))]),
    case("session-with-nobody", [get("/", ("cookie", f"s={NOBODY}"))]), case("session-with-nobody-strict", [get("/", ("cookie", f"s={NOBODY}"))], setting="strict"),
    case("session-without-hosts", setting="strict", clusters={"": Cluster(hosts=[])}),
    case("session-with-who-refuses", client=None, clusters={"": Cluster(hosts=[REFUSES])}),
    case("session-in-an-aggregate", client=again("x-session", "x-session"), lines=4, setting="header", clusters=AGGREGATE),
    case("session-in-an-aggregate-strict", client=again("x-session", "x-session"), lines=4, setting="header-strict", clusters=AGGREGATE),
    case("session-by-header", client=again("x-session", "x-session"), lines=4, setting="header"),
    case("session-by-header-with-nobody", [get("/", ("x-session", NOBODY)), get("/", ("x-session", "%%"))], setting="header"),
    case("session-by-header-over-another", setting="header", upstream=[ok(("x-session", "theirs"))]),
    case("session-disabled", [get("/", ("x-session", NOBODY))], [of_route(disabled=True)], setting="header"),
    case("session-of-route", [get("/", ("x-session", NOBODY))], [of_route(stateful_session=header("x-other"))], setting="header"),
    case("session-without-state", setting="none"),
]
SETTINGS = {
    "cookie": filtered(**cookie()), "path": filtered(**cookie(path="/a")), "directory": filtered(**cookie(path="/a/")),
    "attributes": filtered(**cookie(path="/", attributes=[{"name": "SameSite", "value": "Lax"}, {"name": "Secure"}])),
    "strict": filtered(strict=True, **cookie()), "header": filtered(**header()), "header-strict": filtered(strict=True, **header()), "none": filtered(),
}


def test_alike(pair, case):
    alike(pair, case)
