"""Free ports. No test names one."""

import contextlib
import itertools
import os
import pathlib
import socket

_reserved = []  # kept until this process ends, so that no port is given out twice


def _from_kernel():
    """The first port that the kernel itself gives out, to connections that ask for none too."""
    return int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])


_END = _from_kernel()
_START = _END - min(20000, _END - 1024)
_next = itertools.count(_START + os.getpid() * 97 % (_END - _START))


def _nobody_listens(port):
    """At any address, as some servers bind them all."""
    with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("::", port))
        except OSError:
            return False
    return True


def free_port():
    """A port for a program that has to be told its port. The kernel gives it to nobody, and no other process of the tests has it:
    each port that is given out is held by the name of an abstract socket."""
    for count in _next:
        port = _START + (count - _START) % (_END - _START)
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0pillion-test-port-{port}")
        except OSError:
            holder.close()
            continue
        _reserved.append(holder)
        if _nobody_listens(port):
            return port


def accepts(address):
    """Whether somebody listens there: (host, port) or a path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0
