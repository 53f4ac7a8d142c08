"""Upstreams that die, stall, reset and return, but never break off an answer that they have begun."""

import contextlib
import random
import socket
import struct
import threading

import h2.exceptions

from peers import http1, http2
from peers.message import Broken, Response
from peers.server import Server

MOODS = ("good", "stalls", "resets", "dead")


class Moody:
    """One host. What it does changes with `set_mood`; each request that it answers is answered by answer(request)."""

    def __init__(self, protocol, answer):
        self._answer = answer
        self._script = self._http1 if protocol == "h1" else self._http2 if protocol == "h2" else self._echo
        self._changed = threading.Event()
        self._server = Server(self._serve)
        self.mood = "good"
        self.address = self._server.address
        self.errors = []

    def set_mood(self, mood):
        self.mood = mood
        if mood == "dead":
            self._retire()
        elif self._server is None:
            self._server = Server(self._serve, self.address)
        changed, self._changed = self._changed, threading.Event()
        changed.set()

    def _retire(self):
        """Accepts nothing more; connections end with the next request that comes."""
        if self._server is not None:
            self._server.stop_accepting()
            self.errors += self._server.errors
            self._server = None

    def close(self):
        server = self._server
        self._retire()
        self._changed.set()
        if server is not None:
            server.close()

    def _serve(self, sock):
        sock.settimeout(None)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(Broken, ConnectionError):
            self._script(sock)

    def _http1(self, sock):
        connection = http1.Connection(sock)
        while (request := connection.read_request()) is not None:
            if self.mood == "stalls":
                self._changed.wait(20)
                return
            if self.mood != "good":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            connection.send_response(self._answer(request), request.method, random.choice(["length", "chunked"]))

    def _http2(self, sock):
        connection, taken = http2.Connection(sock, client=False), set()
        while not connection.ended:
            connection.pump()
            for stream_id in [number for number, stream in connection.streams.items() if stream.ended and number not in taken]:
                taken.add(stream_id)
                request = connection.request(stream_id)
                if self.mood == "stalls":
                    self._changed.wait(20)
                    return
                if self.mood == "dead":
                    return  # not by a reset: answers may still be on their way
                with contextlib.suppress(Broken, h2.exceptions.ProtocolError):  # the stream is over
                    if self.mood == "resets":
                        connection.reset(stream_id)
                    else:
                        connection.send_response(stream_id, self._answer(request), request.method)
                connection.streams.pop(stream_id, None)

    @staticmethod
    def _echo(sock):
        while data := sock.recv(65536):
            sock.sendall(data)


def echo(request):
    """The request's body and path; of gRPC with a status of its own."""
    if (request.get("content-type") or "").startswith("application/grpc"):
        return Response(200, [("content-type", "application/grpc")], request.body, [("grpc-status", "0")])
    return Response(200, [("x-path", request.path)], request.body or b"x" * int(request.get("x-wants") or 1))
