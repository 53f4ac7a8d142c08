"""One round of each kind of scenario: what is done to the proxy, and the figures that come out."""
import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from benchmark import mesh, programs, proxies, pushed
from benchmark.load import Load
from benchmark.processes import BenchError, Process, free_port, run
from benchmark.scenarios import GREETING, Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

Figures = dict[str, float]  # by metric
IDLE_CONNECTIONS = {"": 10000, "h1": 1000}  # plain, and with mutual TLS
HANDSHAKES = 1000  # of a round
_MIB = 1 << 20


class Proxy:
    """A running proxy of one scenario. Owned by the scenario's run, which must stop() it."""

    def __init__(self, name: str, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path,
                 prefix: tuple[str, ...] = ()):
        """`prefix`: a program that runs the proxy, such as valgrind."""
        self.name = name
        self.port = free_port()
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.between = free_port() if scenario.mesh or scenario.pushed else 0
        hop = proxies.Hop(scenario.down, scenario.up, self.port, upstream.port, scenario.load == "grpc", scenario.always, scenario.mesh,
                          between=self.between, plane=upstream.plane.port if upstream.plane else 0)
        self._argv = [*prefix, *proxies.command(name, settings.pillion, hop, directory)]
        self._core = settings.proxy_core
        self.pushed = _pushed(self, scenario.pushed, upstream)
        self.start()
        try:
            self.process.wait_until_listening(self.port, 60 if prefix else 15)
        except BenchError:
            self.process.stop()
            raise
        self.first_rss = 0.0

    def start(self) -> None:
        self.process = Process(self.name, self._argv, self._core, self.directory)

    def check_alive(self) -> None:
        self.process.check_alive()

    def stop(self) -> None:
        self.process.stop()

    def restart(self) -> None:
        self.stop()
        self.start()


def _pushed(proxy: Proxy, size: str, upstream: Upstream) -> pushed.Small | pushed.Large | None:
    """What the control plane has for it, from the start."""
    if not size:
        return None
    made = (pushed.Small(proxy.port, proxy.between, upstream.port, proxy.directory) if size == "small" else
            pushed.Large(proxy.port, upstream.port))
    upstream.plane.set_at(upstream.plane.push(proxy.name, made.all()))
    return made


class LoadRound:
    """A load of some seconds: CPU per request, rate, latency, memory after it."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._load = Load(scenario, settings.load_core, directory)
        self._seconds = settings.seconds

    def warm_up(self, proxy: Proxy) -> None:
        self._load.for_seconds(proxy.port, 1)

    def __call__(self, proxy: Proxy) -> Figures:
        meter, begin = proxy.process.meter(), time.monotonic()
        result = self._load.for_seconds(proxy.port, self._seconds)
        cpu, elapsed = meter(), time.monotonic() - begin
        return {"cpu": cpu.total / result.requests, "user": cpu.user / result.requests,
                "system": cpu.system / result.requests, "rate": result.rate, "p50": result.p50, "p99": result.p99,
                "rss": proxy.process.rss(), "wait": cpu.wait / 1e4 / elapsed}


class BodyRound:
    """A large body down and one up, over one connection each: throughput, CPU, and how far memory grew over what
    it was before the first body."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._scenario, self._settings, self._body = scenario, settings, upstream.body

    def warm_up(self, proxy: Proxy) -> None:
        proxy.first_rss = proxy.process.rss()

    def __call__(self, proxy: Proxy) -> Figures:
        proxy.process.reset_peak()
        figures = self._measured(proxy, "download") | self._measured(proxy, "upload")
        return figures | {"growth": proxy.process.peak_rss() - proxy.first_rss}

    def _measured(self, proxy: Proxy, direction: str) -> Figures:
        transfer = {"h1": self._h1, "h2": self._h2}[self._scenario.down]
        meter, begin = proxy.process.meter(), time.monotonic()
        transfer(proxy.port, direction)
        cpu, elapsed = meter(), time.monotonic() - begin
        size = self._settings.body_bytes / _MIB
        return {direction: size / elapsed, direction + "_cpu": cpu.total / size}

    def _run(self, program: str, *options: str) -> str:
        return run([programs.find(program), *options], self._settings.load_core, 120)

    def _h1(self, port: int, direction: str) -> None:
        url = f"http://127.0.0.1:{port}/body"
        size = str(self._settings.body_bytes)
        if direction == "download":
            answer = self._run("curl", "-sSf", "--http1.1", "-o", "/dev/null", "-w", "%{size_download}", url)
        else:
            answer = self._run("curl", "-sSf", "--http1.1", "-H", "Expect:", "-T", str(self._body), url)
        if answer != size:
            raise BenchError(f"{direction} of {size} bytes: {answer[:80]!r} came through")

    def _h2(self, port: int, direction: str) -> None:
        url, size = f"http://127.0.0.1:{port}", self._settings.body_bytes
        if direction == "download":
            answer, expected = self._run("h2load", "-n1", "-c1", "-m1", url + "/body"), f"({size}) data"
        else:  # nghttpd answers when it has seen the end of the body, and checks it against content-length
            answer = self._run("h2load", "-n1", "-c1", "-m1", f"--data={self._body}", url + "/")
            expected = f"({len(GREETING)}) data"
        if "1 succeeded" not in answer or "1 2xx" not in answer or expected not in answer:
            raise BenchError(f"{direction} of {size} bytes failed:\n{answer}")


class IdleRound:
    """Memory that idle connections take: each does one request and then stays open. In a mesh they come to the end that
    takes mutual TLS."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._connections: list[socket.socket] = []
        self._mesh, self._count = scenario.mesh, IDLE_CONNECTIONS[scenario.mesh]

    def warm_up(self, proxy: Proxy) -> None:
        proxy.first_rss = proxy.process.rss()

    def __call__(self, proxy: Proxy) -> Figures:
        try:
            connect = _mutual_tls(proxy) if self._mesh else _plain(proxy)
            for _ in range(self._count // 50):
                self._open(connect, 50)
            time.sleep(1)
            self._check_open()
            rss = proxy.process.rss()
            growth = rss - proxy.first_rss
            return {"growth": growth, "per_connection": growth * 1e3 / self._count, "rss": rss}
        finally:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _open(self, connect: Callable[[], socket.socket], count: int) -> None:
        batch = [connect() for _ in range(count)]
        self._connections += batch
        for connection in batch:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
        for connection in batch:
            _read_answer(connection)

    def _check_open(self) -> None:
        poll = select.poll()
        for connection in self._connections:
            poll.register(connection, select.POLLIN)
        if ended := poll.poll(0):
            raise BenchError(f"{len(ended)} of {self._count} idle connections were closed or written to")


class HandshakeRound:
    """Connections one after the other, each with a handshake of mutual TLS and one request: what one costs the proxy, and so
    how many a core can do."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._resumes, self._core = scenario.load == "resume", settings.load_core
        self._connect: dict[str, Callable[..., ssl.SSLSocket]] = {}
        self._session: dict[str, ssl.SSLSession] = {}

    def warm_up(self, proxy: Proxy) -> None:
        self._connections(proxy, 20)

    def __call__(self, proxy: Proxy) -> Figures:
        meter = proxy.process.meter()
        self._connections(proxy, HANDSHAKES)
        cpu = meter()
        return {"cpu": cpu.total / HANDSHAKES, "user": cpu.user / HANDSHAKES, "system": cpu.system / HANDSHAKES,
                "handshakes": 1e6 * HANDSHAKES / cpu.total}

    def _connections(self, proxy: Proxy, count: int) -> None:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core})
        if proxy.name not in self._connect:  # a session belongs to the context that it was made with
            self._connect[proxy.name] = _mutual_tls(proxy)
        connect = self._connect[proxy.name]
        for _ in range(count):
            last = self._session.get(proxy.name) if self._resumes else None
            with connect(last) as connection:
                if last and not connection.session_reused:
                    raise BenchError("a session was not resumed")
                connection.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
                _read_answer(connection)
                self._session[proxy.name] = connection.session
        os.sched_setaffinity(0, before)


class RotationRound(IdleRound):
    """What who is connected feels when the callee's certificate and the trust bundle are replaced, so that each of 1,000
    connections is judged anew: the longest request of one of them, in the second before and in the second after."""

    def warm_up(self, proxy: Proxy) -> None:
        connect = _mutual_tls(proxy)
        for _ in range(self._count // 50):
            self._open(connect, 50)

    def __call__(self, proxy: Proxy) -> Figures:
        calm = self._longest(1)
        shown = mesh.replace(proxy.directory)
        spike = self._longest(1)
        with _mutual_tls(proxy)() as fresh:
            if fresh.getpeercert(binary_form=True) != shown:
                raise BenchError("a second after the rotation the certificate is still the one before")
        self._check_open()
        return {"calm": calm, "spike": spike}

    def _longest(self, seconds: float) -> float:
        longest, end = 0.0, time.monotonic() + seconds
        while (begin := time.monotonic()) < end:
            self._connections[0].sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
            _read_answer(self._connections[0])
            longest = max(longest, time.monotonic() - begin)
        return longest * 1e3


def _plain(proxy: Proxy) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def _mutual_tls(proxy: Proxy) -> Callable[..., ssl.SSLSocket]:
    context = mesh.client_context(proxy.directory)

    def connect(session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        """`session`: of a connection that the same function made."""
        return context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.between), timeout=10), session=session)
    return connect


def _read_answer(connection: socket.socket) -> None:
    answer = b""
    while GREETING not in answer:
        data = connection.recv(4096)
        if not data:
            raise BenchError(f"a connection ended after {answer[:100]!r}")
        answer += data


ROUNDS = {"load": LoadRound, "body": BodyRound, "idle": IdleRound, "handshake": HandshakeRound,
          "rotation": RotationRound}
