"""Three services one behind the other, and the sidecars between them: each has one of its own, and so has who calls the first.

    caller -> out | in -> a -> out | in -> b -> out | in -> c

A request goes through six listeners, an outbound and an inbound one for each hop. The two of a service are in one process, as those of a
sidecar are: that is how what the service does not pass on is known again. a and b are nginx and pass on nothing but traceparent."""
import json
from dataclasses import dataclass
from pathlib import Path

from benchmark import contexts, programs, proxies, variants
from benchmark.processes import Cpu, Process, free_port
from benchmark.settings import Settings
from benchmark.upstreams import Upstream

LONGEST = 0.3  # seconds: the longest deadline
LISTENERS = ("caller-out", "a-in", "a-out", "b-in", "b-out", "c-in")
LINE = "%REQ(:PATH)% %DYNAMIC_METADATA(pillion.context:trace_id)% %RESPONSE_CODE%\n"
_TYPE = "type.googleapis.com/envoy.extensions."


@dataclass(frozen=True)
class Shape:
    workers: int = 1  # of each sidecar
    both_cores: bool = False  # else the sidecars are on the proxy's
    logs: bool = False  # one for each listener


class Sidecars:
    """Sidecars, and a process with all services beside them. Owned by the scenario's run, which must stop() it."""

    def __init__(self, name: str, shape: Shape, services: list[str], settings: Settings, directory: Path):
        """`services`: the command line of that process."""
        self.name = name
        self._shape, self._settings, self._directory = shape, settings, directory
        self._services = Process("services", services, settings.load_core, directory)
        self._sidecars: dict[str, Process] = {}

    def _begin(self, whose: str, bootstrap: dict) -> None:
        config = self._directory / f"{whose}.json"
        config.write_text(json.dumps(bootstrap, indent=1))
        program = proxies.binary(variants.base(self.name), self._settings.pillion)
        cores = (self._settings.proxy_core, self._settings.load_core) if self._shape.both_cores else (self._settings.proxy_core,)
        self._sidecars[whose] = Process(whose, [*proxies.envoy_command(program, config, self._shape.workers),
                                                "--file-flush-interval-msec", "200"], cores, self._directory)

    def check_alive(self) -> None:
        for process in (*self._sidecars.values(), self._services):
            process.check_alive()

    def stop(self) -> None:
        for process in (*self._sidecars.values(), self._services):
            process.stop()

    def meter(self):
        """Of all sidecars, as Process.meter()."""
        meters = [sidecar.meter() for sidecar in self._sidecars.values()]

        def spent() -> Cpu:
            parts = [meter() for meter in meters]
            return Cpu(*(sum(getattr(part, field) for part in parts) for field in ("total", "user", "system", "wait")))
        return spent


class Chain(Sidecars):
    """The chain of the page's head."""

    def __init__(self, shape: Shape, name: str, upstream: Upstream, settings: Settings, directory: Path):
        """`upstream`: the third service."""
        directory.mkdir(exist_ok=True)
        ports = {listener: free_port() for listener in LISTENERS}
        services = {"a": free_port(), "b": free_port(), "c": upstream.port}
        super().__init__(name, shape, _services(services, ports, directory), settings, directory)
        self.logs = [directory / f"{listener}.log" for listener in LISTENERS] if shape.logs else []
        self.port = ports["caller-out"]
        try:
            for whose in ("caller", *services):
                self._begin(whose, self._bootstrap(whose, ports, services))
            for listener, port in ports.items():
                self._sidecars[listener.partition("-")[0]].wait_until_listening(port)
            for service in ("a", "b"):
                self._services.wait_until_listening(services[service])
        except BaseException:
            self.stop()
            raise

    def _bootstrap(self, whose: str, ports: dict[str, int], services: dict[str, int]) -> dict:
        """Of the sidecar of the caller, or of a service."""
        where = {"caller-out": ports["a-in"], "a-in": services["a"], "a-out": ports["b-in"], "b-in": services["b"],
                 "b-out": ports["c-in"], "c-in": services["c"]}
        mine = [listener for listener in LISTENERS if listener.partition("-")[0] == whose]
        return {"admin": {"address": proxies.address(free_port())}, "static_resources": {
            "listeners": [self._listener(listener, ports[listener]) for listener in mine],
            "clusters": [proxies.cluster(listener, where[listener], "h1") for listener in mine]}}

    def _listener(self, name: str, port: int) -> dict:
        made = proxies.listener(port, "h1", name)
        made["traffic_direction"] = "OUTBOUND" if name.endswith("out") else "INBOUND"
        manager = made["filter_chains"][0]["filters"][0]["typed_config"]
        if variants.base(self.name) == "pillion":
            contexts.add_filter(manager)
        else:  # each hop has a timeout of its own, and the same: nobody tells the next one what is left
            manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["timeout"] = f"{LONGEST}s"
            manager["use_remote_address"] = True  # so that the caller counts as one of ours, whose timeout is taken
            manager["internal_address_config"] = {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}
        if self.logs:
            manager["access_log"] = [{"name": "file", "typed_config": {
                "@type": _TYPE + "access_loggers.file.v3.FileAccessLog", "path": str(self.logs[LISTENERS.index(name)]),
                "log_format": {"text_format_source": {"inline_string": LINE}}}}]
        return made


def _services(services: dict[str, int], ports: dict[str, int], directory: Path) -> list[str]:
    """The first two, in one process."""
    parts = [f"""
  upstream {name} {{ server 127.0.0.1:{ports[name + "-out"]}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{services[name]} reuseport backlog=1024;
    location / {{
      proxy_pass http://{name};
      proxy_http_version 1.1;
      proxy_pass_request_headers off;
      proxy_set_header Connection "";
      proxy_set_header traceparent $http_traceparent;
    }}
  }}""" for name in ("a", "b")]
    return proxies.nginx_command(programs.find("nginx"), proxies.nginx_main(directory, "\n".join(parts)))
