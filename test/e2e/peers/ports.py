"""Free ports. No test names one."""

import contextlib
import socket

_reserved = []  # kept until this process ends, so that no port is given out twice


def free_port(host="127.0.0.1"):
    """A port for a program that has to be told its port. It stays bound here, never listening: the kernel gives it to nobody who
    asks for any port, and still lets a listener with SO_REUSEADDR or SO_REUSEPORT have it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((host, 0))
    _reserved.append(holder)
    return holder.getsockname()[1]


def accepts(address):
    """Whether somebody listens there: (host, port) or a path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0
