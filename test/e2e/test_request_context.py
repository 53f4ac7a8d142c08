"""The context of requests (source/context/specification.md) through the program: read, held to, carried on."""

import json
import re
import secrets
import threading
import time

import pytest
import yaml

import test_tls as tls
import test_tunnels as tunnels
from peers import bootstrap as b
from peers import http1, http2
from peers.context import PAYMENT, Context, nanoseconds, of
from peers.grpc_echo import Echo, serve as serve_grpc
from peers.message import Broken, Request, Response, field
from peers.proxy import ROOT, run
from peers.wait import until

ca = tls.ca
LOCAL = {"addresses": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
PASSED = "the deadline of the request has passed"
STATS = "http.ingress.context."


def filters(*more, **fields):
    """The filter, by default in front of who is trusted."""
    fields.setdefault("trust", LOCAL)
    return [{"name": "context", "typed_config": {"@type": "type.googleapis.com/pillion.filters.http.context.v1.Context", **fields}},
            *more, {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def per_route(**fields):
    return {"typed_per_filter_config": {
        "context": {"@type": "type.googleapis.com/pillion.filters.http.context.v1.ContextPerRoute", **fields}}}


def made(*where, protocol="h1", routes=None, chain=None, log=None, cluster=None, manager=None):
    """A bootstrap with one listener."""
    more = {"access_log": b.file_log(log, LINE)} if log else {}
    routes = routes or [b.route(timeout="0s")]  # of its own it has none: it would shorten the deadline
    return b.bootstrap([b.listener(b.http(routes, http_filters=chain or filters(), **more, **(manager or {})))],
                       [b.cluster(*where, protocol=protocol, **(cluster or {}))] if where else [])


LINE = ("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.context:tenant)% "
        "%DYNAMIC_METADATA(pillion.context:cancel_reason)% %DYNAMIC_METADATA(pillion.context:malformed)%\n")


class App:
    """An upstream that notes what it gets; `answer(request)` is what it says."""

    def __init__(self, serve, protocol="h1", answer=lambda request: Response(200)):
        self.seen = []
        self.answer = answer
        self.server = serve.http(protocol, self._answer)
        self.address = self.server.address

    def _answer(self, request):
        self.seen.append(request)
        return self.answer(request)

    @property
    def last(self):
        return self.seen[-1]


@pytest.fixture
def app(serve):
    return App(serve)


def ask(proxy, *fields, protocol="h1", path="/", method="GET"):
    return proxy.exchange(Request(method, path, list(fields)), protocol)


def lines(path, count):
    """Of a log, when it has so many."""
    until(lambda: path.exists() and path.read_text().count("\n") >= count, f"{path} has {count} lines")
    return [line for line in path.read_text().splitlines() if line]


def full(**fields):
    """A context that says everything."""
    return Context(**{"deadline": nanoseconds(30), "trace_id": secrets.token_bytes(16), "span_id": secrets.token_bytes(8),
                      "trace_flags": 1, "biz_flags": PAYMENT, "tenant": "acme", "request_id": "r-1",
                      "baggage": {"env": "grey", "user": "7"}, **fields})


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


# --- rules 2 to 4: deadlines -----------------------------------------------------------------------------------------------

class Stuck:
    """A server that sends `first` to each request, and then nothing until its peer goes away: `left` is set then."""

    def __init__(self, serve, first=b"", protocol="h1"):
        self.came, self.left, self.code = threading.Event(), threading.Event(), None
        self.heads = []
        self._first = first
        self.server = serve(self._h1 if protocol == "h1" else self._h2)
        self.address = self.server.address

    def _h1(self, sock):
        connection = http1.Connection(sock)
        if (request := connection.read_request()) is None:
            return
        self.heads.append(request)
        connection.send(self._first)
        self.came.set()
        if connection.closed():
            self.left.set()

    def _h2(self, sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: any(stream.head for stream in connection.streams.values()), "a request")
        number, stream = next(iter(connection.streams.items()))
        self.heads.append(connection.request(number))
        if self._first:
            connection.h2.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
            connection.h2.send_data(number, self._first)
            connection.flush()
        self.came.set()
        connection.until(lambda: stream.reset is not None, "a reset")
        self.code = stream.reset
        self.left.set()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("up", ["h1", "h2"])
@pytest.mark.parametrize("down", ["h1", "h2"])
def test_the_deadline_ends_a_request(pillion, serve, tmp_path, down, up, workers):
    stuck = Stuck(serve, protocol=up)
    proxy = pillion(made(stuck.address, protocol=up, log=tmp_path / "log"), concurrency=workers, arguments=tls.SOON)
    began = time.monotonic()
    answer = ask(proxy, ("x-timeout-ms", "150"), protocol=down)
    took = time.monotonic() - began
    assert (answer.status, answer.body.decode()) == (504, PASSED)
    assert answer.get("x-pillion-cancel-reason") == "timeout"
    assert 0.15 <= took < 5, took
    assert stuck.left.wait(10)
    assert stuck.code == (8 if up == "h2" else None)  # CANCEL
    assert lines(tmp_path / "log", 1) == ["504 UT request_context_deadline_exceeded - timeout -"]
    assert proxy.stat(STATS + "deadline_exceeded") == 1 and proxy.stat(STATS + "expired") == 0


@pytest.mark.parametrize("down", ["h1", "h2"])
def test_the_deadline_breaks_an_answer_that_has_begun(pillion, serve, tmp_path, down):
    stuck = Stuck(serve, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    proxy = pillion(made(stuck.address, log=tmp_path / "log"), arguments=tls.SOON)
    with pytest.raises(Broken) as broken:
        ask(proxy, ("x-timeout-ms", "150"), protocol=down)
    assert (broken.value.partial.status, broken.value.partial.body) == (200, b"half")
    assert stuck.left.wait(10)
    assert lines(tmp_path / "log", 1) == ["200 UT request_context_deadline_exceeded - timeout -"]


def test_calls_of_grpc_end_with_status_4(pillion, serve, tmp_path):
    """As an answer of trailers alone; with trailers behind what has come."""
    for first, log in ((b"", tmp_path / "before"), (b"\x00\x00\x00\x00\x01x", tmp_path / "after")):
        stuck = Stuck(serve, first, "h2")
        proxy = pillion(made(stuck.address, protocol="h2", log=log), arguments=tls.SOON)
        answer = ask(proxy, *GRPC, ("grpc-timeout", "150m"), protocol="h2", method="POST")
        assert (answer.status, answer.body) == (200, first)
        told = answer.trailers if first else answer.fields
        assert (field(told, "grpc-status"), field(told, "grpc-message")) == ("4", PASSED)
        assert stuck.left.wait(10) and stuck.code == 8
        assert lines(log, 1)[0].startswith("200 UT request_context_deadline_exceeded")


def test_a_client_of_grpc(pillion):
    """By a deadline that its library knows nothing of."""
    grpc = pytest.importorskip("grpc")
    echo = Echo()
    server = serve_grpc(echo)
    try:
        proxy = pillion(made(echo.address, protocol="h2"))
        with grpc.insecure_channel("%s:%d" % proxy.address, [("grpc.enable_http_proxy", 0)]) as channel:
            with pytest.raises(grpc.RpcError) as failed:
                channel.unary_unary("/test.Echo/Hang")(b"", timeout=20, metadata=[("x-timeout-ms", "200")])
            assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # of the proxy, or of the server, which was told
            assert echo.cancelled.wait(10)
            sent = full()
            metadata = [("vctx-bin", sent.bytes()), ("x-echo-one", "1")]
            answer, call = channel.unary_unary("/test.Echo/Unary").with_call(b"m", timeout=20, metadata=metadata)
            assert answer == b"m" and dict(call.trailing_metadata())["x-echo-one"] == "1"
    finally:
        echo.cancelled.set()
        server.stop(0).wait(10)


@pytest.mark.parametrize("carrier", ["timeout", "vctx", "x_context", "deadline", "grpc"])
def test_who_is_late_never_reaches_the_application(pillion, serve, tmp_path, carrier):
    app = App(serve, "h2")
    proxy = pillion(made(app.address, protocol="h2", log=tmp_path / "log"), arguments=tls.SOON)
    past = Context(deadline=nanoseconds(-1))
    fields = {"timeout": [("x-timeout-ms", "0")], "vctx": [past.vctx()], "x_context": [past.x_context()],
              "deadline": [("x-deadline", str(past.deadline))], "grpc": [*GRPC, ("grpc-timeout", "0m")]}[carrier]
    answer = ask(proxy, *fields, protocol="h2")
    assert answer.status == (200 if carrier == "grpc" else 504) and answer.get("grpc-status") == ("4" if carrier == "grpc" else None)
    assert answer.get("x-pillion-cancel-reason") == "timeout" and not app.seen
    assert lines(tmp_path / "log", 1)[0].endswith("DT request_context_expired - timeout -")
    assert proxy.stat(STATS + "expired") == 1 and proxy.stat("cluster.upstream.upstream_rq_total") == 0


def test_too_little_time_is_none(pillion, app):
    proxy = pillion(made(app.address, chain=filters(min_useful_ms=5000)))
    assert ask(proxy, ("x-timeout-ms", "4000")).status == 504 and not app.seen
    assert ask(proxy, ("x-timeout-ms", "9000")).status == 200
    assert ask(proxy).status == 200
    assert proxy.stat(STATS + "too_little_left") == 1


def test_the_configured_maximum_shortens_only(pillion, app):
    proxy = pillion(made(app.address, chain=filters(max_deadline="10s")))
    for sent, low, high in ((None, 9000, 10000), (60000, 9000, 10000), (4000, 3000, 4000)):
        ask(proxy, *([("x-timeout-ms", str(sent))] if sent else []))
        assert low <= int(app.last.get("x-timeout-ms")) <= high
        assert abs(of(app.last.fields).deadline - nanoseconds(int(app.last.get("x-timeout-ms")) / 1000)) < 1e9


def test_each_attempt_is_told_what_is_left(pillion, serve):
    """And all of them are within the deadline."""
    def refuse(_):
        time.sleep(0.03)  # it takes its time to find out
        return Response(503)

    app = App(serve, answer=refuse)
    policy = {"retry_on": "5xx", "num_retries": 1000, "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.010s"}}
    proxy = pillion(made(app.address, routes=[b.route(retry_policy=policy)]))
    answer = ask(proxy, ("x-timeout-ms", "400"))
    assert (answer.status, answer.get("x-pillion-cancel-reason")) == (504, "timeout")
    left = [int(request.get("x-timeout-ms")) for request in app.seen]
    assert len(left) > 2 and all(later <= earlier - 30 for earlier, later in zip(left, left[1:])), left
    assert len({of(request.fields).deadline for request in app.seen}) == 1


def test_the_route_shortens_what_is_told_only(pillion, serve):
    """Its timeouts answer as they always do; upstream hears of the earlier one."""
    app = App(serve)
    routes = [b.route(prefix="/whole", timeout="5s"), b.route(prefix="/try", timeout="0s", retry_policy={
        "retry_on": "5xx", "per_try_timeout": "4s"}), b.route(prefix="/long", timeout="99s"), b.route(prefix="/none", timeout="0s")]
    proxy = pillion(made(app.address, routes=routes))
    for path, low, high in (("/whole", 4000, 5000), ("/try", 3000, 4000), ("/long", 29000, 30000), ("/none", 29000, 30000)):
        ask(proxy, full().vctx(), path=path)
        left, deadline = int(app.last.get("x-timeout-ms")), of(app.last.fields).deadline
        assert low <= left <= high, path
        assert abs(deadline - nanoseconds(left / 1000)) < 1e9, path
    ask(proxy, path="/whole")
    assert app.last.get("x-timeout-ms") is None  # what there is not is not made shorter
    stuck = Stuck(serve)
    proxy = pillion(made(stuck.address, routes=[b.route(timeout="0.1s")]))
    answer = ask(proxy, ("x-timeout-ms", "9000"))
    assert (answer.status, answer.body, answer.get("x-pillion-cancel-reason")) == (504, b"upstream request timeout", None)


def test_what_the_route_makes_of_grpc_timeout_is_never_lengthened(pillion, serve):
    app = App(serve, "h2", answer=lambda request: Response(200, GRPC[:1], trailers=[("grpc-status", "0")]))
    routes = [b.route(prefix="/max", max_grpc_timeout="3s"),
              b.route(prefix="/stream", timeout="0s", max_stream_duration={"grpc_timeout_header_max": "2s"})]
    proxy = pillion(made(app.address, protocol="h2", routes=routes))
    for path, most in (("/max", 3000), ("/stream", 2000)):
        connection = proxy.connect("h2")
        connection.exchange(Request("POST", path, [*GRPC, ("grpc-timeout", "9000m")], b"\x00\x00\x00\x00\x00"))
        connection.close()
        told = app.last.get("grpc-timeout")
        assert told[-1] == "m" and most - 1000 <= int(told[:-1]) <= most, (path, told)
        assert of(app.last.fields).deadline < nanoseconds(most / 1000)


def test_waiting_for_a_connection_is_within_the_deadline(pillion, serve, tmp_path):
    stuck = Stuck(serve)
    breakers = {"circuit_breakers": {"thresholds": [{"max_connections": 1}]}}
    proxy = pillion(made(stuck.address, cluster=breakers, log=tmp_path / "log"), arguments=tls.SOON)
    first = proxy.connect()
    first.send_request(Request())
    assert stuck.came.wait(10)
    assert ask(proxy, ("x-timeout-ms", "100")).status == 504
    assert lines(tmp_path / "log", 1) == ["504 DT request_context_deadline_exceeded - timeout -"]
    assert len(stuck.heads) == 1
    first.abort()
    assert stuck.left.wait(10)


def test_a_redirect_that_is_followed_has_the_same_deadline_and_trace(pillion, serve):
    def answer(request):
        if request.path != "/":
            return Response(200)
        time.sleep(0.3)
        return Response(302, [("location", "http://test.example/there")])

    app = App(serve, answer=answer)
    route = b.route(timeout="0s", internal_redirect_policy={"redirect_response_codes": [302]})
    for chain in (filters(), filters(trust={"principals": [{"exact": "spiffe://nobody"}]})):
        proxy = pillion(made(app.address, routes=[route], chain=chain))
        app.seen.clear()
        assert ask(proxy, ("x-timeout-ms", "20000")).status == 200
        first, second = app.seen
        assert first.get("traceparent") == second.get("traceparent")
        assert first.get("x-request-id") == second.get("x-request-id")
        left = [int(request.get("x-timeout-ms")) for request in (first, second)]
        assert 19000 < left[1] <= left[0] - 300 and left[1] > left[0] - 600, left
        assert proxy.stat(STATS + "clock_skewed") == 0
        assert abs(of(first.fields).deadline - of(second.fields).deadline) < 1e6


@pytest.mark.parametrize("up", ["h1", "h2"])
def test_who_goes_away_is_not_waited_for(pillion, serve, tmp_path, up):
    stuck = Stuck(serve, protocol=up)
    proxy = pillion(made(stuck.address, protocol=up, log=tmp_path / "log"), arguments=tls.SOON)
    connection = proxy.connect("h2")
    number = connection.send_request(Request(fields=[("x-timeout-ms", "9000")]))
    assert stuck.came.wait(10)
    connection.reset(number)
    assert stuck.left.wait(10)
    assert lines(tmp_path / "log", 1) == ["0 DR http2.remote_reset - cancel -"]
    assert proxy.stat(STATS + "cancelled") == 1


def test_a_tunnel_that_stands_outlives_the_deadline(pillion, serve):
    """Until then it holds."""
    def switch(sock):
        connection = http1.Connection(sock)
        request = connection.read_request_head()
        if request is None:
            return
        if request.path == "/never":
            assert connection.closed()
            return
        connection.send(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        while data := connection.receive():
            connection.send(data)

    server = serve(switch)
    proxy = pillion(made(server.address, manager={"upgrade_configs": [{"upgrade_type": "websocket"}]}))
    fields = [("connection", "upgrade"), ("upgrade", "websocket"), ("x-timeout-ms", "300")]
    connection = proxy.connect()
    connection.send_request(Request(path="/chat", fields=fields))
    assert connection.read_response().status == 101
    time.sleep(0.4)  # until the deadline has passed: there is nothing that could be seen of it
    connection.send(b"still here")
    back = bytearray()
    connection.exactly(10, back)
    assert back == b"still here"
    connection.close()
    assert ask(proxy, *fields, path="/never").status == 504


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_a_connect_outlives_the_deadline(pillion, serve, protocol):
    end = pillion(made(serve(tunnels.echo).address, routes=[tunnels.ending()], manager=tunnels.CONNECT))
    start = tunnels.tunnel_to(pillion, end.address, protocol, headers_to_add=[
        {"header": {"key": "x-timeout-ms", "value": "300"}}])
    connection = start.connect()
    for word, pause in (b"first", 0.4), (b"later", 0):  # until the deadline has passed
        connection.send(word)
        back = bytearray()
        connection.exactly(5, back)
        assert back == word
        time.sleep(pause)
    connection.close()
    assert end.stat(STATS + "deadline_exceeded") == 0 and end.stat(STATS + "begun") == 1


# --- rule 7: malformed -----------------------------------------------------------------------------------------------------

GOOD = Context(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)


def test_what_is_malformed_is_counted_and_does_not_go_on(pillion, app, tmp_path):
    proxy = pillion(made(app.address, log=tmp_path / "log"), arguments=tls.SOON)
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
    proxy = pillion(made(app.address, chain=filters(on_malformed="REJECT"), log=tmp_path / "log"), arguments=tls.SOON)
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


# --- rule 8: trust ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("workers", [1, 2])
def test_a_stranger_s_context_is_replaced(pillion, app, workers):
    """Plaintext on an inbound listener, with nothing said of trust."""
    proxy = pillion(made(app.address, chain=filters(trust={}, off_header="x-off")), concurrency=workers)
    sent = full(unknown=b"\x0b\x00\x01x")
    ask(proxy, sent.vctx(), sent.traceparent(), ("tracestate", "a=1"), ("baggage", "env=grey"), ("x-tenant", "acme"),
        ("x-request-id", "r-1"), ("x-off", "context"), sent.x_context())
    got = of(app.last.fields)
    assert got.deadline == sent.deadline
    assert got.trace_id not in (sent.trace_id, bytes(16)) and got.span_id != sent.span_id
    assert (got.biz_flags, got.tenant, got.baggage, got.tracestate, got.unknown) == (0, "", {}, "", b"")
    assert got.request_id == app.last.get("x-request-id") and got.request_id not in ("", "r-1")
    for name in "baggage", "tracestate", "x-tenant", "x-off":
        assert app.last.get(name) is None, name
    assert sent.trace_id.hex() not in str(app.last.fields)
    assert proxy.stat(STATS + "untrusted") == 1 and proxy.stat(STATS + "turned_off") == 0


def test_a_stranger_s_fields_do_not_choose_how_they_are_treated(pillion, app):
    """They are replaced before a route is chosen; what the route says then holds for what was put in their place."""
    def route(tenant, **fields):
        return {**b.route(), "match": {"prefix": "/", "headers": [{"name": "x-tenant", "string_match": {"exact": tenant}}]},
                **per_route(**fields)}

    routes = [route("a", disabled=True), route("b", off_header="x-off"), route("c", read={"carriers": ["B3"]}, write={"carriers": ["B3"]}),
              {**b.route(prefix="/disabled"), **per_route(disabled=True)},
              {**b.route(prefix="/strict"), **per_route(reject_malformed=True)},
              {**b.route(prefix="/short"), **per_route(max_deadline="3s")}, b.route(timeout="0s")]
    proxy = pillion(made(app.address, chain=filters(trust={}), routes=routes))
    for path in "/", "/disabled":
        for tenant in "a", "b", "c", "d":
            sent = full(tenant=tenant)
            ask(proxy, sent.vctx(), ("x-tenant", tenant), ("x-off", "context"), ("b3", "1" * 32 + "-" + "2" * 16), path=path)
            got = of(app.last.fields)
            assert (got.tenant, got.baggage, got.biz_flags) == ("", {}, 0) and got.trace_id != sent.trace_id
            assert app.last.get("x-tenant") is None and "1" * 32 not in str(app.last.fields)
    assert ask(proxy, ("x-vivo-context", "!"), path="/strict").status == 400
    ask(proxy, full().vctx(), path="/short")
    assert int(app.last.get("x-timeout-ms")) <= 3000


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
    """Anybody's that is accepted; or only those that are named."""
    everybody, some = filters(trust={}), filters(trust={"principals": [{"suffix": "/sa/client"}]})
    socket_ = tls.downstream(ca, validation=tls.validation(ca), required=False)
    for chain, trusted in ((everybody, ["client", "other", "dns"]), (some, ["client"])):
        listener = tls.listener(b.http(http_filters=chain), socket_)
        proxy = pillion(b.bootstrap([listener], [b.cluster(app.address)]))
        for name in "client", "other", "dns", None:
            sent = full()
            with tls.connect(proxy, tls.context(ca, name)) as sock:
                http1.Connection(sock).exchange(Request(fields=[sent.vctx()]))
            assert (of(app.last.fields).tenant == "acme") == (name in trusted), name
        assert proxy.stat(STATS + "untrusted") == 4 - len(trusted)


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
    application passes on."""

    def __init__(self, pillion, serve, forward, workers=2, inbound=None, outbound=None):
        self.behind = App(serve)
        self.front = App(serve, answer=self._answer)
        self.forward = forward
        self.hold = None
        quiet = {"generate_request_id": False}
        listeners = [
            b.listener(b.http([b.route("app", timeout="0s")], name="in", http_filters=filters(**(inbound or {})), **quiet), name="in",
                       traffic_direction="INBOUND"),
            b.listener(b.http([b.route("behind", timeout="0s")], name="out", http_filters=filters(trust={}, **(outbound or {})), **quiet), name="out",
                       traffic_direction="OUTBOUND")]
        clusters = [b.cluster(self.front.address, name="app"), b.cluster(self.behind.address, name="behind")]
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


# --- what others may read of it --------------------------------------------------------------------------------------------

def noted(path, **match):
    """A matcher of the context's metadata."""
    return {"filter": "pillion.context", "path": [{"key": key} for key in path.split("/")], "value": match}


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
    proxy = pillion(made(app.address, manager={"access_log": b.file_log(log, line)}), arguments=tls.SOON)
    sent = full()
    ask(proxy, sent.vctx())
    assert lines(log, 1) == [f"acme r-1 {sent.trace_id.hex()} {sent.span_id.hex()} true 1 true false {sent.deadline} "
                             '{"env":"grey","user":"7"} grey -']


# --- rule 11, and routes ---------------------------------------------------------------------------------------------------

def test_the_off_switch(pillion, app):
    proxy = pillion(made(app.address, chain=filters(off_header="X-Pillion-Off")))
    sent = Context(deadline=nanoseconds(-9), tenant="acme")
    assert ask(proxy, sent.vctx(), ("X-Pillion-OFF", "limit, context")).status == 200
    assert app.last.get("x-vivo-context") == sent.vctx()[1] and app.last.get("traceparent") is None
    assert app.last.get("x-pillion-off") is None
    assert ask(proxy, sent.vctx(), ("x-pillion-off", "grey,contexts")).status == 504
    assert proxy.stat(STATS + "turned_off") == 1


def test_routes_say_otherwise(pillion, app):
    def route(prefix, **fields):
        return {**b.route(prefix=prefix), **per_route(**fields)}

    routes = [route("/disabled", disabled=True), route("/short", max_deadline="2s"), route("/least", min_useful_ms=50000),
              route("/strict", reject_malformed=True), route("/b3", write={"carriers": ["B3"]}),
              route("/blind", read={"carriers": ["W3C"]}, write={"carriers": ["W3C"]}), route("/off", off_header="x-off"), b.route()]
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
    ask(proxy, ("x-timeout-ms", "0"), ("x-off", "context"), path="/off")
    assert (app.last.path, app.last.get("x-timeout-ms")) == ("/off", "0")
    assert ask(proxy, ("x-timeout-ms", "0"), ("x-off", "context")).status == 504


@pytest.mark.parametrize(("fields", "place"), [
    ({"read": {"carriers": [0]}}, "read.carriers[0]"), ({"write": {"carriers": ["VCTX", 99]}}, "write.carriers[1]"),
    ({"max_deadline": "0s"}, "max_deadline"), ({"edge": {"max_deadline": "0s"}}, "edge.max_deadline"),
    ({"edge": {"biz_flags": 65536}}, "edge.biz_flags"), ({"correlation_grace": "61s"}, "correlation_grace"),
    ({"off_header": "a b"}, "off_header"), ({"off_header": ":path"}, "off_header"),
    ({"trust": {"addresses": [{"address_prefix": "x"}]}}, "trust.addresses[0]")])
def test_configurations_that_are_refused(tmp_path, fields, place):
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(made(chain=filters(**fields), routes=[b.direct(200)])), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1 and place in result.stdout, result.stdout


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
    assert (shown["in_flight"], shown["with_deadline"], shown["correlation"]["remembered"]) == ("1", "1", "4")
    assert 0 < shown["oldest"]["time_left_ms"] <= 60000 and shown["oldest"]["age_ms"] >= 0
    assert proxy.admin("/context").startswith("requests in flight: 1, 1 of them with a deadline\nthe oldest: began ")
    hanging.abort()
    until(lambda: proxy.admin("/context").startswith("requests in flight: 0, 0 of them"), "it is over")
    assert "/context: requests that have a context" in proxy.admin("/help")
    without = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]))]))
    assert without.admin_response("/context")[0] == 404


def test_page(pillion, app):
    page = (ROOT / "source/filters/request_context/README.md").read_text(encoding="utf-8")
    chain, routes = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.S))
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
