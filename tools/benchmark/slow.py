"""python3 -m benchmark.slow PORT: an HTTP/1.1 service that takes its time.

GET / is answered at once with the greeting, anything else after 2 s, if whoever asked is still there."""
import asyncio
import sys

from benchmark.scenarios import GREETING

_PAUSE = 2.0  # seconds
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(GREETING), GREETING)


class _Connection(asyncio.Protocol):
    """Requests have no body, and no second one comes before the first was answered: whoever asks is a proxy."""

    def __init__(self):
        self._head, self._timer, self._transport = b"", None, None

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            pause = 0.0 if self._head.startswith(b"GET / ") else _PAUSE
            self._timer = asyncio.get_running_loop().call_later(pause, self._transport.write, _ANSWER)
            self._head = b""

    def connection_lost(self, error):
        if self._timer:
            self._timer.cancel()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
