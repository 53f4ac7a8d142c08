"""Contexts of requests, as source/context/specification.md has them: what a caller sends who knows them, a new one for each request."""
import base64
import random
import struct
import time


def add_filter(manager: dict, **fields) -> None:
    """To a connection manager, as the first of its filters."""
    manager["http_filters"].insert(0, {"name": "pillion.filters.http.context", "typed_config": {
        "@type": "type.googleapis.com/pillion.filters.http.context.v1.Context",
        "trust": {"addresses": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}, **fields}})


def traceparent(trace: bytes, span: bytes = b"\0\xf0\x67\xaa\x0b\xa9\x02\xb7") -> str:
    """A line of a head."""
    return f"traceparent: 00-{trace.hex()}-{span.hex()}-01\r\n"


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">BH", kind, len(value)) + value


def vctx(deadline: int, trace: bytes, span: bytes, request_id: str, baggage: dict[str, str]) -> str:
    """A line of a head. `deadline`: nanoseconds since the epoch."""
    made = (b"vctx" + _tlv(1, struct.pack(">Q", deadline)) + _tlv(2, trace) + _tlv(3, span) + _tlv(9, b"\x01") +
            _tlv(8, request_id.encode()))
    for key, value in baggage.items():
        made += _tlv(4, bytes([len(key)]) + key.encode() + value.encode())
    return f"X-Vivo-Context: {base64.b64encode(made).decode()}\r\n"


def fields(seconds: float, number: int) -> list[str]:
    """traceparent and X-Vivo-Context of so many requests with a deadline so long from now, a request id and a colour."""
    source, deadline = random.Random(7), time.time_ns() + int(seconds * 1e9)
    made = []
    for _ in range(number):
        trace, span = source.randbytes(16), source.randbytes(8)
        name = source.randbytes(16).hex()
        made.append(traceparent(trace, span) + vctx(deadline, trace, span, name, {"env": "grey"}))
    return made
