"""A client over TLS that asks which certificate it is shown, and traffic while certificates change."""

import contextlib
import socket
import ssl

from peers import http1
from peers.message import Broken, Request
from peers.traffic import meanwhile


def connect(proxy, ca, own=None, where=None):
    """`own`: the client's (certificate, key), as paths; `where`: another listener than the first."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.load_verify_locations(ca.pem)
    if own:
        made.load_cert_chain(*own)
    return made.wrap_socket(socket.create_connection(where or proxy.address, 10))


def name_of(proxy, ca, where=None):
    """Of the certificate that whoever connects now is shown."""
    with connect(proxy, ca, where=where) as sock:
        return dict(field[0] for field in sock.getpeercert()["subject"])["commonName"]


def answers(connection):
    return connection.exchange(Request("GET", "/", [("host", "a")])).body == b"hello"


@contextlib.contextmanager
def asking(dial, clients=3):
    """Clients that ask meanwhile, each on a connection that it keeps and on new ones, as dial() makes them; none may fail."""
    failed, done = [], []

    def ask(stop):
        try:
            kept = http1.Connection(dial())
            while not stop.is_set():
                with dial() as sock:
                    assert answers(http1.Connection(sock)) and answers(kept)
                done.append(True)
        except (OSError, AssertionError, Broken) as error:
            failed.append(repr(error))

    with meanwhile(*[ask] * clients):
        yield
    assert done and not failed
