"""ClientHellos, byte by byte."""

import struct


def _with_length(size, body):
    return len(body).to_bytes(size, "big") + body


def _numbers(values, width=2):
    return b"".join(value.to_bytes(width, "big") for value in values)


def extension(number, body=b""):
    return struct.pack("!H", number) + _with_length(2, body)


def server_name(name):
    return extension(0, _with_length(2, b"\0" + _with_length(2, name.encode())))


def groups(*values):
    return extension(10, _with_length(2, _numbers(values)))


def point_formats(*values):
    return extension(11, _with_length(1, _numbers(values, 1)))


def algorithms(*values):
    return extension(13, _with_length(2, _numbers(values)))


def protocols(*names):
    return extension(16, _with_length(2, b"".join(_with_length(1, name) for name in names)))


def versions(*values):
    return extension(43, _with_length(1, _numbers(values)))


def hello(*extensions, suites=(0x1301, 0x1302, 0xc02b), version=0x0303):
    """A record with the whole of it."""
    body = struct.pack("!H", version) + b"r" * 32 + _with_length(1, b"s" * 32) + _with_length(2, _numbers(suites)) + b"\1\0"
    if extensions:
        body += _with_length(2, b"".join(extensions))
    return b"\x16\x03\x01" + _with_length(2, b"\1" + _with_length(3, body))
