"""The context of requests (source/context/specification.md) through the program: read, carried on, and shown to others."""

import json
import re

import pytest
import yaml

from peers import bootstrap as b
from peers import context_filter
from peers.context import PAYMENT, Context, nanoseconds, of
from peers.context_filter import GOOD, GRPC, STATS, App, Stuck, ask, filters, full, lines, made, per_route, noted
from peers.message import Request
from peers.proxy import ROOT, run
from peers.wait import until

app = context_filter.app

# --- rules 1 and 5: carried from one side to the other ---------------------------------------------------------------------

@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_all_of_it_goes_on(pillion, serve, protocol, workers):
    app = App(serve, protocol)
    proxy = pillion(made(app.address, protocol=protocol), concurrency=workers)
    for _ in range(4):
        sent = full()
        assert ask(proxy, sent.vctx(), protocol=protocol).status == 200
        got = of(app.last.fields)
        assert got == sent
        assert app.last.get("traceparent") == sent.traceparent()[1]
        assert app.last.get("baggage") == "env=grey,user=7"
        assert app.last.get("x-request-id") == "r-1"
        assert 29000 <= int(app.last.get("x-timeout-ms")) <= 30000
        assert app.last.get("x-tenant") is None and app.last.get("vctx-bin") is None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_call_of_grpc(pillion, serve, workers):
    app = App(serve, "h2")
    proxy = pillion(made(app.address, protocol="h2"), concurrency=workers)
    sent = full()
    assert ask(proxy, *GRPC, ("vctx-bin", sent.vctx()[1].rstrip("=")), protocol="h2").status == 200
    assert of(app.last.fields) == sent
    assert "=" not in app.last.get("vctx-bin") and app.last.get("x-vivo-context") is None
    unit, number = app.last.get("grpc-timeout")[-1], int(app.last.get("grpc-timeout")[:-1])
    assert (unit, app.last.get("x-timeout-ms")) == ("m", None) and 29000 <= number <= 30000


def test_a_request_without_any_begins_a_trace(pillion, app):
    proxy = pillion(made(app.address, manager={"generate_request_id": False}))
    for _ in range(2):
        ask(proxy)
    first, second = (request.get("traceparent").split("-") for request in app.seen)
    assert [first[0], first[3]] == ["00", "02"] and first[1] != second[1] and first[2] != second[2]
    ids = {request.get("x-request-id") for request in app.seen}
    assert len(ids) == 2 and all(len(name) == 36 for name in ids)
    assert app.last.get("x-timeout-ms") is None and of(app.last.fields).trace_id.hex() == second[1]
    assert proxy.stat(STATS + "begun") == 2


def test_what_is_not_to_be_written_goes_on_but_never_contradicts(pillion, app):
    proxy = pillion(made(app.address, chain=filters(write={"carriers": ["VCTX"]})))
    sent = full()
    same, other = sent.traceparent(), ("b3", "1" * 32 + "-" + "2" * 16 + "-1")
    ask(proxy, sent.vctx(), same, other, ("x-tenant", "acme"), ("x-timeout-ms", "99999"))
    assert app.last.get("traceparent") == same[1] and app.last.get("x-tenant") == "acme"
    assert app.last.get("b3") == f"{sent.trace_id.hex()}-{sent.span_id.hex()}-1"
    assert int(app.last.get("x-timeout-ms")) <= 99999 and app.last.get("baggage") is None


def test_each_carrier_may_be_written(pillion, app):
    every = ["VCTX", "X_CONTEXT", "W3C", "B3", "B3_MULTI", "TIMEOUT", "STANDARD"]
    proxy = pillion(made(app.address, chain=filters(write={"carriers": every})))
    sent = full()
    ask(proxy, sent.vctx())
    got = app.last
    assert (got.get("x-context"), got.get("x-tenant"), got.get("x-deadline")) == (sent.x_context()[1], "acme", str(sent.deadline))
    assert (got.get("x-b3-traceid"), got.get("x-b3-sampled")) == (sent.trace_id.hex(), "1")


# --- rule 7: malformed -----------------------------------------------------------------------------------------------------

def test_what_is_malformed_is_counted_and_does_not_go_on(pillion, app, tmp_path):
    proxy = pillion(made(app.address, log=tmp_path / "log"))
    answer = ask(proxy, ("x-vivo-context", "!"), GOOD.traceparent(), ("x-timeout-ms", "-1"), ("x-tenant", "t" * 129))
    assert answer.status == 200
    assert app.last.get("traceparent") == GOOD.traceparent()[1]
    assert of(app.last.fields).trace_id == GOOD.trace_id  # one of our own
    assert app.last.get("x-timeout-ms") is None and app.last.get("x-tenant") is None
    assert lines(tmp_path / "log", 1)[0].endswith(" vctx,timeout,tenant")
    until(lambda: "malformed context: " in proxy.log(), "it is said")
    assert "[info][filter] malformed context: vctx,timeout,tenant: GET / from 127.0.0.1:" in proxy.log()
    for carrier in "vctx", "timeout", "tenant":
        assert proxy.stat(f"{STATS}malformed.{carrier}") == 1


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_or_it_is_refused(pillion, app, tmp_path, protocol):
    proxy = pillion(made(app.address, chain=filters(on_malformed="REJECT"), log=tmp_path / "log"))
    answer = ask(proxy, ("x-vivo-context", "!"), protocol=protocol)
    assert (answer.status, answer.body) == (400, b"malformed request context") and not app.seen
    assert lines(tmp_path / "log", 1) == ["400 - request_context_malformed - - vctx"]
    assert ask(proxy, GOOD.vctx(), protocol=protocol).status == 200


def test_two_lines_are_malformed_even_where_they_are_equal(pillion, app):
    proxy = pillion(made(app.address))
    sent = full()
    ask(proxy, sent.vctx(), sent.vctx(), sent.traceparent(), sent.traceparent(), ("x-request-id", "a"), ("x-request-id", "a"))
    got = of(app.last.fields)
    assert got.trace_id not in (sent.trace_id, bytes(16)) and not got.baggage and got.request_id not in ("", "a")
    for carrier in "vctx", "trace", "request_id":
        assert proxy.stat(f"{STATS}malformed.{carrier}") == 1
    ask(proxy, ("tracestate", "a=1"), sent.traceparent(), ("tracestate", "b=2"), ("baggage", "x=1"), ("baggage", "y=2"))
    assert (app.last.get("tracestate"), app.last.get("baggage")) == ("a=1,b=2", "x=1,y=2")


# --- what others may read of it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_routes_match_by_it(pillion, named, workers):
    grey, payment, tenant, rest = named("grey", "payment", "tenant", "rest")
    matches = [("grey", noted("baggage/env", string_match={"exact": "grey"})), ("payment", noted("payment_path", bool_match=True)),
               ("tenant", noted("tenant", string_match={"prefix": "ac"}))]
    routes = [{"match": {"prefix": "/", "dynamic_metadata": [matcher]}, "route": {"cluster": name}} for name, matcher in matches]
    clusters = [b.cluster(where, name=name) for name, where in (("grey", grey), ("payment", payment), ("tenant", tenant), ("rest", rest))]
    config = b.bootstrap([b.listener(b.http(routes + [b.route("rest")], http_filters=filters()))], clusters)
    proxy = pillion(config, concurrency=workers)
    for context, name in ((Context(baggage={"env": "grey"}), "grey"), (Context(baggage={"env": "blue"}), "rest"),
                          (Context(biz_flags=PAYMENT), "payment"), (Context(biz_flags=2), "rest"),
                          (Context(tenant="acme"), "tenant"), (Context(tenant="other"), "rest")):
        assert ask(proxy, context.vctx()).body == name.encode()
    strangers = pillion(b.bootstrap([b.listener(b.http(routes + [b.route("rest")], http_filters=filters(trust={})))], clusters))
    for context in (Context(baggage={"env": "grey"}), Context(biz_flags=PAYMENT), Context(tenant="acme")):
        assert ask(strangers, context.vctx()).body == b"rest"


def test_rules_of_access_match_by_it(pillion, app):
    policy = {"permissions": [{"metadata": noted("tenant", string_match={"exact": "acme"})}], "principals": [{"any": True}]}
    rbac = {"name": "rbac", "typed_config": b.any_of("extensions.filters.http.rbac.v3.RBAC", rules={
        "action": "ALLOW", "policies": {"acme": policy}})}
    proxy = pillion(made(app.address, chain=filters(rbac)))
    assert ask(proxy, ("x-tenant", "acme")).status == 200
    assert ask(proxy, ("x-tenant", "other")).status == ask(proxy).status == 403


def test_logs_show_it(pillion, app, tmp_path):
    names = ("tenant", "request_id", "trace_id", "span_id", "sampled", "biz_flags", "payment_path", "real_name_check", "deadline",
             "baggage", "baggage:env", "cancel_reason")
    line = " ".join(f"%DYNAMIC_METADATA(pillion.context:{name})%" for name in names) + "\n"
    log = tmp_path / "log"
    proxy = pillion(made(app.address, manager={"access_log": b.file_log(log, line)}))
    sent = full()
    ask(proxy, sent.vctx())
    assert lines(log, 1) == [f"acme r-1 {sent.trace_id.hex()} {sent.span_id.hex()} true 1 true false {sent.deadline} "
                             '{"env":"grey","user":"7"} grey -']


# --- routes ----------------------------------------------------------------------------------------------------------------

def test_routes_say_otherwise(pillion, app):
    def route(prefix, **fields):
        return {**b.route(prefix=prefix), **per_route(**fields)}

    routes = [route("/disabled", disabled=True), route("/short", max_deadline="2s"), route("/least", min_useful_ms=50000),
              route("/strict", reject_malformed=True), route("/b3", write={"carriers": ["B3"]}),
              route("/blind", read={"carriers": ["W3C"]}, write={"carriers": ["W3C"]}), b.route()]
    proxy = pillion(made(app.address, routes=routes))
    sent = full()
    ask(proxy, ("x-vivo-context", "!"), path="/disabled")
    assert app.last.get("x-vivo-context") == "!" and app.last.get("traceparent") is None
    ask(proxy, sent.vctx(), path="/short")
    assert int(app.last.get("x-timeout-ms")) <= 2000
    assert ask(proxy, sent.vctx(), path="/least").status == 504
    assert ask(proxy, ("x-vivo-context", "!"), path="/strict").status == 400
    ask(proxy, GOOD.traceparent(), path="/b3")
    assert app.last.get("b3") == f"{GOOD.trace_id.hex()}-{GOOD.span_id.hex()}-0" and app.last.get("x-vivo-context") is None
    ask(proxy, ("x-timeout-ms", "0"), GOOD.traceparent(), path="/blind")
    assert app.last.get("traceparent") == GOOD.traceparent()[1]


@pytest.mark.parametrize(("fields", "place"), [
    ({"read": {"carriers": [0]}}, "read.carriers[0]"), ({"write": {"carriers": ["VCTX", 99]}}, "write.carriers[1]"),
    ({"max_deadline": "0s"}, "max_deadline"), ({"edge": {"max_deadline": "0s"}}, "edge.max_deadline"),
    ({"edge": {"biz_flags": 65536}}, "edge.biz_flags"), ({"correlation_grace": "61s"}, "correlation_grace"),
    ({"max_deadline": "0.010s", "min_useful_ms": 11},
     "min_useful_ms: 11 ms, expected at most max_deadline, 10 ms: all requests would be refused"),
    ({"edge": {"max_deadline": "0.010s"}, "min_useful_ms": 11},
     "min_useful_ms: 11 ms, expected at most edge.max_deadline, 10 ms: all requests of those who are not trusted would be refused"),
    ({"max_deadline": "-1s"}, "max_deadline: -1s, expected at least 0.001s"),
    ({"correlation_grace": "-0.5s"}, "correlation_grace: -0.5s, expected at least 0s and at most 60s"),
    ({"off_header": "x-off"}, 'unknown field "off_header"'),
    ({"trust": {"addresses": [{"address_prefix": "x"}]}}, "trust.addresses[0]")])
def test_configurations_that_are_refused(tmp_path, fields, place):
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(made(chain=filters(**fields), routes=[b.direct(200)])), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1 and place in result.stdout, result.stdout


CONTEXT = "type.googleapis.com/pillion.filters.http.context.v1.Context"


@pytest.mark.parametrize(("chain", "route", "message"), [
    ({"max_deadline": "0.010s"}, {"min_useful_ms": 11},
     "min_useful_ms: 11 ms, expected at most the filter's max_deadline, 10 ms: all requests would be refused"),
    ({"edge": {"max_deadline": "0.010s"}}, {"min_useful_ms": 11, "max_deadline": "1s"},
     "min_useful_ms: 11 ms, expected at most the filter's edge.max_deadline, 10 ms: all requests of those who are not trusted"),
    ({"min_useful_ms": 11}, {"max_deadline": "0.010s"},
     "the filter's min_useful_ms: 11 ms, expected at most max_deadline of this route, 10 ms: all requests would be refused"),
    ({"max_deadline": "1s"}, {"min_useful_ms": 11, "max_deadline": "0.010s"},
     '["context"].min_useful_ms: 11 ms, expected at most max_deadline, 10 ms'),
    ({}, {"on_malformed": "REJECT"}, 'unknown field "on_malformed", did you mean "reject_malformed"?'),
    ({}, {"max_deadline": "-1s"}, '["context"].max_deadline: -1s, expected at least 0.001s'),
    ({}, {"@type": CONTEXT}, '["context"]: a pillion.filters.http.context.v1.Context, expected '
                             "pillion.filters.http.context.v1.ContextPerRoute"),
    ({"max_deadline": "1s", "edge": {"max_deadline": "1s"}, "min_useful_ms": 2},
     {"min_useful_ms": 11, "max_deadline": "0.011s"}, None),
    ({"max_deadline": "0.010s"}, {"min_useful_ms": 11, "disabled": True}, None)])
def test_routes_that_are_refused(tmp_path, chain, route, message):
    config = tmp_path / "bootstrap.yaml"
    routes = [{**b.direct(200), **per_route(**route)}]
    config.write_text(yaml.safe_dump(made(chain=filters(**chain), routes=routes)), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == (message is not None) and (message or "OK") in result.stdout, result.stdout


def test_a_route_s_word_for_no_filter_of_the_chain_is_noted(pillion, app):
    """Envoy takes it, and so do we; but somebody believes that it holds."""
    config = made(app.address, routes=[{**b.route(), "typed_per_filter_config": {
        "contxt": per_route(disabled=True)["typed_per_filter_config"]["context"]}}])
    log = pillion(config).log()
    assert log.count("no filter before the router has this name, so that it says nothing here") == 1
    assert 'routes[0].typed_per_filter_config["contxt"]: ' in log and 'did you mean "context"?; there are "context"' in log


def test_administration(pillion, serve, app):
    """What is in flight, and what of the table is used."""
    stuck = Stuck(serve)
    routes = [b.route("stuck", "/stuck", timeout="0s"), b.route()]
    config = made(app.address, routes=routes)
    config["static_resources"]["clusters"].append(b.cluster(stuck.address, name="stuck"))
    proxy = pillion(config, concurrency=2)
    hanging = proxy.connect()
    hanging.send_request(Request(path="/stuck", fields=[("x-timeout-ms", "60000")]))
    assert stuck.came.wait(10)
    ask(proxy)
    shown = json.loads(proxy.admin("/context?format=json"))
    assert (shown["in_flight"], shown["with_deadline"], shown["correlation"]["remembered"]) == ("1", "1", "2")
    assert 0 < shown["oldest"]["time_left_ms"] <= 60000 and shown["oldest"]["age_ms"] >= 0
    assert proxy.admin("/context").startswith("requests in flight: 1, 1 of them with a deadline\nthe oldest: began ")
    assert "\ncorrelation: 2 of 16384 records in use, also of requests that have ended; 2 made so far\noutbound" in proxy.admin("/context")
    hanging.abort()
    until(lambda: proxy.admin("/context").startswith("requests in flight: 0, 0 of them"), "it is over")
    assert "/context: requests that have a context" in proxy.admin("/help")
    without = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]))]))
    assert without.admin_response("/context")[0] == 404


def test_page(pillion, app):
    page = (ROOT / "source/filters/request_context/README.md").read_text(encoding="utf-8")
    chain, peers, routes = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.S))
    pillion(made(app.address, chain=peers["http_filters"] + filters()[1:]))  # it starts: each field has the form that is shown
    config = made(app.address, routes=routes["routes"], chain=chain["http_filters"] + filters()[1:], cluster={"name": "users"})
    proxy = pillion(config)
    sent = full(deadline=nanoseconds(60))
    ask(proxy, sent.vctx())
    got = of(app.last.fields)
    assert (got.trace_id, got.baggage, got.tenant) == (sent.trace_id, {"env": "grey"}, "")
    assert int(app.last.get("x-timeout-ms")) <= 10000 and app.last.get("host") == "grey.users.example.org"
    ask(proxy, Context(baggage={"env": "blue"}).vctx())
    assert app.last.get("host") == "test.example"
    counters = set(re.findall(r"^http\.ingress\.context\.([a-z_]+)", proxy.admin("/stats"), re.M))
    assert counters == {word for row in re.findall(r"^\| (`[a-z_].*?) \| ", page.partition("## Counters")[2], re.M)
                        for word in re.findall(r"`([a-z_]+)", row)} - {"counter"}
