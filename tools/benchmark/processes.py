"""Processes pinned to a core: start, wait until they listen, what they cost, stop."""
import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class BenchError(Exception):
    """Something the person who runs the benchmark has to know; ends the scenario or the run."""


def pinned(*cores: int):
    """A preexec function: run on `cores` only, and end when the benchmark does, however it ends."""
    def prepare():
        os.sched_setaffinity(0, cores)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return prepare


def run(argv: list[str], core: int, timeout: float) -> str:
    """Runs a program to its end and returns what it printed; a failure is a BenchError."""
    try:
        done = subprocess.run(argv, preexec_fn=pinned(core), timeout=timeout, capture_output=True, text=True,
                              check=False)
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"{argv[0]} was not done after {timeout:.0f} s: {' '.join(argv)}") from late
    if done.returncode != 0:
        raise BenchError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


_given: set[int] = set()


def free_port() -> int:
    """At any address. Never the same one twice: whoever got it may not have bound it yet; and none of those that the kernel gives to
    connections, of which one may have it by then."""
    end = int(_read("/proc/sys/net/ipv4/ip_local_port_range").split()[0])
    while True:
        port = random.randrange(max(1024, end - 20000), end)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


@dataclass(frozen=True)
class Cpu:
    """CPU time since some moment, in microseconds; `wait` is time spent runnable while the core was taken."""
    total: float
    user: float
    system: float
    wait: float

    @staticmethod
    def of(total_ns: int, wait_ns: int, user_ticks: int, system_ticks: int) -> "Cpu":
        """The scheduler's clock counts living threads to the nanosecond; the ticks count dead ones too, but to 10
        ms. So the total is the larger of the two, and the ticks say how it divides."""
        ticks = user_ticks + system_ticks
        total = max(total_ns / 1e3, ticks * 1e6 / _TICKS)
        user = total * user_ticks / ticks if ticks else total
        return Cpu(total, user, total - user, wait_ns / 1e3)


class Process:
    """One program and its children, pinned to a core or several, its output in a log file. Owned by whoever started it, who
    must stop() it. Signals go to its own process group only."""

    def __init__(self, name: str, argv: list[str], core: int | tuple[int, ...], directory: Path, cwd: Path | None = None,
                 commands: bool = False):
        """`commands`: it reads some, from `input`."""
        self.name = name
        self.log = directory / f"{name}.log"
        cores = (core,) if isinstance(core, int) else core
        with open(self.log, "wb") as log:
            self._child = subprocess.Popen(argv, stdin=subprocess.PIPE if commands else subprocess.DEVNULL, stdout=log,
                                           stderr=log, cwd=cwd, start_new_session=True, preexec_fn=pinned(*cores))
        self.pid = self._child.pid
        self.input = self._child.stdin

    def _log_end(self) -> str:
        return f"its log ends:\n{self.log.read_text(errors='replace')[-2000:]}"

    def check_alive(self) -> None:
        if self._child.poll() is not None:
            raise BenchError(f"{self.name} ended with status {self._child.returncode}; {self._log_end()}")

    def wait_until_listening(self, port: int, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self.check_alive()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    late = f"{self.name} does not listen on port {port} after {seconds} s; {self._log_end()}"
                    raise BenchError(late) from None
                time.sleep(0.05)

    def pids(self) -> list[int]:
        """The process and all its descendants."""
        found = [self.pid]
        for pid in found:
            for task in _list(f"/proc/{pid}/task"):
                found += [int(child) for child in _read(f"/proc/{pid}/task/{task}/children").split()]
        return found

    def _counters(self) -> tuple[int, int, int, int]:
        total = wait = user = system = 0
        for pid in self.pids():
            stat = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
            if stat:
                user += int(stat[11])
                system += int(stat[12])
            for task in _list(f"/proc/{pid}/task"):
                schedstat = _read(f"/proc/{pid}/task/{task}/schedstat").split()
                if schedstat:
                    total += int(schedstat[0])
                    wait += int(schedstat[1])
        return total, wait, user, system

    def meter(self):
        """Starts measuring CPU; call what it returns to get the Cpu spent since."""
        before = self._counters()
        return lambda: Cpu.of(*(now - then for now, then in zip(self._counters(), before)))

    def main_thread(self) -> float:
        """CPU of the thread that it began with, in seconds."""
        return int(_read(f"/proc/{self.pid}/task/{self.pid}/schedstat").split()[0]) / 1e9

    def rss(self) -> float:
        """Resident memory in MB (10^6), summed over its processes (so pages they share count more than once)."""
        return sum(self._status(pid, "VmRSS") for pid in self.pids())

    def settled_rss(self) -> float:
        """rss() once it has stayed the same for a second."""
        for _ in range(30):
            before = self.rss()
            time.sleep(1)
            self.check_alive()
            if self.rss() == before:
                return before
        raise BenchError(f"the memory of {self.name} does not settle")

    def reset_peak(self) -> None:
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM to the current RSS

    def peak_rss(self) -> float:
        return sum(self._status(pid, "VmHWM") for pid in self.pids())

    @staticmethod
    def _status(pid: int, field: str) -> float:
        for line in _read(f"/proc/{pid}/status").splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024 / 1e6
        return 0.0

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(timeout=3)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)  # what is left of its group, if anything
        except ProcessLookupError:
            pass
        self._child.wait()


def _read(path: str) -> str:
    """A file below /proc; empty when its process has just ended."""
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _list(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
