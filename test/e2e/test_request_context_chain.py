"""A context along a chain of services which pass on nothing but traceparent: each has a sidecar, with an inbound and an outbound listener
on two workers, and so has who calls the first of them."""

import secrets
import threading

from peers import bootstrap as b
from peers import programs
from peers.context_filter import filters, full, lines
from peers.message import Request
from peers.ports import free_port

REQUESTS = 2000
CALLERS = 8
LINE = "%REQ(:PATH)% %DYNAMIC_METADATA(pillion.context:trace_id)% %RESPONSE_CODE%\n"


class Chain:
    """caller -> out | in -> a -> out | in -> b -> out | in -> c; c answers with what it was told of deadline and baggage."""

    def __init__(self, pillion, program, folder):
        self.logs = []
        self._pillion, self._program, self._folder = pillion, program, folder
        where = None
        for name in "c", "b", "a":
            where = self._service(name, where)
        self.front = self._sidecar("caller", out=where)

    def _service(self, name, onward):
        """With its sidecar; where that is called."""
        port = free_port()
        ends = {"in": ("127.0.0.1", port), **({"out": onward} if onward else {})}
        sidecar = self._sidecar(name, **ends)
        says = 'return 200 "$http_x_timeout_ms $http_baggage";'
        if onward:
            says = ("proxy_http_version 1.1; proxy_pass_request_headers off; proxy_set_header traceparent $http_traceparent; "
                    f"proxy_pass http://127.0.0.1:{sidecar.listeners['out'][1]};")
        folder = self._folder / name
        folder.mkdir()
        self._program(programs.nginx, folder, f"location / {{ {says} }}", port)
        return sidecar.listeners["in"]

    def _sidecar(self, name, **ends):
        listeners = [self._listener(name, side) for side in ends]
        clusters = [b.cluster(end, name=side) for side, end in ends.items()]
        return self._pillion(b.bootstrap(listeners, clusters), concurrency=2)

    def _listener(self, name, side):
        self.logs.append(self._folder / f"{name}-{side}.log")
        chain = filters() if side == "in" else filters(trust={})
        manager = b.http([b.route(side, timeout="0s")], name=side, http_filters=chain, generate_request_id=False,
                         access_log=b.file_log(self.logs[-1], LINE))
        return b.listener(manager, name=side, traffic_direction=f"{side.upper()}BOUND")


def test_no_trace_breaks(pillion, program, tmp_path):
    chain = Chain(pillion, program, tmp_path)
    paths = [f"/{number}" for number in range(REQUESTS)]
    sent, bodies = {}, {}

    def call(paths):
        connection = chain.front.connect()
        for path in paths:
            sent[path] = full(request_id=secrets.token_hex(8))  # its deadline counts from now
            answer = connection.exchange(Request("GET", path, [sent[path].vctx()]))
            bodies[path] = answer.status, answer.body.decode()
        connection.close()

    callers = [threading.Thread(target=call, args=(paths[number::CALLERS],)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert len(bodies) == REQUESTS
    for path, (status, body) in bodies.items():
        left, _, baggage = body.partition(" ")
        assert (status, baggage) == (200, "env=grey,user=7") and 0 < int(left) <= 30000, (path, body)
    expected = sorted(f"{path} {context.trace_id.hex()} 200" for path, context in sent.items())
    assert len(chain.logs) == 6
    for log in chain.logs:
        assert sorted(lines(log, REQUESTS)) == expected, log
