"""What tls_inspector makes of a ClientHello: JA3 and JA4."""

import ssl

from frame import hello as h
from frame.case import Case
from frame.check import alike
from frame.tls import downstream, over_tls
from peers.bootstrap import any_of

INSPECTOR = {"name": "envoy.filters.listener.tls_inspector", "typed_config": any_of(
    "extensions.filters.listener.tls_inspector.v3.TlsInspector", enable_ja3_fingerprinting=True, enable_ja4_fingerprinting=True)}
GREASE = 0x0a0a
NO_HTTP = ("log.sent", "log.flags", "log.flags_long", "log.protocol")


def inspected(tls):
    """A line of the listener for each connection, too. Without `tls` what comes is taken for HTTP, which it is not."""
    def change(listener, log, folder):
        listener["listener_filters"] = [INSPECTOR]
        listener["access_log"] = log
        if tls:
            listener["filter_chains"][0]["transport_socket"] = downstream(folder, "server", alpn=("h2", "http/1.1"))
    return {"change": change}


def raw(name, *extensions, **more):
    """Exactly this hello. What becomes of it as HTTP is no matter here."""
    return Case(f"fingerprint-{name}", [h.hello(*extensions, **more)], setting="raw", lines=2, ignored=NO_HTTP)


def secured(name, *over, **more):
    """That of Python's own client."""
    return Case(f"fingerprint-{name}", setting="tls", over=over_tls(*over), lines=2, ignored=("log.sent",), **more)


USUAL = (h.server_name("a.test"), h.groups(29, 23), h.point_formats(0, 1), h.algorithms(0x0804, 0x0403), h.protocols(b"h2", b"http/1.1"),
         h.versions(0x0304, 0x0303))
CASES = [
    secured("python", "one.test", ["http/1.1"]), secured("python-http2", "one.test", ["h2"], protocol="h2"), secured("python-bare"),
    secured("python-1.2", "one.test", None, None, ssl.TLSVersion.TLSv1_2),
    raw("usual", *USUAL), raw("other-order", *reversed(USUAL)), raw("bare"), raw("old", suites=(0x2f, 0x35), version=0x0301), raw("1.1", h.extension(23), version=0x0302),
    raw("grease", h.extension(0x1a1a), *USUAL, h.extension(0x2a2a, b"\0"), suites=(GREASE, 0x1301, 0xc02b)),
    raw("grease-in-groups", h.groups(GREASE, 29)), raw("grease-in-versions", h.versions(GREASE, 0x0304)), raw("only-grease", h.extension(0x2a2a), suites=(GREASE,)),
    raw("no-grease", h.extension(0x0a1a), suites=(0x0a1a, 0x1a0a)), raw("alpn-one-letter", h.protocols(b"h")), raw("alpn-no-letter", h.protocols(b"-x-")),
    raw("many", *[h.extension(1000 + i) for i in range(120)], suites=range(1, 130)), raw("future", h.versions(0x0305, 0x0304)),
    raw("odd-groups", h.extension(10, b"\0\3\0\x1d\0")), raw("no-groups", h.extension(10)), raw("odd-point-formats", h.extension(11, b"\5\0")),
    raw("odd-algorithms", h.extension(13, b"\0\5\4\3")), raw("odd-versions", h.extension(43, b"\x09\3\4")), raw("no-versions", h.extension(43)),
    raw("without-a-name-or-alpn", h.extension(23), h.extension(35)), raw("only-name-and-alpn", h.server_name("a.test"), h.protocols(b"h2")),
    Case("fingerprint-of-no-hello", [b"EHLO a\r\n\r\n"], setting="raw", lines=2, ignored=NO_HTTP),
]
SETTINGS = {"raw": inspected(False), "tls": inspected(True)}
OPERATORS = {"ja3": "%TLS_JA3_FINGERPRINT%", "ja4": "%TLS_JA4_FINGERPRINT%"}


def test_alike(pair, case):
    alike(pair, case)
