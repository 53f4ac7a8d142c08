"""The shop of the fourth act: four replicas, a sidecar that has all from a control plane, what that pushes, and callers."""

import http.client
import json
import socket
import ssl
import subprocess

from demonstration.callers import Callers
from demonstration.control_plane import ControlPlane
from demonstration.stage import PILLIONCTL, Sidecar, Trouble, access_log, address, any_of, cluster, free_ports, http_manager, until

NAME = "shop"  # of the sidecar
FROM_PLANE = {"ads": {}, "resource_api_version": "V3"}
REPLICAS = "blue-1", "green-1", "green-2", "green-3"
SETTLED = 100  # answers that are looked at to say who answers


def start_replicas(stage):
    """A web server that is four replicas, each of which says its name: {name: port}."""
    ports = dict(zip(REPLICAS, free_ports(len(REPLICAS))))
    servers = "\n".join(f'  server {{ listen 127.0.0.1:{port}; return 200 "{name}"; }}' for name, port in ports.items())
    config = stage.folder / "replicas.conf"
    config.write_text(f"daemon off; master_process off; pid {stage.folder}/replicas.pid; events {{}}\n"
                      f"http {{\n  access_log off; keepalive_requests 1000000;\n{servers}\n}}\n", encoding="utf-8")
    stage.start("replicas", ["nginx", "-e", f"{stage.folder}/replicas-error.log", "-c", str(config)], ports[REPLICAS[-1]])
    return ports


# What is pushed: one resource of each of the five types.

def listener(stage, port):
    tls = any_of("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={
        "tls_certificate_sds_secret_configs": [{"name": "own", "sds_config": FROM_PLANE}]})
    manager = http_manager(NAME, access_log(stage, NAME), rds={"route_config_name": "routes", "config_source": FROM_PLANE})
    return any_of("envoy.config.listener.v3.Listener", name=NAME, address=address(port), filter_chains=[
        {"transport_socket": {"name": "tls", "typed_config": tls}, "filters": [manager]}])


def routes(*those):
    return any_of("envoy.config.route.v3.RouteConfiguration", name="routes", virtual_hosts=[
        {"name": "all", "domains": ["*"], "routes": list(those)}])


def route(name, cluster_name, **match):
    return {"name": name, "match": match, "route": {"cluster": cluster_name}}


ALL_TO_BLUE = route("all", "blue", prefix="/")
CHARGE_TO_GREEN = route("charge", "green", path_separated_prefix="/charge")


def pay_to_green(regex):
    return route("pay", "green", safe_regex={"regex": regex})


def whole(name):
    """A cluster whose endpoints come apart."""
    return any_of("envoy.config.cluster.v3.Cluster", name=name, type="EDS", connect_timeout="1s", eds_cluster_config={"eds_config": FROM_PLANE})


def endpoints(name, *ports):
    return any_of("envoy.config.endpoint.v3.ClusterLoadAssignment", **cluster(name, *ports)["load_assignment"])


class Identity:
    """Of the sidecar, by `pillionctl ca`."""

    def __init__(self, stage):
        self._folder = stage.folder / "shop-ca"

    def issue(self):
        """A new certificate, as a secret."""
        subprocess.run([str(PILLIONCTL), "ca", "issue", "--dir", str(self._folder), "--trust-domain", "demo.test", NAME], check=True,
                       stdout=subprocess.DEVNULL)
        chain, key = ((self._folder / "svids" / NAME / name).read_text(encoding="ascii") for name in ("svid.pem", "key.pem"))
        return any_of("envoy.extensions.transport_sockets.tls.v3.Secret", name="own", tls_certificate={
            "certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}})

    def trust(self):
        """What clients of the sidecar need."""
        context = ssl.create_default_context(cafile=str(self._folder / "svids" / NAME / "bundle.pem"))
        context.check_hostname = False  # a SPIFFE ID stands where the name would
        return context


class Shop:
    """The sidecar, what drives it, and its callers."""

    def __init__(self, stage):
        self.replicas = start_replicas(stage)
        self.plane, self.identity = ControlPlane(stage), Identity(stage)
        port, admin = free_ports(2)
        self.plane.push(whole("blue"), whole("green"), self.of("blue", "blue-1"), self.of("green", "green-1"), listener(stage, port),
                        routes(ALL_TO_BLUE), self.identity.issue())
        self.sidecar = Sidecar(stage, NAME, port, admin, {
            "node": {"id": "shop-1", "cluster": NAME},
            "dynamic_resources": {
                "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3",
                               "grpc_services": [{"envoy_grpc": {"cluster_name": "control-plane"}}]},
                "cds_config": FROM_PLANE, "lds_config": FROM_PLANE},
            "static_resources": {"clusters": [cluster("control-plane", self.plane.port, http2=True)]}})
        self.trust = self.identity.trust()
        self.gets = 0
        self.callers = Callers(port, "/charge", lambda body: body.decode() in REPLICAS, self.trust)

    def of(self, name, *replicas):
        return endpoints(name, *(self.replicas[replica] for replica in replicas))

    def serial(self):
        """Of the certificate that a new connection meets."""
        with socket.create_connection(("127.0.0.1", self.sidecar.port), 10) as plain, self.trust.wrap_socket(plain) as secure:
            return secure.getpeercert()["serialNumber"].lower()

    def get(self, path):
        """The name of who answers a request on a connection of its own."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.sidecar.port, timeout=10, context=self.trust)
        connection.request("GET", path)
        name = connection.getresponse().read().decode()
        connection.close()
        self.gets += 1
        return name

    def explain(self):
        """Which route the callers' request would take now, and where to."""
        said = json.loads(subprocess.run([str(PILLIONCTL), "explain", f"127.0.0.1:{self.sidecar.admin}", "--json", "--path", "/charge"],
                                         check=True, stdout=subprocess.PIPE, text=True).stdout)
        return f"route {said['route']['name']}, path {said['route']['path']}; {said['result']}"

    def answered(self, since=0.0):
        """The names in the next SETTLED answers to requests that begin after that moment."""
        start = len(self.callers.answers)
        new = lambda: [body.decode() for began, _, body in self.callers.answers[start:] if began >= since]  # noqa: E731
        if not until(lambda: len(new()) >= SETTLED):
            raise Trouble(f"the callers of {NAME} get no answers")
        return set(new())

    def error_state(self):
        """What /config_dump says of the route table that was refused; None if none was."""
        for section in json.loads(self.sidecar.ask("/config_dump"))["configs"]:
            for table in section.get("dynamic_route_configs", []):
                if "error_state" in table:
                    return table["error_state"]
        return None
