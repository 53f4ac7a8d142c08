#!/usr/bin/env python3
"""Scenarios of the benchmark in which the context of requests counts: who calls, what is read in logs, a short run of the two chains."""
import tempfile
import time
import unittest
from pathlib import Path

import short_run  # first: it says where the benchmark is
from short_run import GOOD, Server

from benchmark import caller, chained, contexts
from benchmark.processes import BenchError

LATE = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 4\r\n\r\nlate"


class Caller(unittest.TestCase):
    def test_each_request_once(self):
        server = Server(self, lambda head: GOOD)
        self.assertEqual(caller.as_fast_as_it_goes(server.port, 4, 50, lambda number: f"x-number: {number}\r\n"), 0)
        self.assertEqual(sorted(server.heads), sorted(
            f"GET /{number} HTTP/1.1\r\nHost: bench\r\nx-number: {number}\r\n\r\n" for number in range(50)))

    def test_what_failed_is_counted_and_the_rest_goes_on(self):
        answers = {b"/3": b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", b"/5": None, b"/7": GOOD.replace(b"36", b"35")[:-1],
                   b"/8": GOOD.replace(b"content", b"connection: close\r\nContent")}
        server = Server(self, lambda head: answers.get(head.split()[1], GOOD))
        self.assertEqual(caller.as_fast_as_it_goes(server.port, 2, 20, lambda number: ""), 3)
        self.assertEqual(len(server.heads), 20)

    def test_timeouts_are_measured_from_the_deadline(self):
        def answer(head):
            time.sleep(0.05)
            return LATE

        server = Server(self, answer)
        found = caller.timeouts(server.port, "x-timeout-ms", (0.02, 0.03), 100, 0.2)
        self.assertEqual((len(found.errors), len(found.late)), (20, 20))
        self.assertGreaterEqual(min(found.errors), 20)  # 50 ms, less the deadline
        self.assertGreaterEqual(min(found.late), 0)
        self.assertEqual({head.splitlines()[3] for head in server.heads}, {"x-timeout-ms: 20", "x-timeout-ms: 30"})
        self.assertEqual(len({head.splitlines()[2] for head in server.heads}), 20)

    def test_a_request_that_does_not_time_out_is_an_error(self):
        server = Server(self, lambda head: GOOD)
        with self.assertRaisesRegex(BenchError, "200 OK.*expected status 504"):
            caller.timeouts(server.port, "x-timeout-ms", (0.1,), 100, 0.05)


class Logs(unittest.TestCase):
    RUN = b"\1\2\3\4\5\6\7\10"

    def _traces(self, *logs):
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for number, lines in enumerate(logs):
                paths.append(Path(directory) / str(number))
                paths[-1].write_text("".join(line + "\n" for line in lines))
            return chained.traces(paths, 3, self.RUN)

    def _line(self, number, trace=None, status=200):
        return f"/{number} {self.RUN.hex()}{number if trace is None else trace:016x} {status}"

    def test_a_trace_is_whole_or_broken(self):
        good = [self._line(number) for number in (2, 0, 1)]
        self.assertEqual(self._traces(["/ - 200", *good], good[::-1]), (3, 0))
        self.assertEqual(self._traces(good, good[1:]), (2, 1))
        for bad in (self._line(1, trace=0), self._line(1, status=503), "/1 - 200"):
            self.assertEqual(self._traces(good, good[:2] + [bad]), (2, 0))
        self.assertEqual(self._traces(good, good + good[:1]), (2, 0))
        self.assertEqual(self._traces(good, []), (0, 3))

    def test_contexts_differ(self):
        made = contexts.fields(9, 50)
        self.assertEqual(len({line for each in made for line in each.splitlines()}), 100)
        self.assertRegex(made[0], "^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\nX-Vivo-Context: dmN0eAEACB[A-Za-z0-9+/]+=*\r\n$")


class Short(short_run.ShortRun):
    """Of both chains, and of what hardly depends on the machine."""
    SETTINGS = {"chain_requests": 600}

    def test_no_trace_breaks(self):
        figures = self.figures("chain")
        self.assertEqual([figures[name] for name in ("requests", "unbroken", "failed", "lost")], [600, 100, 0, 0])

    def test_a_deadline_ends_a_request_never_early(self):
        figures = self.figures("deadline")
        self.assertLess(figures["early"], 1)
        self.assertLess(figures["error_p50"], 50)  # the first hop has the deadline as well: without it, it would be seconds


if __name__ == "__main__":
    unittest.main()
