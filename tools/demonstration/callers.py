"""Steady traffic: clients that call until they are stopped, and count what became of it."""

import http.client
import threading
import time

COUNT = 4


class Callers:
    """COUNT clients of a port, each on a connection that it keeps, until stop(). `expected`: whether a body is what it should be."""

    def __init__(self, port, path, expected, tls=None):
        self.good = self.bad = 0
        self.connections = 0  # that were made, those again after a failure, too
        self.answers = []  # (when its request began, when it was there, its body), of good ones
        self._port, self._path, self._expected, self._tls = port, path, expected, tls
        self._lock, self._over = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(COUNT)]
        for thread in self._threads:
            thread.start()

    def _call(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=10, context=self._tls) if self._tls else \
            http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._over.is_set():
            began, body = time.monotonic(), None
            try:
                new = connection.sock is None
                connection.request("GET", self._path)
                answer = connection.getresponse()
                body = answer.read()
                worked = answer.status == 200 and self._expected(body)
            except (OSError, http.client.HTTPException):
                connection.close()
                worked = False
            with self._lock:
                self.connections += new
                self.good += worked
                self.bad += not worked
                if worked:
                    self.answers.append((began, time.monotonic(), body))
            time.sleep(0.002)  # the processors are for others, too
        connection.close()

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()
