"""Whose context is believed, and what of an inbound request comes back in those that its application sends."""

import json
import secrets
import threading
import time

import pytest

from peers import bootstrap as b
from peers import tls
from peers import context_filter, http1
from peers.context import nanoseconds, of
from peers.context_filter import GOOD, STATS, App, ask, filters, full, made, per_route
from peers.lanes import grey, header, rule
from peers.message import Request, Response
from peers.reload import by_post
from peers.wait import until

ca = tls.ca
app = context_filter.app

# --- rule 8: trust ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("workers", [1, 2])
def test_a_stranger_s_context_is_replaced(pillion, app, workers):
    """Plaintext on an inbound listener, with nothing said of trust."""
    proxy = pillion(made(app.address, chain=filters(trust={})), concurrency=workers)
    sent = full(unknown=b"\x0b\x00\x01x")
    ask(proxy, sent.vctx(), sent.traceparent(), ("tracestate", "a=1"), ("baggage", "env=grey"), ("x-tenant", "acme"),
        ("x-request-id", "r-1"), sent.x_context())
    got = of(app.last.fields)
    assert got.deadline == sent.deadline
    assert got.trace_id not in (sent.trace_id, bytes(16)) and got.span_id != sent.span_id
    assert (got.biz_flags, got.tenant, got.baggage, got.tracestate, got.unknown) == (0, "", {}, "", b"")
    assert got.request_id == app.last.get("x-request-id") and got.request_id not in ("", "r-1")
    for name in "baggage", "tracestate", "x-tenant":
        assert app.last.get(name) is None, name
    assert sent.trace_id.hex() not in str(app.last.fields)
    assert proxy.stat(STATS + "untrusted") == 1


def test_a_stranger_s_fields_do_not_choose_how_they_are_treated(pillion, app):
    """They are replaced before a route is chosen; what the route says then holds for what was put in their place."""
    def route(tenant, **fields):
        return {**b.route(), "match": {"prefix": "/", "headers": [{"name": "x-tenant", "string_match": {"exact": tenant}}]},
                **per_route(**fields)}

    routes = [route("a", disabled=True), route("c", read={"carriers": ["B3"]}, write={"carriers": ["B3"]}),
              {**b.route(prefix="/disabled"), **per_route(disabled=True)},
              {**b.route(prefix="/strict"), **per_route(reject_malformed=True)},
              {**b.route(prefix="/short"), **per_route(max_deadline="3s")}, b.route(timeout="0s")]
    proxy = pillion(made(app.address, chain=filters(trust={}), routes=routes))
    for path in "/", "/disabled":
        for tenant in "a", "c", "d":
            sent = full(tenant=tenant)
            ask(proxy, sent.vctx(), ("x-tenant", tenant), ("b3", "1" * 32 + "-" + "2" * 16), path=path)
            got = of(app.last.fields)
            assert (got.tenant, got.baggage, got.biz_flags) == ("", {}, 0) and got.trace_id != sent.trace_id
            assert app.last.get("x-tenant") is None and "1" * 32 not in str(app.last.fields)
    assert ask(proxy, ("x-vivo-context", "!"), path="/strict").status == 400
    ask(proxy, full().vctx(), path="/short")
    assert int(app.last.get("x-timeout-ms")) <= 3000


@pytest.mark.parametrize("where", ["filter", "route", "switch"])
def test_a_stranger_s_fields_do_not_choose_what_other_filters_do(pillion, app, where):
    """Nor where the route that they would choose has the filter of contexts disabled."""
    nobody = {"name": "rbac", "typed_config": b.any_of(RBAC, rules={"action": "ALLOW", "policies": {}})}
    everybody = {"rbac": b.any_of(RBAC + "PerRoute")}
    more = {"filter": {}, "route": per_route(disabled=True)["typed_per_filter_config"], "switch": OFF["typed_per_filter_config"]}[where]
    tenant = {**b.route(), "match": {"prefix": "/", "headers": [{"name": "x-tenant", "string_match": {"exact": "vip"}}]},
              "typed_per_filter_config": {**everybody, **more}}
    routes = [tenant, {**b.route(prefix="/open"), "typed_per_filter_config": everybody}, b.route(timeout="0s")]
    for trusted, expected in (False, 403), (True, 200):
        chain = filters(nobody, **({} if trusted else {"trust": {}}))
        proxy = pillion(made(app.address, chain=chain, routes=routes))
        assert ask(proxy, ("x-tenant", "vip")).status == expected
        assert ask(proxy, ("x-tenant", "other")).status == ask(proxy).status == 403
        assert ask(proxy, ("x-tenant", "vip"), path="/open").status == 200
        assert app.last.get("x-tenant") == ("vip" if trusted else None)


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_access_is_that_of_the_route_which_a_context_or_a_colour_chooses(pillion, app, protocol):
    """Rules of access of a route hold for those who come to it by what filters have noted."""
    nobody = b.any_of(RBAC + "PerRoute", rbac={"rules": {"action": "ALLOW", "policies": {}}})
    match = {"prefix": "/", "dynamic_metadata": [{"filter": "pillion.context", "path": [{"key": "baggage"}, {"key": "env"}],
                                                  "value": {"string_match": {"exact": "gray"}}}]}
    routes = [{**b.route(), "match": match, "typed_per_filter_config": {"rbac": nobody}}, b.route(timeout="0s")]
    everybody = {"name": "rbac", "typed_config": b.any_of(RBAC)}
    proxy = pillion(made(app.address, chain=filters(grey(rule("env", header("x-env", "gray"))), everybody), routes=routes))
    for field, expected in (("x-env", "blue"), 200), (("baggage", "env=blue"), 200), (("baggage", "env=gray"), 403), (("x-env", "gray"), 403):
        assert ask(proxy, field, protocol=protocol).status == expected, field


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_every_filter_behind_has_what_the_route_says_that_a_colour_chooses(pillion, app, protocol):
    """Each is made when the request comes to it; what the route has disabled is not, what it has enabled is."""
    match = {"prefix": "/", "dynamic_metadata": [{"filter": "pillion.grey", "path": [{"key": "labels"}, {"key": "env"}],
                                                  "value": {"string_match": {"exact": "gray"}}}]}
    mutation, fault = "extensions.filters.http.header_mutation.v3.HeaderMutation", "extensions.filters.http.fault.v3.HTTPFault"
    edits = {"request_mutations": [{"append": {"header": {"key": "x-route", "value": "gray"}}}]}
    teapot = {"abort": {"http_status": 418, "percentage": {"numerator": 100}}}
    of_gray = {"mutation": b.any_of(mutation + "PerRoute", mutations=edits), "all": b.any_of("config.route.v3.FilterConfig", disabled=True)}
    routes = [{**b.route(), "match": match, "typed_per_filter_config": of_gray}, b.route(timeout="0s")]
    chain = filters(grey(rule("env", header("x-env", "gray"))), {"name": "mutation", "typed_config": b.any_of(mutation)},
                    {"name": "all", "typed_config": b.any_of(fault, **teapot)})
    proxy = pillion(made(app.address, chain=chain, routes=routes))
    assert ask(proxy, protocol=protocol).status == 418 and not app.seen
    assert ask(proxy, ("x-env", "gray"), protocol=protocol).status == 200
    assert app.last.get("x-route") == "gray"


RBAC = "extensions.filters.http.rbac.v3.RBAC"
OFF = {"typed_per_filter_config": {"context": b.any_of("config.route.v3.FilterConfig", disabled=True)}}


def weighted(*choices):
    """A route over clusters that are all the same one, each with what is said of it."""
    return {"match": {"prefix": "/"}, "route": {"timeout": "0s", "weighted_clusters": {
        "clusters": [{"name": "upstream", "weight": 1, **each} for each in choices]}}}


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("where", ["route", "virtual host", "table", "choice", "chain"])
def test_a_stranger_s_context_is_replaced_where_envoy_s_switch_has_it_disabled(pillion, app, where, protocol):
    """He may have chosen the place by its path; who is trusted goes on as he came."""
    routes = [weighted(OFF)] if where == "choice" else [{**b.route(timeout="0s"), **(OFF if where == "route" else {})}]
    for trusted in False, True:
        chain = filters(**({} if trusted else {"trust": {}}))
        chain[0]["disabled"] = where == "chain"
        config = made(app.address, chain=chain, routes=routes)
        table = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
        {"table": table, "virtual host": table["virtual_hosts"][0]}.get(where, {}).update(OFF)
        proxy = pillion(config)
        sent = full()
        assert ask(proxy, sent.vctx(), sent.traceparent(), ("baggage", "env=grey"), ("x-tenant", "acme"), protocol=protocol).status == 200
        got = of(app.last.fields)
        if trusted:
            assert got == sent and app.last.get("x-timeout-ms") is None
            continue
        assert (got.tenant, got.baggage, got.biz_flags) == ("", {}, 0) and got.trace_id not in (sent.trace_id, bytes(16))
        assert app.last.get("baggage") is None and app.last.get("x-tenant") is None
        assert proxy.stat(STATS + "untrusted") == 1


def test_a_choice_of_weighted_clusters_has_its_say_for_strangers_too(pillion, app):
    proxy = pillion(made(app.address, chain=filters(trust={}), routes=[weighted(per_route(max_deadline="3s"))]))
    ask(proxy, full().vctx())
    assert int(app.last.get("x-timeout-ms")) <= 3000
    both = weighted(per_route(disabled=True), per_route(max_deadline="3s"))
    proxy = pillion(made(app.address, chain=filters(trust={}), routes=[both]))
    left = set()
    for _ in range(64):
        ask(proxy, full().vctx(), ("x-timeout-ms", "30000"))
        assert of(app.last.fields).tenant == ""
        left.add(int(app.last.get("x-timeout-ms")) <= 3000)
    assert left == {True, False}  # by whichever it was


@pytest.mark.parametrize("kind", [["application/grpc"], ["Application/GRPC"], ["application/grpc-web"], ["application/json"], [],
                                  ["text/plain", "application/grpc"], ["application/grpc", "text/plain"]], ids=" ".join)
def test_a_stranger_s_fields_of_grpc(pillion, serve, kind):
    """Whatever the request says that it is: who is behind may see it otherwise."""
    app = App(serve, "h2")
    proxy = pillion(made(app.address, protocol="h2", chain=filters(trust={})))
    ask(proxy, ("vctx-bin", full().vctx()[1].rstrip("=")), ("grpc-timeout", "9S"), *[("content-type", each) for each in kind], protocol="h2")
    got = of(app.last.fields)
    assert (got.tenant, got.baggage) == ("", {})
    assert (app.last.get("vctx-bin") is None) == (app.last.get("grpc-timeout") is None) == (kind[:1] != ["application/grpc"])


def test_a_stranger_s_field_that_nobody_reads(pillion, serve):
    """Beside a vctx-bin that says nothing x-vivo-context is not looked at; whoever is behind may do so."""
    app = App(serve, "h2")
    proxy = pillion(made(app.address, protocol="h2", chain=filters(trust={}, write={"carriers": ["W3C"]})))
    sent = full().vctx()
    ask(proxy, *context_filter.GRPC, ("vctx-bin", "dmN0eA"), sent, protocol="h2")
    assert app.last.get("vctx-bin") != "dmN0eA" and app.last.get("x-vivo-context") not in (None, sent[1])
    got = of(app.last.fields)
    assert (got.tenant, got.baggage) == ("", {}) and got.trace_id.hex() in app.last.get("traceparent")


def test_what_the_edge_lets_pass(pillion, app):
    edge = {"keep_trace": True, "biz_flags": 2, "baggage": ["env"], "max_deadline": "5s"}
    proxy = pillion(made(app.address, chain=filters(trust={}, edge=edge)))
    sent = full(biz_flags=3)
    ask(proxy, sent.vctx())
    got = of(app.last.fields)
    assert (got.trace_id, got.span_id, got.request_id, got.biz_flags, got.baggage, got.tenant) == (
        sent.trace_id, sent.span_id, "r-1", 2, {"env": "grey"}, "")
    assert int(app.last.get("x-timeout-ms")) <= 5000
    ask(proxy)
    assert 4000 <= int(app.last.get("x-timeout-ms")) <= 5000  # also where there was none


def test_who_shows_a_certificate_is_trusted(pillion, ca, app):
    """Anybody's that is accepted, with a SPIFFE ID; or only those that are named."""
    everybody, some = filters(trust={}), filters(trust={"principals": [{"suffix": "/sa/client"}]})
    socket_ = tls.downstream(ca, validation=tls.validation(ca), required=False)
    for chain, trusted in ((everybody, ["client", "other"]), (some, ["client"])):
        listener = tls.listener(b.http(http_filters=chain), socket_)
        proxy = pillion(b.bootstrap([listener], [b.cluster(app.address)]))
        for name in "client", "other", "dns", None:
            sent = full()
            with tls.connect(proxy, tls.context(ca, name)) as sock:
                http1.Connection(sock).exchange(Request(fields=[sent.vctx()]))
            assert (of(app.last.fields).tenant == "acme") == (name in trusted), name
        assert proxy.stat(STATS + "untrusted") == 4 - len(trusted)
        for name, principal in (("client", "spiffe://td.test/ns/prod/sa/client"), ("dns", "localhost")):
            [said] = proxy.explain(tls="true", principal=principal)["http_filters"]
            assert said["verdict"].startswith("takes" if name in trusted else "replaces"), name


def test_explain_says_whose_fields_are_replaced(pillion, app):
    """Also where the filter is disabled: by its own word, or by Envoy's."""
    replaced = "replaces the sender's context, who is not trusted; the route is then chosen once more"
    routes = [{**b.route(prefix="/own"), **per_route(disabled=True)}, {**b.route(prefix="/envoy"), **OFF}, b.route()]
    for fields, plain, disabled in (({}, "takes the sender's context as it is: he is trusted", "disabled for this request"),
                                    ({"trust": {}}, replaced, "disabled for this request, but " + replaced)):
        proxy = pillion(made(app.address, chain=filters(**fields), routes=routes))
        for path, verdict in (("/", plain), ("/own", disabled), ("/envoy", disabled)):
            [said] = proxy.explain(path=path)["http_filters"]
            assert (said["filter"], said["verdict"]) == ("context", verdict), path


def test_the_application_is_trusted_on_its_way_out(pillion, app):
    for fields, tenant in (({"direction": "OUTBOUND"}, "acme"), ({"direction": "INBOUND"}, ""),
                           ({"direction": "OUTBOUND", "trust": {"principals": [{"exact": "spiffe://x"}]}}, "")):
        proxy = pillion(made(app.address, chain=filters(**{"trust": {}, **fields})))
        ask(proxy, full().vctx())
        assert of(app.last.fields).tenant == tenant
    config = made(app.address, chain=filters(trust={}))
    config["static_resources"]["listeners"][0]["traffic_direction"] = "OUTBOUND"
    ask(pillion(config), full().vctx())
    assert of(app.last.fields).tenant == "acme"


# --- rule 9: correlation ---------------------------------------------------------------------------------------------------

class Sidecar:
    """A pillion with both listeners, the application between them, and what that calls. forward(request): the fields that the
    application passes on; or another application is at `front`."""

    def __init__(self, pillion, serve, forward, workers=2, inbound=None, outbound=None, front=None):
        self.behind = App(serve)
        self.front = App(serve, answer=self._answer)
        self.forward = forward
        self.hold = None
        quiet = {"generate_request_id": False}
        listeners = [
            b.listener(b.http([b.route("app", timeout="0s")], name="in", http_filters=filters(**(inbound or {})),
                              upgrade_configs=[{"upgrade_type": "websocket"}], **quiet), name="in",
                       traffic_direction="INBOUND"),
            b.listener(b.http([b.route("behind", timeout="0s")], name="out", http_filters=filters(**{"trust": {}, **(outbound or {})}), **quiet), name="out",
                       traffic_direction="OUTBOUND")]
        clusters = [b.cluster(front or self.front.address, name="app"), b.cluster(self.behind.address, name="behind")]
        self.proxy = pillion(b.bootstrap(listeners, clusters), concurrency=workers)

    def _answer(self, request):
        if self.hold:
            self.hold(request)
        self.call(self.forward(request))
        return Response(200)

    def call(self, fields):
        connection = self.proxy.connect(listener="out")
        answer = connection.exchange(Request(fields=list(fields)))
        connection.close()
        return answer

    def ask(self, *fields):
        connection = self.proxy.connect(listener="in")
        answer = connection.exchange(Request(fields=list(fields)))
        connection.close()
        return answer

    def stat(self, side, name):
        return self.proxy.stat(f"http.{side}.context.{name}")


def only(*names):
    return lambda request: [(name, request.get(name)) for name in names]


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("name", ["traceparent", "x-request-id"])
def test_what_the_application_does_not_forward_comes_back(pillion, serve, name, workers):
    """On whichever workers the two are."""
    sidecar = Sidecar(pillion, serve, only(name), workers)
    for _ in range(6):
        sent = full(request_id=secrets.token_hex(8))
        sidecar.ask(sent.vctx())
        got = of(sidecar.behind.last.fields)
        assert got == sent
        assert sidecar.behind.last.get("baggage") == "env=grey,user=7"
    assert sidecar.stat("out", "restored") == 6


def test_nothing_is_guessed(pillion, serve):
    sidecar = Sidecar(pillion, serve, lambda request: [])
    sent = full()
    sidecar.ask(sent.vctx())
    got = of(sidecar.behind.last.fields)
    assert got.trace_id != sent.trace_id and (got.deadline, got.baggage, got.tenant, got.biz_flags) == (0, {}, "", 0)
    assert sidecar.stat("out", "restored") == 0


def test_of_several_with_one_trace_only_what_they_agree_on(pillion, serve):
    """One caller's fan-out: two requests in flight with the same trace and parent; with parents of their own each is known."""
    together = threading.Barrier(2)
    for same_parent in True, False:
        sidecar = Sidecar(pillion, serve, only("traceparent"))
        sidecar.hold = lambda request: together.wait(10)
        sent = [full(), full()]
        sent[1].trace_id, sent[1].tenant = sent[0].trace_id, "other"
        sent[1].deadline = sent[0].deadline
        if same_parent:
            sent[1].span_id = sent[0].span_id
        callers = [threading.Thread(target=sidecar.ask, args=(each.vctx(), )) for each in sent]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(20)
        got = [of(request.fields) for request in sidecar.behind.seen]
        assert {each.trace_id for each in got} == {sent[0].trace_id}
        assert all(each.baggage == sent[0].baggage and each.deadline == sent[0].deadline for each in got)
        assert sorted(each.tenant for each in got) == (["", ""] if same_parent else ["acme", "other"])


def test_a_call_is_capped_by_the_request_it_belongs_to(pillion, serve):
    """Whatever the application says: here the time that was left when it was asked, and a deadline far away."""
    def forward(request):
        time.sleep(0.2)
        return [("traceparent", request.get("traceparent")), ("x-timeout-ms", request.get("x-timeout-ms")),
                ("x-deadline", str(nanoseconds(90)))]

    sidecar = Sidecar(pillion, serve, forward)
    sidecar.ask(("x-timeout-ms", "8000"), GOOD.traceparent())
    assert int(sidecar.behind.last.get("x-timeout-ms")) <= 7800


def test_that_no_listener_is_outbound_is_said_once(pillion):
    """Where it begins, not with each change while it lasts."""
    def listener(name, **fields):
        return b.listener(b.http([b.direct(200)], http_filters=filters(**fields)), name=name)

    said = "requests which an application sends get nothing back: say traffic_direction: OUTBOUND"
    first, second, third = (listener(name) for name in "abc")
    proxy = pillion(b.bootstrap([first, second]))
    until(lambda: said in proxy.log(), "it is said")
    assert 'the requests of listeners "a", "b" for inbound' in proxy.log()
    by_post(proxy, b.bootstrap([first, second, third]))
    by_post(proxy, b.bootstrap([first, second, {**third, "traffic_direction": "OUTBOUND"}]))
    assert proxy.admin("/ready")  # by now it was looked at
    by_post(proxy, b.bootstrap([first, second]))
    until(lambda: proxy.log().count(said) > 1, "it is said once more")
    assert proxy.log().count(said) == 2
    for quiet in [listener("d")], [listener(name, disable_correlation=True) for name in "de"]:
        proxy = pillion(b.bootstrap(quiet))
        proxy.terminate()
        assert proxy.exit_status() == 0 and said not in proxy.log()


def test_correlation_may_be_off(pillion, serve):
    for side in "inbound", "outbound":
        sidecar = Sidecar(pillion, serve, only("traceparent"), **{side: {"disable_correlation": True}})
        sent = full()
        sidecar.ask(sent.vctx())
        got = of(sidecar.behind.last.fields)
        assert got.trace_id == sent.trace_id and (got.tenant, got.deadline) == ("", 0)


def test_a_stranger_s_context_is_not_remembered(pillion, serve):
    sidecar = Sidecar(pillion, serve, only("traceparent"), inbound={"trust": {}})
    sidecar.ask(full().vctx())
    got = of(sidecar.behind.last.fields)
    assert (got.tenant, got.baggage, got.biz_flags) == ("", {}, 0) and got.deadline != 0


def test_to_a_stranger_nothing_comes_back(pillion, serve):
    """Whoever has seen, or guessed, the trace of somebody else's request."""
    sidecar = Sidecar(pillion, serve, only("traceparent"), outbound={
        "trust": {"principals": [{"exact": "spiffe://x"}]}, "edge": {"keep_trace": True}})
    sent = full()
    sidecar.ask(sent.vctx())
    got = of(sidecar.behind.last.fields)
    assert (got.trace_id, got.tenant, got.baggage, got.biz_flags) == (sent.trace_id, "", {}, 0)
    assert sidecar.stat("out", "restored") == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_asked_for_because_of_a_tunnel_outlives_the_deadline_too(pillion, serve, workers):
    heads = []

    def switch(sock):
        connection = http1.Connection(sock)
        heads.append(connection.read_request_head())
        connection.send(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        assert connection.closed()

    sidecar = Sidecar(pillion, serve, None, workers, front=serve(switch).address)
    connection = sidecar.proxy.connect(listener="in")
    connection.send_request(Request(path="/chat", fields=[
        ("connection", "upgrade"), ("upgrade", "websocket"), full(deadline=0).vctx(), ("x-timeout-ms", "300")]))
    assert connection.read_response().status == 101
    time.sleep(0.4)  # until the deadline has passed: there is nothing that could be seen of it
    assert sidecar.call([("traceparent", heads[0].get("traceparent"))]).status == 200
    assert of(sidecar.behind.last.fields).tenant == "acme" and sidecar.behind.last.get("x-timeout-ms") is None
    view = json.loads(sidecar.proxy.admin("/context?format=json"))
    assert (view["in_flight"], view["with_deadline"]) == ("1", "0") and "time_left_ms" not in view["oldest"]
    connection.close()
