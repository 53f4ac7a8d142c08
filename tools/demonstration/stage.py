"""What every act needs: processes that end with the demo, sidecars, and the colours of the terminal."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PILLION = ROOT / "out/pillion"
PILLIONCTL = ROOT / "out/pillionctl"
BOLD, DIM, GREEN, RED, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 5

HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "envoy.extensions.filters.http.router.v3.Router"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
FILE_LOG = "envoy.extensions.access_loggers.file.v3.FileAccessLog"


def any_of(name, /, **fields):
    return {"@type": f"type.googleapis.com/{name}", **fields}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, *ports, http2=False, **fields):
    options = {"typed_extension_protocol_options": {HTTP_OPTIONS: any_of(
        HTTP_OPTIONS, explicit_http_config={"http2_protocol_options": {}})}} if http2 else {}
    return {"name": name, "connect_timeout": "1s", **options, **fields, "load_assignment": {"cluster_name": name, "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(port)}} for port in ports]}]}}


def free_ports(count):
    """Different ones, as they are all held until the last is known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Stage:
    """The processes of the demo, and what else it runs. All of it ends with it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pillion-demo-"))
        self._processes = []
        self._ends = []

    def start(self, name, command, port=None, says=None):
        """Once it listens on `port`, or has said so. What it says is in self.folder/name.log."""
        log = self.folder / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self.folder)
        self._processes.append(process)
        for _ in range(1000):
            if process.poll() is not None:
                break
            if says in log.read_text(errors="replace") if says else listens(port):
                return process
            time.sleep(0.01)
        raise Trouble(f"{name} does not start:\n{log.read_text(errors='replace')}")

    def said(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def at_end(self, end):
        """To be called when the demo ends."""
        self._ends.append(end)

    def close(self):
        for end in self._ends:
            end()
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Trouble(Exception):
    """Something did not work; the text says what."""


def ask(admin, path):
    """What the administration of a pillion says."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{admin}{path}", timeout=10) as response:
        return response.read().decode()


def counters(admin):
    lines = (line.partition(": ") for line in ask(admin, "/stats").splitlines())
    return {name: int(value) for name, _, value in lines if value.isdigit()}


def until(condition):
    """True once it holds, within five seconds."""
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


class Report:
    """What was to be seen, and whether it was."""

    def __init__(self):
        self.good = True

    def say(self, what, worked, text, *why):
        self.good = self.good and worked
        mark = f"{GREEN}ok{PLAIN}" if worked else f"{RED}NOT SO{PLAIN}"
        print(f"  {what:10}{text}   {mark}", *(f"  {'':10}{DIM}{line}{PLAIN}" for line in why), sep="\n", flush=True)


def http_manager(name, log, filters=(), line=None, **fields):
    """A filter chain's one network filter: HTTP, with a log of requests. `line`: what of each, as JSON; else the usual text."""
    form = {"log_format": {"json_format": line}} if line else {}
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": any_of(
        HCM, stat_prefix=name, access_log=[{"name": "file", "typed_config": any_of(FILE_LOG, path=str(log), **form)}],
        http_filters=[*filters, {"name": "envoy.filters.http.router", "typed_config": any_of(ROUTER)}], **fields)}


class Sidecar:
    """A pillion that listens on `port`. `bootstrap`: all but the administration."""

    def __init__(self, stage, name, port, admin, bootstrap):
        self.name, self.port, self.admin = name, port, admin
        self.log = access_log(stage, name)
        path = stage.folder / f"{name}.json"
        path.write_text(json.dumps({"admin": {"address": address(admin)}, **bootstrap}, indent=2), encoding="utf-8")
        self.process = stage.start(f"pillion-{name}", [
            str(PILLION), "-c", str(path), "--concurrency", "1", "--file-flush-interval-msec", "100"], port)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def ask(self, path):
        return ask(self.admin, path)

    def counters(self):
        return counters(self.admin)

    def log_lines(self, count, mark=""):
        """Those that have the mark, once there are so many: they are written every 100 ms."""
        lines = []
        for _ in range(100):
            lines = [line for line in self.log.read_text(encoding="utf-8").splitlines() if mark in line] if self.log.exists() else []
            if len(lines) >= count:
                break
            time.sleep(0.05)
        return lines


def access_log(stage, name):
    """Where the log of requests of the sidecar of that name is."""
    return stage.folder / f"{name}-access.log"


def static_sidecar(stage, name, routes, clusters, filters=()):
    """A sidecar that has all from its bootstrap. `routes`: of its one virtual host; `filters`: HTTP filters before the router."""
    port, admin = free_ports(2)
    manager = http_manager(name, access_log(stage, name), filters, route_config={
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]})
    return Sidecar(stage, name, port, admin, {"static_resources": {
        "listeners": [{"name": name, "address": address(port), "filter_chains": [{"filters": [manager]}]}], "clusters": clusters}})
