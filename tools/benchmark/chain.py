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

LONGEST = 0.3  # seconds: the longest deadline
LISTENERS = ("caller-out", "a-in", "a-out", "b-in", "b-out", "c-in")
LINE = "%REQ(:PATH)% %DYNAMIC_METADATA(pillion.context:trace_id)% %RESPONSE_CODE%\n"
_TYPE = "type.googleapis.com/envoy.extensions."


@dataclass(frozen=True)
class Shape:
    workers: int = 1  # of each sidecar
    both_cores: bool = False  # else the sidecars are on the proxy's
    logs: bool = False  # one for each listener


class Chain:
    """The sidecars and the first two services. Owned by the scenario's run, which must stop() it."""

    def __init__(self, name: str, shape: Shape, last: int, settings: Settings, directory: Path):
        """`last`: the port of the third service."""
        self.name = name
        self.logs = [directory / f"{listener}.log" for listener in LISTENERS] if shape.logs else []
        directory.mkdir(exist_ok=True)
        ports = {listener: free_port() for listener in LISTENERS}
        services = {"a": free_port(), "b": free_port(), "c": last}
        self.port = ports["caller-out"]
        cores = (settings.proxy_core, settings.load_core) if shape.both_cores else (settings.proxy_core,)
        self._services = Process("services", _services(services, ports, directory), settings.load_core, directory)
        self._sidecars: list[Process] = []
        try:
            for whose in ("caller", *services):
                config = directory / f"{whose}.json"
                config.write_text(json.dumps(self._bootstrap(whose, ports, services), indent=1))
                argv = proxies.envoy_command(proxies.binary(variants.base(name), settings.pillion), config, shape.workers)
                self._sidecars.append(Process(whose, [*argv, "--file-flush-interval-msec", "200"], cores, directory))
            for listener, port in ports.items():
                self._sidecar(listener).wait_until_listening(port)
            for service in ("a", "b"):
                self._services.wait_until_listening(services[service])
        except BaseException:
            self.stop()
            raise

    def _sidecar(self, listener: str) -> Process:
        return next(sidecar for sidecar in self._sidecars if sidecar.name == listener.partition("-")[0])

    def check_alive(self) -> None:
        for process in (*self._sidecars, self._services):
            process.check_alive()

    def stop(self) -> None:
        for process in (*self._sidecars, self._services):
            process.stop()

    def meter(self):
        """Of all sidecars, as Process.meter()."""
        meters = [sidecar.meter() for sidecar in self._sidecars]

        def spent() -> Cpu:
            parts = [meter() for meter in meters]
            return Cpu(*(sum(getattr(part, field) for part in parts) for field in ("total", "user", "system", "wait")))
        return spent

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
