"""Which filter chain a connection gets, and what listener filters find out before: TLS, HTTP, the head of the PROXY protocol."""

import socket
import struct

from frame.case import Case
from frame.check import alike
from frame.tls import downstream, over_tls
from frame.write import get
from peers.bootstrap import any_of

LISTENER = "extensions.filters.listener."
PROXY_STATS = ("l.proxy_proto.versions.v1.found", "l.proxy_proto.versions.v2.found", "l.proxy_proto.versions.v1.error",
               "l.proxy_proto.versions.v2.error", "l.proxy_proto.versions.v1.disallowed", "l.proxy_proto.versions.v2.disallowed",
               "l.proxy_proto.not_found_allowed", "l.proxy_proto.not_found_disallowed", "l.downstream_cx_total",
               "l.downstream_listener_filter_error", "l.downstream_listener_filter_remote_close", "l.no_filter_chain_match")
PLAIN = ("l.no_filter_chain_match", "l.downstream_cx_total", "l.downstream_pre_cx_timeout", "l.downstream_listener_filter_error")
TLS = PLAIN + tuple(f"l.tls_inspector.{name}" for name in (
    "tls_found", "tls_not_found", "sni_found", "sni_not_found", "alpn_found", "alpn_not_found", "client_hello_too_large", "connection_closed")) + tuple(
    f"tls_inspector.{name}" for name in ("tls_found", "tls_not_found", "sni_found", "sni_not_found", "alpn_found", "alpn_not_found"))
HTTP = PLAIN + tuple(f"http_inspector.{name}" for name in ("http10_found", "http11_found", "http2_found", "http_not_found", "read_error"))


def listener_filter(name, message, **fields):
    return {"name": f"envoy.filters.listener.{name}", "typed_config": any_of(f"{LISTENER}{name}.v3.{message}", **fields)}


def chains(*matches, default=False, tls=False, filters=()):
    """Instead of the one chain: a copy of it for each match, and perhaps a default one; the log says which was taken. With `tls` those
    whose match names a transport protocol "tls" have a certificate."""
    def change(listener, log, folder):
        filter_ = listener["filter_chains"][0]["filters"]
        listener["filter_chains"] = [{"name": f"chain {number}", "filter_chain_match": match, "filters": filter_} for number, match in enumerate(matches)]
        for chain, match in zip(listener["filter_chains"], matches):
            if tls and match.get("transport_protocol") != "raw_buffer":
                chain["transport_socket"] = downstream(folder, "server", alpn=("h2", "http/1.1"))
        if default:
            listener["default_filter_chain"] = {"name": "default", "filters": filter_}
        listener["listener_filters"] = list(filters)
        if not default:
            logged(listener, log, folder)
    return {"change": change}


def chosen(matcher, *names, **more):
    """The same chains, with these names; the listener's own matcher chooses."""
    copied = chains(*({} for _ in names), **more)["change"]

    def change(listener, log, folder):
        copied(listener, log, folder)
        for chain, name in zip(listener["filter_chains"], names):
            chain["name"] = name
            del chain["filter_chain_match"]
            if name == "plain":
                chain.pop("transport_socket", None)
        listener["filter_chain_matcher"] = matcher
    return {"change": change}


def typed(message, **fields):
    return {"name": "n", "typed_config": any_of(message, **fields)}


def to(name, **more):
    action = typed("x")
    action["typed_config"] = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": name}
    return {"action": action, **more}


def known(name):
    return typed(f"extensions.matching.common_inputs.network.v3.{name}Input")


def tree(name, no_match=None, **kind):
    return {"matcher_tree": {"input": known(name), **kind}, **({"on_no_match": no_match} if no_match else {})}


def exact(name, targets, no_match=None):
    return tree(name, no_match, exact_match_map={"map": targets})


def custom(name, type_, no_match=None, **fields):
    return tree(name, no_match, custom_match={"name": "n", "typed_config": {"@type": f"type.googleapis.com/xds.type.matcher.v3.{type_}", **fields}})


def ranges(name, *items, no_match=None):
    """Items: ranges, where they lead, and more fields."""
    return custom(name, "IPMatcher", no_match, range_matchers=[{"ranges": list(item[0]), "on_match": item[1], **(item[2] if len(item) > 2 else {})} for item in items])


def one(name, **match):
    return {"single_predicate": {"input": known(name), "value_match": match}}


def entries(*items, no_match=None):
    return {"matcher_list": {"matchers": [{"predicate": predicate, "on_match": target} for predicate, target in items]},
            **({"on_no_match": no_match} if no_match else {})}


def logged(listener, log, folder):
    """The listener, too, has a line for each connection, behind those of its requests."""
    listener["access_log"] = log


def prefix(address, length=32):
    return {"address_prefix": address, "prefix_len": length}


def head(data):
    """What comes on the connection before HTTP."""
    def send(sock, folder):
        sock.sendall(data)
        return sock
    return send


def v2(command=1, family=0x11, addresses=None, tlvs=b"", version=2):
    addresses = socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.10") + struct.pack("!HH", 1111, 2222) if addresses is None else addresses
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([version << 4 | command, family]) + struct.pack("!H", len(addresses) + len(tlvs)) + addresses + tlvs


def proxied(name, data, setting="proxy", lines=2, **more):
    return Case(name, setting=setting, over=head(data), stats=PROXY_STATS, lines=lines, ignored=SENT, **more)


def refused(name, data, setting="proxy"):
    return proxied(name, data, setting, lines=1)


def by_proxy(**fields):
    return {"listener": {"listener_filters": [listener_filter("proxy_protocol", "ProxyProtocol", **fields)]}, "change": logged}


V1 = b"PROXY TCP4 192.0.2.9 192.0.2.10 1111 2222\r\n"
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2") + struct.pack("!HH", 1, 2)
SENT = ("log.sent",)  # of a connection: the digits of times count, too
FILTER = listener_filter("proxy_protocol", "ProxyProtocol")
INSPECT = (listener_filter("tls_inspector", "TlsInspector"),)


def named(name, server_name=None, alpn=None, setting="names", plain=False, **more):
    return Case(name, setting=setting, over=None if plain else over_tls(server_name, alpn), stats=TLS, ignored=SENT, **more)


CASES = [
    Case("chain-by-source", setting="source", stats=PLAIN), Case("chain-by-source-other", setting="source", source="127.0.0.3", stats=PLAIN),
    Case("chain-by-source-none", setting="source", source="127.0.1.3", stats=PLAIN),
    Case("chain-by-direct-source", setting="direct", stats=PLAIN), Case("chain-by-direct-source-default", setting="direct", source="127.0.0.3", stats=PLAIN),
    Case("chain-by-destination", setting="destination", stats=PLAIN),
    Case("chain-by-source-type", setting="type", stats=PLAIN),
    Case("chain-none", setting="none", lines=1, stats=PLAIN),
    Case("chain-default", setting="default", stats=PLAIN),

    named("chain-name", "one.test"), named("chain-name-in-capitals", "ONE.test"), named("chain-name-wildcard", "a.one.test"),
    named("chain-name-deep-wildcard", "b.a.one.test"), named("chain-name-longest-wildcard", "a.two.one.test"), named("chain-name-unknown", "other.test"),
    named("chain-name-missing"), named("chain-name-plain", plain=True),
    named("chain-alpn-h2", "alpn.test", ["h2"], "alpn", protocol="h2", lines=2),
    named("chain-alpn-http1", "alpn.test", ["http/1.1"], "alpn", lines=2),
    named("chain-alpn-unknown", "alpn.test", ["x"], "alpn", lines=1), named("chain-alpn-none", "alpn.test", None, "alpn", lines=1),
    named("chain-plain", setting="transport", plain=True), named("chain-tls", "any.test", setting="transport"),
    Case("chain-tls-not-inspected", setting="uninspected", over=over_tls("one.test"), stats=PLAIN, lines=1),
    Case("inspect-not-tls", [b"\x16\x03\x01\x00\x05GET /\r\n"], setting="transport", stats=TLS, lines=1),

    Case("inspect-http11", [get()], setting="http", stats=HTTP), Case("inspect-http10", [b"GET / HTTP/1.0\r\nhost: @host\r\n\r\n"], setting="http", stats=HTTP),
    Case("inspect-http2", [get()], setting="http", protocol="h2", stats=HTTP),
    Case("inspect-no-http", [b"EHLO a\r\n\r\n"], setting="http", stats=HTTP),

    proxied("proxy-v1", V1), proxied("proxy-v1-tcp6", b"PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222\r\n"), proxied("proxy-v1-unknown", b"PROXY UNKNOWN\r\n"),
    proxied("proxy-v1-unknown-with-more", b"PROXY UNKNOWN a b c\r\n"),
    refused("proxy-v1-bad-address", b"PROXY TCP4 192.0.2.999 192.0.2.10 1 2\r\n"), refused("proxy-v1-bad-port", b"PROXY TCP4 192.0.2.9 192.0.2.10 1 x\r\n"),
    refused("proxy-v1-other-family", b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), refused("proxy-v1-too-long", b"PROXY TCP4 " + b"1" * 120 + b"\r\n"),
    refused("proxy-v1-bare-lf", b"PROXY TCP4 192.0.2.9 192.0.2.10 1 2\n"),
    proxied("proxy-v2", v2()), proxied("proxy-v2-ipv6", v2(family=0x21, addresses=V6)), proxied("proxy-v2-local", v2(command=0, family=0, addresses=b"")),
    proxied("proxy-v2-tlv", v2(tlvs=b"\x02\x00\x03abc\xe1\x00\x01x")), proxied("proxy-v2-unspecified", v2(family=0, addresses=b""), lines={"envoy": 1, "pillion": 2}),
    refused("proxy-v2-bad-version", v2(version=3)), refused("proxy-v2-bad-command", v2(command=5)),
    proxied("proxy-v2-udp", v2(family=0x12), lines={"envoy": 2, "pillion": 1}), refused("proxy-v2-short", v2(addresses=b"\1\2\3\4")),
    refused("proxy-missing", b""), proxied("proxy-allowed-missing", b"", "proxyallowed"), proxied("proxy-allowed-v1", V1, "proxyallowed"),
    refused("proxy-allowed-bad", b"PROXY TCP4 192.0.2.999 192.0.2.10 1 2\r\n", "proxyallowed"),
    refused("proxy-disallowed-version", V1, "proxyv2"), proxied("proxy-allowed-version", v2(), "proxyv2"),
    proxied("proxy-edge", V1, "proxyedge"),
    proxied("proxy-chain-by-destination-port", V1, "proxyports"), proxied("proxy-chain-by-destination", V1.replace(b"2222", b"2223"), "proxyports"),
    proxied("proxy-chain-none", v2(command=0, family=0, addresses=b""), "proxyports", lines=1),
    Case("proxy-then-tls", setting="proxytls", over=lambda sock, folder: over_tls("one.test", ["http/1.1"])(head(V1)(sock, folder), folder), stats=TLS, lines=2, ignored=SENT),
    Case("inspect-too-slow", [b""], setting="hasty", stats=PLAIN, lines=1),
    *(Case(f"matcher-{name}-{last}", setting=f"by{name}", source=f"127.0.0.{last}", stats=PLAIN, lines=lines.get(last, 2), ignored=SENT)
      for name, lines in (("ranges", {}), ("equal", {}), ("exclusive", {4: 1, 5: 1}), ("lists", {4: 1}), ("prefixes", {5: 1})) for last in (2, 3, 4, 5)),
    Case("matcher-port-other", setting="byport", stats=PLAIN, lines=1), Case("matcher-only-else", setting="byelse", stats=PLAIN, lines=2, ignored=SENT),
    Case("matcher-transport-plain", setting="bytransport", stats=PLAIN),
    *(named(f"matcher-name-{text}", f"{text}.test", setting="byname", lines=lines) for text, lines in
      (("www.one", 2), ("a.one", 2), ("b.a.one", 2), ("one", 2), ("other", 2))), named("matcher-name-none", setting="byname", lines=1),
    named("matcher-alpn-h2", "a.test", ["h2"], "byalpn", protocol="h2", lines=2), named("matcher-alpn-both", "a.test", ["http/1.1", "x"], "byalpn", lines=2),
    named("matcher-alpn-none", "a.test", None, "byalpn", lines=2), named("matcher-plain", setting="bylook", plain=True, lines=2),
    named("matcher-tls", "a.test", setting="bylook", lines=2),
    proxied("matcher-proxy", V1, "byproxy"), proxied("matcher-proxy-other", V1.replace(b"192.0.2.10", b"198.51.100.1"), "byproxy"),
    proxied("matcher-proxy-ports", V1, "byports"), proxied("matcher-proxy-local", v2(command=0, family=0, addresses=b""), "byports", lines=1),
    proxied("proxy-chain-by-source", V1, "proxychains", lines=1), proxied("proxy-chain-by-direct-source", v2(command=0, family=0, addresses=b""), "proxychains", lines=1),
]
SETTINGS = {
    "source": chains({"source_prefix_ranges": [prefix("127.0.0.2")]}, {"source_prefix_ranges": [prefix("127.0.0.0", 24)]}, default=True),
    "direct": chains({"direct_source_prefix_ranges": [prefix("127.0.0.2")]}, default=True),
    "destination": chains({"prefix_ranges": [prefix("10.0.0.0", 8)]}, {"prefix_ranges": [prefix("127.0.0.0", 8)]}, default=True),
    "type": chains({"source_type": "EXTERNAL"}, {"source_type": "SAME_IP_OR_LOOPBACK"}, default=True),
    "none": chains({"source_prefix_ranges": [prefix("192.0.2.1")]}), "default": chains({"destination_port": 1}, default=True),
    "names": chains({"server_names": ["one.test"]}, {"server_names": ["*.one.test"]}, {"server_names": ["*.two.one.test"]}, {"transport_protocol": "tls"},
                    {"transport_protocol": "raw_buffer"}, default=True, tls=True, filters=INSPECT),
    "alpn": chains({"application_protocols": ["h2"]}, {"application_protocols": ["http/1.1"]}, tls=True, filters=INSPECT),
    "transport": chains({"transport_protocol": "raw_buffer"}, {"transport_protocol": "tls"}, default=True, tls=True, filters=INSPECT),
    "uninspected": chains({"server_names": ["one.test"]}, tls=True),
    "http": chains({"application_protocols": ["h2c"]}, {"application_protocols": ["http/1.0", "http/1.1"]}, default=True,
                   filters=[listener_filter("http_inspector", "HttpInspector")]),
    "proxy": by_proxy(), "proxyallowed": by_proxy(allow_requests_without_proxy_protocol=True), "proxyv2": by_proxy(disallowed_versions=["V1"]),
    "proxyedge": {"use_remote_address": True, **by_proxy()},
    "proxyports": chains({"destination_port": 2222}, {"prefix_ranges": [prefix("192.0.2.0", 24)]}, filters=[FILTER]),
    "proxytls": chains({"server_names": ["one.test"], "application_protocols": ["http/1.1"], "source_prefix_ranges": [prefix("192.0.2.9")]}, tls=True, filters=[FILTER, *INSPECT]),
    "hasty": {"listener": {"listener_filters": [*INSPECT], "listener_filters_timeout": "0.1s"}, "change": logged},
    "byranges": chosen(ranges("SourceIP", ([prefix("127.0.0.2"), prefix("127.0.0.4", 31)], to("narrow")), ([prefix("127.0.0.0", 8)], to("wide"))), "wide", "narrow"),
    "byequal": chosen(ranges("DirectSourceIP", ([prefix("127.0.0.0", 30)], {"matcher": exact("SourceIP", {"127.0.0.2": to("first")})}),
                             ([prefix("127.0.0.3", 30)], to("second")), no_match=to("third")), "first", "second", "third"),
    "byexclusive": chosen(ranges("SourceIP", ([prefix("127.0.0.0", 8)], to("wide"), {"exclusive": True}),
                                 ([prefix("127.0.0.4", 31)], {"matcher": exact("DestinationPort", {"1": to("narrow")})})), "wide", "narrow"),
    "bylists": chosen(entries(
        ({"and_matcher": {"predicate": [one("SourceIP", prefix="127."), one("SourceIP", suffix=".2")]}}, to("and")),
        ({"or_matcher": {"predicate": [one("SourceIP", exact="127.0.0.3"), one("DestinationPort", exact="1")]}}, to("or")),
        ({"not_matcher": {"or_matcher": {"predicate": [one("SourceIP", exact="127.0.0.4"), one("ServerName", exact="a")]}}}, to("not"))), "and", "or", "not"),
    "byprefixes": chosen(tree("SourceIP", prefix_match_map={"map": {
        "127.0.0.2": to("long"), "127.0.0": {"matcher": exact("SourceIP", {"127.0.0.3": to("inner")})}, "127.0.0.4": to("four"), "1": {
            "matcher": exact("SourceIP", {"127.0.0.2": to("four")})}}}), "long", "inner", "four"),
    "byport": chosen(exact("DestinationPort", {"1": to("one")}), "one"), "byelse": chosen({"on_no_match": to("one")}, "one"),
    "bytransport": chosen(exact("TransportProtocol", {"raw_buffer": to("one")}), "one", default=True),
    "byname": chosen(custom("ServerName", "ServerNameMatcher", domain_matchers=[
        {"domains": ["www.one.test", "*.test"], "on_match": to("first")}, {"domains": ["*.one.test"], "on_match": to("second")},
        {"domains": ["*.a.one.test"], "on_match": {"matcher": exact("DestinationPort", {"1": to("first")})}},
        {"domains": ["*"], "on_match": to("third")}]), "first", "second", "third", tls=True, filters=INSPECT),
    "byalpn": chosen(exact("ApplicationProtocol", {"'h2'": to("first"), "'http/1.1','x'": to("second")}, to("third")), "first", "second", "third",
                     tls=True, filters=INSPECT),
    "bylook": chosen(entries((one("TransportProtocol", exact="tls"), to("secret")), (one("TransportProtocol", safe_regex={"google_re2": {}, "regex": "raw.*"}),
                                                                                 to("plain"))), "plain", "secret", tls=True, filters=INSPECT),
    "byproxy": chosen(ranges("DestinationIP", ([prefix("192.0.2.0", 24)], to("first")), no_match=to("second")), "first", "second", filters=[FILTER]),
    "byports": chosen({"matcher_tree": exact("SourcePort", {"1111": {"matcher": exact("DestinationPort", {"2222": {"matcher": ranges(
        "DirectSourceIP", ([prefix("127.0.0.0", 8)], to("first")))}})}})["matcher_tree"]}, "first", filters=[FILTER]),
    "proxychains": chains({"source_prefix_ranges": [prefix("192.0.2.9")]}, {"direct_source_prefix_ranges": [prefix("127.0.0.2")]}, default=True, filters=[FILTER]),
}
OPERATORS = {"sni": "%REQUESTED_SERVER_NAME%", "tls": "%DOWNSTREAM_TLS_VERSION%", "direct_local": "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "type": "%ACCESS_LOG_TYPE%"}


def test_alike(pair, case):
    alike(pair, case)
