"""python3 -m benchmark.sink PORT BYTES: an HTTP/1.1 upstream for large bodies.

GET /body answers with BYTES zeros, any other GET with the greeting; PUT and POST read the body to its end and
answer with the number of bytes read. No disk, few copies, so that it is not what is measured."""
import socket
import sys
import threading

from benchmark.scenarios import GREETING

_CHUNK = 256 * 1024


def _read_head(connection: socket.socket, left_over: bytes) -> tuple[bytes, bytes]:
    head = left_over
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            return b"", b""
        head += data
    head, _, rest = head.partition(b"\r\n\r\n")
    return head, rest


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.lower().split(b"\r\n")[1:]:
        field, _, value = line.partition(b":")
        if field == name:
            return value.strip()
    return b""


def _drain(connection: socket.socket, left: int) -> int:
    """Reads `left` bytes of body; returns how many came."""
    buffer, seen = bytearray(_CHUNK), 0
    while seen < left:
        got = connection.recv_into(buffer, min(_CHUNK, left - seen))
        if got == 0:
            break
        seen += got
    return seen


def _drain_chunked(connection: socket.socket, data: bytes) -> tuple[int, bytes]:
    """Reads a chunked body; returns its length and what was read beyond it."""
    seen = 0
    while True:
        while b"\r\n" not in data:
            data += _more(connection)
        size_line, _, data = data.partition(b"\r\n")
        size = int(size_line.partition(b";")[0], 16)
        have = min(size, len(data))
        seen += have + _drain(connection, size - have)
        data = data[have:]
        while len(data) < 2:
            data += _more(connection)
        data = data[2:]
        if size == 0:  # no proxy here sends trailers with an upload
            return seen, data


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the body ended early")
    return data


def _answer(connection: socket.socket, body: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def _answer_zeros(connection: socket.socket, size: int) -> None:
    zeros = memoryview(bytes(_CHUNK))
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
    for at in range(0, size, _CHUNK):
        connection.sendall(zeros[:min(_CHUNK, size - at)])


def _take_body(connection: socket.socket, head: bytes, rest: bytes) -> tuple[int, bytes]:
    if _header(head, b"transfer-encoding") == b"chunked":
        return _drain_chunked(connection, rest)
    length = int(_header(head, b"content-length") or b"0")
    have = min(length, len(rest))
    return have + _drain(connection, length - have), rest[have:]


def _serve(connection: socket.socket, size: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    try:
        while True:
            head, rest = _read_head(connection, rest)
            if not head:
                return
            if head.startswith(b"GET /body "):
                _answer_zeros(connection, size)
            elif head.startswith(b"GET "):
                _answer(connection, GREETING)
            else:
                seen, rest = _take_body(connection, head, rest)
                _answer(connection, b"%d" % seen)
    except OSError:
        pass  # the proxy went away
    finally:
        connection.close()


def main() -> None:
    port, size = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", port), backlog=128) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve, args=(connection, size), daemon=True).start()


if __name__ == "__main__":
    main()
