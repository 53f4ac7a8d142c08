#!/usr/bin/env python3
"""cost_test.py [PILLION]: what a request costs, in figures that hardly depend on what else the machine does.

Prints instructions/request (user space, under callgrind) and syscalls/request (under strace) and fails when one is
over its bound. Default: out/pillion, or what the variable PILLION names. `tools/bench --profile h1` shows where
they go, and what the peers spend: haproxy 2.6 has 31,000 on h1, 34,400 on h2, 48,100 on grpc; 4.2 calls on h1."""
import os
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from benchmark import profile, programs  # noqa: E402
from benchmark.scenarios import select  # noqa: E402
from benchmark.settings import Settings, two_cores  # noqa: E402

PILLION = Path(os.environ.get("PILLION", ROOT / "out/pillion"))
REQUESTS = 5000


class Cost(unittest.TestCase):
    # What the CPU ratios leave for user space: on h2 and grpc, where nearly all is user time, 0.88 x haproxy's; on
    # h1, where the kernel's share is about the same for all, what remains of 0.95 x haproxy's total.
    INSTRUCTIONS = {"h1": 27000, "h2": 30000, "grpc": 42000}
    # Two sends, two receives, and the turns of the loop.
    SYSTEM_CALLS = {"h1": 4.4}

    @classmethod
    def setUpClass(cls):
        programs.require(["h2load", "nghttpd", "nginx", "curl", "valgrind", "strace"], install=False)
        cls.settings = Settings(PILLION.resolve(strict=True), *two_cores())

    def test_instructions(self):
        self._check("instructions/request", profile.instructions, self.INSTRUCTIONS)

    def test_system_calls(self):
        self._check("syscalls/request", profile.system_calls, self.SYSTEM_CALLS)

    def _check(self, title, measure, bounds):
        for name, bound in bounds.items():
            with self.subTest(scenario=name):
                found = measure(select(name)[0], "pillion", self.settings, REQUESTS)
                print(f"{name}: {title} {found.per_request:.2f} (at most {bound})", flush=True)
                self.assertLessEqual(found.per_request, bound, "\n" + "\n".join(found.top))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        PILLION = Path(sys.argv.pop(1))
    unittest.main()
