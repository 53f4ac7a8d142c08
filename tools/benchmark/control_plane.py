"""The control plane of the scenarios in which things change: test/e2e/go-control-plane, of the public Go module. Each proxy is a node of
its own, and has its own state there."""
import json
import time
from pathlib import Path

from benchmark.processes import BenchError, Process, free_port

_PATIENCE = 30  # seconds


class ControlPlane:
    """A process. Owned by whoever started it, who must stop() it."""

    def __init__(self, binary: Path, core: int, directory: Path):
        directory.mkdir()
        self.port = free_port()
        self._process = Process("control-plane", [str(binary), "-ads", "-listen", f"127.0.0.1:{self.port}"], core, directory,
                                commands=True)
        self._events = open(self._process.log, "rb")  # what it prints is read when it is asked for, not while it is measured
        self._commands = 0
        self._wait_for(self._do(do="listen"))

    def stop(self) -> None:
        self._process.stop()
        self._process.input.close()
        self._events.close()

    def push(self, node: str, resources: list[dict], replace: bool = False) -> int:
        """Begins to change what the node has, in one step; set_at() waits for it."""
        return self._do(do="push", node=node, set=[{"resource": resource} for resource in resources], replace=replace)

    def set_at(self, push: int) -> float:
        """When the proxies began to be told, in seconds of the epoch: the command had been read and the snapshot made. To be asked
        for in the order of the pushes."""
        return self._wait_for(push)["set"]

    def _do(self, **command) -> int:
        self._commands += 1
        self._process.input.write(json.dumps({"id": self._commands, **command}).encode() + b"\n")
        self._process.input.flush()
        return self._commands

    def _wait_for(self, command: int) -> dict:
        deadline = time.monotonic() + _PATIENCE
        while True:
            event = self._next()
            if event is None:
                self._process.check_alive()
                if time.monotonic() > deadline:
                    raise BenchError(f"the control plane did not do command {command} within {_PATIENCE} s")
                time.sleep(0.0005)
            elif event.get("event") == "done" and event["id"] == command:
                if "error" in event:
                    raise BenchError(f"the control plane: {event['error']}")
                return event
            elif event.get("event") == "request" and "error" in event:
                raise BenchError(f"what was pushed is refused: {event['error']['message'][:500]}")

    def _next(self) -> dict | None:
        """None: there is none yet."""
        begin = self._events.tell()
        line = self._events.readline()
        if not line.endswith(b"\n"):
            self._events.seek(begin)
            return None
        return json.loads(line) if line.startswith(b"{") else {}  # else it is a word of its libraries
