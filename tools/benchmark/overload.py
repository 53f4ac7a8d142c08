"""A service that can do only so much at once is asked for twice as much: what is served, and how long those wait that matter most."""
import random
import select
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmark import busy
from benchmark.caller import Connection, stays
from benchmark.measure import Figures, Proxy
from benchmark.processes import BenchError
from benchmark.push import quantile
from benchmark.scenarios import GREETING, Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

CAPACITY = busy.AT_ONCE / busy.TAKES  # requests a second
HIGH = 0.1  # of the load
OVERLOAD = 2.0  # of the capacity
LEARNING = 20  # seconds of overload before the first round
SETTLING = 1.0  # and before what counts in each
_PATIENCE = 30.0


@dataclass
class Class:
    served: list[float] = field(default_factory=list)  # milliseconds
    refused: int = 0


def load(port: int, rates: dict[str, float], seconds: float, settling: float = 0.0) -> dict[str, Class]:
    """Requests of each class at its rate, each at a random moment, whether those before were answered or not; what became of those
    that were due after `settling` seconds."""
    source, found = random.Random(), {name: Class() for name in rates}
    total, idle, waiting, poll = sum(rates.values()), [], {}, select.epoll()
    names, weights = list(rates), list(rates.values())
    begin = time.monotonic()
    due, counted, end = begin, begin + settling, begin + settling + seconds
    try:
        while due < end or waiting:
            now = time.monotonic()
            if due < end and due <= now:
                if idle:
                    connection = idle.pop()
                else:
                    connection = Connection(port)
                    poll.register(connection.fileno(), select.EPOLLIN)
                name = source.choices(names, weights)[0]
                waiting[connection.fileno()] = connection, name, time.monotonic(), due >= counted
                connection.ask(f"GET / HTTP/1.1\r\nHost: bench\r\nx-priority: {name}\r\n\r\n".encode())
                due += source.expovariate(total)
            for number, _ in poll.poll(max(0.0, due - time.monotonic()) if due < end else 1.0):
                if number not in waiting:
                    raise BenchError("a connection on which nothing was asked ended, or was written to")
                connection, name, asked, counts = waiting[number]
                answer = connection.take()
                if answer is None:
                    continue
                del waiting[number]
                _note(found[name] if counts else Class(), answer, (time.monotonic() - asked) * 1e3)
                if stays(answer):
                    idle.append(connection)
                else:
                    poll.unregister(number)
                    connection.close()
            if waiting and now > end + _PATIENCE:
                raise BenchError(f"{len(waiting)} requests are not answered {_PATIENCE:.0f} s after the last one")
        return found
    finally:
        for connection in (*idle, *(one[0] for one in waiting.values())):
            connection.close()
        poll.close()


def _note(of_class: Class, answer: bytes, took: float) -> None:
    if answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(GREETING):
        of_class.served.append(took)
    elif answer.startswith(b"HTTP/1.1 503 "):
        of_class.refused += 1
    else:
        raise BenchError(f"expected status 200 or 503, got {answer[:300]!r}")


class OverloadRound:
    """The high class alone, as it is without overload; then all of the load."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._seconds = max(settings.seconds, 2)
        self._calm = {"HIGH": HIGH * OVERLOAD * CAPACITY}
        self._all = {**self._calm, "NORMAL": (1 - HIGH) * OVERLOAD * CAPACITY}

    def warm_up(self, proxy: Proxy) -> None:
        load(proxy.port, self._all, LEARNING)

    def __call__(self, proxy: Proxy) -> Figures:
        calm = load(proxy.port, self._calm, self._seconds)["HIGH"]
        meter, begin = proxy.process.meter(), time.monotonic()
        found = load(proxy.port, self._all, self._seconds, SETTLING)
        cpu, elapsed = meter(), time.monotonic() - begin
        high, served = found["HIGH"], sum(len(one.served) for one in found.values())
        calm_p99, p99 = quantile(calm.served, 0.99), quantile(high.served, 0.99)
        return {"calm_p99": calm_p99, "p50": quantile(high.served, 0.50), "p99": p99, "slowdown": p99 / calm_p99,
                "goodput": 100 * served / (CAPACITY * self._seconds),
                "refused": 100 * high.refused / (high.refused + len(high.served)),
                "other_p99": quantile(found["NORMAL"].served, 0.99), "busy": cpu.total / 1e4 / elapsed}


ROUNDS = {"overload": OverloadRound}
