"""A pillion built with sanitizers under mixed traffic: no error, no leak, and no request lost that its retry policy covers.

PILLION_SANITIZED names the program; tools/test builds it (bazel build --config=asan //source/main:pillion)."""

import os
import random
import threading
import time

import pytest

from peers import bootstrap as b
from peers import http1
from peers.message import Request
from peers.moody import MOODS, Moody, echo
from peers.rude import bad_client

BINARY = os.environ.get("PILLION_SANITIZED")
POLICY = {"retry_on": "reset,connect-failure,refused-stream", "num_retries": 30, "per_try_timeout": "0.5s",
          "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"}}


class Clients:
    """Ask until `stop`; what goes wrong is in `errors`."""

    def __init__(self, proxy):
        self.stop = threading.Event()
        self.errors = []
        self.answered = {"h1": 0, "h2": 0, "grpc": 0, "tcp": 0, "rude": 0}
        self._proxy = proxy
        self._threads = []

    def start(self, kind, count):
        for _ in range(count):
            self._threads.append(threading.Thread(target=self._run, args=(kind,)))
            self._threads[-1].start()

    def join(self):
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, kind):
        try:
            while not self.stop.is_set():
                getattr(self, f"_{kind}")()
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append((kind, error))
            self.stop.set()

    @staticmethod
    def _request(prefix):
        fields, body = [], random.randbytes(random.choice([0, 0, 10, 3000, 60000]))
        if not body:
            fields = [("x-wants", str(random.choice([1, 100, 20000, 200000])))]
        return Request("POST" if body else "GET", f"{prefix}/{random.randrange(1000)}", fields, body)

    def _check(self, kind, request, response):
        wanted = request.body or b"x" * int(request.get("x-wants"))
        assert (response.status, response.get("x-path"), len(response.body)) == (200, request.path, len(wanted)), (request.path, response)
        assert response.body == wanted
        self.answered[kind] += 1

    def _h1(self):
        connection = self._proxy.connect("h1", "http")
        for _ in range(random.randrange(1, 30)):
            request = self._request(random.choice(["/h1", "/h2"]))
            self._check("h1", request, connection.exchange(request, [request.body] if request.body and random.random() < 0.3 else None))
        connection.close()

    def _h2(self):
        connection = self._proxy.connect("h2", "http")
        for _ in range(random.randrange(1, 10)):
            requests = {}
            for _ in range(random.randrange(1, 8)):
                request = self._request(random.choice(["/h1", "/h2"]))
                requests[connection.send_request(request)] = request
            if random.random() < 0.1:
                cancelled = random.choice(list(requests))
                if not connection.streams[cancelled].ended:
                    connection.reset(cancelled)
                del requests[cancelled]
            for stream, request in requests.items():
                self._check("h2", request, connection.response(stream))
        connection.close()

    def _grpc(self):
        connection = self._proxy.connect("h2", "http")
        for _ in range(random.randrange(1, 20)):
            message = random.randbytes(random.choice([0, 10, 5000]))
            body = b"\0" + len(message).to_bytes(4, "big") + message
            response = connection.exchange(Request("POST", "/h2/Call", [("content-type", "application/grpc"), ("te", "trailers")], body))
            assert (response.status, response.body, response.trailers) == (200, body, [("grpc-status", "0")]), response
            self.answered["grpc"] += 1
        connection.close()

    def _tcp(self):
        connection = http1.connect(self._proxy.listeners["tcp"])
        for _ in range(random.randrange(1, 20)):
            data, back = random.randbytes(random.choice([1, 1000, 100000])), bytearray()
            writer = threading.Thread(target=connection.send, args=(data,))
            writer.start()
            connection.exactly(len(data), back)
            writer.join()
            assert back == data
            self.answered["tcp"] += 1
        connection.close()

    def _rude(self):
        bad_client(self._proxy.listeners["http"], random.randrange(1000))
        self.answered["rude"] += 1
        self.stop.wait(0.01)  # they are not to be most of it


def run(pillion, monkeypatch, seconds):
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
    monkeypatch.setenv("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    hosts = {protocol: [Moody(protocol, echo), Moody(protocol, echo)] for protocol in ("h1", "h2")}
    echoes = Moody("tcp", None)
    clusters = [b.cluster(*[host.address for host in pair], name=protocol, protocol=protocol,
                          circuit_breakers={"thresholds": [{"max_retries": 1000}]}) for protocol, pair in hosts.items()]
    routes = [b.route(protocol, prefix=f"/{protocol}/", timeout="0s", retry_policy=POLICY) for protocol in hosts]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes), name="http"), b.listener(b.tcp("echo"), name="tcp")],
                                [*clusters, b.cluster(echoes.address, name="echo")]), concurrency=2, binary=BINARY)
    clients = Clients(proxy)
    for kind, count in (("h1", 3), ("h2", 2), ("grpc", 1), ("tcp", 1), ("rude", 1)):
        clients.start(kind, count)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end and not clients.stop.is_set():
        pair = hosts[random.choice(["h1", "h2"])]  # one of each two is good at any time
        pair[number % 2].set_mood(random.choice(MOODS))
        clients.stop.wait(random.uniform(0.05, 0.6))
        pair[number % 2].set_mood("good")
        number += random.randrange(2)
    clients.join()
    print(clients.answered, {name: proxy.stat(f"cluster.{name}.upstream_rq_retry") for name in hosts})
    assert not clients.errors, clients.errors
    assert all(clients.answered.values()), clients.answered
    assert proxy.stat("cluster.h1.upstream_rq_retry") and proxy.stat("cluster.h2.upstream_rq_retry")
    assert proxy.stat("http.ingress.downstream_rq_5xx") == 0
    proxy.until_stat("http.ingress.downstream_rq_active", 0)
    proxy.stop()  # which tells of leaks, too
    for host in (*hosts["h1"], *hosts["h2"], echoes):
        host.close()
        assert not host.errors, host.errors


@pytest.mark.skipif(not BINARY, reason="PILLION_SANITIZED names no program")
@pytest.mark.timeout(120)
def test_half_a_minute(pillion, monkeypatch):
    run(pillion, monkeypatch, 30)


@pytest.mark.skipif(not BINARY, reason="PILLION_SANITIZED names no program")
@pytest.mark.long
@pytest.mark.timeout(400)
def test_three_minutes(pillion, monkeypatch):
    run(pillion, monkeypatch, 180)
