"""Requests of HTTP/1, HTTP/2 and gRPC all the time, of which none may fail."""

import contextlib
import threading

import grpc

from peers import http1, http2
from peers.message import Broken, Request


@contextlib.contextmanager
def meanwhile(*asks):
    """Each runs in a thread of its own, until the event is set that it is called with."""
    stop = threading.Event()
    threads = [threading.Thread(target=ask, args=(stop,)) for ask in asks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


class Traffic:
    """`where()`: the address to ask at. Each client keeps its connection for as long as it is kept; HTTP/1 and HTTP/2 also dial anew."""

    def __init__(self, where, path="/", streams=1, which=("h1", "h2", "grpc")):
        self._where = where
        self._path = path
        self._stop = threading.Event()
        self.answered = {kind: 0 for kind in which}
        self.failed = []
        self._threads = [threading.Thread(target=self._run, args=(kind,)) for kind in self.answered for _ in range(streams)]

    def _run(self, which):
        try:
            while not self._stop.is_set():
                getattr(self, f"_{which}")()
        except (OSError, Broken, AssertionError, grpc.RpcError) as error:
            self.failed.append((which, repr(error)))

    def _ask(self, which, connection, times):
        for _ in range(times):
            if self._stop.is_set():
                return
            response = connection.exchange(Request("GET", self._path))
            assert response.status == 200, response
            self.answered[which] += 1
            if response.get("connection") == "close" or getattr(connection, "goaway", None):
                return  # as it was told

    def _h1(self):
        with contextlib.closing(http1.connect(self._where())) as connection:
            self._ask("h1", connection, 500)

    def _h2(self):
        with contextlib.closing(http2.connect(self._where())) as connection:
            self._ask("h2", connection, 500)

    def _grpc(self):
        with grpc.insecure_channel("%s:%d" % self._where()) as channel:
            call = channel.unary_unary("/test.Echo/Unary")
            for number in range(500):
                if self._stop.is_set():
                    return
                message = b"%d" % number
                assert call(message, timeout=20) == message
                self.answered["grpc"] += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        if not error[0]:
            assert not self.failed, self.failed[:5]
            assert all(self.answered.values()), self.answered
