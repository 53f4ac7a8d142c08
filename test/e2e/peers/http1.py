"""HTTP/1.1 byte by byte: a scripted client, and the server side of a connection."""

import socket
import struct

from peers.message import Broken, Request, Response, field


class Connection:
    """One TCP connection that speaks HTTP/1.1, from either side."""

    def __init__(self, sock):
        self.socket = sock
        self._pending = b""

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """Some bytes; b"" at the end of the connection."""
        if self._pending:
            data, self._pending = self._pending, b""
            return data
        return self.socket.recv(65536)

    def unread(self, data):
        self._pending = data + self._pending

    def line(self):
        """One line without its CRLF; None if the connection ends cleanly before it."""
        data = b""
        while b"\r\n" not in data:
            more = self.receive()
            if not more:
                if data:
                    raise Broken(f"the connection ended within a line: {data!r}")
                return None
            data += more
        line, rest = data.split(b"\r\n", 1)
        self.unread(rest)
        return line.decode("latin-1")

    def fields(self):
        found = []
        while True:
            line = self.line()
            if line is None:
                raise Broken("the connection ended within a head")
            if not line:
                return found
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"not a field line: {line!r}"
            found.append((name, value.strip()))

    def exactly(self, count, into):
        """Appends `count` bytes to `into`."""
        while count:
            data = self.receive()
            if not data:
                raise Broken(f"the connection ended {count} bytes before the end of the body")
            if len(data) > count:
                self.unread(data[count:])
                data = data[:count]
            into += data
            count -= len(data)

    def chunked(self, into):
        """Appends a chunked body to `into`; returns its trailers."""
        while True:
            size = self.line()
            if size is None:
                raise Broken("the connection ended within a chunked body")
            size = int(size.partition(";")[0], 16)
            if size == 0:
                return self.fields()
            self.exactly(size, into)
            end = bytearray()
            self.exactly(2, end)
            assert end == b"\r\n", f"a chunk ends with {bytes(end)!r}"

    def rest(self, into):
        while data := self.receive():
            into += data

    def closed(self):
        """Whether the connection ends here, with nothing more in it."""
        try:
            return self.receive() == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def abort(self):
        """Closes with a reset, as a program does that is killed with something unread."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # The client's side.

    def send_request(self, request, chunked=None):
        """`chunked`: list of pieces to send the body in; otherwise it goes with content-length, if there is one."""
        head = f"{request.method} {request.path} HTTP/1.1\r\n"
        if field(request.fields, "host") is None:
            head += f"host: {request.authority}\r\n"
        pieces = chunked if chunked is not None else [request.body] if request.trailers else None
        if pieces is not None:
            head += "transfer-encoding: chunked\r\n"
        elif request.body and request.get("content-length") is None:
            head += f"content-length: {len(request.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in request.fields) + "\r\n"
        if pieces is None:
            self.send(head.encode("latin-1") + request.body)
        else:
            self.send(head.encode("latin-1"))
            self.send_chunks(pieces, request.trailers)

    def send_chunks(self, pieces, trailers=()):
        for piece in pieces:
            if piece:
                self.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.send(b"0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in trailers).encode("latin-1") + b"\r\n")

    def read_head(self):
        line = self.line()
        if line is None:
            raise Broken("the connection ended before a response")
        version, status, reason = (line + "  ").split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"not a status line: {line!r}"
        return Response(int(status), self.fields(), reason=reason.strip())

    def read_response(self, method="GET"):
        """The next final response, complete; Broken (with what came) if it is not."""
        interim = []
        while True:
            response = self.read_head()
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response)
        response.interim = interim
        if method == "HEAD" or response.status in (101, 204, 304):
            return response
        body = bytearray()
        try:
            coding, length = response.get("transfer-encoding"), response.get("content-length")
            if coding is not None:
                assert coding == "chunked" and length is None, f"framed twice: {response.fields}"
                response.trailers = self.chunked(body)
            elif length is not None:
                self.exactly(int(length), body)
            else:
                self.rest(body)
        except (Broken, ConnectionResetError) as error:
            response.body = bytes(body)
            raise Broken(str(error), response) from error
        response.body = bytes(body)
        return response

    def exchange(self, request, chunked=None):
        self.send_request(request, chunked)
        return self.read_response(request.method)

    # The server's side.

    def read_request(self):
        """The next request with its body; None when the connection ends before it."""
        request = self.read_request_head()
        if request is not None:
            self.read_request_body(request)
        return request

    def read_request_head(self):
        line = self.line()
        if line is None:
            return None
        method, path, version = line.split(" ")
        assert version == "HTTP/1.1", f"not a request line: {line!r}"
        request = Request(method, path, self.fields())
        request.authority = request.get("host")
        return request

    def read_request_body(self, request):
        body = bytearray()
        if request.get("transfer-encoding") is not None:
            assert request.get("transfer-encoding") == "chunked" and request.get("content-length") is None, request.fields
            request.trailers = self.chunked(body)
        elif request.get("content-length") is not None:
            self.exactly(int(request.get("content-length")), body)
        request.body = bytes(body)

    def send_response(self, response, request_method="GET", framing=None):
        """`framing`: "chunked", "close" (unframed) or "length"; by default the last, or chunked if there are trailers."""
        for interim in response.interim:
            self.send(f"HTTP/1.1 {interim.status} Interim\r\n".encode() + self._text(interim.fields) + b"\r\n")
        head = f"HTTP/1.1 {response.status} {response.reason or 'Reason'}\r\n".encode() + self._text(response.fields)
        framing = framing or ("chunked" if response.trailers else "length")
        bodiless = request_method == "HEAD" or response.status in (204, 304)
        if bodiless:
            self.send(head + b"\r\n")
        elif framing == "chunked":
            self.send(head + b"transfer-encoding: chunked\r\n\r\n")
            self.send_chunks([response.body[i:i + 16384] for i in range(0, len(response.body), 16384)], response.trailers)
        elif framing == "close":
            self.send(head + b"\r\n" + response.body)
        elif response.get("content-length") is not None:
            self.send(head + b"\r\n" + response.body)
        else:
            self.send(head + f"content-length: {len(response.body)}\r\n\r\n".encode() + response.body)

    @staticmethod
    def _text(fields):
        return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")


def connect(address, timeout=20):
    """address: (host, port) or a path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect(address)
    if family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(sock)


def serving(answer, framing=None):
    """A script for Server: answers each request with answer(request)."""
    def script(sock):
        connection = Connection(sock)
        while (request := connection.read_request()) is not None:
            connection.send_response(answer(request), request.method, framing)
            if framing == "close":
                return
    return script
