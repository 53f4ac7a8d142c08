"""The end of the program: SIGTERM lets everything that has begun end well."""

import pathlib
import threading
import time

import pytest

from peers import bootstrap as b
from peers import http1, http2
from peers.message import Broken, Request, Response
from peers.ports import accepts
from peers.wait import until

PROTOCOLS = ["h1", "h2"]


class Gate:
    """An answer that waits until it is let through."""

    def __init__(self):
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, request):
        if request.path == "/wait":
            self.entered.set()
            assert self.open.wait(20)
        return Response(200, [], b"done")


def proxy_for(pillion, server, concurrency=1, **manager):
    return pillion(b.bootstrap([b.listener(b.http(**manager))], [b.cluster(server.address)]), concurrency=concurrency)


def test_without_connections_it_ends_at_once(pillion, serve):
    proxy = proxy_for(pillion, serve.h1(Gate()))
    began = time.monotonic()
    proxy.terminate()
    assert proxy.exit_status() == 0
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_idle_connections_do_not_hold_it_up(pillion, serve, protocol, concurrency):
    proxy = proxy_for(pillion, serve.h1(Gate()), concurrency)
    connections = [proxy.connect(protocol) for _ in range(8)]
    for connection in connections:
        assert connection.exchange(Request()).body == b"done"
    began = time.monotonic()
    proxy.terminate()
    for connection in connections:
        assert connection.closed()
    assert proxy.exit_status() == 0
    assert time.monotonic() - began < 3
    assert protocol == "h1" or all(connection.goaway is not None for connection in connections)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_in_flight_ends_first(pillion, serve, protocol):
    gate = Gate()
    proxy = proxy_for(pillion, serve.h1(gate))
    connection = proxy.connect(protocol)
    stream = connection.send_request(Request(path="/wait"))
    assert gate.entered.wait(10)
    proxy.terminate()
    until(lambda: not accepts(proxy.address), "the listener is closed")
    assert proxy.process.poll() is None
    gate.open.set()
    response = connection.read_response() if protocol == "h1" else connection.response(stream)
    assert (response.status, response.body) == (200, b"done")
    assert protocol == "h2" or response.get("connection") == "close"
    assert connection.closed()
    assert proxy.exit_status() == 0


def test_http2_is_told_twice(pillion, serve):
    """A GOAWAY that refuses nothing, then the one that names the last stream (RFC 9113, 6.8)."""
    gate = Gate()
    proxy = proxy_for(pillion, serve.h1(gate))
    connection = proxy.connect("h2")
    stream = connection.send_request(Request(path="/wait"))
    assert gate.entered.wait(10)
    proxy.terminate()
    connection.until(lambda: connection.goaways, "a GOAWAY")
    assert connection.goaways[0] == (2**31 - 1, 0)
    late = connection.send_request(Request())  # sent before the client could know: still served
    assert connection.response(late).body == b"done"
    gate.open.set()
    assert connection.response(stream).body == b"done"
    assert connection.closed()
    assert connection.goaways[-1] == (late, 0)
    assert proxy.exit_status() == 0


def test_an_upload_ends_first(pillion, serve):
    proxy = proxy_for(pillion, serve.h1(lambda request: Response(200, [], b"%d" % len(request.body))))
    connection = proxy.connect()
    connection.send_request(Request("POST", fields=[("content-length", "1000000")]))
    connection.send(b"a" * 500_000)
    proxy.until_stat("http.ingress.downstream_rq_active", 1)
    proxy.terminate()
    until(lambda: not accepts(proxy.address), "the listener is closed")
    connection.send(b"a" * 500_000)
    assert connection.read_response().body == b"1000000"
    assert proxy.exit_status() == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_signal_ends_at_once(pillion, serve, tmp_path, protocol):
    gate, log = Gate(), tmp_path / "access.log"
    text = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
    proxy = proxy_for(pillion, serve.h1(gate), access_log=b.file_log(log, text=text))
    connection = proxy.connect(protocol)
    stream = connection.send_request(Request(path="/wait"))
    assert gate.entered.wait(10)
    proxy.terminate()
    until(lambda: not accepts(proxy.address), "the listener is closed")
    began = time.monotonic()
    proxy.terminate()
    assert proxy.exit_status() == 0
    assert time.monotonic() - began < 2
    with pytest.raises((Broken, ConnectionResetError)):
        connection.read_response() if protocol == "h1" else connection.response(stream)
    gate.open.set()
    assert log.read_text(encoding="utf-8") == "0 DC downstream_local_disconnect\n"  # it was not the client


def test_drain_time_is_the_limit(pillion, serve):
    gate = Gate()
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(serve.h1(gate).address)]), arguments=["--drain-time-s", "1"])
    connection = proxy.connect()
    connection.send_request(Request(path="/wait"))
    assert gate.entered.wait(10)
    began = time.monotonic()
    proxy.terminate()
    assert proxy.exit_status() == 0
    assert 0.8 < time.monotonic() - began < 4
    gate.open.set()


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_request_is_lost_under_load(pillion, serve, protocol, concurrency):
    """Clients send without a pause while the program drains. Each request that was sent before its connection was said to end gets its
    whole answer; HTTP/2 clients go by the last stream that GOAWAY names."""
    proxy = proxy_for(pillion, serve.h1(lambda request: Response(200, [], request.path.encode() * 50)), concurrency)
    failures, counts, warm = [], [], threading.Barrier(9)

    def h1_client(number):
        connection, done = http1.connect(proxy.address), 0
        while True:
            path = f"/{number}/{done}"
            response = connection.exchange(Request(path=path))
            assert response.status == 200 and response.body == path.encode() * 50
            done += 1
            if done == 20:
                warm.wait(10)
            if response.get("connection") == "close":
                assert connection.closed()
                return done

    def h2_client(number):
        connection, done, open_ = http2.connect(proxy.address), 0, {}
        while True:
            while len(open_) < 8 and connection.goaway is None:
                path = f"/{number}/{done + len(open_)}"
                open_[connection.send_request(Request(path=path))] = path
            if not open_:
                assert connection.closed()
                return done
            stream, path = next(iter(open_.items()))
            response = connection.response(stream)
            assert response.status == 200 and response.body == path.encode() * 50
            del open_[stream]
            done += 1
            if done == 20:
                warm.wait(10)

    def run(number):
        try:
            counts.append((h1_client if protocol == "h1" else h2_client)(number))
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)
            warm.abort()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        warm.wait(10)
        proxy.terminate()
    finally:
        for thread in threads:
            thread.join(20)
    assert not failures, failures
    assert len(counts) == 8 and min(counts) >= 20
    assert proxy.exit_status() == 0


def test_new_connections_are_refused_not_dropped(pillion, serve):
    """A connection that the kernel accepted before the listener closed is served: connect() that succeeded gets an answer."""
    proxy = proxy_for(pillion, serve.h1(lambda request: Response(200, [], b"ok")), concurrency=2)
    failures, done, stop = [], [], threading.Event()

    def client():
        while not stop.is_set():
            try:
                connection = http1.connect(proxy.address)
            except ConnectionRefusedError:
                return
            try:
                assert connection.exchange(Request()).body == b"ok"
                done.append(1)
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)
                return
            finally:
                connection.close()

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(done) > 100, "some connections are done")
    proxy.terminate()
    for thread in threads:
        thread.join(20)
    stop.set()
    assert not failures, failures[:3]
    assert proxy.exit_status() == 0


def test_access_log_is_complete(pillion, serve, tmp_path):
    log = tmp_path / "access.log"
    proxy = proxy_for(pillion, serve.h1(Gate()), access_log=b.file_log(log, text="%REQ(:PATH)%\n"))
    for number in range(50):
        proxy.exchange(Request(path=f"/{number}"))
    proxy.terminate()
    assert proxy.exit_status() == 0
    assert pathlib.Path(log).read_text(encoding="utf-8").split() == [f"/{number}" for number in range(50)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_failed_healthcheck_sends_clients_elsewhere(pillion, serve, protocol):
    """They are told so, and are served all the same; when it is well again, connections stay."""
    proxy = proxy_for(pillion, serve.h1(Gate()))
    kept = proxy.connect(protocol)
    assert kept.exchange(Request()).body == b"done"
    assert proxy.admin("/healthcheck/fail", "POST") == "OK\n"
    assert proxy.admin_response("/ready")[:1] == (503,)
    assert kept.closed()
    assert proxy.exchange(Request(), protocol).body == b"done"
    if protocol == "h1":
        connection = proxy.connect()
        assert connection.exchange(Request()).get("connection") == "close"
        connection.close()
    proxy.admin("/healthcheck/ok", "POST")
    assert proxy.admin("/ready") == "LIVE\n"
    until(lambda: proxy.exchange(Request()).get("connection") is None, "the worker has heard of it")
    connection = proxy.connect(protocol)
    for _ in range(3):
        answer = connection.exchange(Request())
        assert answer.body == b"done" and answer.get("connection") is None
    connection.close()


@pytest.mark.parametrize("query", ["", "?graceful", "?graceful&skip_exit"])
def test_a_signal_while_listeners_are_drained(pillion, serve, query):
    """/drain_listeners and SIGTERM at the same time: the request that is in flight is answered, and then it ends at once."""
    gate = Gate()
    proxy = proxy_for(pillion, serve.h1(gate), concurrency=2)
    connection = proxy.connect()
    connection.send_request(Request(path="/wait"))
    assert gate.entered.wait(20)
    assert proxy.admin(f"/drain_listeners{query}", "POST") == "OK\n"
    assert proxy.admin(f"/drain_listeners{query}", "POST") == "OK\n"
    proxy.terminate()
    until(lambda: not accepts(proxy.address), "nobody listens any more")
    began = time.monotonic()
    gate.open.set()
    assert connection.read_response().body == b"done"
    assert proxy.exit_status() == 0
    assert time.monotonic() - began < 2


def test_listeners_that_were_drained_leave_the_process_alone(pillion, serve):
    proxy = proxy_for(pillion, serve.h1(Gate()))
    assert proxy.admin("/drain_listeners", "POST") == "OK\n"
    until(lambda: not accepts(proxy.address), "nobody listens any more")
    assert proxy.admin("/ready") == "LIVE\n"
    began = time.monotonic()
    proxy.terminate()
    assert proxy.exit_status() == 0
    assert time.monotonic() - began < 2
