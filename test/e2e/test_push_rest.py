"""A control plane that is asked by REST: a little server of the test's own."""

import json
import threading

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Response
from peers.wait import until

PATHS = {"listeners": "/v3/discovery:listeners", "clusters": "/v3/discovery:clusters", "routes": "/v3/discovery:routes",
         "endpoints": "/v3/discovery:endpoints"}


class Plane:
    """What it says, by path: a Response, or what is called for one; and what it was asked."""

    def __init__(self, *resources):
        self.says = {}
        self.asked = []
        self.lock = threading.Lock()
        self.set("1", *resources)

    def set(self, version, *resources):
        for kind, path in PATHS.items():
            those = [resource for resource in resources if p.kind_of(resource) == kind]
            self.says[path] = answer(version, *those)

    def answer(self, request):
        with self.lock:
            self.asked.append((request, json.loads(request.body)))
            says = self.says[request.path]
        return says(request) if callable(says) else says

    def of(self, kind):
        with self.lock:
            return [(request, body) for request, body in self.asked if request.path == PATHS[kind]]


def answer(version, *resources):
    body = json.dumps({"version_info": version, "resources": resources}).encode()
    return Response(200, [("content-type", "application/json")], body)


@pytest.fixture
def rest(pushed, serve):
    """rest(*resources, api={...}) starts a proxy; returns it with its Plane, as a peers.pushed.Pushed."""
    def start(*resources, protocol="h1", **options):
        plane = Plane(*resources)
        plane.address, plane.rest_address = serve.http(protocol, plane.answer).address, None
        if protocol == "h2":
            other = b.cluster(plane.address, protocol="h2", name="other")
            options.update(clusters=[other], api={"cluster_names": ["other"]})
        both = pushed(how=p.REST, plane=plane, **options)
        for resource in resources:
            both.note(resource)
        return both
    return start


def page(text):
    return p.listener(b.http([b.direct(200, text)]))


def test_what_is_asked(rest, named):
    """The path, the names, who asks, and the version that was taken."""
    one, = named("one")
    both = rest(p.listener(p.routed(how=p.REST)), p.routes(), p.cluster(how=p.REST), p.endpoints(one))
    both.until_body(b"one")
    until(lambda: any(body.get("version_info") == "1" for _, body in both.plane.of("endpoints")), "the version is said")
    for kind, names in (("listeners", None), ("clusters", None), ("routes", ["routes"]), ("endpoints", ["backend"])):
        request, body = both.plane.of(kind)[0]
        assert (request.method, request.get("content-type")) == ("POST", "application/json")
        assert request.authority == "xds" or request.get("host") == "xds"
        assert body["node"]["id"] == "me" and body.get("resource_names") == names
        assert "version_info" not in body
        assert body["type_url"] == p.TYPES[kind]


def test_what_fails_changes_nothing(rest):
    both = rest(page("one"))
    both.until_body(b"one")

    def failed():
        return both.stat("listener_manager.lds.update_failure") + both.stat("listener_manager.lds.update_rejected")
    for says in (Response(503), Response(200, [], b"{"), Response(200, [], b""), Response(404, [], b"nothing")):
        both.plane.says[PATHS["listeners"]] = says
        before = failed() + 1  # one may be on its way
        until(lambda before=before: failed() > before, "it is counted")
        assert both.get().body == b"one"
    both.plane.set("2", p.listener(b.http([b.direct(200, "two")]), where=both.proxy.address))
    both.until_body(b"two")


@p.ours
def test_one_bad_among_good_ones(rest):
    both = rest(page("one"))
    both.until_body(b"one")
    bad = p.listener(b.http([b.direct(200, "bad")]), where=both.proxy.address)
    good = p.listener(b.http([b.direct(200, "good")]), name="good")
    both.note(good)
    both.plane.set("2", {**bad, "filter_chains": bad["filter_chains"] * 2}, good)
    assert both.get(listener_="good").body == b"good"
    assert both.get().body == b"one"
    until(lambda: both.stat("listener_manager.lds.update_rejected") >= 1, "it is counted")
    assert 'lds:xds: refused version "2": "ingress": ' in both.proxy.log()


@p.ours
def test_an_answer_that_does_not_come(rest):
    """It is given up after request_timeout, and asked for again."""
    hang = threading.Event()

    def wait(_):
        hang.wait(20)
        return Response(503)
    both = rest(page("one"), api={"request_timeout": "0.2s"})
    both.until_body(b"one")
    both.plane.says[PATHS["listeners"]] = wait
    try:
        until(lambda: both.stat("listener_manager.lds.update_failure") >= 2, "it is given up, and once more")
        assert "no end within the timeout" in both.proxy.log()
        assert both.get().body == b"one"
    finally:
        hang.set()
    both.plane.set("2", p.listener(b.http([b.direct(200, "two")]), where=both.proxy.address))
    both.until_body(b"two")


def test_over_http2(rest):
    both = rest(page("one"), protocol="h2")
    both.until_body(b"one")
    assert both.plane.of("listeners")[0][0].path == "/v3/discovery:listeners"
