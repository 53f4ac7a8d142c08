"""Five services one behind the other, of which the first, the third and the last have two versions; and the sidecars between them.

    caller -> out | in -> a -> out | in -> b -> out | in -> c -> out | in -> d -> out | in -> e

Each instance of a service has a sidecar of its own, with an inbound and an outbound listener, and so has the caller, where the rules are.
All are nginx, pass on nothing but traceparent, and say in their answers who they are: so the answer that the caller gets names each
instance that the request has been at."""
from pathlib import Path

from benchmark import contexts, lanes, programs, proxies
from benchmark.chain import Shape, Sidecars
from benchmark.processes import free_port
from benchmark.scenarios import GREETING
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

SERVICES = ("a", "b", "c", "d", "e")
BASE, GRAY = "base", "gray"
INSTANCES = {"a": (BASE, GRAY), "b": (BASE,), "c": (BASE, GRAY), "d": (BASE,), "e": (BASE, GRAY)}
WORKERS = 2  # of each sidecar
EVERYWHERE = "0.0.0.0"  # where inbound listeners listen: all of 127.0.0.0/8 are endpoints


def path(lane: str) -> list[bytes]:
    """The instances at which a request of that lane is to be, and the fields of the answer that say so."""
    return [b"\r\nx-at-%b: %b\r\n" % (service.encode(), (lane if lane in versions else BASE).encode())
            for service, versions in INSTANCES.items()]


def endpoint(port: int, version: str, address: str = "127.0.0.1") -> dict:
    made = {"endpoint": {"address": proxies.address(port, address)}}
    return made if version == BASE else {**made, "metadata": {"filter_metadata": {"envoy.lb": lanes.COLOUR}}}


def endpoints(service: str, made: list[dict]) -> dict:
    return {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": service,
            "endpoints": [{"lb_endpoints": made}]}


class LaneChain(Sidecars):
    """The chain of the page's head; with a control plane, that says who the endpoints are."""

    def __init__(self, name: str, upstream: Upstream, settings: Settings, directory: Path):
        directory.mkdir(exist_ok=True)
        self.plane = upstream.plane
        self._names = [f"{service}-{version}" for service in SERVICES for version in INSTANCES[service]]
        self._ports = {whose: {"in": free_port(), "out": free_port(), "service": free_port()} for whose in self._names}
        super().__init__(name, Shape(workers=WORKERS, both_cores=True), self._nginx(directory), settings, directory)
        self.port = free_port()
        try:
            if self.plane:
                self.plane.set_at(self.plane.push(name, [self.all_endpoints(service) for service in SERVICES]))
            self._begin("caller", self._bootstrap([self._outbound("a", self.port, lanes.RULES)], [self._cluster("a")]))
            for whose in self._names:
                self._begin(whose, self._of_instance(whose))
            for whose in self._names:
                self._sidecars[whose].wait_until_listening(self._ports[whose]["in"])
                self._services.wait_until_listening(self._ports[whose]["service"])
            self._sidecars["caller"].wait_until_listening(self.port)
        except BaseException:
            self.stop()
            raise

    def inbound(self, service: str, version: str) -> int:
        """The port of an instance's sidecar."""
        return self._ports[f"{service}-{version}"]["in"]

    def all_endpoints(self, service: str) -> dict:
        return endpoints(service, [endpoint(self.inbound(service, version), version) for version in INSTANCES[service]])

    def _of_instance(self, whose: str) -> dict:
        ports, service = self._ports[whose], whose.partition("-")[0]
        listeners, clusters = [self._inbound(ports["in"])], [proxies.cluster("in", ports["service"], "h1")]
        if onward := _next(service):
            listeners.append(self._outbound(onward, ports["out"]))
            clusters.append(self._cluster(onward))
        return self._bootstrap(listeners, clusters)

    def _bootstrap(self, listeners: list[dict], clusters: list[dict]) -> dict:
        made = proxies.asking(self.name, self.plane.port) if self.plane else {"static_resources": {"clusters": []}}
        if self.plane:  # for endpoints only
            del made["dynamic_resources"]["cds_config"], made["dynamic_resources"]["lds_config"]
        made["static_resources"]["listeners"] = listeners
        made["static_resources"]["clusters"] += clusters
        return {**made, "admin": {"address": proxies.address(free_port())}}

    def _cluster(self, service: str) -> dict:
        made = proxies.cluster(service, 0, "h1")
        made["load_balancing_policy"] = lanes.POLICY
        if self.plane:
            del made["load_assignment"]
            return {**made, "type": "EDS", "eds_cluster_config": {"eds_config": {"ads": {}, "resource_api_version": "V3"}}}
        return {**made, "load_assignment": {key: value for key, value in self.all_endpoints(service).items() if key != "@type"}}

    @staticmethod
    def _inbound(port: int) -> dict:
        made = proxies.listener(port, "h1", "in")
        contexts.add_filter(_manager(made))
        return {**made, "traffic_direction": "INBOUND", "address": proxies.address(port, EVERYWHERE)}

    @staticmethod
    def _outbound(service: str, port: int, rules: tuple[dict, ...] = ()) -> dict:
        made = proxies.listener(port, "h1", service)
        lanes.add_filter(_manager(made), rules)
        contexts.add_filter(_manager(made))
        return {**made, "traffic_direction": "OUTBOUND"}

    def _nginx(self, directory: Path) -> list[str]:
        """All services, in one process."""
        parts = []
        for whose in self._names:
            (service, _, version), ports = whose.partition("-"), self._ports[whose]
            text = GREETING.decode().replace("\n", "\\n")
            says = f'default_type text/plain; return 200 "{text}";'
            if _next(service):
                parts.append(f"  upstream {whose} {{ server 127.0.0.1:{ports['out']}; keepalive 256; keepalive_requests 1000000000; }}")
                says = (f'proxy_pass http://{whose}; proxy_http_version 1.1; proxy_pass_request_headers off; '
                        'proxy_set_header Connection ""; proxy_set_header traceparent $http_traceparent;')
            parts.append(f"  server {{ listen 127.0.0.1:{ports['service']} reuseport backlog=1024; add_header x-at-{service} {version} always;"
                         f" location / {{ {says} }} }}")
        return proxies.nginx_command(programs.find("nginx"), proxies.nginx_main(directory, "\n".join(parts)))


def _next(service: str) -> str | None:
    at = SERVICES.index(service) + 1
    return SERVICES[at] if at < len(SERVICES) else None


def _manager(listener: dict) -> dict:
    return listener["filter_chains"][0]["filters"][0]["typed_config"]
