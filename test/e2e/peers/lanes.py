"""Services one behind the other, some of which have two versions, and a sidecar on two workers beside each instance and beside the edge.

    caller -> edge | in -> a -> out | in -> b -> out | in -> c ...

The services are nginx, pass on nothing but traceparent, and add a field with their version to the answer."""

from peers import bootstrap as b
from peers import context_filter, programs
from peers.message import Request
from peers.ports import free_port

PILLION = "type.googleapis.com/pillion."
BASE, GRAY = "base", "gray"
COLOUR = {"env": "gray"}
HEALTH = [{"interval": "0.1s", "timeout": "1s", "no_traffic_interval": "0.1s", "unhealthy_threshold": 1, "healthy_threshold": 1,
           "tcp_health_check": {}}]
BOTH = (BASE, GRAY)
CARRIERS = "x-vivo-context", "vctx-bin", "baggage", "x-request-id", "x-env"  # traceparent is not among them
FIVE = {"a": BOTH, "b": (BASE,), "c": BOTH, "d": (BASE,), "e": BOTH}


def grey(*rules, **fields):
    return {"name": "grey", "typed_config": {"@type": PILLION + "filters.http.grey.v1.Grey", "rules": list(rules), **fields}}


def rule(name, *conditions, **fields):
    return {"name": name, "conditions": list(conditions), "colour": COLOUR, **fields}


def header(name, value):
    return {"header": {"name": name, "value": {"exact": value}}}


def policy(**fields):
    """Of a cluster: it has lanes."""
    return {"policies": [{"typed_extension_config": {"name": "lanes", "typed_config": {
        "@type": PILLION + "load_balancing_policies.lanes.v1.Lanes", **fields}}}]}


def labelled(name, hosts):
    """The load assignment of a cluster; hosts: (address, labels)."""
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": b.address(where)}, "metadata": {"filter_metadata": {"envoy.lb": labels}}} for where, labels in hosts]}]}


def way(lane, services):
    """{service: version} of a request of that lane."""
    return {service: lane if lane in versions else BASE for service, versions in services.items()}


class LaneChain:
    """`services`: their versions. `edge`: HTTP filters of the edge before the router, by default those that take the context from its
    callers and colour by x-env. `protocol`: between all of them."""

    def __init__(self, pillion, program, folder, services=None, edge=(), protocol="h1", last=None, **fields):
        """last: the port of what is behind the last service; else nginx answers itself. fields: of the edge's listener."""
        self.services = services or FIVE
        self._pillion, self._protocol = pillion, protocol
        self._names = list(self.services)
        self._ports = {(name, version): {"in": free_port(), "out": free_port(), "service": free_port()}
                       for name, versions in self.services.items() for version in versions}
        program(programs.nginx, folder, " ".join(self._server(which, last) for which in self._ports))
        self._bootstraps = {which: self._of_instance(which) for which in self._ports}
        self.sidecars = {}
        for which in self._ports:
            self.start(which)
        edge = edge or context_filter.filters(grey(rule("env", header("x-env", "gray"))))
        self.edge = self._begin(b.bootstrap(
            [self._listener("edge", self._names[0], edge, free_port(), **{"traffic_direction": "OUTBOUND", **fields})],
            [self._cluster(self._names[0])]))

    def start(self, which):
        self.sidecars[which] = self._begin(self._bootstraps[which])

    def _begin(self, bootstrap):
        return self._pillion(bootstrap, concurrency=2)

    def _onward(self, which):
        at = self._names.index(which[0]) + 1
        return self._names[at] if at < len(self._names) else None

    def _server(self, which, last):
        """Of nginx.conf: the end of the server before it, and all of it but its end. For gRPC nginx passes on what is not taken away."""
        target = self._ports[which]["out"] if self._onward(which) else last
        says, http2 = 'return 200 "hello";', self._protocol == "h2"
        if target and http2:
            gone = " ".join(f'grpc_set_header {name} "";' for name in CARRIERS)
            says = f"{gone} grpc_pass grpc://127.0.0.1:{target};"
        elif target:
            says = (f"proxy_http_version 1.1; proxy_pass_request_headers off; proxy_set_header traceparent $http_traceparent; "
                    f"proxy_pass http://127.0.0.1:{target};")
        return (f"}} server {{ listen 127.0.0.1:{self._ports[which]['service']}{' http2' if http2 else ''}; "
                f"add_header x-at-{which[0]} {which[1]} always; location / {{ {says} }}")

    def _of_instance(self, which):
        own, onward = self._ports[which], self._onward(which)
        listeners = [self._listener("in", "in", context_filter.filters(), own["in"], traffic_direction="INBOUND")]
        clusters = [b.cluster(("127.0.0.1", own["service"]), name="in", protocol=self._protocol)]
        if onward:
            listeners.append(self._listener("out", onward, context_filter.filters(grey(), trust={}), own["out"], traffic_direction="OUTBOUND"))
            clusters.append(self._cluster(onward))
        return b.bootstrap(listeners, clusters)

    @staticmethod
    def _listener(name, towards, filters, port, **fields):
        manager = b.http([b.route(towards, timeout="0s")], name=name, http_filters=filters, generate_request_id=False)
        return b.listener(manager, ("127.0.0.1", port), name=name, **fields)

    def _cluster(self, name):
        hosts = [(("127.0.0.1", self._ports[name, version]["in"]), COLOUR if version == GRAY else {}) for version in self.services[name]]
        return b.cluster(name=name, protocol=self._protocol, load_assignment=labelled(name, hosts), health_checks=HEALTH,
                         load_balancing_policy=policy())

    def met(self, fields):
        """{service: version} that an answer with these fields names."""
        return {name[5:]: value for name, value in fields if name.startswith("x-at-")}

    def ask(self, *fields, path="/"):
        """(the status, the instances that had part in the answer) of a request on a connection of its own."""
        answer = self.edge.exchange(Request("GET", path, list(fields)), self._protocol)
        return answer.status, self.met([(name.lower(), value) for name, value in answer.fields])

    def way(self, lane):
        return 200, way(lane, self.services)
