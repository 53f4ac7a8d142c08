"""gRPC: a real client and a real server, unary calls and all kinds of streams; and grpc-go's own interoperability tests."""

import subprocess
import threading

import grpc
import pytest

from peers import bootstrap as b
from peers.grpc_echo import Echo, serve
from peers.ports import accepts, free_port
from peers.programs import CACHE, Program
from peers.wait import until

BIG = b"0123456789abcdef" * 65536  # 1 MiB


@pytest.fixture
def echo():
    handler = Echo()
    server = serve(handler)
    yield handler
    handler.cancelled.set()
    server.stop(0).wait(10)


@pytest.fixture(params=[1, 2], ids=lambda count: f"{count}-workers")
def proxy(request, pillion, echo):
    return pillion(b.bootstrap([b.listener(b.http([b.route(timeout="0s")]))], [b.cluster(echo.address, protocol="h2")]),
                   concurrency=request.param)


@pytest.fixture
def channel(proxy):
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(f"{proxy.address[0]}:{proxy.address[1]}", options) as made:
        yield made


@pytest.mark.parametrize("message", [b"", b"hello", BIG, BIG * 8], ids=["empty", "small", "1MiB", "8MiB"])
def test_unary(channel, message):
    assert channel.unary_unary("/test.Echo/Unary")(message, timeout=20) == message


def test_metadata(channel):
    answer, call = channel.unary_unary("/test.Echo/Unary").with_call(b"m", timeout=20, metadata=[("x-echo-one", "1"), ("x-echo-bin", b"\x01\x00")])
    assert answer == b"m" and ("x-initial", "first") in call.initial_metadata()
    trailing = dict(call.trailing_metadata())
    assert (trailing["x-trailing"], trailing["x-binary-bin"], trailing["x-echo-one"], trailing["x-echo-bin"]) == ("last", b"\x00\xff", "1", b"\x01\x00")


def test_client_stream(channel):
    assert channel.stream_unary("/test.Echo/Collect")(iter([b"a", BIG, b"c"]), timeout=20) == b"a" + BIG + b"c"


def test_server_stream(channel):
    assert list(channel.unary_stream("/test.Echo/Split")(b"200 piece", timeout=20)) == [b"piece"] * 200


def test_both_streams_take_turns(channel):
    """Each message is answered before the next one is sent."""
    turn, messages = threading.Semaphore(1), [b"%d" % number for number in range(20)]

    def send():
        for message in messages:
            assert turn.acquire(timeout=10)
            yield message

    received = []
    for message in channel.stream_stream("/test.Echo/Chat")(send(), timeout=20):
        received.append(message)
        turn.release()
    assert received == messages


def test_large_streams_both_ways(channel):
    received = sum(len(message) for message in channel.stream_stream("/test.Echo/Chat")((BIG for _ in range(16)), timeout=30))
    assert received == 16 * len(BIG)


def test_error_status(channel):
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/test.Echo/Fail")(b"", timeout=20)
    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not \u00fc now")
    assert ("x-why", "because") in failed.value.trailing_metadata()


def test_unknown_method(channel):
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/test.Echo/Nothing")(b"", timeout=20)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_deadline(channel, echo):
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/test.Echo/Hang")(b"", timeout=0.3)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert echo.cancelled.wait(10)


def test_cancel(channel, proxy, echo):
    call = channel.unary_unary("/test.Echo/Hang").future(b"")
    assert echo.hanging.wait(10)
    call.cancel()
    assert echo.cancelled.wait(10)
    until(lambda: proxy.stat("cluster.upstream.upstream_rq_active") == 0, "the upstream request ends")


def test_many_calls_at_once(channel, proxy):
    calls = [channel.unary_unary("/test.Echo/Unary").future(b"%d" % number, timeout=20) for number in range(200)]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(200)]
    assert proxy.stat("cluster.upstream.upstream_rq_total") == 200


def test_upstream_that_does_not_listen(pillion):
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(("127.0.0.1", free_port()), protocol="h2")]))
    with grpc.insecure_channel("%s:%d" % proxy.address, [("grpc.enable_http_proxy", 0)]) as channel:
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary("/test.Echo/Unary")(b"", timeout=20)
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "upstream connect error" in failed.value.details()


def test_no_route(pillion):
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200, prefix="/elsewhere")]))]))
    with grpc.insecure_channel("%s:%d" % proxy.address, [("grpc.enable_http_proxy", 0)]) as channel:
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary("/test.Echo/Unary")(b"", timeout=20)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


INTEROP = ["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream", "timeout_on_sleeping_server",
           "cancel_after_begin", "cancel_after_first_response", "status_code_and_message", "special_status_message",
           "custom_metadata", "unimplemented_method", "unimplemented_service", "soak"]


@pytest.mark.parametrize("case", INTEROP)
def test_interop(pillion, program, tmp_path, case):
    """grpc-go's client and server."""
    port = free_port()
    server = program(Program, [str(CACHE / "grpc-interop-server"), f"--port={port}"], port, tmp_path / "server.log")
    assert accepts(server.address)
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route(timeout="0s")]))], [b.cluster(server.address, protocol="h2")]), concurrency=2)
    name, more = (case, []) if case != "soak" else ("rpc_soak", ["--soak_iterations=50", "--soak_min_time_ms_between_rpcs=0", "--soak_overall_timeout_seconds=20"])
    client = subprocess.run(
        [str(CACHE / "grpc-interop-client"), f"--server_host={proxy.address[0]}", f"--server_port={proxy.address[1]}", f"--test_case={name}", *more],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=40, check=False)
    assert client.returncode == 0, client.stdout
