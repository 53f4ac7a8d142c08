"""A case: what is configured, what a client asks, how upstream answers, which counters are compared."""

import dataclasses

from peers.message import Request, Response


# What an upstream does with a request, besides giving a Response.

@dataclasses.dataclass
class Cut:
    """Ends the connection (HTTP/1) or resets the stream with `code` (HTTP/2) without an answer; `reset`: by a TCP reset."""
    reset: bool = False
    code: int = 2


@dataclasses.dataclass
class Hang:
    """Says nothing more until the proxy gives up."""


@dataclasses.dataclass
class Raw:
    """These bytes, and then the end of the connection unless `keep`."""
    data: bytes
    keep: bool = False


@dataclasses.dataclass
class Part:
    """A head and a part of the body, and then `then`: Cut or Hang."""
    response: Response
    then: object = dataclasses.field(default_factory=Cut)
    length: int | None = None  # the content-length that is claimed; chunked without one


# Hosts of a cluster that are no servers.
REFUSES = "nobody listens there"
SILENT = "connections are never accepted"


@dataclasses.dataclass
class Cluster:
    """`hosts`: one item for each host, None for a server that does what the case's `upstream` says."""
    protocol: str = "h1"
    hosts: list = dataclasses.field(default_factory=lambda: [None])
    trailers: bool = False
    http_options: dict = dataclasses.field(default_factory=dict)
    fields: dict = dataclasses.field(default_factory=dict)
    change: object = None  # what is to be changed of its configuration in the end: a function of that, the hosts' addresses and a folder
    over: object = None    # what its hosts do with a connection before it speaks HTTP: a function of (socket, folder) that returns a socket


@dataclasses.dataclass
class Case:
    """In `host` and in texts of the request, "@host" is the virtual host's domain; in `vhost`, a text "@x" is the cluster "x" of this case.

    requests: sent one after the other on one connection; a `bytes` is sent as it is, and answered `answers` times.
    upstream: one action for each request that comes, the last one again and again: a Response, a function of the request that
    returns an action, Cut, Hang, Raw or Part. lines: of the access log, by default one for each answer, or how many each side writes,
    {"envoy": 1, "pillion": 2}. sees: requests that reach upstream at some time, where answers do not wait for that.
    """
    name: str
    requests: list = dataclasses.field(default_factory=lambda: [Request()])
    routes: list | None = None
    vhost: dict = dataclasses.field(default_factory=dict)
    domains: tuple = ()
    clusters: dict = dataclasses.field(default_factory=lambda: {"": Cluster()})
    upstream: list = dataclasses.field(default_factory=lambda: [Response(200, [("x-up", "1")], b"upstream\n")])
    setting: str = "plain"
    protocol: str = "h1"
    answers: int = 1
    lines: int | dict | None = None
    sees: int = 0
    stats: tuple = ()          # more names than the usual ones: "c.x" of the first cluster, "h.x" of the manager, "l.x" of the listener
    moves: tuple = ()          # names among all these that change in both, sooner or later: nothing is compared before
    shares: bool = False       # of hosts, compared as shares of all requests: that it is this one is left to chance
    ignored: tuple = ()        # fields of the result that this case can't say anything about
    source: str = "127.0.0.2"  # the client's address; Envoy names 127.0.0.1 by another address of the machine
    reads_on: bool = False     # after the answers the client waits for the end of the connection
    client: object = None      # instead of `requests`: a function of (connection, domain) that returns the answers
    over: object = None        # what the client does with its connection before it speaks HTTP: a function of (socket, folder) that returns a socket
    unordered: bool = False    # what upstream sees comes in any order
    unseen: tuple = ()         # names of fields that are taken out of what upstream sees

    @property
    def host(self):
        return f"{self.name}.test"

    def cluster_name(self, suffix=""):
        return f"{self.name}-{suffix}" if suffix else self.name

    def virtual_host(self):
        routes = self.routes if self.routes is not None else [{"match": {"prefix": "/"}, "route": {"cluster": "@"}}]
        domains = [item.replace("@host", self.host) for item in self.domains] or [self.host]
        return self._named({"name": self.name, "domains": domains, "routes": routes, **self.vhost})

    def _named(self, value):
        if isinstance(value, dict):
            return {key: self._named(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._named(item) for item in value]
        if isinstance(value, str):
            if value.startswith("@") and value != "@host" and not value.startswith("@host"):
                return self.cluster_name(value[1:])
            return value.replace("@host", self.host)
        return value

    def sent(self):
        """The requests with their names filled in."""
        return [self._filled(request) for request in self.requests]

    def _filled(self, request):
        if isinstance(request, bytes):
            return request.replace(b"@host", self.host.encode())
        fill = lambda text: text.replace("@host", self.host)  # noqa: E731
        authority = self.host if request.authority == Request().authority else fill(request.authority)
        return dataclasses.replace(request, path=fill(request.path), authority=authority,
                                   fields=[(name, fill(value)) for name, value in request.fields])

    def expected_lines(self, side):
        if self.lines is not None:
            return self.lines[side] if isinstance(self.lines, dict) else self.lines
        return sum(self.answers if isinstance(request, bytes) else 1 for request in self.requests)
