"""python3 -m benchmark.busy PORT: an HTTP/1.1 service that does only so much at once, and has all others wait.

Each request takes 50 ms of one of its 50 places: 1,000 a second are the most that it can do, as long as it is never idle."""
import asyncio
import sys
from collections import deque

from benchmark.scenarios import GREETING

AT_ONCE = 50
TAKES = 0.05  # seconds
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(GREETING), GREETING)


class _Service:
    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop, self._free, self._waiting = loop, AT_ONCE, deque()

    def ask(self, connection: "_Connection") -> None:
        if self._free:
            self._free -= 1
            self._begin(connection, self._loop.time())
        else:
            self._waiting.append(connection)

    def _begin(self, connection: "_Connection", now: float) -> None:
        self._loop.call_at(now + TAKES, self._end, connection, now + TAKES)

    def _end(self, connection: "_Connection", due: float) -> None:
        """What comes next began when this was due: that the loop is late costs the service nothing."""
        connection.answer()
        if self._waiting:
            self._begin(self._waiting.popleft(), due)
        else:
            self._free += 1


class _Connection(asyncio.Protocol):
    """Requests have no body, and no second one comes before the first was answered: whoever asks is a proxy. One that is given up
    is done all the same."""

    def __init__(self, service: _Service):
        self._service, self._head, self._transport = service, b"", None

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._head = b""
            self._service.ask(self)

    def answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    service = _Service(loop)
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
