"""Contexts that are broken, twisted or too much: rows L of test/conformance/hostile/README.md. Each request is served all the same,
what is broken counts as absent and does not go on, and the next request finds nothing of it."""

import base64

import pytest

from peers import bootstrap as b
from peers import context_filter as context
from peers.context import MAGIC, PAYMENT, Context, entry, nanoseconds, of, text, tlv
from peers.message import Request, Response

app = context.app  # the fixture
GOOD = Context(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, trace_flags=1)
DEADLINE = tlv(1, nanoseconds(60).to_bytes(8, "big"))


@pytest.fixture
def proxy(pillion, app):
    return pillion(context.made(app.address))


def served(proxy, app, *fields, protocol="h1"):
    """The request as upstream had it."""
    assert context.ask(proxy, *fields, protocol=protocol).status == 200
    return app.last


def is_absent(proxy, app, name, value, carrier):
    got = served(proxy, app, (name, value))
    assert got.get(name) != value
    assert of(got.fields).deadline == 0 and got.get("x-timeout-ms") is None
    assert len(got.get("traceparent")) == 55 and got.get("baggage") is None
    assert proxy.stat(f"{context.STATS}malformed.{carrier}") == 1
    assert served(proxy, app, GOOD.vctx()).get("traceparent") == GOOD.traceparent()[1]


WHOLE = text(MAGIC + DEADLINE + b"\x0b\x00\x00")  # 24 characters and no padding


@pytest.mark.parametrize("value", [
    WHOLE + "A", WHOLE[:8] + "=" + WHOLE[9:], WHOLE[:8] + " " + WHOLE[8:], "+-" + WHOLE[2:], WHOLE[:-2] + "B==" + "=", "dmN0eB==", "",
    WHOLE + "=", WHOLE[:-1]], ids=range(9))
def test_base64(proxy, app, value):
    """L1."""
    if not value:
        assert served(proxy, app, ("x-vivo-context", value)).get("x-vivo-context") != ""
        return
    is_absent(proxy, app, "x-vivo-context", value, "vctx")


@pytest.mark.parametrize("form", [lambda data: text(data).rstrip("="), lambda data: base64.urlsafe_b64encode(data).decode()],
                         ids=["unpadded", "url-safe"])
def test_base64_that_is_taken(proxy, app, form):
    """L1."""
    sent = Context(tenant="acme??>>", trace_id=b"\xff" * 16, span_id=b"\xfb" * 8)
    assert of(served(proxy, app, ("x-vivo-context", form(sent.bytes()))).fields).tenant == "acme??>>"


def test_too_long(proxy, app):
    """L2: 1,024 bytes are taken, one more is not."""
    def padded(size):
        return text(MAGIC + tlv(0x0b, b"x" * (size - len(MAGIC) - 3)))

    is_absent(proxy, app, "x-vivo-context", padded(1025), "vctx")
    served(proxy, app, ("x-vivo-context", text(MAGIC + b"\x00" * 2000)))
    assert proxy.stat(context.STATS + "malformed.vctx") == 2
    served(proxy, app, ("x-vivo-context", padded(1024)))
    assert proxy.stat(context.STATS + "malformed.vctx") == 2
    assert proxy.stat(context.STATS + "left_out") == 1  # the trace that was begun has taken its room


@pytest.mark.parametrize("data", [b"vct", b"vcty" + DEADLINE, b"VCTX" + DEADLINE, b"vctx3"], ids=range(4))
def test_magic(proxy, app, data):
    """L3."""
    is_absent(proxy, app, "x-vivo-context", text(data), "vctx")


def test_every_prefix(pillion, app):
    """L4: what ends between two TLVs is a context, all else is malformed."""
    sent = Context(nanoseconds(60), b"\x01" * 16, b"\x02" * 8, 1, PAYMENT, tenant="t", request_id="r", baggage={"k": "v"})
    data = sent.bytes()
    ends, at = {len(MAGIC)}, len(MAGIC)
    while at < len(data):
        at += 3 + int.from_bytes(data[at + 1:at + 3], "big")
        ends.add(at)
    proxy = pillion(context.made(app.address))
    connection = proxy.connect()
    for size in range(1, len(data) + 1):
        assert connection.exchange(Request(fields=[("x-vivo-context", text(data[:size]))])).status == 200
    connection.close()
    assert proxy.stat(context.STATS + "malformed.vctx") == len(data) - len(ends)


@pytest.mark.parametrize("tlvs", [
    b"\x01\x00\x09" + b"x" * 8, b"\x01\x00\x00", tlv(1, b"x" * 7), tlv(2, b"x" * 15), tlv(3, b"x" * 9), tlv(5, b"x"), tlv(6, b""),
    tlv(9, b"xx"), tlv(0, b"x"), tlv(4, b"\x00v"), tlv(4, b"\x05key"), tlv(4, b""), b"\x0b\xff\xff", tlv(7, b"t" * 129),
    tlv(8, b"r" * 129), tlv(7, b"a\r\nb"), tlv(8, b"a\x00"), tlv(10, b"no"), tlv(10, b"a=1\r\nx: y")], ids=range(19))
def test_tlvs(proxy, app, tlvs):
    """L4: lengths that are none, texts that are none."""
    is_absent(proxy, app, "x-vivo-context", text(MAGIC + tlvs), "vctx")


@pytest.mark.parametrize("kind", [1, 2, 3, 5, 6, 7, 8, 9, 10])
def test_a_tlv_twice(proxy, app, kind):
    """L5: equal or not."""
    size = {1: 8, 2: 16, 3: 8, 5: 2, 6: 1, 9: 1}.get(kind)
    value = b"a=1" if kind == 10 else b"x" * (size or 2)
    is_absent(proxy, app, "x-vivo-context", text(MAGIC + tlv(kind, value) * 2), "vctx")


def test_a_field_twice_or_a_list(proxy, app):
    """L5."""
    one = GOOD.vctx()[1]
    served(proxy, app, ("x-vivo-context", one), ("x-vivo-context", one))
    assert of(app.last.fields).trace_id != GOOD.trace_id
    served(proxy, app, ("x-vivo-context", f"{one},{one}"))
    assert of(app.last.fields).trace_id != GOOD.trace_id
    assert proxy.stat(context.STATS + "malformed.vctx") == 2


def test_types_nobody_knows(proxy, app):
    """L6: passed on as they are, in order."""
    unknown = tlv(0x0b, b"one") + tlv(0xff, b"") + tlv(0x0b, b"two")
    sent = Context(trace_id=GOOD.trace_id, span_id=GOOD.span_id, request_id="r", unknown=unknown)
    mixed = MAGIC + tlv(0x0b, b"one") + tlv(2, sent.trace_id) + tlv(0xff, b"") + tlv(3, sent.span_id) + tlv(8, b"r") + tlv(0x0b, b"two")
    assert of(served(proxy, app, ("x-vivo-context", text(mixed))).fields) == sent


@pytest.mark.parametrize("size", [1, 34, 36, 70])
def test_x_context(proxy, app, size):
    """L7."""
    got = served(proxy, app, ("x-context", text(b"\x01" * size)))
    assert got.get("x-context") is None and of(got.fields).trace_id != b"\x01" * 16
    assert proxy.stat(context.STATS + "malformed.xcontext") == 1


def test_deadlines_at_the_ends_of_numbers(proxy, app):
    """L9."""
    for deadline in 0, 2**63 - 1, 2**64 - 1, nanoseconds(100 * 365 * 86400):
        got = served(proxy, app, Context(deadline=deadline).vctx())
        assert of(got.fields).deadline == deadline
        if deadline:
            assert 0 < int(got.get("x-timeout-ms")) <= 10 * 366 * 86400 * 1000
    for value in "-1", "9223372036854775808", "1.5", "":
        assert served(proxy, app, ("x-deadline", value)).get("x-timeout-ms") is None
    assert served(proxy, app, ("x-deadline", "0")).get("x-timeout-ms") is None
    assert context.ask(proxy, ("x-deadline", "1")).status == 504


def test_bounds_hold_for_the_furthest_deadline(pillion, app):
    """L9."""
    proxy = pillion(context.made(app.address, chain=context.filters(max_deadline="7s")))
    for deadline in 0, 2**63 - 1, 2**64 - 1:
        assert int(served(proxy, app, Context(deadline=deadline).vctx()).get("x-timeout-ms")) <= 7000


@pytest.mark.parametrize("ahead", [5, -5, 3600, -3600])
def test_clocks_that_differ(pillion, app, ahead):
    """L10: time left needs no clock in common; the other is right by ours in what goes on."""
    proxy = pillion(context.made(app.address))
    got = served(proxy, app, Context(deadline=nanoseconds(20 + ahead)).vctx(), ("x-timeout-ms", "20000"))
    assert 19000 < int(got.get("x-timeout-ms")) <= 20000
    assert abs(of(got.fields).deadline - nanoseconds(20)) < 2e9
    assert proxy.stat(context.STATS + "clock_skewed") == 1
    assert context.ask(proxy, Context(deadline=nanoseconds(20 + ahead)).vctx()).status == (504 if 20 + ahead < 0 else 200)


@pytest.mark.parametrize("value", ["-1", "1e3", "99999999999999999999", "+5", "0x10", "5 5", "5,5", "5ms", ""])
def test_timeouts(proxy, app, value):
    """L11."""
    got = served(proxy, app, ("x-timeout-ms", value))
    assert got.get("x-timeout-ms") is None
    assert proxy.stat(context.STATS + "malformed.timeout") == 1


@pytest.mark.parametrize("value", ["-1S", "1e3m", "123456789m", "+5S", "5", "m", "5s", "5 m", "1S,1S", ""])
def test_timeouts_of_grpc(serve, pillion, value):
    """L11: neither does it end the call, nor go on."""
    app = context.App(serve, "h2")
    proxy = pillion(context.made(app.address, protocol="h2"))
    got = served(proxy, app, *context.GRPC, ("grpc-timeout", value), protocol="h2")
    assert got.get("grpc-timeout") is None and got.get("x-timeout-ms") is None
    assert proxy.stat(context.STATS + "malformed.timeout") == 1


def test_two_timeouts(proxy, app):
    """L11: one of two that says 0 does not end the request."""
    got = served(proxy, app, ("x-timeout-ms", "0"), ("x-timeout-ms", "5000"))
    assert got.get("x-timeout-ms") is None


_T, _S = "1" * 32, "2" * 16


@pytest.mark.parametrize("value", [
    f"00-{'0' * 32}-{_S}-01", f"00-{_T}-{'0' * 16}-01", f"ff-{_T}-{_S}-01", f"00-{'A' * 32}-{_S}-01", f"00-{_T[1:]}-{_S}-01",
    f"00-{_T}-{_S}-01-x", f"00-{_T}-{_S}", f"00-{_T}-{_S}-0g", "00", f"00_{_T}-{_S}-01"], ids=range(10))
def test_traceparent(proxy, app, value):
    """L12: another trace, and no tracestate."""
    got = served(proxy, app, ("traceparent", value), ("tracestate", "a=1"))
    assert got.get("traceparent") != value and len(got.get("traceparent")) == 55 and got.get("tracestate") is None
    assert proxy.stat(context.STATS + "malformed.trace") == 1


@pytest.mark.parametrize("fields", [
    [("b3", "")], [("b3", "x")], [("b3", f"{'0' * 32}-{_S}-1")], [("b3", f"{_T}-{_S}-2")], [("b3", f"{_T}-{_S}-1-")], [("b3", "A" * 32 + f"-{_S}")],
    [("b3", "1"), ("b3", "1")], [("x-b3-traceid", _T)], [("x-b3-spanid", _S)], [("x-b3-traceid", _T), ("x-b3-spanid", "0" * 16)],
    [("x-b3-traceid", _T), ("x-b3-spanid", _S), ("x-b3-sampled", "2")], [("x-b3-traceid", _T), ("x-b3-spanid", _S), ("x-b3-flags", "on")],
    [("x-b3-traceid", _T), ("x-b3-traceid", _T), ("x-b3-spanid", _S)]], ids=range(13))
def test_b3(proxy, app, fields):
    """L12: another trace; none of them goes on."""
    got = served(proxy, app, *fields)
    assert _T not in got.get("traceparent") and all(got.get(name) is None for name, _ in fields)
    assert proxy.stat(context.STATS + ("malformed.b3" if fields[0][0] == "b3" else "malformed.b3multi")) == 1


@pytest.mark.parametrize("state", [",".join(f"k{n}=1" for n in range(33)), "a=" + "x" * 511, "a=1,a=2", "A=1", "a=\t", "a"],
                         ids=["33 members", "513 bytes", "twice", "upper case", "tab", "no value"])
def test_tracestate(proxy, app, state):
    """L12: it is dropped alone."""
    got = served(proxy, app, GOOD.traceparent(), ("tracestate", state))
    assert (got.get("traceparent"), got.get("tracestate")) == (GOOD.traceparent()[1], None)
    assert proxy.stat(context.STATS + "left_out") == 1


@pytest.mark.parametrize("value", ["a=b\"c", "a", "a b=1", "=1", "a=b\\c", "a=\u00fc".encode().decode("latin-1")], ids=range(6))
def test_baggage(proxy, app, value):
    """L13."""
    assert served(proxy, app, ("baggage", value)).get("baggage") is None
    assert proxy.stat(context.STATS + "malformed.baggage") == 1


def test_much_baggage(proxy, app):
    """L13: what is beyond the bounds is left out, and counted."""
    got = served(proxy, app, ("baggage", ",".join(f"k{n}={n}" for n in range(200))))
    assert got.get("baggage") == ",".join(f"k{n}={n}" for n in range(180))
    left_out = proxy.stat(context.STATS + "left_out")
    assert left_out > 20  # vctx has not room for all of the others
    assert len(of(got.fields).baggage) == 200 - left_out
    got = served(proxy, app, ("baggage", "a=1,b=" + "x" * 9000 + ",c=3"))
    assert got.get("baggage") == "a=1"


@pytest.mark.parametrize("bad", ["\r\nx-evil: 1", "\n", "\x00", "\r", "\x7f", ",evil=1", "\u00fc;x"])
def test_bytes_are_never_more_than_a_value(proxy, app, bad):
    """L13, L15: what stands in TLVs is not limited to what fields may have."""
    got = served(proxy, app, ("x-vivo-context", text(MAGIC + entry("k", "v" + bad) + entry("k" + bad, "v"))))
    assert got.get("x-evil") is None
    assert of(got.fields).baggage["k"] == "v" + bad
    baggage = got.get("baggage")
    assert baggage.startswith("k=v%") or bad == ",evil=1" and baggage == "k=v%2Cevil%3D1" or baggage == "k=v%2Cevil=1", baggage
    assert all(0x20 < ord(character) < 0x7f for character in baggage)


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_blanks_at_the_end_of_properties(serve, pillion, protocol):
    """L15: fields may not end with one, and strict peers reset what does."""
    app = context.App(serve, protocol)
    proxy = pillion(context.made(app.address, protocol=protocol))
    for name, properties in (("k", ";p = 1 "), ("k", "; p\t"), ("env", ";p= ")):
        got = served(proxy, app, ("x-vivo-context", text(MAGIC + entry(name, "v" + properties))))
        assert got.get("baggage") == f"{name}=v;{properties[1:].strip()}"


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_fields_of_grpc_s(serve, pillion, protocol):
    """L15: in calls of gRPC the bytes are Base64, too; in others its fields are left alone."""
    app = context.App(serve, "h2")
    proxy = pillion(context.made(app.address, protocol="h2"))
    sent = Context(trace_id=GOOD.trace_id, span_id=GOOD.span_id, request_id="r", baggage={"k": "a\r\nb\x00"})
    got = served(proxy, app, *context.GRPC, ("vctx-bin", text(sent.bytes()).rstrip("=")), protocol="h2")
    assert of(got.fields) == sent
    got = served(proxy, app, ("vctx-bin", "!"), ("grpc-timeout", "0m"), protocol=protocol)
    assert (got.get("vctx-bin"), got.get("grpc-timeout")) == ("!", "0m")


def test_flags_of_strangers(pillion, named):
    """L14: nothing is routed by what somebody says who is not trusted."""
    payment, rest = named("payment", "rest")
    paid = context.noted("payment_path", bool_match=True)
    route = {"match": {"prefix": "/", "dynamic_metadata": [paid]}, "route": {"cluster": "payment"}}
    clusters = [b.cluster(payment, name="payment"), b.cluster(rest, name="rest")]
    for trust, name in ((context.LOCAL, b"payment"), ({}, b"rest")):
        listener = b.listener(b.http([route, b.route("rest")], http_filters=context.filters(trust=trust)))
        assert context.ask(pillion(b.bootstrap([listener], clusters)), Context(biz_flags=PAYMENT).vctx()).body == name


def test_a_field_that_is_named_in_connection(proxy, app):
    """C3: it is taken off as any, and the context is written all the same."""
    got = served(proxy, app, GOOD.vctx(), ("connection", "x-vivo-context, x-timeout-ms, traceparent"), ("x-timeout-ms", "0"))
    assert of(got.fields).trace_id != GOOD.trace_id and got.get("traceparent") is not None and got.get("x-timeout-ms") is None


def test_who_is_late_in_the_hostile_ways_too(pillion, serve):
    """L8: of several carriers that differ, the time left counts; upstream is not called by one that is over."""
    app = context.App(serve, answer=lambda request: Response(200))
    proxy = pillion(context.made(app.address))
    late, early = Context(deadline=nanoseconds(-5)), Context(deadline=nanoseconds(60))
    assert context.ask(proxy, late.vctx()).status == 504
    assert context.ask(proxy, early.vctx(), ("x-deadline", str(late.deadline))).status == 504
    assert context.ask(proxy, early.vctx(), ("x-timeout-ms", "0")).status == 504
    assert not app.seen
    assert context.ask(proxy, late.vctx(), ("x-timeout-ms", "30000")).status == 200  # another clock
