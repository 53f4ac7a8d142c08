"""What the person who runs the benchmark chose, and where things are."""
import os
from dataclasses import dataclass
from pathlib import Path

from benchmark.processes import BenchError

GIB = 1 << 30


@dataclass(frozen=True)
class Settings:
    pillion: Path
    proxy_core: int
    load_core: int
    rounds: int = 5
    seconds: int = 3  # of load in a round
    body_bytes: int = GIB
    control_plane: Path = Path()
    chain_requests: int = 1_000_000
    lane_requests: int = 1_000_000  # of each kind
    example: Path | None = None  # the bootstrap that "start" gives to pillion and Envoy


def two_cores() -> tuple[int, int]:
    """A core for the proxy and one for load and upstream, not two threads of the same core if that can be had."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("needs two cores: one for the proxy, one for load and upstream")
    siblings = _siblings(cores[0])
    return cores[0], next((core for core in cores if core not in siblings), cores[1])


def _siblings(core: int) -> set[int]:
    try:
        text = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list").read_text()
    except OSError:
        return {core}
    ranges = [[int(end) for end in part.split("-")] for part in text.strip().split(",")]
    return {sibling for ends in ranges for sibling in range(ends[0], ends[-1] + 1)}
