"""HTTP/2 frame by frame, by the library h2: a scripted client, and the server side of a connection."""

import socket

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

from peers import http1
from peers.message import Broken, Request, Response

_CONNECTION_FIELDS = ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")


class _LenientGoaway(h2.connection.H2Connection):
    """The library takes no frame behind a GOAWAY; the streams that the peer has still accepted are to end."""

    def __init__(self, config):
        super().__init__(config)
        self._frame_dispatch_table[hyperframe.frame.GoAwayFrame] = self._note_goaway

    @staticmethod
    def _note_goaway(frame):
        event = h2.events.ConnectionTerminated()
        event.last_stream_id, event.error_code, event.additional_data = frame.last_stream_id, frame.error_code, frame.additional_data
        return [], [event]


def _octets(fields):
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


class Stream:
    """What has come on one stream, and how it ended."""

    def __init__(self):
        self.head = None       # fields of the final head, pseudo fields included
        self.interim = []
        self.body = bytearray()
        self.trailers = []
        self.ended = False
        self.reset = None      # error code of RST_STREAM


class Connection:
    """One TCP connection that speaks HTTP/2, from either side. Reads only while one of its methods waits for something."""

    def __init__(self, sock, client, settings=None):
        self.socket = sock
        self.h2 = _LenientGoaway(h2.config.H2Configuration(
            client_side=client, header_encoding="latin-1", validate_inbound_headers=True, normalize_outbound_headers=False,
            validate_outbound_headers=False, normalize_inbound_headers=False))
        self.streams = {}
        self.goaway = None     # (last stream, error code) of the newest GOAWAY
        self.goaways = []
        self.ended = False     # the peer closed the connection
        self.auto_credit = True
        self.h2.initiate_connection()
        wanted = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20, h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1000}
        wanted.update(settings or {})
        self.h2.update_settings(wanted)
        self.h2.increment_flow_control_window(1 << 24)
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def pump(self):
        """Takes what comes next from the socket; returns the events."""
        data = self.socket.recv(262144)
        if not data:
            self.ended = True
            return []
        events = self.h2.receive_data(data)
        for event in events:
            self._take(event)
        self.flush()
        return events

    def _take(self, event):
        if isinstance(event, (h2.events.RequestReceived, h2.events.ResponseReceived)):
            self._stream(event).head = list(event.headers)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            fields = list(event.headers)
            self._stream(event).interim.append(Response(int(fields[0][1]), fields[1:]))
        elif isinstance(event, h2.events.TrailersReceived):
            self._stream(event).trailers = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self._stream(event).body += event.data
            if self.auto_credit and event.flow_controlled_length:
                try:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                except h2.exceptions.StreamClosedError:
                    pass
        elif isinstance(event, h2.events.StreamEnded):
            self._stream(event).ended = True
        elif isinstance(event, h2.events.StreamReset) and event.remote_reset is not False:
            self._stream(event).reset = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.last_stream_id, event.error_code
            self.goaways.append(self.goaway)

    def _stream(self, event):
        return self.streams.setdefault(event.stream_id, Stream())

    def until(self, condition, what):
        """Reads until condition() is true."""
        while not (value := condition()):
            if self.ended:
                raise Broken(f"the connection ended before {what} (GOAWAY: {self.goaway})")
            self.pump()
        return value

    def closed(self):
        """Whether the peer closes the connection, in the end."""
        try:
            while not self.ended:
                self.pump()
        except (ConnectionResetError, h2.exceptions.ProtocolError):
            pass
        return True

    def close(self):
        self.socket.close()

    def send_body(self, stream_id, body, end):
        """As fast as the windows allow."""
        if not body and not end:
            return
        view, start = memoryview(body), 0
        while True:
            room = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            if room <= 0 and start < len(view):
                self.until(lambda: self._stopped(stream_id) or self.h2.local_flow_control_window(stream_id) > 0, "window")
                if self._stopped(stream_id):
                    raise Broken(f"stream {stream_id} was reset: {self.streams[stream_id].reset}")
                continue
            piece = bytes(view[start:start + max(room, 0)])
            start += len(piece)
            last = start >= len(view)
            self.h2.send_data(stream_id, piece, end_stream=end and last)
            self.flush()
            if last:
                return

    def _stopped(self, stream_id):
        stream = self.streams.get(stream_id)
        return stream is not None and stream.reset is not None

    def reset(self, stream_id, code=h2.errors.ErrorCodes.CANCEL):
        self.h2.reset_stream(stream_id, code)
        self.flush()

    # The client's side.

    def send_head(self, request, end):
        """Returns the stream's number."""
        stream_id = self.h2.get_next_available_stream_id()
        fields = [(":method", request.method), (":scheme", "http"), (":authority", request.authority), (":path", request.path)]
        self.h2.send_headers(stream_id, _octets(fields + list(request.fields)), end_stream=end)
        self.streams[stream_id] = Stream()
        self.flush()
        return stream_id

    def send_request(self, request, chunked=None):
        """`chunked`: the body's pieces; they need no framing of their own here."""
        body = request.body if chunked is None else b"".join(chunked)
        stream_id = self.send_head(request, not body and not request.trailers)
        if body:
            self.send_body(stream_id, body, not request.trailers)
        if request.trailers:
            self.h2.send_headers(stream_id, _octets(request.trailers), end_stream=True)
            self.flush()
        return stream_id

    def response(self, stream_id):
        """The whole response; Broken (with what came) if the stream is reset, or the connection ends, before its end."""
        stream = self.streams[stream_id]
        try:
            self.until(lambda: stream.ended or stream.reset is not None, f"the end of stream {stream_id}")
        except (Broken, ConnectionResetError) as error:
            raise Broken(str(error), self._response(stream)) from error
        if not stream.ended:
            raise Broken(f"stream {stream_id} was reset: {stream.reset}", self._response(stream))
        return self._response(stream)

    def read_head(self, stream_id):
        """The final head, as soon as it has come."""
        stream = self.streams[stream_id]
        self.until(lambda: stream.head or stream.reset is not None, f"a head on stream {stream_id}")
        if not stream.head:
            raise Broken(f"stream {stream_id} was reset: {stream.reset}")
        return self._response(stream)

    @staticmethod
    def _response(stream):
        if not stream.head:
            return None
        status = dict(stream.head)[":status"]
        return Response(int(status), [item for item in stream.head if not item[0].startswith(":")], bytes(stream.body),
                        stream.trailers, stream.interim)

    def exchange(self, request, chunked=None):
        return self.response(self.send_request(request, chunked))

    # The server's side.

    def request(self, stream_id):
        stream = self.streams[stream_id]
        pseudo = dict(item for item in stream.head if item[0].startswith(":"))
        fields = [item for item in stream.head if not item[0].startswith(":")]
        return Request(pseudo[":method"], pseudo[":path"], fields, bytes(stream.body), stream.trailers, pseudo.get(":authority"))

    def send_response(self, stream_id, response, request_method="GET"):
        for interim in response.interim:
            self.h2.send_headers(stream_id, _octets([(":status", str(interim.status))] + interim.fields))
        bodiless = request_method == "HEAD" or response.status in (204, 304)
        body = b"" if bodiless else response.body
        fields = [(":status", str(response.status))] + list(response.fields)
        self.h2.send_headers(stream_id, _octets(fields), end_stream=not body and not response.trailers)
        self.flush()
        if body:
            self.send_body(stream_id, body, not response.trailers)
        if response.trailers:
            self.h2.send_headers(stream_id, _octets(response.trailers), end_stream=True)
            self.flush()


def connect(address, settings=None):
    """address: (host, port) or a path."""
    return Connection(http1.connect(address).socket, client=True, settings=settings)


def serving(answer, settings=None):
    """A script for Server: answers each request with answer(request), one after the other."""
    def script(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, client=False, settings=settings)
        answered = set()
        while not connection.ended:
            connection.pump()
            for stream_id in [number for number, stream in connection.streams.items() if stream.ended and number not in answered]:
                answered.add(stream_id)
                request = connection.request(stream_id)
                assert not [name for name, _ in request.fields if name in _CONNECTION_FIELDS], request.fields
                try:
                    connection.send_response(stream_id, answer(request), request.method)
                except (Broken, h2.exceptions.StreamClosedError):
                    pass  # no longer wanted
                del connection.streams[stream_id]
    return script
