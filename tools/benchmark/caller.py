"""Who calls the first of the chain's services: at a rate and with deadlines, or as fast as it goes; and how good a clock it is itself."""
import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark import contexts
from benchmark.processes import BenchError
from benchmark.scenarios import GREETING

_PATIENCE = 30.0  # seconds


class Connection:
    """One that is kept, with a request in flight or without."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def ask(self, request: bytes) -> None:
        self._answer = b""
        self.socket.sendall(request)

    def take(self) -> bytes | None:
        """What there is to be read: the whole answer, None while some of it is missing, and what has come where it ended early."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        return self._answer if not data or end and len(body) >= _length(head) else None

    def close(self) -> None:
        self.socket.close()


def _length(head: bytes) -> int:
    name = b"\r\ncontent-length:"
    at = head.lower().find(name)
    if at < 0:
        raise BenchError(f"an answer without content-length: {head[:300]!r}")
    return int(head[at + len(name):].partition(b"\r\n")[0])


def stays(answer: bytes) -> bool:
    return b"\r\n\r\n" in answer and b"\r\nconnection: close\r\n" not in answer.lower()


@dataclass
class Timeouts:
    """In milliseconds."""
    errors: list[float] = field(default_factory=list)  # when the answer came, less the deadline
    late: list[float] = field(default_factory=list)  # how late the caller itself was when a request was due


def timeouts(port: int, name: str, deadlines: tuple[float, ...], rate: float, seconds: float) -> Timeouts:
    """Requests at a rate, whose deadlines (in seconds, in turn) the field `name` tells in milliseconds; each has to end with 504.
    None is due a whole number of milliseconds after another one, so that the caller is not always busy just when it is answered."""
    source, found, idle, waiting = random.Random(7), Timeouts(), [], {}
    begin = time.monotonic()
    due = [begin + (number + source.random()) / rate for number in range(int(rate * seconds))][::-1]
    try:
        while due or waiting:
            # select() waits to the microsecond, epoll would wait to the millisecond.
            ready, _, _ = select.select(list(waiting), [], [], max(0.0, due[-1] - time.monotonic()) if due else _PATIENCE)
            now = time.monotonic()
            for connection in ready:
                _answered(connection, waiting, idle, now, found)
            while due and due[-1] <= now:
                found.late.append((now - due.pop()) * 1e3)
                connection, deadline = idle.pop() if idle else Connection(port), deadlines[len(due) % len(deadlines)]
                request = _request("/slow", contexts.traceparent(source.randbytes(16)) + f"{name}: {deadline * 1e3:.0f}\r\n")
                waiting[connection] = time.monotonic() + deadline
                connection.ask(request)
            if not ready and not due and waiting and now > max(waiting.values()) + _PATIENCE:
                raise BenchError(f"{len(waiting)} requests are not answered {_PATIENCE:.0f} s after their deadline")
        return found
    finally:
        for connection in (*idle, *waiting):
            connection.close()


def _answered(connection: Connection, waiting: dict, idle: list, now: float, found: Timeouts) -> None:
    answer = connection.take()
    if answer is None:
        return
    if not answer.startswith(b"HTTP/1.1 504 "):
        raise BenchError(f"a request with a deadline got {answer[:300]!r}, expected status 504")
    found.errors.append((now - waiting.pop(connection)) * 1e3)
    if stays(answer):
        idle.append(connection)
    else:
        connection.close()


def _request(path: str, fields: str, host: str = "bench") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode()


def _good(answer: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n" + GREETING)


def as_fast_as_it_goes(port: int, connections: int, count: int, fields: Callable[[int], str],
                       look: Callable[[int, bytes], None] | None = None,
                       target: Callable[[int], tuple[str, str]] | None = None) -> int:
    """`count` requests, one after the other on each connection; how many were not answered with 200 and the greeting. fields(number) are
    the lines of a request's head, target(number) its host and path, by default "bench" and the number; look(number, answer) sees each
    good answer."""
    failed, asked, poll, open_ = 0, 0, select.epoll(), {}
    numbers = {}  # of the request that is in flight, by the connection's file descriptor

    def ask(connection: Connection | None) -> None:
        nonlocal asked
        if connection is None:
            connection = Connection(port)
            open_[connection.fileno()] = connection
            poll.register(connection.fileno(), select.EPOLLIN)
        numbers[connection.fileno()] = asked
        host, path = target(asked) if target else ("bench", f"/{asked}")
        connection.ask(_request(path, fields(asked), host))
        asked += 1

    def end(connection: Connection) -> None:
        del open_[connection.fileno()]
        connection.close()

    try:
        for _ in range(min(connections, count)):
            ask(None)
        while open_:
            ready = poll.poll(_PATIENCE)
            if not ready:
                raise BenchError(f"of {count} requests {len(open_)} are not answered within {_PATIENCE:.0f} s")
            for number, _ in ready:
                connection = open_[number]
                answer = connection.take()
                if answer is None:
                    continue
                if not _good(answer):
                    failed += 1
                elif look:
                    look(numbers[number], answer)
                if not stays(answer) or asked == count:
                    end(connection)
                    connection = None
                if asked < count:
                    ask(connection)
        return failed
    finally:
        for connection in open_.values():
            connection.close()
        poll.close()
