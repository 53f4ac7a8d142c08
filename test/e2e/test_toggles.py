"""What trusted peers turn off, force, or ask to be told of a request (source/filters/toggles) through the program."""

import json

import pytest
import yaml

from peers import bootstrap as b
from peers import tls
from peers import context_filter, http1, http2
from peers.context import Context, nanoseconds, of
from peers.context_filter import GRPC, LOCAL, App, ask, full, lines
from peers.lanes import grey, header, labelled, policy, rule
from peers.message import Request
from peers.proxy import ROOT, run

ca = tls.ca
app = context_filter.app
_TYPE = "type.googleapis.com/pillion.filters.http.toggles.v1.Toggles"
ROUTER = {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}
STATS = "http.ingress.toggles."
FIELDS = "x-pillion-off", "x-pillion-lane", "x-pillion-explain"
ALL = {"turn_off": ["CONTEXT", "GREY", "LIMIT", "CONCURRENCY", "DEGRADATION", "FAULT", "MIRROR"], "lane": True, "explain": True}
GRAY = {"env": "gray"}
# Filters that let no request pass.
FAULT = {"name": "fault", "typed_config": b.any_of("extensions.filters.http.fault.v3.HTTPFault", abort={
    "http_status": 418, "percentage": {"numerator": 100}})}
GRPC_FAULT = {"name": "fault", "typed_config": b.any_of("extensions.filters.http.fault.v3.HTTPFault", abort={
    "grpc_status": 7, "percentage": {"numerator": 100}})}
LIMIT = {"name": "limit", "typed_config": {"@type": "type.googleapis.com/pillion.filters.http.limit.v1.Limit", "rules": [
    {"name": "none", "window": {"limit": 1, "length": "3600s"}, "cost": "2"}]}}


def toggles(**fields):
    """By default in front of who is trusted, and may do all."""
    return {"name": "toggles", "typed_config": {"@type": _TYPE, "trust": LOCAL, "allow": ALL, **fields}}


def allowing(**allow):
    return {"typed_per_filter_config": {"toggles": {"@type": _TYPE + "PerRoute", "allow": allow}}}


def made(app, *filters, protocol="h1", routes=None, clusters=None, **manager):
    chain = [*filters, ROUTER]
    return b.bootstrap([b.listener(b.http(routes or [b.route(timeout="0s")], http_filters=chain, **manager))],
                       [b.cluster(app.address, protocol=protocol)] if clusters is None else clusters)


def none_went(app):
    return not [name for name in FIELDS if app.last.get(name) is not None]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_features_are_turned_off(pillion, serve, protocol, workers):
    app = App(serve, protocol)
    proxy = pillion(made(app, toggles(), LIMIT, FAULT, protocol=protocol), concurrency=workers)
    name = "X-Pillion-Off" if protocol == "h1" else "x-pillion-off"
    statuses = {fields: ask(proxy, *[(name, field) for field in fields], protocol=protocol).status
                for fields in ((), ("limit",), ("fault",), ("fault, limit",), ("limit", "fault"), ("grey,limits",))}
    assert statuses == {(): 429, ("limit",): 418, ("fault",): 429, ("fault, limit",): 200, ("limit", "fault"): 200, ("grey,limits",): 429}
    assert none_went(app) and len(app.seen) == 2
    assert [proxy.stat(STATS + name) for name in ("off.limit", "off.fault", "off.grey", "unknown")] == [3, 3, 1, 1]


def test_a_call_of_grpc(pillion, serve):
    app = App(serve, "h2")
    proxy = pillion(made(app, toggles(), GRPC_FAULT, protocol="h2"))
    assert ask(proxy, *GRPC, protocol="h2").get("grpc-status") == "7"
    answer = ask(proxy, *GRPC, ("x-pillion-off", "fault"), ("x-pillion-explain", "1"), protocol="h2")
    assert answer.status == 200 and answer.get("grpc-status") is None and json.loads(answer.get("x-pillion-explain"))
    assert none_went(app)


def test_the_context_goes_on_as_it_came(pillion, app):
    proxy = pillion(made(app, toggles(), *context_filter.filters()[:1]))
    sent = Context(deadline=nanoseconds(-9), tenant="acme")
    assert ask(proxy, sent.vctx(), ("X-Pillion-OFF", "limit, context")).status == 200
    assert app.last.get("x-vivo-context") == sent.vctx()[1] and app.last.get("traceparent") is None
    assert none_went(app)
    assert ask(proxy, sent.vctx(), ("x-pillion-off", "grey,contexts")).status == 504
    assert proxy.stat(STATS + "off.context") == 1


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_of_those_alone_who_are_trusted(pillion, ca, app, protocol):
    """By a certificate that was verified, with a SPIFFE ID; of others the fields are gone."""
    named = toggles(trust={"principals": [{"suffix": "/sa/client"}]})
    socket_ = tls.downstream(ca, validation=tls.validation(ca), required=False)
    for filter_, trusted in ((toggles(trust={}), ["client", "other"]), (named, ["client"])):
        manager = b.http([b.route()], http_filters=[filter_, *context_filter.filters(trust={})])
        proxy = pillion(b.bootstrap([tls.listener(manager, socket_)], [b.cluster(app.address)]))
        for name in "client", "other", "dns", None:
            context = tls.context(ca, name)
            context.set_alpn_protocols(["h2" if protocol == "h2" else "http/1.1"])
            with tls.connect(proxy, context) as sock:
                connection = http2.Connection(sock, client=True) if protocol == "h2" else http1.Connection(sock)
                answer = connection.exchange(Request(fields=[("x-pillion-off", "context"), ("x-pillion-explain", "1")]))
            assert answer.status == 200 and none_went(app)
            assert (app.last.get("traceparent") is None) == (answer.get("x-pillion-explain") is not None) == (name in trusted), name
        assert proxy.stat(STATS + "untrusted") == 4 - len(trusted)


def test_routes_say_what_they_allow(pillion, app):
    routes = [{**b.route(prefix="/limit"), **allowing(turn_off=["LIMIT"])}, {**b.route(prefix="/none"), **allowing()}, b.route()]
    proxy = pillion(made(app, toggles(allow={"turn_off": ["LIMIT", "FAULT"]}), LIMIT, FAULT, routes=routes))
    statuses = {path: ask(proxy, ("x-pillion-off", "limit,fault"), path=path).status for path in ("/limit", "/none", "/")}
    assert statuses == {"/limit": 418, "/none": 429, "/": 200}
    assert proxy.stat(STATS + "not_allowed") == 3 and none_went(app)


def test_nothing_is_allowed_by_default(pillion, app):
    proxy = pillion(made(app, toggles(allow={}), LIMIT))
    answer = ask(proxy, ("x-pillion-off", "limit"), ("x-pillion-explain", "1"), ("x-pillion-lane", "env=gray"))
    assert answer.status == 429 and answer.get("x-pillion-explain") is None
    assert proxy.stat(STATS + "not_allowed") == 3


def test_a_stranger_does_not_choose_the_route(pillion, app):
    """Nor by a path where the filter is disabled what those behind do."""
    off = {"typed_per_filter_config": {"toggles": b.any_of("config.route.v3.FilterConfig", disabled=True)}}
    routes = [{**b.direct(299), "match": {"prefix": "/", "headers": [{"name": name, "present_match": True}]}} for name in FIELDS]
    proxy = pillion(made(app, toggles(trust={}), routes=[{**b.route(prefix="/off"), **off}, *routes, b.route()]))
    for path in "/", "/off":
        for name in FIELDS:
            assert ask(proxy, (name, "1"), path=path).status == 200 and none_went(app)
    assert proxy.stat(STATS + "untrusted") == 6
    proxy = pillion(made(app, toggles(), routes=[{**b.route(prefix="/off"), **off}, *routes, b.route()]))
    assert ask(proxy, ("x-pillion-lane", "env=gray")).status == 299
    assert ask(proxy, ("x-pillion-lane", "env=gray"), path="/off").status == 200 and app.last.get("x-pillion-lane") == "env=gray"


def test_a_lane_is_forced(pillion, serve, named):
    """Without the filter grey for this hop alone; with it the context carries the colour on."""
    plain, gray = named("plain", "gray")
    cluster = b.cluster(name="upstream", load_assignment=labelled("upstream", ((plain, {}), (gray, GRAY))), load_balancing_policy=policy())
    proxy = pillion(made(None, toggles(), clusters=[cluster]), concurrency=2)
    forced = ("x-pillion-lane", "env=gray")
    for _ in range(10):
        assert ask(proxy, forced).body == b"gray" and ask(proxy).body == b"plain"
        assert ask(proxy, ("x-pillion-lane", "zone=a")).body == b"plain"
    assert proxy.stat(STATS + "lane") == 10 and proxy.stat(STATS + "unknown") == 10

    app = App(serve)
    cluster = b.cluster(name="upstream", load_assignment=labelled("upstream", ((app.address, GRAY),)), load_balancing_policy=policy())
    proxy = pillion(made(app, toggles(), *context_filter.filters()[:1], grey(rule("blue", header("x-env", "blue"), colour={"env": "blue"})),
                         clusters=[cluster]))
    assert ask(proxy, full(baggage={"env": "blue", "user": "7"}).vctx(), ("x-env", "blue"), forced).status == 200
    assert of(app.last.fields).baggage == {"env": "gray", "user": "7"}
    assert none_went(app)


def test_grey_is_turned_off(pillion, named):
    plain, gray = named("plain", "gray")
    cluster = b.cluster(name="upstream", load_assignment=labelled("upstream", ((plain, {}), (gray, GRAY))), load_balancing_policy=policy())
    proxy = pillion(made(None, toggles(), grey(rule("gray", header("x-env", "gray"))), clusters=[cluster]))
    coloured = ("x-env", "gray")
    assert ask(proxy, coloured).body == b"gray"
    assert ask(proxy, coloured, ("x-pillion-off", "grey")).body == b"plain"
    assert ask(proxy, coloured, ("x-pillion-off", "grey"), ("x-pillion-lane", "env=gray")).body == b"gray"


def test_no_copy_is_sent(pillion, serve, app):
    copies = App(serve)
    routes = [b.route(request_mirror_policies=[{"cluster": "copies"}])]
    proxy = pillion(made(app, toggles(), routes=routes, clusters=[b.cluster(app.address), b.cluster(copies.address, name="copies")]))
    ask(proxy, ("x-pillion-off", "mirror"))
    ask(proxy)
    proxy.until_stat("cluster.copies.upstream_rq_completed", 1)
    assert len(app.seen) == 2 and len(copies.seen) == 1


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_the_answer_explains(pillion, serve, protocol):
    app = App(serve, protocol)
    routes = [{**b.direct(204, prefix="/direct"), "name": "direct"}, {**b.route(), "name": "main"}]
    proxy = pillion(made(app, toggles(), LIMIT, protocol=protocol, routes=routes))
    def told(*fields, path="/"):
        answer = ask(proxy, ("x-pillion-explain", "1"), *fields, path=path, protocol=protocol)
        return answer.status, json.loads(answer.get("x-pillion-explain"))

    status, said = told(("x-pillion-off", "limit"))
    assert (status, said["route"]["name"], said["off"]) == (200, "main", ["limit"])
    assert said["upstream"]["endpoint"] == f"{app.address[0]}:{app.address[1]}" and none_went(app)
    status, said = told()
    assert (status, said["limit"]["rule"], said["answer"]["by"]) == (429, "none", "pillion")
    status, said = told(("x-pillion-off", "limit"), path="/direct")
    assert (status, said["route"]["name"]) == (204, "direct")


def test_what_is_noted(pillion, app, tmp_path):
    log = tmp_path / "log"
    manager = {"access_log": b.file_log(log, "%DYNAMIC_METADATA(pillion.toggles)%\n")}
    config = made(app, toggles(allow={"turn_off": ["GREY"], "lane": True}), **manager)
    proxy = pillion(config)
    ask(proxy, ("x-pillion-off", "grey,fault,nothing"), ("x-pillion-lane", "version=v2,env=gray"), ("x-pillion-explain", "1"))
    ask(proxy)
    assert lines(log, 2) == ['{"off":"grey","lane":"env=gray,version=v2","unknown":"nothing","not_allowed":"fault,explain"}', "-"]


def test_explain_says_what_is_allowed(pillion, app):
    off = {"typed_per_filter_config": {"toggles": b.any_of("config.route.v3.FilterConfig", disabled=True)}}
    routes = [{**b.route(prefix="/own"), **allowing(turn_off=["LIMIT", "GREY"], explain=True)}, {**b.route(prefix="/none"), **allowing()},
              {**b.route(prefix="/off"), **off}, b.route()]
    taken = "takes the sender's toggles away, who is not trusted"
    allowed = ["lane", "off: grey,limit; explain", "nothing", None]
    for fields, verdicts in (({"allow": {"lane": True}}, allowed), ({"trust": {}}, [taken] * 4)):
        proxy = pillion(made(app, toggles(**fields), routes=routes))
        for path, verdict in zip(("/", "/own", "/none", "/off"), verdicts):
            [said] = proxy.explain(path=path)["http_filters"]
            disabled = "disabled for this request"
            if verdict == taken:
                assert said["verdict"] == (f"{disabled}, but {taken}" if path == "/off" else taken), path
            else:
                assert said["verdict"] == (f"the sender, who is trusted, may toggle {verdict}" if verdict else disabled), path


@pytest.mark.parametrize(("filters", "message"), [
    ([FAULT, toggles()], 'behind "fault", which is made before it could be turned off (x-pillion-off: fault), expected before that'),
    ([*context_filter.filters()[:1], toggles()], 'behind "context", which is made before'),
    ([toggles(allow={"turn_off": ["FEATURE_UNSPECIFIED"]})], "allow.turn_off[0]: expected a feature"),
    ([toggles(labels=["a b"])], 'labels[0]: "a b", expected a name without blanks'),
    ([toggles(trust={"addresses": [{"address_prefix": "x"}]})], "trust.addresses[0]"),
    ([context_filter.filters(off_header="x-off")[0]], 'unknown field "off_header"'),
    ([toggles(), FAULT], None)])
def test_configurations_that_are_refused(tmp_path, filters, message):
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(made(None, *filters, routes=[b.direct(200)], clusters=[])), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == (message is not None) and (message or "OK") in result.stdout, result.stdout


def test_the_page_s_example(pillion, ca, app):
    """docs/toggles.md: one team may toggle, on some routes."""
    page = (ROOT / "docs" / "toggles.md").read_text(encoding="utf-8")
    example = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    filters, hosts = example["http_filters"], example["virtual_hosts"]
    filters[0]["typed_config"]["trust"]["principals"] = [{"suffix": "/sa/client"}]
    for route in hosts[0]["routes"]:
        route["route"]["cluster"] = "upstream"
    manager = b.http(route_config={"virtual_hosts": hosts}, http_filters=[*filters[:-1], FAULT, filters[-1]])
    socket_ = tls.downstream(ca, validation=tls.validation(ca))
    proxy = pillion(b.bootstrap([tls.listener(manager, socket_)], [b.cluster(app.address)]))

    def status(name, path):
        with tls.connect(proxy, tls.context(ca, name)) as sock:
            return http1.Connection(sock).exchange(Request(path=path, fields=[("x-pillion-off", "fault")])).status
    assert [status("client", "/orders/1"), status("client", "/payments/1"), status("other", "/orders/1")] == [200, 418, 418]
