"""The seventh act: new versions of two services of three. Requests that are chosen meet them, all others do not."""

import http.client
import http.server
import json
import threading

from demonstration.stage import BOLD, DIM, PLAIN, Report, Sidecar, access_log, address, any_of, cluster, free_ports, http_manager, until

VERSIONS = {"shop": ("v1", "v2"), "orders": ("v1",), "payments": ("v1", "v2")}  # each service calls the next one
NAMES = list(VERSIONS)
LABELS = {"v2": {"env": "gray"}}  # of endpoints; v1 is the baseline
GRAY = {"x-env": "gray"}
FILTERS = "pillion.filters.http"
LANES = "pillion.load_balancing_policies.lanes.v1.Lanes"
HERE = {"addresses": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}
USERS = 1001, 2000
SHARE = 10  # percent of all others
ASKED = 100  # of these
OPEN_S = 1.0
RULES = [
    {"name": "internal", "conditions": [{"header": {"name": "x-env", "value": {"exact": "gray"}}}], "colour": {"env": "gray"}},
    {"name": "pilots", "conditions": [{"header_range": {"name": "x-user-id", "from": USERS[0], "to": USERS[1]}}], "colour": {"env": "gray"}},
    {"name": "share", "conditions": [{"header": {"name": "x-user-id"}}], "colour": {"env": "gray"},
     "per_million": SHARE * 10000, "sticky": {"key": "request.headers['x-user-id']"}},
]
BREAKER = {"name": "failing", "grade": "ERROR_RATIO", "threshold": 0.6, "minimum_requests": 5, "open_for": f"{OPEN_S}s", "per": ["LANE"]}
LINE = {"trace": "%DYNAMIC_METADATA(pillion.context:trace_id)%", "colour": "%DYNAMIC_METADATA(pillion.grey:colour)%",
        "source": "%DYNAMIC_METADATA(pillion.grey:source)%", "rule": "%DYNAMIC_METADATA(pillion.grey:rule)%", "host": "%UPSTREAM_HOST%"}


class Version(http.server.ThreadingHTTPServer):
    """An instance of a service. It calls the next one with the trace of its request and nothing else, and answers with the names of those
    who had part in it."""

    daemon_threads = True

    def __init__(self, name, port, outbound):
        super().__init__(("127.0.0.1", port), Answer)
        self.name, self.outbound, self.broken = name, outbound, False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        service, status, names = self.server, 200, [self.server.name]
        if service.broken:
            status = 500
        elif service.outbound:
            onward = ask(service.outbound, {"traceparent": self.headers["traceparent"]})
            status, names = onward.status, names + [onward.text]
        body = " > ".join(names).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ask(port, fields):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers=fields)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def of(name, **fields):
    """A filter of ours: "context", "grey" and so on."""
    return {"name": f"{FILTERS}.{name}", "typed_config": any_of(f"{FILTERS}.{name}.v1.{name.capitalize()}", **fields)}


def hosts(service, ports):
    """A cluster of all versions; each endpoint says by its labels which it is."""
    made = cluster(service, health_checks=[{
        "interval": "0.1s", "timeout": "1s", "no_traffic_interval": "0.1s", "unhealthy_threshold": 1, "healthy_threshold": 1,
        "tcp_health_check": {}}])
    made["load_assignment"]["endpoints"] = [{"lb_endpoints": [
        {"endpoint": {"address": address(ports[service, version]["in"])},
         "metadata": {"filter_metadata": {"envoy.lb": LABELS.get(version, {})}}} for version in VERSIONS[service]]}]
    return made


def listener(stage, whose, side, port, towards, *filters):
    manager = http_manager(side, access_log(stage, f"{whose}-{side}"), filters, line=LINE, generate_request_id=False, route_config={
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": towards}}]}]})
    return {"name": side, "address": address(port), "traffic_direction": f"{side.upper()}BOUND", "filter_chains": [{"filters": [manager]}]}


class Chain:
    """All versions, each with a pillion of its own, and the pillion of the edge."""

    def __init__(self, stage):
        self._stage = stage
        self._ports = {(service, version): dict(zip(("in", "out", "service", "admin"), free_ports(4)))
                       for service, versions in VERSIONS.items() for version in versions}
        self.services = {which: Version("-".join(which), own["service"], own["out"] if which[0] != NAMES[-1] else None)
                         for which, own in self._ports.items()}
        self.sidecars = {which: self.sidecar(which) for which in self._ports}
        self.port, admin = free_ports(2)
        toggles = of("toggles", trust=HERE, allow={"turn_off": ["GREY"], "lane": True, "explain": True})
        self.edge = self._pillion("edge", self.port, admin, [listener(
            stage, "edge", "out", self.port, NAMES[0], toggles, of("context", trust=HERE), of("grey", rules=RULES),
            of("degradation", rules=[BREAKER]))], [hosts(NAMES[0], self._ports)])

    def sidecar(self, which):
        """Of an instance: started, or started again."""
        service, own, whose = which[0], self._ports[which], "-".join(which)
        listeners = [listener(self._stage, whose, "in", own["in"], "service", of("context", trust=HERE))]
        clusters = [cluster("service", own["service"])]
        if service != NAMES[-1]:
            onward = NAMES[NAMES.index(service) + 1]
            listeners.append(listener(self._stage, whose, "out", own["out"], onward, of("context"), of("grey")))
            clusters.append(hosts(onward, self._ports))
        return self._pillion(whose, own["in"], own["admin"], listeners, clusters)

    def _pillion(self, name, port, admin, listeners, clusters):
        """One entry of the bootstrap gives lanes to every cluster whose hosts have labels."""
        return Sidecar(self._stage, name, port, admin, {
            "bootstrap_extensions": [{"name": "lanes", "typed_config": any_of(LANES)}],
            "static_resources": {"listeners": listeners, "clusters": clusters}})

    def ask(self, **fields):
        return ask(self.port, {name.replace("_", "-"): value for name, value in fields.items()})

    def is_healthy(self, which):
        """As the sidecar that calls it knows, here always the one of orders."""
        host = f"{which[0]}::127.0.0.1:{self._ports[which]['in']}::health_flags::"
        return f"{host}healthy\n" in self.sidecars[NAMES[-2], "v1"].ask("/clusters")

    def breaker(self):
        """What the edge says of the lane's."""
        lines = (line.strip() for line in self.edge.ask("/breakers").splitlines())
        return next((line for line in lines if "env=gray" in line), "none of the lane")

    def hops(self, text):
        """Of the newest request whose answer was `text`: [(who sends, line of his log, to whom)]; None: not all is there yet."""
        met, trace, found = text.split(" > "), None, []
        for whose, onward in zip(["edge", *met], met):
            path = access_log(self._stage, f"{whose}-out")
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
            trace = trace or (lines[-1]["trace"] if lines else None)
            line = next((line for line in lines if line["trace"] == trace), None)
            if line is None or line["host"] != f"127.0.0.1:{self._ports[tuple(onward.split('-'))]['in']}":
                return None
            found.append((whose, line, onward))
        return found

    def close(self):
        for service in self.services.values():
            service.shutdown()
            service.server_close()


def way(version):
    """Through instances of this version, where there is one, and else of the baseline."""
    return " > ".join(f"{service}-{version if version in versions else 'v1'}" for service, versions in VERSIONS.items())


def print_hops(hops):
    print(f"  {'':10}{DIM}{'who sends':14}{'colour':12}{'from':18}to{PLAIN}")
    for whose, line, onward in hops:
        source = f"rule {line['rule']}" if line["source"] == "rule" else line["source"] or "-"
        print(f"  {'':10}{whose:14}{line['colour'] or '-':12}{source:18}{onward}")


def show_lane(report, chain):
    for what, fields, version in ("baseline", {}, "v1"), ("colour", GRAY, "v2"):
        answer = ask(chain.port, fields)
        until(lambda: chain.hops(answer.text))  # pylint: disable=cell-var-from-loop
        hops = chain.hops(answer.text) or []
        said = ", ".join(f"{name}: {value}" for name, value in fields.items()) or "nothing said"
        coloured = {line["colour"] for _, line, _ in hops} == {"env=gray" if version == "v2" else None}
        report.say(what, answer.status == 200 and answer.text == way(version) and coloured, f"{said}: {answer.text}")
        print_hops(hops)


def show_who(report, chain):
    first, last = USERS
    asked = {user: chain.ask(x_user_id=str(user)).text for user in (first, last)}
    report.say("range", set(asked.values()) == {way("v2")}, f"users {first} and {last}: {asked[first]}",
               f"rule: header_range {{name: x-user-id, from: {first}, to: {last}}}")
    users = range(last + 1, last + 1 + ASKED)
    times = [{user for user in users if chain.ask(x_user_id=str(user)).text == way("v2")} for _ in range(2)]
    report.say("percent", times[0] == times[1] and SHARE / 2 < 100 * len(times[0]) / ASKED < 2 * SHARE,
               f"of users {users[0]} to {users[-1]} {len(times[0])} meet v2, {', '.join(map(str, sorted(times[0])[:4]))} and so on; "
               "the second time the same",
               f"rule: per_million {SHARE * 10000}, sticky {{key: request.headers['x-user-id']}}")


def show_toggles(report, chain):
    forced = chain.ask(x_pillion_lane="env=gray", x_pillion_explain="1")
    told = json.loads(forced.headers.get("x-pillion-explain", "{}"))
    report.say("forced", forced.text == way("v2") and told.get("lane") == {"wish": {"env": "gray"}, "fit": "exact"},
               f"x-pillion-lane: env=gray: {forced.text}",
               "x-pillion-explain: 1; the answer says why, of each filter that had a say:",
               *(f"  {name}: {json.dumps(told[name])}" for name in ("route", "lane", "grey", "upstream") if name in told))
    off = chain.ask(**{"x-env": "gray", "x-pillion-off": "grey"})
    report.say("off", off.text == way("v1"), f"x-env: gray, x-pillion-off: grey: {off.text}")


def show_death(report, chain):
    which = NAMES[-1], "v2"
    fallen = f"{way('v2').rpartition(' > ')[0]} > {NAMES[-1]}-v1"
    chain.sidecars[which].process.terminate()
    chain.sidecars[which].process.wait()
    until(lambda: not chain.is_healthy(which))
    report.say("falls", ask(chain.port, GRAY).text == fallen, f"payments-v2 is gone: {fallen}",
               "cluster: health_checks; a lane without a healthy host falls back to the baseline, unless its rule says fail_closed")
    chain.sidecars[which] = chain.sidecar(which)
    until(lambda: chain.is_healthy(which))
    report.say("recovers", ask(chain.port, GRAY).text == way("v2"), f"payments-v2 is there again: {way('v2')}")


def show_breaker(report, chain):
    sick = chain.services[NAMES[0], "v2"]
    sick.broken = True
    statuses = [ask(chain.port, GRAY).status for _ in range(20)]
    plain, state = chain.ask(), chain.breaker()
    failed = statuses.count(500)
    report.say("opens", statuses == [500] * failed + [503] * (20 - failed) and 0 < failed < 20 and
               (plain.status, plain.text) == (200, way("v1")) and "open for" in state,
               f"shop-v2 answers 500: {failed} requests of the lane fail, then {statuses.count(503)} are refused at once; others get {plain.status}",
               "rule: grade ERROR_RATIO, threshold 0.6, minimum_requests 5, per LANE", f"/breakers: {state}")
    sick.broken = False
    closed = until(lambda: ask(chain.port, GRAY).status == 200)
    later, state = [ask(chain.port, GRAY).status for _ in range(20)], chain.breaker()
    report.say("closes", closed and later == [200] * 20 and "closed for" in state,
               f"shop-v2 is well, a probe finds it so after {OPEN_S:.0f} s: {later.count(200)} of 20 are served", f"/breakers: {state}")


def show(stage):
    """True if everything worked."""
    chain, report = Chain(stage), Report()
    print(f"""
  {BOLD}two versions of two services: who meets the new ones{PLAIN}

    caller --> pillion-edge  127.0.0.1:{chain.port:<6} --> shop v1, v2 --> orders v1 --> payments v1, v2     a pillion beside each
               rules, a breaker                 v2 has the label env=gray; the services pass on nothing but traceparent
""")
    for step in show_lane, show_who, show_toggles, show_death, show_breaker:
        step(report, chain)
    chain.close()
    return report.good
