#!/usr/bin/python3
"""What stands around a pillion: its control plane, and a web server for each host that it sends. usage: servers.py BOOTSTRAP RESOURCES

BOOTSTRAP says where the control plane is asked; it sends what stands in RESOURCES, and what changes there. Nothing is taken away."""

import atexit
import http.server
import os
import sys
import threading
import time
import types
from pathlib import Path

import yaml

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))
from demonstration.control_plane import ControlPlane  # noqa: E402
from demonstration.stage import Trouble  # noqa: E402


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self):
        body = f"the web server was asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def hosts(assignment):
    """Its addresses."""
    for locality in assignment.get("endpoints", []):
        for host in locality["lb_endpoints"]:
            address = host["endpoint"]["address"]["socket_address"]
            yield address["address"], address["port_value"]


class Sender:
    def __init__(self, port, path):
        self._plane = ControlPlane(types.SimpleNamespace(at_end=atexit.register), port)
        self._path = path
        self._saved = None  # when
        self._sent = {}  # by type and name
        self._serving = set()  # addresses of web servers

    def run(self):
        while True:
            saved = os.stat(self._path).st_mtime_ns
            if saved != self._saved:
                self._saved = saved
                self._send()
            time.sleep(0.2)

    def _send(self):
        try:
            resources = yaml.safe_load(self._path.read_text(encoding="utf-8"))
            named = {(one["@type"], one.get("name") or one["cluster_name"]): one for one in resources}
        except (yaml.YAMLError, KeyError, TypeError) as error:
            print(f"control plane: {self._path}: {error!r}; expected a list of resources, each with @type and name", flush=True)
            return
        for one in resources:
            self._serve(one)
        changed = [one for key, one in named.items() if self._sent.get(key) != one]
        try:
            verdicts = self._plane.push(*changed)
        except (Trouble, ValueError) as error:  # ValueError: what is no such message
            print(f"control plane: {error}", flush=True)
            return
        self._sent.update(named)
        print(f"control plane: sent {len(changed)} resources to {len(verdicts) and 'one sidecar' or 'nobody yet'}", flush=True)
        for kind, verdict in verdicts.items():
            refused = verdict.error_detail.message
            print(f"control plane: {kind}: {'refused: ' + refused if refused else 'acknowledged'}", flush=True)

    def _serve(self, resource):
        for address in set(hosts(resource)) - self._serving if "cluster_name" in resource else ():
            server = http.server.ThreadingHTTPServer(address, Web)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self._serving.add(address)


def main():
    bootstrap, resources = map(Path, sys.argv[1:])
    clusters = {cluster["name"]: cluster for cluster in yaml.safe_load(bootstrap.read_text(encoding="utf-8"))["static_resources"]["clusters"]}
    (_, port), = hosts(clusters["control-plane"]["load_assignment"])
    Sender(port, resources).run()


main()
