"""The client's side of a case, and what became of its requests."""

import socket
import ssl

from peers import http1, http2
from peers.message import Broken, Request


def outcome(response=None, end=None):
    """What the client got, as values that can be compared."""
    if response is None:
        return {"status": None, "end": end}
    return {"status": response.status, "interim": [(item.status, item.fields) for item in response.interim], "fields": list(response.fields),
            "body": response.body, "trailers": list(response.trailers), "end": end}


_ENDS = (Broken, ConnectionResetError, BrokenPipeError, ssl.SSLError)


def why(error):
    """How the connection ended, as far as that is no matter of chance."""
    return f"alert {error.reason}" if isinstance(error, ssl.SSLError) and "ALERT" in str(error.reason) else "broken off"


def _connect(address, source):
    sock = socket.socket()
    sock.settimeout(20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.bind((source, 0))
    sock.connect(address)
    return sock


def _http1(case, connection):
    answers = []
    for request in case.sent():
        raw = isinstance(request, bytes)
        try:
            if raw:
                connection.send(request)
            else:
                connection.send_request(request)
        except _ENDS as error:
            return [*answers, outcome(None, why(error))]
        for _ in range(case.answers if raw else 1):
            method = request.split(b" ", 1)[0].decode("latin-1") if raw else request.method
            try:
                answers.append(outcome(connection.read_response(method)))
            except _ENDS as error:
                answers.append(outcome(getattr(error, "partial", None), why(error)))
                return answers
        if any(name.lower() == "connection" and value == "close" for name, value in answers[-1]["fields"]) or case.reads_on:
            answers[-1]["end"] = "closed" if connection.closed() else "more bytes"
            return answers
    return answers


def _http2(case, connection):
    answers = []
    for request in case.sent():
        assert isinstance(request, Request)
        try:
            answers.append(outcome(connection.response(_send_http2(connection, request))))
        except Broken as error:
            stream = list(connection.streams.values())[-1]
            answers.append(outcome(error.partial, f"reset {stream.reset}" if stream.reset is not None else "connection ended"))
            if connection.ended:
                break
    return answers


def _send_http2(connection, request):
    """All of it in one write, so that no proxy answers before it has seen the rest."""
    stream = connection.h2.get_next_available_stream_id()
    scheme = "https" if isinstance(connection.socket, ssl.SSLSocket) else "http"
    pseudo = [(":method", request.method), (":scheme", scheme), (":authority", request.authority), (":path", request.path)]
    connection.h2.send_headers(stream, pseudo + list(request.fields), end_stream=not request.body and not request.trailers)
    if request.body:
        connection.h2.send_data(stream, request.body, end_stream=not request.trailers)
    if request.trailers:
        connection.h2.send_headers(stream, list(request.trailers), end_stream=True)
    connection.streams[stream] = http2.Stream()
    connection.flush()
    return stream


def ask(case, address, folder):
    """The answers to all requests of the case. In `folder` lie the certificates of the module."""
    sock = _connect(address, case.source)
    try:
        if case.over:
            try:
                sock = case.over(sock, folder)
            except _ENDS as error:
                return [outcome(None, why(error))]
        connection = http1.Connection(sock) if case.protocol == "h1" else http2.Connection(sock, client=True)
        if case.client:
            return case.client(connection, case.host)
        return (_http1 if case.protocol == "h1" else _http2)(case, connection)
    finally:
        _close(sock)


def _close(sock):
    """As TLS wants it, where it is TLS and both are still there."""
    try:
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()
    except (OSError, ValueError):  # the handshake failed, or the peer is gone
        pass
    sock.close()
