"""The load generators: run one against a port, read what it printed, refuse a round in which anything failed."""
import re
import subprocess
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark import caller, contexts, lanes, limits, programs, variants
from benchmark.processes import BenchError, pinned, run
from benchmark.scenarios import GREETING, GRPC_HEADERS, GRPC_MESSAGE, GRPC_PATH, Scenario

_PATIENCE = 30  # seconds
MANY = 20000  # requests that differ; of contexts more than the table of requests in flight has room for
# Loads whose requests differ by fields: how so many heads' lines are made, for so many seconds.
_FIELDS = {"wrk-context": contexts.fields, "wrk-limits": limits.fields, "wrk-lanes": lanes.fields}
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}  # in milliseconds


@dataclass(frozen=True)
class LoadResult:
    requests: int
    rate: float  # requests per second
    p50: float = 0.0  # milliseconds
    p99: float = 0.0


def parse_wrk(text: str) -> LoadResult:
    for complaint in ("Socket errors", "Non-2xx or 3xx responses"):
        if found := re.search(rf"{complaint}: .*", text):
            raise BenchError(f"wrk: {found[0]}")
    done = re.search(r"(\d+) requests in ", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    latency = {percent: float(value) * _UNITS[unit]
               for percent, value, unit in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", text, re.M)}
    if not done or not rate or int(done[1]) == 0:
        raise BenchError(f"wrk did no request:\n{text}")
    return LoadResult(int(done[1]), float(rate[1]), latency["50"], latency["99"])


def parse_h2load(text: str, body_bytes: int, sees_status: bool = True) -> LoadResult:
    """`body_bytes`: what each response has to carry. h2load misses the status of an HTTP/1.1 response without a
    reason phrase, which is what some proxies make of an HTTP/2 one, and calls it failed; there, `sees_status` is
    False and the bytes of body have to do."""
    done = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", text)
    data = re.search(r"\((\d+)\) data", text)
    if not done or not codes or not rate or not data or int(done[1]) == 0:
        raise BenchError(f"h2load did no request:\n{text}")
    requests, succeeded, failed, errored, timed_out = (int(count) for count in done.groups())
    good = succeeded if sees_status else succeeded + failed
    if good != requests or errored or timed_out or any(int(count) for count in codes.groups()[1:]):
        raise BenchError(f"h2load: {done[0]}; {codes[0]}")
    if int(data[1]) < requests * body_bytes:
        raise BenchError(f"h2load: {data[1]} bytes of body in {requests} responses, expected {body_bytes} each")
    return LoadResult(requests, float(rate[1]))


def percentiles(log: Path) -> tuple[float, float]:
    """p50 and p99, in milliseconds, of an h2load --log-file, whose third column is microseconds. h2load prints no
    percentiles itself."""
    times = array("I", (int(line.rpartition(b"\t")[2]) for line in open(log, "rb")))
    times = sorted(times)
    return tuple(times[int(len(times) * share)] / 1e3 for share in (0.50, 0.99))


class Load:
    """The load of one scenario, on one core."""

    def __init__(self, scenario: Scenario, core: int, directory: Path):
        self._scenario, self._core = scenario, core
        self._log = directory / "h2load.log"
        self._message = directory / "message.grpc"
        self._message.write_bytes(GRPC_MESSAGE)
        self._script = directory / "requests.lua"
        self._fields = directory / "fields"
        self._script.write_text(_fields_script(self._fields) if scenario.load in _FIELDS else _routes_script())

    def for_seconds(self, port: int, seconds: int) -> LoadResult:
        if self._scenario.load.startswith("wrk"):
            more = ["-H", "Connection: close"] if self._scenario.load == "wrk-close" else []
            more += [f"--script={self._script}"] if self._scenario.load == "wrk-routes" or self._made_of() else []
            if fields := self._made_of():
                made = fields(seconds + _PATIENCE, MANY)
                self._fields.write_bytes("".join(f"{each}\r\n" for each in made).encode())
            wrk = ["wrk", "-t1", "-c64", f"-d{seconds}s", "--timeout", "10s", "--latency", *more]
            return parse_wrk(self._run([*wrk, f"http://127.0.0.1:{port}/"], seconds + _PATIENCE))
        self._log.unlink(missing_ok=True)
        result = self._h2load(port, f"-D{seconds}", f"--log-file={self._log}", timeout=seconds + _PATIENCE)
        return LoadResult(result.requests, result.rate, *percentiles(self._log))

    def requests(self, port: int, count: int) -> LoadResult:
        """A fixed number of requests, for figures that must repeat; as slow as a profiler makes it."""
        fields, routes = self._made_of(), self._scenario.load == "wrk-routes"
        if fields or routes:  # h2load has the same for all of them
            failed = caller.as_fast_as_it_goes(port, 64, count, fields(50, count).__getitem__ if fields else lambda number: "",
                                               target=_route if routes else None)
            if failed:
                raise BenchError(f"{failed} of {count} requests failed")
            return LoadResult(count, 0.0)
        return self._h2load(port, f"-n{count}", timeout=500)

    def _made_of(self) -> Callable[[float, int], list[str]] | None:
        return _FIELDS.get(self._scenario.load)

    def _h2load(self, port: int, *how_long: str, timeout: float) -> LoadResult:
        if self._scenario.load == "rate":  # some way below what any proxy can do
            shape, path, size = ["--h1", "-c8", "--rps=500"], "/", len(GREETING)
        elif self._scenario.down == "h1":
            close = ["-H", "connection: close"] if self._scenario.load == "wrk-close" else []
            shape, path, size = ["--h1", "-c64", *close], "/", len(GREETING)
        elif self._scenario.load == "grpc":
            shape = ["-c8", "-m16", f"--data={self._message}", *_as_options(GRPC_HEADERS)]
            path, size = GRPC_PATH, len(GRPC_MESSAGE)
        else:
            shape, path, size = ["-c8", "-m16"], "/", len(GREETING)
        printed = self._run(["h2load", "-t1", *shape, *how_long, f"http://127.0.0.1:{port}{path}"], timeout)
        return parse_h2load(printed, size, sees_status=(self._scenario.down, self._scenario.up) != ("h1", "h2"))

    def _run(self, argv: list[str], timeout: float) -> str:
        return run([programs.find(argv[0]), *argv[1:]], self._core, timeout)


def _route(number: int) -> tuple[str, str]:
    """Host and path of a request; many of the routes of variants.py, in an order without locality."""
    return variants.request(number % 1000 * 7919 % variants.ROUTES)


def _routes_script() -> str:
    """For wrk."""
    chosen = [_route(number) for number in range(1000)]
    table = ",\n".join(f'  wrk.format("GET", "{path}", {{ Host = "{host}" }})' for host, path in chosen)
    return f"""local requests
function init()
  requests = {{
{table} }}
end
local at = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


def _fields_script(file: Path) -> str:
    """For wrk: requests with the fields of a file, one after the other."""
    return f"""local requests = {{}}
function init()
  for fields in io.open("{file}", "rb"):read("*a"):gmatch("(.-\\r\\n)\\r\\n") do
    requests[#requests + 1] = "GET / HTTP/1.1\\r\\nHost: bench\\r\\n" .. fields .. "\\r\\n"
  end
end
local at = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


def _as_options(headers: tuple[str, ...]) -> list[str]:
    return [part for header in headers for part in ("-H", header)]


def verify(scenario: Scenario, port: int, core: int, directory: Path) -> None:
    """One request with curl: the right protocol, status, body and, for gRPC, trailers; or a BenchError. The
    protocol to the upstream needs no look: each upstream speaks one only."""
    version, option = ("2", "--http2-prior-knowledge") if scenario.down == "h2" else ("1.1", "--http1.1")
    argv = [programs.find("curl"), "-sSv", "--max-time", "10", "-w", "|%{http_version} %{http_code}", option]
    expected, path = GREETING, "/"
    if scenario.load == "grpc":
        expected, path = GRPC_MESSAGE, GRPC_PATH
        argv += ["--data-binary", f"@{directory / 'message.grpc'}", *_as_options(GRPC_HEADERS)]
    done = subprocess.run([*argv, f"http://127.0.0.1:{port}{path}"], preexec_fn=pinned(core), capture_output=True,
                          timeout=30, check=False)
    expected += f"|{version} 200".encode()
    trace = done.stderr.decode(errors="replace").replace("\r", "")
    if done.stdout != expected:
        raise BenchError(f"the first request got {done.stdout[:200]!r}, expected {expected!r}\n{trace}")
    if scenario.load == "grpc" and "\n< grpc-status: 0\n" not in trace.partition("\n< \n")[2]:
        raise BenchError(f"the gRPC answer came without its trailer grpc-status: 0\n{trace}")
