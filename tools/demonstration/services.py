"""The first act: two services, a pillion beside each, traffic, and what became of it."""

import json
import subprocess
import sys
import time

import grpc

from demonstration.stage import BOLD, DIM, GREEN, PLAIN, RED, ROOT, address, cluster, free_ports, static_sidecar

REQUESTS = 5000   # of each load
CALLS = 1000      # gRPC


class Traffic:
    """The table of what was sent, and what came back."""

    def __init__(self):
        self.failed = 0
        print(f"\n  {BOLD}{'traffic':44}{'requests':>9}{'failed':>8}{'p50':>10}{'p90':>10}{'p99':>10}{PLAIN}")

    def row(self, what, times, failed):
        """times: of those that succeeded, in milliseconds."""
        self.failed += failed
        times = sorted(times)
        values = [f" {times[min(len(times) - 1, int(len(times) * part))]:.2f} ms" if times else "-" for part in (0.5, 0.9, 0.99)]
        mark = f"{RED}{failed:>8}{PLAIN}" if failed else f"{failed:>8}"
        print(f"  {what:44}{len(times) + failed:>9}{mark}" + "".join(f"{value:>10}" for value in values), flush=True)


def run_curl(traffic, what, expected, *arguments):
    result = subprocess.run(["curl", "--silent", "--noproxy", "*", "--max-time", "10", "--write-out", "\n%{http_code} %{time_total}", *arguments],
                            stdout=subprocess.PIPE, text=True, check=False)
    body, _, report = result.stdout.rpartition("\n")
    status, seconds = report.split()
    good = status == "200" and body == expected
    traffic.row(what, [float(seconds) * 1000] if good else [], 0 if good else 1)


def run_h2load(traffic, stage, what, url, *arguments):
    log = stage.folder / "h2load.tsv"
    log.unlink(missing_ok=True)
    subprocess.run(["h2load", f"-n{REQUESTS}", f"--log-file={log}", *arguments, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    rows = [line.split("\t") for line in log.read_text(encoding="ascii").splitlines()] if log.exists() else []
    times = [int(microseconds) / 1000 for _, status, microseconds in rows if status == "200"]
    traffic.row(what, times, REQUESTS - len(times))


def run_grpc(traffic, port):
    with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        greet, times, failed = channel.unary_unary("/quickstart.Greeter/Greet"), [], 0
        for number in range(CALLS):
            began = time.perf_counter()
            try:
                good = greet(b"%d" % number, timeout=10) == b"hello, %d" % number
            except grpc.RpcError:
                good = False
            failed += not good
            if good:
                times.append((time.perf_counter() - began) * 1000)
        traffic.row("gRPC client, unary            -> gRPC server", times, failed)
        names = [b"%d" % number for number in range(100)]
        began = time.perf_counter()
        try:
            good = list(channel.stream_stream("/quickstart.Greeter/Chat")(iter(names), timeout=10)) == [b"hello, " + name for name in names]
        except grpc.RpcError:
            good = False
        traffic.row("gRPC client, streams, 100 messages each way", [(time.perf_counter() - began) * 1000] if good else [], not good)


def show_counters(sidecar, expected):
    """Prints what the sidecar counted. True if it is just what was sent."""
    counted = sidecar.counters()
    prefix, cluster = f"http.{sidecar.name}.", "cluster.service."
    requests, good, upstream = (counted.get(name, 0) for name in (f"{prefix}downstream_rq_total", f"{prefix}downstream_rq_2xx", f"{cluster}upstream_rq_total"))
    connections = counted.get(f"{prefix}downstream_cx_total", 0), counted.get(f"{cluster}upstream_cx_total", 0)
    agrees = requests == good == upstream == expected
    mark = f"{GREEN}all accounted for{PLAIN}" if agrees else f"{RED}{expected} were sent{PLAIN}"
    print(f"  pillion-{sidecar.name:6}{requests:>8} requests in, {good} answered 2xx, {upstream} sent on   {mark}")
    print(f"  {'':14}{connections[0]:>8} connections in, {connections[1]} out; "
          f"{sidecar.cpu_seconds() / max(requests, 1) * 1e6:.0f} us CPU a request, {sidecar.rss_mib():.0f} MiB resident")
    return agrees


def show(stage):
    """True if everything worked."""
    (stage.folder / "www").mkdir()
    page = "a page of the web server\n"
    (stage.folder / "www/index.html").write_text(page, encoding="utf-8")
    web_port, grpc_port = free_ports(2)
    (stage.folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {stage.folder}/nginx.pid; error_log {stage.folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000; client_body_temp_path {stage.folder}/t1; proxy_temp_path {stage.folder}/t2;
  fastcgi_temp_path {stage.folder}/t3; uwsgi_temp_path {stage.folder}/t4; scgi_temp_path {stage.folder}/t5;
  server {{ listen 127.0.0.1:{web_port}; root {stage.folder}/www; }}
}}
""", encoding="utf-8")
    stage.start("nginx", ["nginx", "-e", f"{stage.folder}/nginx-error.log", "-c", f"{stage.folder}/nginx.conf"], web_port)
    services = {"static_resources": {"clusters": [{"name": "grpc", "load_assignment": {"endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(grpc_port)}}]}]}}]}}
    (stage.folder / "services.json").write_text(json.dumps(services), encoding="utf-8")
    stage.start("grpc-server", [sys.executable, str(ROOT / "examples/quickstart/servers.py"), str(stage.folder / "services.json")], grpc_port)
    everything = [{"match": {"prefix": "/"}, "route": {"cluster": "service"}}]
    web = static_sidecar(stage, "web", everything, [cluster("service", web_port)])
    greeter = static_sidecar(stage, "grpc", everything, [cluster("service", grpc_port, http2=True)])

    print(f"""
  {BOLD}two services, each behind a pillion of its own{PLAIN}

    curl, h2load --HTTP/1.1, HTTP/2-->  pillion-web   127.0.0.1:{web.port:<6} --HTTP/1.1-->  nginx        127.0.0.1:{web_port}
    gRPC client  --HTTP/2----------->  pillion-grpc  127.0.0.1:{greeter.port:<6} --HTTP/2---->  gRPC server  127.0.0.1:{grpc_port}""")

    url, traffic = f"http://127.0.0.1:{web.port}/index.html", Traffic()
    run_curl(traffic, "curl, HTTP/1.1                -> nginx", page, "--http1.1", url)
    run_curl(traffic, "curl, HTTP/2                  -> nginx", page, "--http2-prior-knowledge", url)
    run_h2load(traffic, stage, "h2load, HTTP/1.1, 32 clients  -> nginx", url, "--h1", "-c32")
    run_h2load(traffic, stage, "h2load, HTTP/2, 4 x 8 streams -> nginx", url, "-c4", "-m8")
    run_grpc(traffic, greeter.port)

    print(f"\n  {BOLD}what the sidecars counted{PLAIN}")
    agrees = [show_counters(web, 2 + 2 * REQUESTS), show_counters(greeter, CALLS + 1)]

    print(f"\n  {BOLD}the last lines of their access logs{PLAIN}")
    for sidecar, requests in (web, 2 + 2 * REQUESTS), (greeter, CALLS + 1):
        lines = sidecar.log_lines(requests)
        print(f"  {DIM}{lines[-1] if lines else 'nothing'}{PLAIN}")
        agrees.append(len(lines) == requests)

    print(f"\n  {BOLD}look inside{PLAIN}")
    for sidecar in (web, greeter):
        print(f"    http://127.0.0.1:{sidecar.admin}/   pillion-{sidecar.name}: counters, clusters, listeners, configuration")
        agrees.append(sidecar.ask("/ready") == "LIVE\n")
    print(f"    curl http://127.0.0.1:{web.port}/   through pillion to nginx\n")
    return traffic.failed == 0 and all(agrees)
