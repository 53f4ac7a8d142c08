"""How connections ended, and why: the lines that listeners have of them."""

import socket
import struct

from frame.case import Case, Hang
from frame.check import alike
from frame.client import outcome
from frame.tls import downstream, over_tls
from frame.write import get
from peers.bootstrap import any_of
from peers.message import Request

SENT = ("log.sent",)  # of a connection: the digits of times count, too


def logged(tls=None, **manager):
    """The listener has a line for each connection, behind those of its requests."""
    def change(listener, log, folder):
        listener["access_log"] = log
        if tls:
            listener["filter_chains"][0]["transport_socket"] = tls(folder)
    return {"change": change, **manager}


def case(name, setting="ends", lines=2, **more):
    return Case(f"ends-{name}", setting=setting, lines=lines, ignored=SENT, **more)


def to_the_end(connection, host):
    """A request, its answer, and then the end of the connection."""
    connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    answer = outcome(connection.read_response())
    answer["end"] = "closed" if connection.closed() else "more bytes"
    return [answer]


def resets(asks):
    """The client goes, by a TCP reset."""
    def act(connection, host):
        connection.send(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        answers = [] if asks else [outcome(connection.read_response())]
        if asks:
            connection.socket.settimeout(0.2)
            try:
                connection.socket.recv(1)
            except TimeoutError:
                pass
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.socket.close()
        return answers
    return act


SOON = {"drain_timeout": "0.05s", "delayed_close_timeout": "0.1s"}
CASES = [
    case("client-closes"), case("client-says-close", requests=[get("/", ("connection", "close"))], reads_on=True),
    case("client-resets", client=resets(False)), case("client-resets-while-it-waits", client=resets(True), upstream=[Hang()]),
    case("idle", "idle", client=to_the_end), case("longest", "longest", client=to_the_end), case("most-requests", "one", client=to_the_end),
    case("bad-request", requests=[b"GET / HTTP/1.1\r\nhost: @host\r\nbad\r\n\r\n"], setting="soon", reads_on=True),
    case("tls", "tls", over=over_tls("one.test")), case("tls-client", "mutual", over=over_tls("one.test", name="client")),
    case("tls-without-client", "optional", over=over_tls("one.test")), case("tls-plain", "tls", requests=[b"GET / HTTP/1.1\r\n\r\n"], lines=1),
    case("http2", protocol="h2", requests=[get(), Request("POST", "/", [], b"abc")], lines=3),
]
MUTUAL = {"validation": {}, "require_client_certificate": True}
SETTINGS = {
    "ends": logged(), "soon": logged(**SOON), "idle": logged(common_http_protocol_options={"idle_timeout": "0.15s"}, **SOON),
    "longest": logged(common_http_protocol_options={"max_connection_duration": "0.15s"}, **SOON),
    "one": logged(common_http_protocol_options={"max_requests_per_connection": 1}, **SOON),
    "tls": logged(lambda folder: downstream(folder)), "mutual": logged(lambda folder: downstream(folder, **MUTUAL)),
    "optional": logged(lambda folder: downstream(folder, validation={})),
}
for setting in ("tls", "mutual", "optional"):
    SETTINGS[setting]["listener"] = {"listener_filters": [{"name": "envoy.filters.listener.tls_inspector", "typed_config": any_of(
        "extensions.filters.listener.tls_inspector.v3.TlsInspector")}]}
OPERATORS = {
    "down_end": "%DOWNSTREAM_DETECTED_CLOSE_TYPE%", "down_reason": "%DOWNSTREAM_LOCAL_CLOSE_REASON%", "up_end": "%UPSTREAM_DETECTED_CLOSE_TYPE%",
    "up_reason": "%UPSTREAM_LOCAL_CLOSE_REASON%", "ms_handshake": "%DOWNSTREAM_HANDSHAKE_DURATION%", "log_type": "%ACCESS_LOG_TYPE%",
    "issuer_serial": "%DOWNSTREAM_PEER_ISSUER_SERIAL%", "issuer_fingerprint": "%DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256%",
    "name_first": "%REQUESTED_SERVER_NAME(SNI_FIRST)%", "name_host": "%REQUESTED_SERVER_NAME(HOST_FIRST)%",
}


def test_alike(pair, case):
    alike(pair, case)
