"""Figures that repeat: instructions and system calls of a proxy per request, with a fixed number of requests.

Unlike CPU time they hardly depend on what else the machine does, so tests can assert them (test/bench/)."""
import contextlib
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark import programs, variants
from benchmark.load import Load, verify
from benchmark.measure import Proxy
from benchmark.processes import BenchError
from benchmark.scenarios import Scenario
from benchmark.settings import Settings
from benchmark.upstreams import Upstream


@dataclass(frozen=True)
class Profile:
    per_request: float
    top: list[str]  # the costliest functions or calls, one a line, as the tool prints them


@contextlib.contextmanager
def _running(scenario: Scenario, name: str, settings: Settings,
             prefix: tuple[str, ...] = ()) -> Iterator[tuple[Proxy, Load, Path]]:
    """The proxy with its upstream, checked and warmed up."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pillion-profile-")))
        upstream = Upstream(scenario, settings, directory)
        stack.callback(upstream.stop)
        load = Load(scenario, settings.load_core, directory)
        proxy = Proxy(name, scenario, upstream, settings, directory,
                      tuple(part.replace("DIRECTORY", str(directory)) for part in prefix))
        stack.callback(proxy.stop)
        verify(scenario, proxy.port, settings.load_core, directory)
        load.requests(proxy.port, 1000)
        yield proxy, load, directory


def instructions(scenario: Scenario, name: str, settings: Settings, requests: int) -> Profile:
    """User-space instructions under callgrind, after the warm-up; the kernel's are not seen."""
    valgrind = (programs.find("valgrind"), "--tool=callgrind", "--callgrind-out-file=DIRECTORY/callgrind.out")
    with _running(scenario, name, settings, valgrind) as (proxy, load, directory):
        _control("--zero", proxy)
        load.requests(proxy.port, requests)
        _control("--dump", proxy)
        dump = str(directory / "callgrind.out.1")
        annotated = subprocess.run(["callgrind_annotate", "--show-percs=yes", "--threshold=100", dump],
                                   capture_output=True, text=True, check=False).stdout
    return parse_callgrind(annotated, requests)


def _control(option: str, proxy: Proxy) -> None:
    done = subprocess.run(["callgrind_control", option, str(proxy.process.pid)], capture_output=True, text=True,
                          timeout=60, check=False)
    if done.returncode != 0 or "Error" in done.stdout:
        raise BenchError(f"callgrind_control {option}: {done.stdout}{done.stderr}")


def parse_callgrind(annotated: str, requests: int) -> Profile:
    total = re.search(r"^\s*([\d,]+) .*PROGRAM TOTALS$", annotated, re.M)
    if not total:
        raise BenchError(f"callgrind_annotate printed no total:\n{annotated[-2000:]}")
    count = _number(total[1])
    top = []
    for cost, function in re.findall(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(\S.*)$", annotated, re.M):
        share = 100 * _number(cost) / count
        if share < 90:  # what was open when counting began, main() to the event loop, is charged with everything
            top.append(f"{_number(cost) / requests:10.0f}  {share:5.1f} %  {function[:110]}")
    return Profile(count / requests, top[:25])


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def system_calls(scenario: Scenario, name: str, settings: Settings, requests: int) -> Profile:
    """Calls counted by strace while the load runs. Being traced slows the proxy, so its turns are as full as they
    get."""
    with _running(scenario, name, settings) as (proxy, load, directory):
        summary = directory / "strace.out"
        targets = [part for pid in proxy.process.pids() for part in ("-p", str(pid))]
        tracer = subprocess.Popen([programs.find("strace"), "-f", "-c", "-q", "-o", str(summary), *targets])
        try:
            _wait_until_traced(proxy)
            load.requests(proxy.port, requests)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(timeout=30)
        return parse_strace(summary.read_text(), requests)


def _wait_until_traced(proxy: Proxy) -> None:
    deadline = time.monotonic() + 10
    tasks = [task for pid in proxy.process.pids() for task in Path(f"/proc/{pid}/task").iterdir()]
    while any("TracerPid:\t0\n" in (task / "status").read_text() for task in tasks):
        if time.monotonic() > deadline:
            raise BenchError("strace could not attach (is ptrace allowed here?)")
        time.sleep(0.02)


def parse_strace(summary: str, requests: int) -> Profile:
    # The columns: share, seconds, microseconds a call, calls, errors (may be empty), name.
    row = r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$"
    calls = {name: int(count) for count, name in re.findall(row, summary, re.M)}
    calls.pop("total", None)
    if not calls:
        raise BenchError(f"strace saw no calls:\n{summary}")
    top = [f"{count / requests:10.3f}  {name}" for name, count in sorted(calls.items(), key=lambda call: -call[1])]
    return Profile(sum(calls.values()) / requests, top[:12])


def show(scenario: Scenario, name: str, settings: Settings, requests: int) -> None:
    """Of the proxy, and of each of the scenario's variants of it."""
    if scenario.kind != "load":
        raise BenchError(f'cannot profile "{scenario.name}": it has no requests to divide by')
    for each in (name, *(f"{name}+{variant}" for variant in scenario.variants if variants.runs(name, variant))):
        for title, take in (("instructions", instructions), ("syscalls", system_calls)):
            profile = take(scenario, each, settings, requests)
            print(f"{scenario.name}, {each}: {title}/request {profile.per_request:.2f}, of {requests} requests")
            print("\n".join(profile.top) + "\n", flush=True)
