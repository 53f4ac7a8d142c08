"""What tests of the benchmark share: a server whose answers they choose, and a scenario's short run through pillion."""
import contextlib
import os
import socket
import sys
import threading
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from benchmark import programs  # noqa: E402
from benchmark.run import Run  # noqa: E402
from benchmark.scenarios import GREETING, select  # noqa: E402
from benchmark.settings import Settings, two_cores  # noqa: E402

PILLION = Path(os.environ.get("PILLION", ROOT / "out/pillion"))
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n" + GREETING


class Server:
    """answer(head) is what each request gets; None: the connection ends."""

    def __init__(self, test: unittest.TestCase, answer):
        self._answer, self.heads = answer, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        test.addCleanup(self._stop)

    def _stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection):
        with connection, contextlib.suppress(ConnectionResetError):  # a caller that has given up
            while head := connection.recv(4096):
                self.heads.append(head.decode())
                answer = self._answer(head)
                if answer is None:
                    return
                connection.sendall(answer[:20])
                connection.sendall(answer[20:])


class ShortRun(unittest.TestCase):
    """One round of a scenario, with few requests: that all of it works, and what must hold on any machine."""
    SETTINGS: dict[str, int] = {}  # how few

    @classmethod
    def setUpClass(cls):
        programs.require(["nginx", "curl"], install=False)
        cls.settings = Settings(PILLION.resolve(strict=True), *two_cores(), rounds=1, seconds=1, **cls.SETTINGS)

    def figures(self, name):
        (scenario,) = select(name)
        run = Run(scenario, ["pillion"], self.settings, lambda line: None)
        self.assertEqual(run.errors, [])
        (figures,) = run.figures["pillion"]
        return figures
