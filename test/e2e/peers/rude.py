"""Clients that break off, break the rules, or read nothing."""

import os
import random
import socket

from peers import http1


def bad_client(address, number):
    """One connection of somebody who means no good."""
    junk = [
        b"", b"GET", b"GET / HTTP/1.1\r\nhost: h\r\n", b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2000,
        b"GET / HTTP/1.1\r\nhost: h\r\n\r\n" * 200, os.urandom(3000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)[:3] + b"\4" + bytes(5) + b"\0\0\x08\6\0\0\0\0\0pingping" * 2000,
        b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n" * 5,
    ]
    connection = http1.connect(address)
    try:
        connection.send(junk[number % len(junk)])
        how = random.randrange(4)
        if how == 0:
            connection.socket.shutdown(socket.SHUT_WR)
        elif how == 1:
            connection.socket.settimeout(random.uniform(0, 0.05))
            connection.receive()
        elif how == 2:
            connection.abort()
    except OSError:  # as it deserves
        pass
    finally:
        connection.close()
