"""What tests of the filter of contexts have in common: configurations with it, who stands behind it, and contexts."""

import secrets
import threading

import pytest

from peers import bootstrap as b
from peers import http1, http2
from peers.context import PAYMENT, Context, nanoseconds
from peers.message import Request, Response
from peers.wait import until

LOCAL = {"addresses": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
GOOD = Context(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
PASSED = "the deadline of the request has passed"
STATS = "http.ingress.context."


def filters(*more, **fields):
    """The filter, by default in front of who is trusted."""
    fields.setdefault("trust", LOCAL)
    return [{"name": "context", "typed_config": {"@type": "type.googleapis.com/pillion.filters.http.context.v1.Context", **fields}},
            *more, {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def per_route(**fields):
    return {"typed_per_filter_config": {
        "context": {"@type": "type.googleapis.com/pillion.filters.http.context.v1.ContextPerRoute", **fields}}}


def made(*where, protocol="h1", routes=None, chain=None, log=None, cluster=None, manager=None):
    """A bootstrap with one listener."""
    more = {"access_log": b.file_log(log, LINE)} if log else {}
    routes = routes or [b.route(timeout="0s")]  # of its own it has none: it would shorten the deadline
    return b.bootstrap([b.listener(b.http(routes, http_filters=chain or filters(), **more, **(manager or {})))],
                       [b.cluster(*where, protocol=protocol, **(cluster or {}))] if where else [])


LINE = ("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.context:tenant)% "
        "%DYNAMIC_METADATA(pillion.context:cancel_reason)% %DYNAMIC_METADATA(pillion.context:malformed)%\n")


class App:
    """An upstream that notes what it gets; `answer(request)` is what it says."""

    def __init__(self, serve, protocol="h1", answer=lambda request: Response(200)):
        self.seen = []
        self.answer = answer
        self.server = serve.http(protocol, self._answer)
        self.address = self.server.address

    def _answer(self, request):
        self.seen.append(request)
        return self.answer(request)

    @property
    def last(self):
        return self.seen[-1]


@pytest.fixture
def app(serve):
    return App(serve)


def ask(proxy, *fields, protocol="h1", path="/", method="GET"):
    return proxy.exchange(Request(method, path, list(fields)), protocol)


def lines(path, count):
    """Of a log, when it has so many."""
    until(lambda: path.exists() and path.read_text().count("\n") >= count, f"{path} has {count} lines")
    return [line for line in path.read_text().splitlines() if line]


def full(**fields):
    """A context that says everything."""
    return Context(**{"deadline": nanoseconds(30), "trace_id": secrets.token_bytes(16), "span_id": secrets.token_bytes(8),
                      "trace_flags": 1, "biz_flags": PAYMENT, "tenant": "acme", "request_id": "r-1",
                      "baggage": {"env": "grey", "user": "7"}, **fields})


def noted(path, **match):
    """A matcher of the context's metadata."""
    return {"filter": "pillion.context", "path": [{"key": key} for key in path.split("/")], "value": match}


class Stuck:
    """A server that sends `first` to each request, and then nothing until its peer goes away: `left` is set then."""

    def __init__(self, serve, first=b"", protocol="h1"):
        self.came, self.left, self.code = threading.Event(), threading.Event(), None
        self.heads = []
        self._first = first
        self.server = serve(self._h1 if protocol == "h1" else self._h2)
        self.address = self.server.address

    def _h1(self, sock):
        connection = http1.Connection(sock)
        if (request := connection.read_request()) is None:
            return
        self.heads.append(request)
        connection.send(self._first)
        self.came.set()
        if connection.closed():
            self.left.set()

    def _h2(self, sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: any(stream.head for stream in connection.streams.values()), "a request")
        number, stream = next(iter(connection.streams.items()))
        self.heads.append(connection.request(number))
        if self._first:
            connection.h2.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
            connection.h2.send_data(number, self._first)
            connection.flush()
        self.came.set()
        connection.until(lambda: stream.reset is not None, "a reset")
        self.code = stream.reset
        self.left.set()
