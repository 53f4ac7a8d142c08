"""A scenario's run: start the upstream and the proxies, check that each answers rightly, then rounds in turn."""
import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmark import chained, lane_rounds, measure, overload, proxies, push, variants
from benchmark.chain import Sidecars
from benchmark.load import verify
from benchmark.measure import Figures, Proxy
from benchmark.processes import BenchError, Process
from benchmark.scenarios import Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

ROUNDS = measure.ROUNDS | push.ROUNDS | chained.ROUNDS | overload.ROUNDS | lane_rounds.ROUNDS
CHAINS = chained.CHAINS | lane_rounds.CHAINS
ONCE = ("idle", "chain", "lane-chain", "lane-churn", "lane-share")  # kinds of which one round says all
Progress = Callable[[str], None]


class Run:
    """What came out of one scenario: the figures of each round by proxy, and what failed. A proxy that fails a
    check or a round is out of the scenario, figures and all."""

    def __init__(self, scenario: Scenario, names: list[str], settings: Settings, progress: Progress):
        self.scenario = scenario
        self.figures: dict[str, list[Figures]] = {}
        self.errors: list[str] = []
        self._settings, self._progress = settings, progress
        chosen = [f"{name}+{variant}" if variant else name for variant in ("", *scenario.variants)
                  for name in names if name not in scenario.without and variants.runs(name, variant)]
        with contextlib.ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pillion-bench-")))
            if scenario.kind in ("start", "clusters"):
                self._starts(chosen, directory)
            else:
                self._rounds(chosen, directory, stack)

    def _rounds(self, names: list[str], directory: Path, stack: contextlib.ExitStack) -> None:
        """All proxies run at the same time, but only one at a time is under load."""
        upstream = Upstream(self.scenario, self._settings, directory)
        stack.callback(upstream.stop)
        one_round = ROUNDS[self.scenario.kind](self.scenario, upstream, self._settings, directory)

        def start(name: str) -> Proxy | Sidecars:
            self._progress(f"{self.scenario.name}: starting {name}")
            chain = CHAINS.get(self.scenario.kind)
            proxy = (chain(name, upstream, self._settings, directory / name) if chain else
                     Proxy(name, self.scenario, upstream, self._settings, directory / name))
            stack.callback(proxy.stop)
            verify(self.scenario, proxy.port, self._settings.load_core, directory)
            one_round.warm_up(proxy)
            return proxy

        running = {name: self._attempt(name, start, name) for name in names}
        rounds = 1 if self.scenario.kind in ONCE else self._settings.rounds
        for number in range(rounds):
            for name in rotated([name for name in names if running[name]], number):
                self._progress(f"{self.scenario.name}: round {number + 1} of {rounds}: {name}")
                figures = self._attempt(name, self._round, one_round, running[name])
                if figures is None:
                    running[name] = None
                else:
                    self.figures.setdefault(name, []).append(figures)

    @staticmethod
    def _round(one_round: Callable[[Proxy | Sidecars], Figures], proxy: Proxy | Sidecars) -> Figures:
        try:
            return one_round(proxy)
        except (BenchError, OSError):
            proxy.check_alive()  # that it died, and its log, says more than what the load saw
            raise

    def _starts(self, names: list[str], directory: Path) -> None:
        for number in range(self._settings.rounds):
            for name in rotated(names, number):
                self._progress(f"start: round {number + 1} of {self._settings.rounds}: {name}")
                if figures := self._attempt(name, self._start_once, name, directory):
                    self.figures.setdefault(name, []).append(figures)

    def _start_once(self, name: str, directory: Path) -> Figures:
        hop = proxies.Hop(self.scenario.down, self.scenario.up, proxies.free_port(), proxies.free_port())
        if self.scenario.kind == "start" and self._settings.example and name in ("pillion", "envoy"):
            argv = proxies.envoy_command(proxies.binary(name, self._settings.pillion), self._settings.example)
        else:
            argv = proxies.command(name, self._settings.pillion, hop, directory)
        began = time.monotonic()
        process = Process(name, argv, self._settings.proxy_core, directory)
        try:
            if self.scenario.kind == "start":
                return {"rss": process.settled_rss()}
            process.wait_until_listening(hop.port, 60)
            ready = time.monotonic() - began
            return {"ready": ready, "rss": process.settled_rss()}
        finally:
            process.stop()

    def _attempt(self, name: str, step, *arguments):
        """The step's result; None, with the error noted, if it fails."""
        try:
            return step(*arguments)
        except (BenchError, OSError) as error:
            self.errors.append(f"{self.scenario.name}: {name}: {error}")
            self.figures.pop(name, None)
            return None


def rotated(names: list[str], by: int) -> list[str]:
    """Another proxy goes first in each round, so that none always follows the same one."""
    return names[by % len(names):] + names[:by % len(names)] if names else []
