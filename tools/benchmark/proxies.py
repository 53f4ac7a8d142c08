"""How each proxy is configured for one hop: listen on a port, one protocol down and one up, forward everything.

Each renderer writes what its proxy needs into a directory and returns the command line. All run one worker and no
access log; apart from that, and from limits that a benchmark would hit, they run as they come.
"""
import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from benchmark import mesh, programs, variants
from benchmark.processes import free_port

CONNECTIONS = 10500  # each must hold the idle scenario's 10,000


@dataclass(frozen=True)
class Hop:
    down: str  # "h1" or "h2"
    up: str
    port: int
    upstream_port: int
    grpc: bool = False
    variant: str = ""  # of variants.py
    mesh: str = ""     # carried by mutual TLS within the proxy as "h1" or "h2"; empty: one plain hop
    between: int = 0   # where the end listens that takes this mutual TLS
    plane: int = 0     # where the control plane listens that says all the rest


def haproxy(binary: str, hop: Hop, directory: Path) -> list[str]:
    config = directory / "haproxy.cfg"
    parts = f"""frontend down
  bind 127.0.0.1:{hop.port}{" proto h2" if hop.down == "h2" else ""}
  default_backend up
backend up
  server upstream 127.0.0.1:{hop.upstream_port}{" proto h2" if hop.up == "h2" else ""}
"""
    if hop.mesh:
        mesh.certificates(directory)
        parts = mesh.haproxy(hop, directory)
    config.write_text(f"""global
  nbthread 1
  maxconn {CONNECTIONS}
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
{parts}""")
    return [binary, "-db", "-f", str(config)]


def nginx_main(directory: Path, http: str) -> Path:
    """An nginx.conf around `http`, its files in `directory`."""
    config = directory / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = "\n".join(f"  {kind}_temp_path {directory}/{kind};" for kind in kinds)
    config.write_text(f"""{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
events {{ worker_connections {CONNECTIONS + 500}; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
{scratch}
{http}
}}
""")
    return config


def nginx_command(binary: str, config: Path) -> list[str]:
    return [binary, "-e", "stderr", "-c", str(config)]


def nginx(binary: str, hop: Hop, directory: Path) -> list[str]:
    if hop.mesh:
        mesh.certificates(directory)
        return nginx_command(binary, nginx_main(directory, mesh.nginx(hop, directory)))
    forward = "grpc_pass grpc://up;" if hop.grpc else """
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;"""
    return nginx_command(binary, nginx_main(directory, f"""
  client_max_body_size 0;
  upstream up {{ server 127.0.0.1:{hop.upstream_port}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{hop.port} reuseport{" http2" if hop.down == "h2" else ""};
    location / {{ {forward}
    }}
  }}"""))


def nghttpx(binary: str, hop: Hop, directory: Path) -> list[str]:
    # A frontend without TLS takes HTTP/1.1 and, by prior knowledge, HTTP/2.
    return [binary, "--conf=/dev/null", "--single-process", "--workers=1",
            f"--errorlog-file={directory}/nghttpx.err",
            f"--frontend=127.0.0.1,{hop.port};no-tls",
            f"--backend=127.0.0.1,{hop.upstream_port};;no-tls{';proto=h2' if hop.up == 'h2' else ''}"]


def envoy(binary: str, hop: Hop, directory: Path) -> list[str]:
    """Envoy, and pillion, which takes the same command line and bootstrap."""
    config = directory / "bootstrap.json"
    made = asking(directory.name, hop.plane) if hop.plane else bootstrap(hop)
    if hop.mesh:
        mesh.certificates(directory)
        made = mesh.bootstrap(hop, made, directory, listener, cluster)
    config.write_text(json.dumps(variants.apply(hop.variant, made, directory), indent=1))
    return envoy_command(binary, config)


def envoy_command(binary: str, config: Path, workers: int = 1) -> list[str]:
    return [binary, "-c", str(config), "--concurrency", str(workers), "--disable-hot-restart", "-l", "warning"]


_TYPE = "type.googleapis.com/envoy.extensions."


def bootstrap(hop: Hop) -> dict:
    return {"admin": {"address": address(free_port())},
            "static_resources": {"listeners": [listener(hop.port, hop.down, "up")],
                                 "clusters": [cluster("up", hop.upstream_port, hop.up)]}}


def asking(node: str, plane: int) -> dict:
    """A bootstrap that asks a control plane for everything, on one stream and by differences."""
    aggregated = {"ads": {}, "resource_api_version": "V3"}
    return {"admin": {"address": address(free_port())}, "node": {"id": node, "cluster": "bench"},
            "static_resources": {"clusters": [cluster("plane", plane, "h2")]},
            "dynamic_resources": {"cds_config": aggregated, "lds_config": aggregated, "ads_config": {
                "api_type": "DELTA_GRPC", "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "plane"}}]}}}


def address(port: int, host: str = "127.0.0.1") -> dict:
    return {"socket_address": {"address": host, "port_value": port}}


def listener(port: int, codec: str, cluster: str) -> dict:
    router = {"name": "envoy.filters.http.router",
              "typed_config": {"@type": _TYPE + "filters.http.router.v3.Router"}}
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "60s"}}]
    connection_manager = {
        "@type": _TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": cluster,
        "codec_type": "HTTP2" if codec == "h2" else "AUTO",
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [router],
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager}
    return {"name": f"{cluster}-{port}", "address": address(port), "filter_chains": [{"filters": [network]}]}


def cluster(name: str, port: int, protocol: str) -> dict:
    many = 100000
    limits = {"max_connections": many, "max_pending_requests": many, "max_requests": many}
    made = {
        "name": name, "type": "STATIC", "connect_timeout": "30s",
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]},
    }
    if protocol == "h2":
        made["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": _TYPE + "upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}}
    return made


RENDERERS = {"pillion": envoy, "haproxy": haproxy, "nginx": nginx, "nghttpx": nghttpx, "envoy": envoy}


def command(name: str, pillion: Path, hop: Hop, directory: Path) -> list[str]:
    """The command line of a proxy by its name, which may carry a variant; `pillion` is the path of ours."""
    plain, _, variant = name.partition("+")
    return RENDERERS[plain](binary(plain, pillion), dataclasses.replace(hop, variant=variant or hop.variant), directory)


def binary(name: str, pillion: Path) -> str:
    """Where a proxy's program is."""
    if name == "pillion":
        return str(pillion)
    return programs.envoy() if name == "envoy" else programs.find(name)
