"""A DNS server on a free port of 127.0.0.1: UDP and TCP."""

import socket
import struct
import threading

A, AAAA = 1, 28


class DnsServer:
    """Knows what set() says; other names do not exist. `asked`: (name, type, "udp" or "tcp") of each question."""

    def __init__(self):
        self.asked = []
        self._names = {}
        self._ended = False
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.address = self._tcp.getsockname()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(self.address)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def set(self, name, *addresses, ttl=60):
        self._names[name] = (addresses, ttl)

    def close(self):
        self._ended = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)
        self._tcp.close()

    def resolver(self, **more):
        """A typed_dns_resolver_config that asks this server alone."""
        host, port = self.address
        return {"name": "cares", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": host, "port_value": port}}],
            **{"dns_resolver_options": {"no_default_search_domain": True}, **more}}}

    def _serve_udp(self):
        while True:
            query, client = self._udp.recvfrom(4096)
            if self._ended:
                return self._udp.close()
            if answer := self._answer(query, "udp"):
                self._udp.sendto(answer, client)

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection):
        with connection, connection.makefile("rb") as stream:
            while len(length := stream.read(2)) == 2:
                answer = self._answer(stream.read(struct.unpack("!H", length)[0]), "tcp")
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, query, transport):
        if len(query) < 17:
            return b""
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        name, question = ".".join(labels), query[12:at + 5]
        kind = struct.unpack("!H", question[-4:-2])[0]
        self.asked.append((name, {A: "A", AAAA: "AAAA"}.get(kind, kind), transport))
        addresses, ttl = self._names.get(name, ((), 0))
        family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
        found = [socket.inet_pton(family, each) for each in addresses if family and (":" in each) == (kind == AAAA)]
        head = query[:2] + struct.pack("!HHHHH", 0x8180 if name in self._names else 0x8183, 1, len(found), 0, 0)
        return head + question + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(each)) + each for each in found)
