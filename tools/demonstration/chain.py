"""The fifth act: a request with a deadline goes through three services that pass on nothing but `traceparent`; the last one is slow."""

import http.client
import http.server
import json
import select
import threading
import time

from demonstration.stage import BOLD, DIM, PLAIN, Report, Sidecar, access_log, address, any_of, cluster, free_ports, http_manager, until

NAMES = "checkout", "orders", "payments"  # each calls the next one
SIDES = "in", "out"
TOLD_MS = 300
SLOW_S = 2  # what payments takes when it is slow
LATE_S = 0.05  # the quickest answer is not as late as that
REQUESTS = 5
# What the caller says. The vctx has but the flags: the caller's library knows no more of it.
TOLD = {"x-timeout-ms": str(TOLD_MS), "baggage": "env=grey", "x-tenant": "acme", "x-vivo-context": "dmN0eAUAAgAB"}
CARRIED = {"baggage": "env=grey", "tenant": "acme", "flags": 1}
CONTEXT = "pillion.filters.http.context.v1.Context"
LINE = {"trace": "%DYNAMIC_METADATA(pillion.context:trace_id)%", "left": "%REQ(X-TIMEOUT-MS)%", "baggage": "%REQ(BAGGAGE)%",
        "tenant": "%DYNAMIC_METADATA(pillion.context:tenant)%", "flags": "%DYNAMIC_METADATA(pillion.context:biz_flags)%",
        "status": "%RESPONSE_CODE%", "took": "%DURATION%", "details": "%RESPONSE_CODE_DETAILS%",
        "reason": "%DYNAMIC_METADATA(pillion.context:cancel_reason)%", "told": "%RESP(X-PILLION-CANCEL-REASON)%"}


class Service(http.server.ThreadingHTTPServer):
    """Calls the next one, by way of its own pillion, with the trace of its request and nothing else. `outbound`: None for the last."""

    daemon_threads = True

    def __init__(self, port, outbound):
        super().__init__(("127.0.0.1", port), Answer)
        self.outbound, self.slow = outbound, False
        self.saw = {}  # trace: what came and what became of it
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """An answer that nobody waits for any more."""


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        began, service, traceparent = time.monotonic(), self.server, self.headers["traceparent"]
        status, became = 200, "it answered at once"
        if service.outbound is not None:
            status = call(service.outbound, {"traceparent": traceparent})[0]
            became = f"its own call, with traceparent alone: {status}"
        elif service.slow:
            gone = select.select([self.connection], [], [], SLOW_S)[0]  # readable: it has ended
            became = f"cancelled after {1000 * (time.monotonic() - began):.0f} ms of {SLOW_S} s" if gone else "nobody told it to stop"
        trace = traceparent.split("-")[1]
        service.saw[trace] = {"trace": trace, "left": self.headers["x-timeout-ms"], "baggage": self.headers["baggage"], "became": became}
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def call(port, fields):
    """(the status, why it was cancelled, the seconds until the answer was there)"""
    connection, began = http.client.HTTPConnection("127.0.0.1", port, timeout=10), time.monotonic()
    connection.request("GET", "/", headers=fields)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers["x-pillion-cancel-reason"], time.monotonic() - began


def listener(stage, name, side, port):
    """Plain, to keep the act short: with mutual TLS whoever shows an SVID is trusted, and `trust` needs not be said."""
    trusted = {"trust": {"addresses": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}} if side == "in" else {}
    manager = http_manager(
        side, access_log(stage, f"{name}-{side}"), [{"name": "pillion.filters.http.context", "typed_config": any_of(CONTEXT, **trusted)}],
        line=LINE, generate_request_id=False,
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": side}}]}]})
    return {"name": side, "address": address(port), "traffic_direction": f"{side.upper()}BOUND", "filter_chains": [{"filters": [manager]}]}


class Chain:
    """The services, each with a pillion of its own that has a listener for what comes in, and one for what goes out."""

    def __init__(self, stage):
        self.stage = stage
        ports = {name: dict(zip((*SIDES, "service", "admin"), free_ports(4))) for name in NAMES}
        self.port = ports[NAMES[0]]["in"]
        self.services, self.sidecars = {}, {}
        for name, following in zip(NAMES, (*NAMES[1:], None)):
            own = ports[name]
            self.services[name] = Service(own["service"], own["out"] if following else None)
            sides = SIDES if following else SIDES[:1]
            clusters = {"in": own["service"], "out": ports[following]["in"] if following else None}
            self.sidecars[name] = Sidecar(stage, name, own["in"], own["admin"], {"static_resources": {
                "listeners": [listener(stage, name, side, own[side]) for side in sides],
                "clusters": [cluster(side, clusters[side]) for side in sides]}})

    def lines(self, name, side):
        """What the log of that listener says: {trace: line}."""
        path = access_log(self.stage, f"{name}-{side}")
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        return {line["trace"]: line for line in lines}

    def hops(self, count):
        """Of the newest request, when `count` were sent in all: [(service, what it was, what is known of it)]; None: not all is there."""
        seen, found = list(self.services[NAMES[0]].saw), []
        if len(seen) < count:
            return None
        trace = seen[-1]
        for name in NAMES:
            logged = {side: self.lines(name, side) for side in SIDES}
            found += [(name, "in", logged["in"].get(trace)), (name, "saw", self.services[name].saw.get(trace))]
            found += [(name, "out", logged["out"].get(trace))] if name != NAMES[-1] else []
        return found if all(hop for _, _, hop in found) else None

    def close(self):
        for service in self.services.values():
            service.shutdown()
            service.server_close()


def print_path(hops):
    """The table of the hops."""
    print(f"  {'':10}{DIM}{'hop':16}{'trace':10}{'left':>8}  {'baggage':10}{'tenant':8}{'flags':8}ended{PLAIN}")
    for name, what, hop in hops:
        left = f"{hop['left']} ms" if hop["left"] else "-"
        if what == "saw":
            rest = f"{'':16}{hop['became']}"
        else:
            reason = f", {hop['reason']}" if hop["reason"] else f", told of {hop['told']}" if hop["told"] else ""
            rest = f"{hop['tenant'] or '-':8}{hop['flags'] or 0:#06x}  {hop['status']} after {hop['took']} ms: {hop['details']}{reason}"
        print(f"  {'':10}{name if what == 'in' else '':10}{what:6}{hop['trace'][:8]:10}{left:>8}  {hop['baggage'] or '-':10}{rest}")


def is_whole(hops):
    """One trace, the caller's baggage, tenant and flags on each hop, and never more time than before."""
    left = [int(hop["left"] or TOLD_MS + 1) for _, _, hop in hops]
    return bool(hops) and len({hop["trace"] for _, _, hop in hops}) == 1 and left == sorted(left, reverse=True) and 0 < left[-1] <= left[0] <= TOLD_MS and all(
        hop[name] == value for _, what, hop in hops for name, value in CARRIED.items() if what != "saw" or name == "baggage")


def ended_in_time(hops):
    """Each hop by the deadline, its own or that of the one behind it, or by the hop before it; and the last service was told."""
    return all(hop["reason"] in ("timeout", "cancel") or hop["status"] == 504 for _, what, hop in hops if what != "saw") and \
        hops[-1][2]["became"].startswith("cancelled")


def send(chain, count):
    """(what the caller has, the path of the request), of each."""
    before = len(chain.services[NAMES[0]].saw)
    sent = []
    for number in range(before + 1, before + count + 1):
        answer = call(chain.port, TOLD)
        until(lambda: chain.hops(number))  # pylint: disable=cell-var-from-loop
        sent.append((answer, chain.hops(number) or []))
    return sent


def quickest(sent):
    """One that the machine had time for, which may have other work to do. Of those that were cancelled: that the first hop cancelled, too,
    before it had the answer of another."""
    return min(sent, key=lambda one: (one[0][0] == 504 and one[0][1] is None, one[0][2]))


def show_path(report, chain):
    (status, _, took), path = quickest(send(chain, REQUESTS))
    report.say("path", is_whole(path) and status == 200 and took < TOLD_MS / 1000,
               f"payments answers at once: the caller has {status} after {1000 * took:.1f} ms")
    print_path(path)


def show_deadline(report, chain):
    chain.services[NAMES[-1]].slow = True
    sent = send(chain, REQUESTS)
    (status, reason, took), path = quickest(sent)
    times = [seconds for (_, _, seconds), _ in sent]
    report.say("deadline", is_whole(path) and ended_in_time(path) and {answer[0] for answer, _ in sent} == {504} and reason == "timeout" and
               TOLD_MS / 1000 - 0.001 <= min(times) <= took < TOLD_MS / 1000 + LATE_S,
               f"payments takes {SLOW_S} s: the caller has {status} after {1000 * took:.1f} ms, x-pillion-cancel-reason: {reason}",
               f"{REQUESTS} such requests: after {1000 * min(times):.1f} to {1000 * max(times):.1f} ms")
    print_path(path)


def show(stage):
    """True if everything worked."""
    chain, report = Chain(stage), Report()
    print(f"""  {BOLD}a deadline, and all else of a request's context, through services that pass on nothing but traceparent{PLAIN}

    caller --> in checkout out --> in orders out --> in payments     "in" and "out": listeners of the pillion beside each
    says:      {', '.join(f'{name}: {value}' for name, value in TOLD.items())} (its flag 0x0001)
""")
    show_path(report, chain)
    show_deadline(report, chain)
    restored = [chain.sidecars[name].counters()["http.out.context.restored"] for name in NAMES[:-1]]
    report.say("restored", restored == [2 * REQUESTS] * 2,
               f"{sum(restored)} calls of checkout and orders lacked all but the trace, and got the rest back from the request they belong to",
               f"http.out.context.restored; curl http://127.0.0.1:{chain.sidecars['orders'].admin}/context: "
               f"{chain.sidecars['orders'].ask('/context').splitlines()[-1]}")
    chain.close()
    print()
    return report.good
