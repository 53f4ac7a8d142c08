"""Redirects that the proxy follows itself, and paths by templates."""

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get, ok, route
from peers.bootstrap import any_of
from peers.message import Request, Response

STATS = tuple(f"h.passthrough_internal_redirect_{why}" for why in ("bad_location", "no_route", "predicate", "too_many_redirects", "unsafe_scheme")) + (
    "c.upstream_internal_redirect_succeeded_total", "c.upstream_internal_redirect_failed_total")


def to(path="/next", status=302, host=None, scheme="http", fields=(), first=lambda path: path == "/"):
    """An upstream that redirects requests of `first`, and answers the others."""
    def answer(request):
        if not first(request.path):
            return ok()
        location = path if path.startswith(":") else f"{scheme}://{host or request.authority}{path}"
        return Response(status, [("location", location.removeprefix(":")), *fields], b"gone\n")
    return [answer]


def predicate(name, message, **fields):
    return {"name": name, "typed_config": any_of(f"extensions.internal_redirect.{name}.v3.{message}", **fields)}


def following(**policy):
    return route(internal_redirect_policy=policy)


def case(name, upstream, requests=None, routes=None, lines=1, clusters=None, **policy):
    more = {} if clusters is None else {"clusters": clusters}
    return Case(name, requests or [get()], routes or [following(**policy)], upstream=upstream, stats=STATS, lines=lines, **more)


def template(text, rewrite=None):
    match = {"path_match_policy": {"name": "t", "typed_config": any_of("extensions.path.match.uri_template.v3.UriTemplateMatchConfig", path_template=text)}}
    if rewrite is None:
        return route(match=match)
    return route(match=match, path_rewrite_policy={"name": "r", "typed_config": any_of(
        "extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig", path_template_rewrite=rewrite)})


FORBIDDEN = [{"match": {"path": "/next"}, "name": "other", "route": {"cluster": "@"}}]
HASHED = [{"match": {"path": "/"}, "route": {"cluster": "@", "internal_redirect_policy": {}, "hash_policy": [{"cookie": {"name": "of-former", "ttl": "60s"}}]}}, route()]
RING = {"": Cluster(fields={"lb_policy": "RING_HASH"})}
LISTED = predicate("allow_listed_routes", "AllowListedRoutesConfig", allowed_route_names=["good"])

CASES = [
    case("follow", to("/next?a=b"), lines=2),
    case("follow-without-path", to(""), lines=2),
    case("follow-copies", to(fields=[("x-state", "1"), ("x-state", "2")]), response_headers_to_copy=["x-state"], lines=2),
    case("follow-code", to(status=307), [Request("POST", body=b"abc")], redirect_response_codes=[307], lines=2),
    case("follow-see-other", to(status=303), [Request("POST", body=b"abc")], redirect_response_codes=[303], lines=2),
    case("follow-other-code", to(status=301)),
    case("follow-too-many", to(first=lambda path: True), max_internal_redirects=2, lines=3),
    case("follow-none", to(), max_internal_redirects=0),
    case("follow-other-scheme", to(scheme="https")),
    case("follow-other-scheme-allowed", to(scheme="https"), allow_cross_scheme_redirect=True, lines=2),
    case("follow-unsafe-scheme", to(scheme="https"), allow_cross_scheme_redirect=True,
         predicates=[predicate("safe_cross_scheme", "SafeCrossSchemeConfig")]),
    case("follow-not-listed", to(), routes=[*FORBIDDEN, following(predicates=[LISTED])]),
    case("follow-leaves-the-hash", to(), routes=HASHED, clusters=RING, lines=2),
    case("follow-no-route", to(host="unknown.example")),
    case("follow-bad-location", to(":::/")),
    case("follow-relative", to(":/next")),
    case("follow-fragment", to("/next#there"), lines=2),
    Case("follow-off", upstream=to(), stats=STATS),

    Case("template", [get("/a/b"), get("/a/b/c"), get("/a/"), get("/a/b?q")], [template("/a/{x}")], lines=4),
    Case("template-all", [get("/a/b"), get("/a/b/c"), get("/a"), get("/a/")], [template("/a/**")], lines=4),
    Case("template-suffix", [get("/v/1/x.m3u8"), get("/v/1/x.mp4")], [template("/v/*/*.m3u8")], lines=2),
    Case("template-rewrite", [get("/a/b?q=1"), get("/x/y%20z")], [template("/{one}/{two=*}", "/{two}/of/{one}")], lines=2),
    Case("template-rewrite-rest", [get("/a/b/c/d")], [template("/a/{one=b/*}/{rest=**}", "/{rest}/{one}")]),
]


def test_alike(pair, case):
    alike(pair, case)
