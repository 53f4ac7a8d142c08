"""Rounds in which a control plane changes what the proxies have: how long until a request is served by it, and what it costs.

Time begins when the control plane begins to tell it, and ends with the last byte of the first answer that shows it. To see that, requests
are made one after the other all the time; what passes between two of them is the grain of the figures."""
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark import pushed
from benchmark.load import Load
from benchmark.measure import Figures, Proxy
from benchmark.processes import BenchError
from benchmark.pushed import Change
from benchmark.scenarios import GREETING, Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

CHANGES = 200  # of each kind in a round
LARGE_CHANGES = {"route": 10, "endpoint": 200}
RATE = 50  # changes a second
_EVERY = 0.00025  # seconds from one look to the next
_PATIENCE = 30.0  # seconds
_NOBODY = "nobody"  # a node
_PAUSE = 0.01  # until the next change: the one before is acknowledged then


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


class Requests:
    """Requests on a connection that is kept, and whether they are answered as the change says."""

    def __init__(self, port: int):
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)

    def see(self, change: Change) -> bool:
        request = f"GET {change.path} HTTP/1.1\r\nHost: {change.host}\r\n\r\n".encode()
        return any(change.shows in self._answer(request) for _ in range(change.of))

    def _answer(self, request: bytes) -> bytes:
        self._connection.sendall(request)
        answer = b""
        while not answer.endswith(GREETING):
            data = self._connection.recv(4096)
            answer += data
            if not data or b"\r\n\r\n" in answer and not answer.startswith(b"HTTP/1.1 200 "):
                raise BenchError(f"a request got {answer[:200]!r}, expected status 200 and {GREETING!r}")
        return answer

    def close(self) -> None:
        self._connection.close()


class Handshakes:
    """Handshakes up to the server's certificate, which TLS 1.2 shows in clear: one is over sooner than a whole one, and so is the next."""

    def __init__(self, port: int):
        self._port = port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        sent = ssl.MemoryBIO()
        try:
            context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="bench").do_handshake()
        except ssl.SSLWantReadError:
            self._hello = sent.read()

    def see(self, change: Change) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset: no port waits after it
            connection.sendall(self._hello)
            flight = b""
            while b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00" not in flight:  # ServerHelloDone
                data = connection.recv(4096)
                if not data:
                    raise BenchError(f"a handshake got {flight[:200]!r}, expected a ServerHelloDone")
                flight += data
            return change.shows in flight

    def close(self) -> None:
        pass


class Watch:
    """Pushes changes and takes the time."""

    def __init__(self, upstream: Upstream, proxy: Proxy):
        self._plane, self._node = upstream.plane, proxy.name
        self.gaps: list[float] = []  # seconds between the ends of two looks

    def times(self, change: Callable[[], Change], number: int, look: Requests | Handshakes) -> list[float]:
        """In milliseconds, of so many changes."""
        found = []
        for _ in range(number):
            time.sleep(_PAUSE)
            made = change()
            push = self._plane.push(self._node, [made.resource])
            served = self._until_seen(made, look)
            found.append((served - self._plane.set_at(push)) * 1e3)
        return found

    def _until_seen(self, change: Change, look: Requests | Handshakes) -> float:
        begin = last = time.time()
        while True:
            seen = look.see(change)
            now = time.time()
            self.gaps.append(now - last)
            last = now
            if seen:
                return now
            if now - begin > _PATIENCE:
                raise BenchError(f"not served within {_PATIENCE:.0f} s: {str(change.resource)[:300]}")
            time.sleep(max(0.0, _EVERY - (time.time() - now)))

    def grain(self) -> float:
        return quantile(self.gaps, 0.99) * 1e3


@contextmanager
def _requests(port: int) -> Iterator[Requests]:
    made = Requests(port)
    try:
        yield made
    finally:
        made.close()


class PushRound:
    """A route, an endpoint and a certificate, each many times."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._upstream = upstream

    def warm_up(self, proxy: Proxy) -> None:
        self._figures(proxy, 20)

    def __call__(self, proxy: Proxy) -> Figures:
        return self._figures(proxy, CHANGES)

    def _figures(self, proxy: Proxy, number: int) -> Figures:
        watch, small, figures = Watch(self._upstream, proxy), proxy.pushed, {}
        with _requests(proxy.port) as requests:
            for kind, change, look in (("route", small.route, requests), ("endpoint", small.endpoint, requests),
                                       ("secret", small.secret, Handshakes(proxy.between))):
                figures |= _quantiles(kind, watch.times(change, number, look))
        return figures | {"grain": watch.grain()}


class LargeRound:
    """The process starts, with much to be told; then one of many routes changes, and one of many endpoints."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._upstream, self._empty = upstream, {}

    def warm_up(self, proxy: Proxy) -> None:
        plane = self._upstream.plane
        plane.set_at(plane.push(proxy.name, [], replace=True))
        proxy.restart()
        self._empty[proxy.name] = proxy.process.settled_rss()
        plane.set_at(plane.push(proxy.name, proxy.pushed.all()))

    def __call__(self, proxy: Proxy) -> Figures:
        proxy.stop()
        begin = time.monotonic()
        proxy.start()
        self._until_loaded(proxy)
        load = time.monotonic() - begin
        rss = proxy.process.settled_rss()
        figures = {"load": load, "rss": rss, "over_empty": rss - self._empty[proxy.name]}
        watch = Watch(self._upstream, proxy)
        with _requests(proxy.port) as requests:
            for kind, change in (("route", proxy.pushed.route), ("endpoint", proxy.pushed.endpoint)):
                figures |= _quantiles(kind, watch.times(change, LARGE_CHANGES[kind], requests))
        return figures | {"grain": watch.grain(), "rss_later": proxy.process.settled_rss()}

    @staticmethod
    def _until_loaded(proxy: Proxy) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with _requests(proxy.port) as requests:
                    if requests.see(proxy.pushed.last()):
                        return
            except (OSError, BenchError) as error:  # it does not listen yet, or does not know the route
                if time.monotonic() > deadline:
                    raise BenchError(f"not loaded within {_PATIENCE:.0f} s: {error}") from error
            proxy.process.check_alive()
            time.sleep(0.001)


class ChurnRound:
    """A load of some seconds while endpoints change, and one while as many are changed for a node that nobody is: what the control plane
    takes of the core that it shares with the load is the same in both. Another one is first in each round."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._upstream, self._seconds = upstream, settings.seconds
        self._load = Load(scenario, settings.load_core, directory)
        self._nobody = pushed.Large(0, upstream.port)
        self._calm_first = True

    def warm_up(self, proxy: Proxy) -> None:
        plane = self._upstream.plane
        plane.set_at(plane.push(_NOBODY, self._nobody.all()))
        self._loaded(proxy)

    def __call__(self, proxy: Proxy) -> Figures:
        self._calm_first = not self._calm_first
        turns = {"calm": (_NOBODY, self._nobody), "churn": (proxy.name, proxy.pushed)}
        done = {turn: self._churned(proxy, *turns[turn]) for turn in sorted(turns, reverse=not self._calm_first)}
        (calm_main, calm_p50, calm_p99), (main, p50, p99) = done["calm"], done["churn"]
        with _requests(proxy.port) as requests:
            (behind,) = Watch(self._upstream, proxy).times(proxy.pushed.endpoint, 1, requests)
        if behind > 1000:
            raise BenchError(f"a change after the others is served {behind:.0f} ms later: it does not keep pace with them")
        return {"main": main, "calm_main": calm_main, "p50": p50, "p99": p99, "calm_p50": calm_p50, "calm_p99": calm_p99,
                "slowdown": p99 / calm_p99}

    def _loaded(self, proxy: Proxy) -> tuple[float, float, float]:
        """The main thread's share of a core in percent, p50 and p99."""
        before, begin = proxy.process.main_thread(), time.monotonic()
        result = self._load.for_seconds(proxy.port, self._seconds)
        main = (proxy.process.main_thread() - before) / (time.monotonic() - begin)
        return main * 100, result.p50, result.p99

    def _churned(self, proxy: Proxy, node: str, changed: pushed.Large) -> tuple[float, float, float]:
        over, pushes, begin = threading.Event(), [], time.monotonic()
        churn = threading.Thread(target=self._churn, args=(node, changed, over, pushes))
        churn.start()
        try:
            figures = self._loaded(proxy)
        finally:
            over.set()
            churn.join()
        if len(pushes) < 0.95 * RATE * (time.monotonic() - begin):
            raise BenchError(f"{len(pushes)} changes in {time.monotonic() - begin:.1f} s, expected {RATE} a second")
        return figures

    def _churn(self, node: str, changed: pushed.Large, over: threading.Event, pushes: list[int]) -> None:
        """Every fifth change is of a cluster that the load goes to."""
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            loaded = len(pushes) // 5 % pushed.LOADED if len(pushes) % 5 == 0 else None
            pushes.append(self._upstream.plane.push(node, [changed.endpoint(loaded).resource]))
            due += 1 / RATE


def _quantiles(kind: str, times: list[float]) -> Figures:
    return {f"{kind}_p50": quantile(times, 0.50), f"{kind}_p99": quantile(times, 0.99)}


ROUNDS = {"push": PushRound, "push-large": LargeRound, "push-churn": ChurnRound}
