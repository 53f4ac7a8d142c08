"""Rounds with a chain of services: when a deadline ends a request, and whether a trace ever breaks."""
import secrets
import time
from functools import partial
from pathlib import Path

from benchmark import caller, chain, contexts, variants
from benchmark.chain import Chain, Shape
from benchmark.measure import Figures
from benchmark.push import quantile
from benchmark.scenarios import Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

RATE = 200  # requests a second
DEADLINES = (0.1, chain.LONGEST)  # seconds, in turn
_TOLD_BY = {"pillion": "x-timeout-ms", "envoy": "x-envoy-upstream-rq-timeout-ms"}  # how a caller says when it stops waiting
CONNECTIONS = 64
CHAINS = {"deadline": partial(Chain, Shape()), "chain": partial(Chain, Shape(workers=2, both_cores=True, logs=True))}


class DeadlineRound:
    """Requests that the last service does not answer in time: how far from their deadline the caller sees them end."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._seconds = settings.seconds

    def warm_up(self, made: Chain) -> None:
        self._timeouts(made, 1)

    def __call__(self, made: Chain) -> Figures:
        meter, begin = made.meter(), time.monotonic()
        found = self._timeouts(made, self._seconds)
        cpu, elapsed = meter(), time.monotonic() - begin
        errors = [abs(error) for error in found.errors]
        return {"error_p50": quantile(errors, 0.50), "error_p99": quantile(errors, 0.99), "error_most": max(errors),
                "early": max(0.0, -min(found.errors)), "grain": quantile(found.late, 0.99), "cpu": cpu.total / len(errors),
                "wait": cpu.wait / 1e4 / elapsed}

    @staticmethod
    def _timeouts(made: Chain, seconds: float) -> caller.Timeouts:
        return caller.timeouts(made.port, _TOLD_BY[variants.base(made.name)], DEADLINES, RATE, seconds)


class ChainRound:
    """Many requests at full load, each with a trace of its own; then all that the sidecars have logged of them."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._count = settings.chain_requests

    def warm_up(self, made: Chain) -> None:
        """Nothing: what is logged is counted from the first request on, but for that of verify()."""

    def __call__(self, made: Chain) -> Figures:
        run = secrets.token_bytes(8)
        meter, begin, mine = made.meter(), time.monotonic(), time.process_time()
        failed = caller.as_fast_as_it_goes(made.port, CONNECTIONS, self._count,
                                           lambda number: contexts.traceparent(run + number.to_bytes(8, "big")))
        elapsed, mine, cpu = time.monotonic() - begin, time.process_time() - mine, meter()
        _settle(made.logs)
        unbroken, lost = traces(made.logs, self._count, run)
        return {"requests": self._count, "unbroken": 100 * unbroken / self._count, "failed": failed, "lost": lost,
                "rate": self._count / elapsed, "cpu": cpu.total / self._count, "caller": 100 * mine / elapsed}


def _settle(logs: list[Path]) -> None:
    """Until they have not grown for a second: they are written five times a second."""
    before = None
    while before != (before := [log.stat().st_size for log in logs]):
        time.sleep(1)


def traces(logs: list[Path], count: int, run: bytes) -> tuple[int, int]:
    """Of requests with the numbers below `count`: how many have in each log the one line that they should have, with their trace and
    status 200; and how many lines there are not. A line is number (as a path), trace, status."""
    whole, lost = bytes([1]) * count, 0
    for log in logs:
        here = bytearray(count)  # 1: a line as it should be; 2: another, or several
        with open(log, "rb") as lines:
            for line in lines:
                path, trace, status = line.split(b" ")
                if path == b"/":
                    continue  # whether it answers at all
                number = int(path[1:])
                right = not here[number] and status == b"200\n" and trace == b"%s%016x" % (run.hex().encode(), number)
                here[number] = 1 if right else 2
        lost += here.count(0)
        whole = bytes(before & (now == 1) for before, now in zip(whole, here))
    return whole.count(1), lost


ROUNDS = {"deadline": DeadlineRound, "chain": ChainRound}
