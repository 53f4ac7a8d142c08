"""What the control plane pushes: a small configuration of which each kind of resource can be changed, and a large one.

Answers tell by which version they are: a field of the response names the route's, and the upstream says at which of its addresses it was
asked."""
import ssl
from collections import defaultdict
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from benchmark import mesh, proxies, variants

ADDRESSES = [f"127.0.0.{last}" for last in range(1, 21)]  # of the upstream
LOADED = 10  # of the large one's clusters: those that the load goes to
_TYPE = "type.googleapis.com/envoy."
_ADS = {"ads": {}, "resource_api_version": "V3"}


@dataclass(frozen=True)
class Change:
    resource: dict
    shows: bytes  # what is in an answer by it, and in none before: a line of its head; for a secret, the certificate in DER
    host: str = "bench"
    path: str = "/"
    of: int = 1  # as many requests in a row: one of so many endpoints changed, and each is asked in its turn


def _route_table(hosts: list[dict], rest: list[dict]) -> dict:
    """`rest`: the routes of all other hosts."""
    return {"@type": _TYPE + "config.route.v3.RouteConfiguration", "name": "routes", "virtual_hosts": [
        *hosts, {"name": "rest", "domains": ["*"], "routes": rest}]}


def _versioned(route: dict, version: int) -> dict:
    return {**route, "response_headers_to_add": [{"header": {"key": "x-version", "value": str(version)}}]}


def _shown(version: int) -> bytes:
    return b"\r\nx-version: %d\r\n" % version


def _shown_endpoint(address: str) -> bytes:
    return b"\r\nx-endpoint: %b\r\n" % address.encode()


def _endpoints(cluster: str, addresses: list[str], port: int) -> dict:
    return {"@type": _TYPE + "config.endpoint.v3.ClusterLoadAssignment", "cluster_name": cluster, "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": proxies.address(port, address)}} for address in addresses]}]}


def _cluster(name: str) -> dict:
    return {"@type": _TYPE + "config.cluster.v3.Cluster", "name": name, "type": "EDS", "connect_timeout": "1s",
            "eds_cluster_config": {"eds_config": _ADS}}


def _listener(port: int) -> dict:
    made = proxies.listener(port, "h1", "in")
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["route_config"]
    manager["rds"] = {"route_config_name": "routes", "config_source": _ADS}
    return {"@type": _TYPE + "config.listener.v3.Listener", **made}


class Small:
    """A route, a cluster, an endpoint; and a listener of TLS, whose certificate is pushed, too."""

    def __init__(self, port: int, tls_port: int, upstream_port: int, directory: Path):
        self._port, self._tls_port, self._upstream_port = port, tls_port, upstream_port
        self._versions = defaultdict(count)
        self._pairs = []
        for name in ("one", "other"):
            (directory / name).mkdir()
            mesh.certificates(directory / name)
            self._pairs.append([(directory / name / file).read_text() for file in ("callee.pem", "callee.key")])

    def all(self) -> list[dict]:
        tls = _listener(self._tls_port)
        tls["filter_chains"][0]["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": _TYPE + "extensions.transport_sockets.tls.v3.DownstreamTlsContext", "common_tls_context": {
                "tls_certificate_sds_secret_configs": [{"name": "certificate", "sds_config": _ADS}]}}}
        changes = self.route(), self.endpoint(), self.secret()
        return [_listener(self._port), tls, _cluster("up"), *(change.resource for change in changes)]

    def route(self) -> Change:
        version = next(self._versions["route"])
        route = {"match": {"prefix": "/"}, "route": {"cluster": "up"}}
        return Change(_route_table([], [_versioned(route, version)]), _shown(version))

    def endpoint(self) -> Change:
        address = ADDRESSES[next(self._versions["endpoint"]) % 2]
        return Change(_endpoints("up", [address], self._upstream_port), _shown_endpoint(address))

    def secret(self) -> Change:
        chain, key = self._pairs[next(self._versions["secret"]) % 2]
        return Change({"@type": _TYPE + "extensions.transport_sockets.tls.v3.Secret", "name": "certificate", "tls_certificate": {
            "certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}}, ssl.PEM_cert_to_DER_cert(chain))


class Large:
    """variants.ROUTES routes in variants.HOSTS virtual hosts, each of which has a cluster of variants.ENDPOINTS_EACH endpoints. All in one
    route table, as control planes do it: it is sent whole for each route that changes. What no virtual host has goes to LOADED of the
    clusters."""

    def __init__(self, port: int, upstream_port: int):
        self._port, self._upstream_port = port, upstream_port
        self._versions = count()
        each = variants.ROUTES // variants.HOSTS
        self._hosts = [{"name": _service(host), "domains": [f"*.host{host}.test"], "routes": [
            variants.route(number, _service(host)) for number in range(host * each, (host + 1) * each)]}
            for host in range(variants.HOSTS)]
        self._free = cycle(ADDRESSES)
        self._addresses = [[next(self._free) for _ in range(variants.ENDPOINTS_EACH)] for _ in self._hosts]

    def all(self) -> list[dict]:
        return [_listener(self._port), self._table(), *(_cluster(host["name"]) for host in self._hosts),
                *(self._endpoints(number) for number in range(variants.HOSTS))]

    def last(self) -> Change:
        """The route that is last in the table; nothing changes."""
        host, path = variants.request(variants.ROUTES - 1)
        return Change({}, b" 200 OK\r\n", host, path)

    def route(self) -> Change:
        version = next(self._versions)
        number = (version + 1) * 1237 % variants.ROUTES
        virtual_host, within = divmod(number, variants.ROUTES // variants.HOSTS)
        routes = self._hosts[virtual_host]["routes"]
        routes[within] = _versioned(routes[within], version)
        return Change(self._table(), _shown(version), *variants.request(number))

    def endpoint(self, number: int | None = None) -> Change:
        """Of this cluster, or of another one each time: one of its endpoints goes, and one comes."""
        if number is None:
            number = (next(self._versions) + 1) * 237 % variants.HOSTS
        addresses = self._addresses[number]
        fresh = next(address for address in self._free if address not in addresses)
        self._addresses[number] = [*addresses[1:], fresh]
        return Change(self._endpoints(number), _shown_endpoint(fresh), *variants.request(number * variants.ROUTES // variants.HOSTS),
                      of=variants.ENDPOINTS_EACH)

    def _endpoints(self, number: int) -> dict:
        return _endpoints(_service(number), self._addresses[number], self._upstream_port)

    def _table(self) -> dict:
        shares = [{"name": _service(number), "weight": 1} for number in range(LOADED)]
        return _route_table(self._hosts, [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": shares}}}])


def _service(number: int) -> str:
    return f"service-{number}"
