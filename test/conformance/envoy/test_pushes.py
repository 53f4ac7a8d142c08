"""Pushes: the same to both, by each way of asking; what is compared is in frame/pushes.py."""

import pytest

from frame.pushes import Push, Step, compare
from peers import bootstrap as b
from peers import http1
from peers import pushed as p
from peers.go_control_plane import TYPES, packed
from peers.message import Response
from peers.server import Server

CASES = []  # of the kind that the other files have
_NOBODY = {"@type": "type.googleapis.com/nobody.has.This", "value": {}}


def routed(side, name="ingress", **fields):
    return p.listener(p.routed(how=side.how), where=side.at(name), name=name, **fields)


def direct(body, name="ingress"):
    return lambda side: [p.listener(b.http([b.direct(200, body)]), where=side.at(name), name=name)]


def all_of_it(side):
    return [routed(side), p.routes(), p.cluster(how=side.how), p.endpoints(side.backends[0])]


def only(*resources):
    return lambda side: resources


def hosts(*which):
    return lambda side: [p.endpoints(*(side.backends[number] for number in which))]


def cluster(name="backend", **fields):
    return lambda side: [p.cluster(name, how=side.how, **fields)]


FAULT = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"


def abort(status):
    """What a filter of faults may be: that every request is answered so."""
    return {"@type": FAULT, "abort": {"http_status": status, "percentage": {"numerator": 100}}}


def filtered(**discovery):
    """A listener that answers, unless a filter does whose configuration comes apart."""
    return lambda side: [p.listener(p.filtered(p.discovered(how=side.how, types=[FAULT], **discovery)), where=side.at("ingress"))]


def extension(config, name="edit"):
    return only(p.extension(config, name=name))


_FILTERS = "type.googleapis.com/envoy.extensions.filters."
LIMIT, MANAGER = _FILTERS + "network.connection_limit.v3.ConnectionLimit", _FILTERS + "network.http_connection_manager.v3.HttpConnectionManager"
INSPECTOR = _FILTERS + "listener.http_inspector.v3.HttpInspector"


def limit(most):
    return {"@type": LIMIT, "stat_prefix": "l", "max_connections": most}


def manager(body):
    return b.http([b.direct(200, body)])["typed_config"]


def apart(front=None, end=None, looks=None):
    """A listener whose filters come apart: one in front, the last one, one of the listener. Each: more of its config_discovery."""
    def make(side):
        found = lambda name, type_, more: p.discovered(name, how=side.how, types=[type_], **more)
        filters = [] if front is None else [found("limit", LIMIT, front)]
        filters.append(b.http([b.direct(200, "whole")]) if end is None else found("end", MANAGER, end))
        return [p.listener(*filters, where=side.at("ingress"), listener_filters=[] if looks is None else [found("looks", INSPECTOR, looks)])]
    return make


def together(*makers):
    return lambda side: [resource for make in makers for resource in make(side)]


def scoped(side):
    """A listener whose tables are chosen by the path."""
    by_path = {"header_value_extractor": {"name": ":path", "element_separator": "/", "index": 1}}
    return p.listener(p.scoped(side.how, fragments=[by_path]), where=side.at("ingress"))


def scopes(side):
    return [scoped(side), p.scope("one", "a", b.direct(200, "own")), p.scope("two", "b", table="routes"), p.routes(b.direct(200, "named")),
            p.whole_cluster()]


ROOT = (("ingress", "/"),)
SCOPES = tuple(("ingress", path) for path in ("/a", "/b", "/c", "/"))
_DISCOVERY = "extension_config_discovery.http_filter.edit."

PUSHES = [
    *(Push(f"push-first-{how}", [Step(all_of_it, ask=ROOT)], how) for how in p.STREAMS),
    *(Push(f"push-nothing-{how}", [Step()], how) for how in p.AGGREGATED),
    *(Push(f"push-routes-{how}", [Step(all_of_it, ask=ROOT), Step(only(p.routes(b.direct(200, "two"))), ask=ROOT),
                                  Step(only(p.routes(b.direct(200, "three"))), ask=ROOT)], how) for how in p.AGGREGATED),
    *(Push(f"push-hosts-{how}", [Step(all_of_it, ask=ROOT), Step(hosts(1), ask=ROOT), Step(hosts(), ask=ROOT), Step(hosts(0), ask=ROOT)], how)
      for how in p.AGGREGATED),
    *(Push(f"push-listener-{how}", [Step(all_of_it, ask=ROOT), Step(direct("one", "other"), ask=(*ROOT, ("other", "/"))),
                                    Step(direct("two", "other"), ask=(*ROOT, ("other", "/")))], how) for how in p.AGGREGATED),
    *(Push(f"push-cluster-{how}", [Step(all_of_it, ask=ROOT), Step(lambda side: [p.whole_cluster(side.backends[1], name="other")], ask=ROOT),
                                   Step(lambda side: [p.whole_cluster(side.backends[0], name="other", connect_timeout="3s")], ask=ROOT),
                                   Step(remove=(("clusters", "other"),), ask=ROOT)], how) for how in p.AGGREGATED),
    Push("push-listener-removed", [Step(lambda side: [*all_of_it(side), *direct("one", "other")(side)], ask=ROOT),
                                   Step(remove=(("listeners", "other"),), ask=ROOT)]),
    Push("push-listener-warms", [Step(), Step(lambda side: [routed(side)], ask=ROOT), Step(only(p.routes(b.direct(200, "one"))), ask=ROOT)]),
    Push("push-cluster-warms", [Step(lambda side: [routed(side), p.routes()], ask=ROOT),
                                Step(cluster(), until=("cluster_manager.warming_clusters", 1), ask=ROOT), Step(hosts(0), ask=ROOT)]),
    Push("push-hosts-in-vain", [Step(lambda side: [routed(side), p.routes()], ask=ROOT),
                                Step(cluster(timeout="0.2s"), until=("cluster.backend.init_fetch_timeout", 1), ask=ROOT)]),
    Push("push-routes-removed", [Step(all_of_it, ask=ROOT), Step(remove=(("routes", "routes"),), ask=ROOT)]),
    Push("push-hosts-removed", [Step(all_of_it, ask=ROOT), Step(remove=(("endpoints", "backend"),), ask=ROOT)]),
    Push("push-unknown-cluster", [Step(lambda side: [routed(side), p.routes(b.route("nobody"))], ask=ROOT)]),
    Push("push-bad-listener", [Step(all_of_it, ask=ROOT), Step(lambda side: [
        p.listener(b.http([b.direct(200, "good")]), where=side.at("good"), name="good"),
        {**routed(side), "filter_chains": [{"filters": [b.http([b.direct(200, "bad")])]}] * 2}], ask=(*ROOT, ("good", "/")))]),
    Push("push-bad-cluster", [Step(all_of_it, ask=ROOT), Step(only(
        p.whole_cluster(name="other"), p.whole_cluster(name="backend", transport_socket={"name": "x", "typed_config": _NOBODY})), ask=ROOT)]),
    Push("push-bad-routes", [Step(all_of_it, ask=ROOT), Step(only(p.routes({"match": {"safe_regex": {"regex": "("}}, "direct_response": {"status": 200}})), ask=ROOT)]),
    Push("push-bad-hosts", [Step(all_of_it, ask=ROOT), Step(only(p.endpoints(("a.test", 80))), ask=ROOT)]),
    *(Push(f"push-filter-{how}", [Step(together(filtered(), extension(abort(418)), only(p.whole_cluster())), ask=ROOT), Step(extension(abort(419)), ask=ROOT),
                                  Step(extension({"@type": FAULT}), ask=ROOT)], how) for how in p.STREAMS),
    Push("push-filter-warms", [Step(direct("former"), ask=ROOT), Step(filtered(), ask=ROOT), Step(extension(abort(418)), ask=ROOT)]),
    Push("push-filter-in-vain", [Step(direct("former"), ask=ROOT),
                                 Step(filtered(timeout="0.2s"), until=(_DISCOVERY + "init_fetch_timeout", 1), ask=ROOT),
                                 Step(extension(abort(418)), ask=ROOT)]),
    Push("push-filter-default", [Step(together(filtered(default_config=abort(420)), extension(abort(418))), ask=ROOT),
                                 Step(remove=(("extension_configs", "edit"),), ask=ROOT), Step(extension(abort(419)), ask=ROOT)]),
    Push("push-filter-default-first", [Step(direct("former"), ask=ROOT),
                                       Step(filtered(default_config=abort(420), apply_default_config_without_warming=True), ask=ROOT),
                                       Step(extension(abort(418)), ask=ROOT)]),
    Push("push-filter-removed", [Step(together(filtered(), extension(abort(418))), ask=ROOT),
                                 Step(remove=(("extension_configs", "edit"),), ask=ROOT), Step(extension(abort(419)), ask=ROOT)]),
    Push("push-bad-filter", [Step(together(filtered(), extension(abort(418))), ask=ROOT),
                             Step(extension({"@type": p.BUFFER, "max_request_bytes": 1}), ask=ROOT), Step(extension(abort(100)), ask=ROOT)]),
    Push("push-bad-filter-first", [Step(direct("former"), ask=ROOT),
                                   Step(together(filtered(), extension(abort(100))), until=(_DISCOVERY + "update_rejected", 1), ask=ROOT)]),
    *(Push(f"push-network-filters-{how}", [
        Step(together(apart(front={}, end={}), extension(limit(9), "limit"), extension(manager("one"), "end"), only(p.whole_cluster())), ask=ROOT),
        Step(extension(manager("two"), "end"), ask=ROOT), Step(extension(limit(8), "limit"), ask=ROOT)], how) for how in p.STREAMS),
    Push("push-network-filters-warm", [Step(direct("former"), ask=ROOT), Step(apart(front={}, end={}), ask=ROOT),
                                       Step(extension(limit(9), "limit"), ask=ROOT), Step(extension(manager("one"), "end"), ask=ROOT)]),
    Push("push-network-filter-in-vain", [Step(direct("former"), ask=ROOT),
                                         Step(apart(front={"timeout": "0.2s"}),
                                              until=("extension_config_discovery.network_filter.limit.init_fetch_timeout", 1), ask=ROOT),
                                         Step(extension(limit(9), "limit"), ask=ROOT)]),
    Push("push-network-filter-default", [Step(together(apart(end={"default_config": manager("default")}), extension(manager("one"), "end")), ask=ROOT),
                                         Step(remove=(("extension_configs", "end"),), ask=ROOT), Step(extension(manager("two"), "end"), ask=ROOT)]),
    Push("push-network-filter-removed", [Step(together(apart(front={}), extension(limit(9), "limit")), ask=ROOT),
                                         Step(remove=(("extension_configs", "limit"),), ask=ROOT), Step(extension(limit(8), "limit"), ask=ROOT)]),
    Push("push-bad-network-filter", [Step(together(apart(front={}, end={}), extension(limit(9), "limit"), extension(manager("one"), "end")), ask=ROOT),
                                     Step(extension({"@type": INSPECTOR}, "limit"), ask=ROOT),
                                     Step(extension({"@type": LIMIT, "max_connections": 1}, "limit"), ask=ROOT)]),
    *(Push(f"push-listener-filter-{how}", [
        Step(together(apart(looks={}), extension({"@type": INSPECTOR}, "looks"), only(p.whole_cluster())), ask=ROOT)], how) for how in p.AGGREGATED),
    Push("push-bad-listener-filter", [Step(together(apart(looks={}), extension({"@type": INSPECTOR}, "looks")), ask=ROOT),
                                      Step(extension(limit(9), "looks"), ask=ROOT)]),
    Push("push-listener-filter-in-vain", [Step(direct("former"), ask=ROOT),
                                          Step(apart(looks={"timeout": "0.2s"}),
                                               until=("extension_config_discovery.tcp_listener_filter.looks.init_fetch_timeout", 1), ask=ROOT),
                                          Step(extension({"@type": INSPECTOR}, "looks"), ask=ROOT)]),
    Push("push-listener-filter-removed", [Step(together(apart(looks={}), extension({"@type": INSPECTOR}, "looks")), ask=ROOT),
                                          Step(remove=(("extension_configs", "looks"),), ask=ROOT)]),
    *(Push(f"push-scopes-{how}", [Step(scopes, ask=SCOPES), Step(only(p.scope("one", "a", b.direct(200, "changed"))), ask=SCOPES),
                                  Step(only(p.routes(b.direct(200, "changed, too"))), ask=SCOPES),
                                  Step(only(p.scope("three", "c", b.direct(200, "new"))), ask=SCOPES),
                                  Step(remove=(("scopes", "two"),), ask=SCOPES)], how) for how in p.STREAMS),
    *(Push(f"push-scope-of-another-key-{how}", [Step(scopes, ask=SCOPES), Step(only(p.scope("one", "c", b.direct(200, "own"))), ask=SCOPES)], how)
      for how in p.AGGREGATED),
    # Of the state of the world this control plane sends again and again what was refused.
    Push("push-scope-key-taken", [Step(scopes, ask=SCOPES), Step(only(p.scope("new", "a", b.direct(200, "new"))), ask=SCOPES)]),
    Push("push-scopes-warm", [Step(direct("former"), ask=ROOT), Step(lambda side: [scoped(side)], ask=ROOT),
                              Step(only(p.scope("one", "a", table="routes"), p.routes(b.direct(200, "named"))), ask=SCOPES)]),
    Push("push-bad-scope", [Step(scopes, ask=SCOPES), Step(only(p.scope("one", "a", {"match": {"safe_regex": {"regex": "("}},
                                                                                     "direct_response": {"status": 200}})), ask=SCOPES)]),
    Push("push-scope-without-table", [Step(scopes, ask=SCOPES), Step(only({name: value for name, value in p.scope("one", "a").items()
                                                                           if name != "route_configuration"}), ask=SCOPES)]),
    Push("push-no-message", [Step(all_of_it, ask=ROOT), Step(respond=("clusters", packed(TYPES["clusters"], b"\x0a\x7fx", "x")), ask=ROOT)]),
    Push("push-a-name-twice", [Step(all_of_it, ask=ROOT), Step(respond=("clusters", p.whole_cluster(name="a"), p.whole_cluster(name="a")), ask=ROOT)]),
]
MORE_NAMES = [push.name for push in PUSHES]


@pytest.fixture(scope="module")
def backends():
    servers = [Server(http1.serving(lambda request, name=name: Response(200, [], name))) for name in (b"zero", b"one")]
    yield [server.address for server in servers]
    for server in servers:
        server.close()
        assert not server.errors, server.errors


@pytest.mark.parametrize("push", PUSHES, ids=MORE_NAMES)
def test_alike(tmp_path, backends, push):
    compare(push, tmp_path, {"envoy": p.envoy(), "pillion": p.binary()}, backends)
