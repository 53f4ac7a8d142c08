"""The servers behind the proxies: what a case says that they do, and what they saw."""

import contextlib
import socket
import ssl
import struct
import threading

import h2.exceptions

from frame.case import REFUSES, SILENT, Cut, Hang, Part, Raw
from peers import http1, http2
from peers.message import Broken, Response
from peers.ports import free_port
from peers.server import Server


class Run:
    """One case in one proxy: which action comes next, and what was seen."""

    def __init__(self, actions):
        self._actions = list(actions)
        self._lock = threading.Lock()
        self.seen = []

    def see(self, host, request):
        with self._lock:
            self.seen.append((host, request))
            action = self._actions[0] if len(self._actions) == 1 else self._actions.pop(0)
        while callable(action):
            action = action(request)
        return action


class Upstream:
    """The hosts of one cluster; listens from the moment it is made. `run` is set while a case is going on."""

    def __init__(self, name, cluster, folder):
        self.name = name
        self._cluster, self._folder = cluster, folder
        self.run = None
        self.addresses = []
        self._servers, self._sockets = [], []
        serve = self._serve_http1 if cluster.protocol == "h1" else self._serve_http2
        for number, kind in enumerate(cluster.hosts):
            if kind == REFUSES:
                self.addresses.append(("127.0.0.1", free_port()))
            elif kind == SILENT:
                self.addresses.append(self._full_queue())
            else:
                label = f"{name}[{number}]" if len(cluster.hosts) > 1 else name
                server = Server(lambda sock, label=label: serve(sock, label))
                self._servers.append(server)
                self.addresses.append(server.address)

    def _full_queue(self):
        """A listening socket whose queue has no place: what connects there waits."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self._sockets.append(listener)
        for _ in range(2):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
            self._sockets.append(waiting)
        return listener.getsockname()

    def _prepare(self, sock):
        """None if nothing more is to be expected of this connection."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(None)  # proxies keep connections idle for as long as the whole run takes
        try:
            return self._cluster.over(sock, self._folder) if self._cluster.over else sock
        except ssl.SSLError:
            return None

    def _serve_http1(self, sock, label):
        if (sock := self._prepare(sock)) is None:
            return
        run, connection = self.run, http1.Connection(sock)
        while True:
            try:
                request = connection.read_request()
            except Broken:  # what did not come whole is not compared
                return
            if request is None:
                return
            request.fields = [(name, value) for name, value in request.fields if name.lower() != "host"]
            action = run.see(label, request)
            if isinstance(action, Response):
                connection.send_response(action, request.method)
            elif not self._odd_answer(connection, action):
                return

    @staticmethod
    def _odd_answer(connection, action):
        """Whether the connection goes on."""
        if isinstance(action, Raw):
            connection.send(action.data)
            return action.keep
        if isinstance(action, Part):
            framing = f"content-length: {action.length}\r\n" if action.length is not None else "transfer-encoding: chunked\r\n"
            connection.send(f"HTTP/1.1 {action.response.status} OK\r\n{framing}\r\n".encode())
            body = action.response.body
            connection.send(body if action.length is not None else b"%x\r\n%b\r\n" % (len(body), body) if body else b"")
            action = action.then
        if isinstance(action, Cut) and action.reset:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif isinstance(action, Hang):
            connection.closed()
        return False

    def _serve_http2(self, sock, label):
        if (sock := self._prepare(sock)) is None:
            return
        run, connection, taken = self.run, http2.Connection(sock, client=False), set()
        while not connection.ended:
            connection.pump()
            for stream_id in [number for number, stream in connection.streams.items() if stream.ended and number not in taken]:
                taken.add(stream_id)
                request = connection.request(stream_id)
                action = run.see(label, request)
                with contextlib.suppress(Broken, h2.exceptions.StreamClosedError):
                    if isinstance(action, Response):
                        connection.send_response(stream_id, action, request.method)
                        continue
                    if isinstance(action, Part):
                        connection.send_response(stream_id, Response(action.response.status, action.response.fields, b"", [("x", "y")]))
                        action = action.then
                    if isinstance(action, Cut) and action.reset:
                        return
                    if isinstance(action, Cut):
                        connection.reset(stream_id, action.code)

    def close(self):
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()

    @property
    def errors(self):
        return [error for server in self._servers for error in server.errors]
