"""Rounds with the chain that has lanes: whether any request is ever at an instance of the wrong lane. And whether percentages are what
they say."""
import threading
import time
from collections import Counter
from itertools import cycle
from math import sqrt
from pathlib import Path

from benchmark import caller, contexts, lane_chain, lanes
from benchmark.lane_chain import BASE, GRAY, INSTANCES, LaneChain
from benchmark.measure import Figures, Proxy
from benchmark.processes import BenchError
from benchmark.scenarios import Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

CONNECTIONS = 64
STEP = 0.1  # seconds from one change of endpoints to the next
ADDRESSES = [f"127.0.0.{last}" for last in range(1, 11)]  # at which an instance may be an endpoint
_RIGHT = {GRAY: lane_chain.path(GRAY), BASE: lane_chain.path(BASE)}


class Hops:
    """What answers say of where their requests have been."""

    def __init__(self):
        self.wrong = 0  # hops of a lane that is not the request's, though the service has its lane
        self.strayed = 0  # of these, those of plain requests
        self.sent = Counter()  # by lane

    def look(self, number: int, answer: bytes) -> None:
        lane = GRAY if lanes.request(number)[1] else BASE
        self.sent[lane] += 1
        wrong = sum(field not in answer for field in _RIGHT[lane])
        self.wrong += wrong
        self.strayed += wrong if lane == BASE else 0


class LaneChainRound:
    """Requests in the lane and out of it, all at once."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._each = settings.lane_requests

    def warm_up(self, made: LaneChain) -> None:
        """Nothing: all count."""

    def __call__(self, made: LaneChain) -> Figures:
        return self._sent(made, 2 * self._each)

    @staticmethod
    def _sent(made: LaneChain, count: int) -> Figures:
        hops, run = Hops(), time.time_ns().to_bytes(8, "big")
        meter, begin, mine = made.meter(), time.monotonic(), time.process_time()
        failed = caller.as_fast_as_it_goes(
            made.port, CONNECTIONS, count,
            lambda number: contexts.traceparent(run + number.to_bytes(8, "big")) + lanes.request(number)[0], hops.look)
        elapsed, mine, cpu = time.monotonic() - begin, time.process_time() - mine, meter()
        return {"coloured": hops.sent[GRAY], "plain": hops.sent[BASE], "wrong": hops.wrong, "strayed": hops.strayed, "failed": failed,
                "rate": count / elapsed, "cpu": cpu.total / count, "caller": 100 * mine / elapsed}


class Churn:
    """Endpoints of every service come and go: at each step one of the baseline is replaced, of three; and of the lane's one comes or goes,
    until there are three, until there is none."""

    def __init__(self, made: LaneChain):
        self._made, self._over = made, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.steps, self.late, self.error = 0, 0, None

    def __enter__(self) -> "Churn":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due, numbers = time.monotonic(), cycle((1, 2, 3, 2, 1, 0))
        while not self._over.wait(max(0.0, due - time.monotonic())):
            number = next(numbers)
            try:
                self._made.plane.set_at(self._made.plane.push(self._made.name, [self._step(service, number) for service in INSTANCES]))
            except (BenchError, OSError) as error:
                self.error = error
                return
            self.steps += 1
            due += STEP
            if due < time.monotonic():  # the machine has no time for so many
                self.late, due = self.late + 1, time.monotonic()

    def _step(self, service: str, gray: int) -> dict:
        made = []
        for version in INSTANCES[service]:
            port, number = self._made.inbound(service, version), 3 if version == BASE else gray
            made += [lane_chain.endpoint(port, version, ADDRESSES[(self.steps + at) % len(ADDRESSES)]) for at in range(number)]
        return lane_chain.endpoints(service, made)


class LaneChurnRound(LaneChainRound):
    """A tenth as many, while endpoints come and go. Where a service's lane has none, requests of the lane are served by its baseline."""

    def __call__(self, made: LaneChain) -> Figures:
        with Churn(made) as churn:
            figures = self._sent(made, 2 * self._each // 10)
        if churn.error:
            raise churn.error
        figures["instead"] = figures.pop("wrong") - figures["strayed"]
        return {**figures, "steps": churn.steps, "late_steps": churn.late}


class ShareRound:
    """Users of whom some are chosen: as many as the rule says; always the same; and those of 1 % are among those of 5 %."""

    def __init__(self, scenario: Scenario, upstream: Upstream, settings: Settings, directory: Path):
        self._count = settings.lane_requests

    def warm_up(self, proxy: Proxy) -> None:
        """Nothing: what is chosen does not get warmer."""

    def __call__(self, proxy: Proxy) -> Figures:
        chosen = {share: self._chosen(proxy, share, self._count, 1) for share in (*lanes.SHARES, lanes.CHANCE)}
        again = {share: self._chosen(proxy, share, self._count // 10, 10) for share in lanes.SHARES}
        changed = sum(now != chosen[share][10 * at] for share, flags in again.items() for at, now in enumerate(flags))
        small, large = (chosen[share] for share in lanes.SHARES)
        return {"requests": sum(map(len, (*chosen.values(), *again.values()))),
                "deviation": max(deviation(sum(flags), self._count, share.per_million) for share, flags in chosen.items()),
                "percent": 100 * sum(small) / self._count, "larger": 100 * sum(large) / self._count, "changed": changed,
                "lost_users": sum(one and not other for one, other in zip(small, large))}

    @staticmethod
    def _chosen(proxy: Proxy, share: lanes.Share, count: int, each: int) -> bytearray:
        """Of so many users, which: each of them once, with the numbers 0, `each`, 2 x `each` and so on."""
        found = bytearray(count)

        def look(number: int, answer: bytes) -> None:
            found[number] = lanes.COLOURED in answer
        failed = caller.as_fast_as_it_goes(proxy.port, CONNECTIONS, count,
                                           lambda number: f"x-share: {share.name}\r\nx-user-id: {number * each}\r\n", look)
        if failed:
            raise BenchError(f"{failed} of {count} requests failed")
        return found


def deviation(chosen: int, count: int, per_million: int) -> float:
    """How far from what is expected, in standard deviations."""
    share = per_million / 1e6
    return abs(chosen - count * share) / sqrt(count * share * (1 - share))


CHAINS = {"lane-chain": LaneChain, "lane-churn": LaneChain}
ROUNDS = {"lane-chain": LaneChainRound, "lane-churn": LaneChurnRound, "lane-share": ShareRound}
