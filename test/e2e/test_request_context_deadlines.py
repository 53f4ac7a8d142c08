"""The deadline of a request: held to, told to who is behind, never lengthened."""

import time

import pytest

import test_tunnels as tunnels
from peers import bootstrap as b
from peers import context_filter, http1, http2
from peers.context import Context, nanoseconds, of
from peers.context_filter import GRPC, PASSED, STATS, App, Stuck, ask, filters, full, lines, made
from peers.grpc_echo import Echo, serve as serve_grpc
from peers.message import Broken, Request, Response, field

app = context_filter.app


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("up", ["h1", "h2"])
@pytest.mark.parametrize("down", ["h1", "h2"])
def test_the_deadline_ends_a_request(pillion, serve, tmp_path, down, up, workers):
    stuck = Stuck(serve, protocol=up)
    proxy = pillion(made(stuck.address, protocol=up, log=tmp_path / "log"), concurrency=workers)
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
    proxy = pillion(made(stuck.address, log=tmp_path / "log"))
    with pytest.raises(Broken) as broken:
        ask(proxy, ("x-timeout-ms", "150"), protocol=down)
    assert (broken.value.partial.status, broken.value.partial.body) == (200, b"half")
    assert stuck.left.wait(10)
    assert lines(tmp_path / "log", 1) == ["200 UT request_context_deadline_exceeded - timeout -"]


def test_calls_of_grpc_end_with_status_4(pillion, serve, tmp_path):
    """As an answer of trailers alone; with trailers behind what has come."""
    for first, log in ((b"", tmp_path / "before"), (b"\x00\x00\x00\x00\x01x", tmp_path / "after")):
        stuck = Stuck(serve, first, "h2")
        proxy = pillion(made(stuck.address, protocol="h2", log=log))
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
    proxy = pillion(made(app.address, protocol="h2", log=tmp_path / "log"))
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


def test_what_is_taken_off_a_request_stays_off(pillion, app):
    """At the mesh's end, say: also where upstream has to be told of an earlier deadline."""
    off = ["x-vivo-context", "x-timeout-ms", "baggage", "traceparent"]
    own = {"header": {"key": "x-request-id", "value": "mine"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    for timeout in "0s", "5s":
        proxy = pillion(made(app.address, routes=[
            {**b.route(timeout=timeout), "request_headers_to_remove": off, "request_headers_to_add": [own]}]))
        ask(proxy, full().vctx())
        assert [app.last.get(name) for name in off] == [None] * 4 and app.last.get("x-request-id") == "mine"


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


def slow(time_):
    """A filter that holds each request for so long, before its context is read."""
    return {"name": "slow", "typed_config": b.any_of("extensions.filters.http.fault.v3.HTTPFault", delay={
        "fixed_delay": time_, "percentage": {"numerator": 100}})}


@pytest.mark.parametrize("route", [{"max_grpc_timeout": "0s"}, {"max_stream_duration": {"grpc_timeout_header_max": "0s"}}],
                         ids=lambda route: list(route)[0])
def test_timeouts_of_routes_by_grpc_timeout_leave_the_end_to_the_deadline(pillion, serve, tmp_path, route):
    """As control planes write them for all calls: what is left is not counted from the call's beginning once more."""
    stuck = Stuck(serve, protocol="h2")
    proxy = pillion(made(stuck.address, protocol="h2", log=tmp_path / "log", chain=[slow("0.2s"), *filters()],
                         routes=[b.route(**{"timeout": "0s", **route})]))
    began = time.monotonic()
    answer = ask(proxy, *GRPC, ("grpc-timeout", "350m"), protocol="h2", method="POST")
    assert time.monotonic() - began >= 0.35
    assert (answer.get("grpc-status"), answer.get("x-pillion-cancel-reason")) == ("4", "timeout")
    assert lines(tmp_path / "log", 1) == ["200 DI,UT request_context_deadline_exceeded - timeout -"]
    assert int(stuck.heads[0].get("grpc-timeout")[:-1]) <= 150


def test_a_bound_of_the_route_still_ends_a_call(pillion, serve, tmp_path):
    """It counts from the beginning."""
    stuck = Stuck(serve, protocol="h2")
    bound = {"max_stream_duration": {"grpc_timeout_header_max": "0.3s"}}
    proxy = pillion(made(stuck.address, protocol="h2", log=tmp_path / "log", chain=[slow("0.2s"), *filters()],
                         routes=[b.route(timeout="0s", **bound)]))
    began = time.monotonic()
    answer = ask(proxy, *GRPC, ("grpc-timeout", "9S"), protocol="h2", method="POST")
    assert 0.3 <= time.monotonic() - began < 5 and answer.get("grpc-status") == "4"
    assert lines(tmp_path / "log", 1)[0].startswith("200 DI max_duration_timeout")
    assert int(stuck.heads[0].get("grpc-timeout")[:-1]) <= 100


def test_a_reset_before_the_deadline_is_not_called_late(pillion, serve):
    def reset(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: any(stream.head for stream in connection.streams.values()), "a request")
        connection.h2.reset_stream(next(iter(connection.streams)), 2)
        connection.flush()
        connection.closed()

    proxy = pillion(made(serve(reset).address, protocol="h2", chain=[slow("0.6s"), *filters()]))
    assert ask(proxy, *GRPC, ("grpc-timeout", "1100m"), protocol="h2", method="POST").get("grpc-status") == "14"


def test_waiting_for_a_connection_is_within_the_deadline(pillion, serve, tmp_path):
    stuck = Stuck(serve)
    breakers = {"circuit_breakers": {"thresholds": [{"max_connections": 1}]}}
    proxy = pillion(made(stuck.address, cluster=breakers, log=tmp_path / "log"))
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
    proxy = pillion(made(stuck.address, protocol=up, log=tmp_path / "log"))
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
