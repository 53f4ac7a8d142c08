#!/usr/bin/env python3
"""The benchmark's overload: the service that does only so much at once, and who asks it for more."""
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from benchmark import busy, overload  # noqa: E402
from benchmark.caller import Connection  # noqa: E402
from benchmark.processes import BenchError, Process, free_port  # noqa: E402
from chain_test import GOOD, Server  # noqa: E402

FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"


class Load(unittest.TestCase):
    def test_who_is_refused_is_counted_by_class(self):
        server = Server(self, lambda head: GOOD if b"x-priority: HIGH" in head else FULL)
        found = overload.load(server.port, {"HIGH": 50, "NORMAL": 150}, 1)
        self.assertEqual((found["HIGH"].refused, found["NORMAL"].served), (0, []))
        self.assertEqual(len(found["HIGH"].served) + found["NORMAL"].refused, len(server.heads))
        self.assertGreater(len(found["HIGH"].served), 10)
        self.assertGreater(found["NORMAL"].refused, 50)

    def test_what_came_before_does_not_count(self):
        server = Server(self, lambda head: GOOD)
        found = overload.load(server.port, {"HIGH": 100}, 0.5, settling=0.5)
        self.assertGreater(len(found["HIGH"].served), 10)
        self.assertGreater(len(server.heads), len(found["HIGH"].served) + 10)

    def test_anything_else_is_an_error(self):
        server = Server(self, lambda head: FULL.replace(b"503", b"500"))
        with self.assertRaisesRegex(BenchError, "expected status 200 or 503, got b'HTTP/1.1 500"):
            overload.load(server.port, {"HIGH": 100}, 1)


class Busy(unittest.TestCase):
    def test_others_wait(self):
        """50 at once are as quick as one; twice as many take two turns."""
        port, connections = free_port(), []
        with tempfile.TemporaryDirectory() as directory:
            service = Process("busy", [sys.executable, "-m", "benchmark.busy", str(port)], min(os.sched_getaffinity(0)), Path(directory),
                              cwd=ROOT / "tools")
            try:
                service.wait_until_listening(port)
                connections += [Connection(port) for _ in range(2 * busy.AT_ONCE)]
                begin = time.monotonic()
                for connection in connections:
                    connection.ask(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
                for connection in connections:
                    answer = connection.take()  # of one read: it waits
                    self.assertEqual(answer, GOOD)
                took = time.monotonic() - begin
            finally:
                service.stop()
        for connection in connections:
            connection.close()
        self.assertGreaterEqual(took, 2 * busy.TAKES * 0.95)
        self.assertLess(took, 20 * busy.TAKES)  # not one after the other


if __name__ == "__main__":
    unittest.main()
