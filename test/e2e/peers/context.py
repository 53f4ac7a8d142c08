"""The context of a request (source/context/specification.md), written and read by its page alone."""

import base64
import dataclasses
import struct
import time

from peers.message import field

MAGIC = b"vctx"
PAYMENT = 0x0001


def nanoseconds(seconds=0):
    """The time so long from now, as deadlines have it."""
    return time.time_ns() + int(seconds * 1e9)


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def entry(key, value):
    return tlv(4, bytes([len(key)]) + key.encode() + value.encode())


@dataclasses.dataclass
class Context:
    deadline: int = 0
    trace_id: bytes = bytes(16)
    span_id: bytes = bytes(8)
    trace_flags: int | None = None
    biz_flags: int = 0
    cancel_reason: int = 0
    tenant: str = ""
    request_id: str = ""
    tracestate: str = ""
    baggage: dict = dataclasses.field(default_factory=dict)
    unknown: bytes = b""

    def bytes(self):
        """vctx-v2."""
        numbers = [(1, self.deadline and struct.pack(">Q", self.deadline)), (2, any(self.trace_id) and self.trace_id),
                   (3, any(self.span_id) and self.span_id), (9, self.trace_flags is not None and bytes([self.trace_flags or 0])),
                   (8, self.request_id.encode()), (5, self.biz_flags and struct.pack(">H", self.biz_flags)),
                   (6, self.cancel_reason and bytes([self.cancel_reason])), (7, self.tenant.encode())]
        return (MAGIC + b"".join(tlv(kind, value) for kind, value in numbers if value) +
                b"".join(entry(key, value) for key, value in self.baggage.items()) +
                (tlv(10, self.tracestate.encode()) if self.tracestate else b"") + self.unknown)

    def vctx(self):
        """The field of HTTP."""
        return "x-vivo-context", text(self.bytes())

    def x_context(self):
        return "x-context", text(self.trace_id + self.span_id + struct.pack(">QBH", self.deadline, self.cancel_reason, self.biz_flags))

    def traceparent(self):
        return "traceparent", f"00-{self.trace_id.hex()}-{self.span_id.hex()}-{self.trace_flags or 0:02x}"


def _number(value):
    return int.from_bytes(value, "big")


_MEANINGS = {1: ("deadline", _number), 2: ("trace_id", bytes), 3: ("span_id", bytes), 5: ("biz_flags", _number),
             6: ("cancel_reason", _number), 7: ("tenant", bytes.decode), 8: ("request_id", bytes.decode), 9: ("trace_flags", _number),
             10: ("tracestate", bytes.decode)}


def text(data):
    return base64.b64encode(data).decode()


def read(data):
    """What vctx-v2 says."""
    assert len(data) <= 1024 and data.startswith(MAGIC), data
    context, at = Context(), len(MAGIC)
    while at < len(data):
        kind, size = struct.unpack_from(">BH", data, at)
        value, at = data[at + 3:at + 3 + size], at + 3 + size
        assert len(value) == size, data
        if kind == 4:
            key = value[1:1 + value[0]].decode()
            context.baggage[key] = value[1 + value[0]:].decode()
        elif kind > 10:
            context.unknown += tlv(kind, value)
        else:
            name, meaning = _MEANINGS[kind]
            setattr(context, name, meaning(value))
    return context


def of(fields):
    """What the vctx of a head says; null: there is none."""
    binary, plain = field(fields, "vctx-bin"), field(fields, "x-vivo-context")
    if binary is None and plain is None:
        return None
    return read(base64.b64decode(plain if binary is None else binary + "=" * (-len(binary) % 4), validate=True))
