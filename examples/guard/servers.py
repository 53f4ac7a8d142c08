#!/usr/bin/python3
"""What stands around the pillion of bootstrap.yaml: its two services, its control plane and a client. usage: servers.py BOOTSTRAP

When requests have been good for long enough, the control plane pushes a route to the service that is broken. Each second it is said
what became of requests."""

import atexit
import collections
import http.client
import http.server
import json
import pathlib
import sys
import threading
import time
import types
import urllib.request

import yaml

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from demonstration.control_plane import ControlPlane  # noqa: E402


def web(status):
    """Answers each request with that."""
    class Web(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self):
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass
    return Web


def where(item):
    address = item["socket_address"]
    return address["address"], address["port_value"]


class Shop:
    def __init__(self, bootstrap):
        resources = bootstrap["static_resources"]
        self._clusters = {cluster["name"]: where(cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"])
                          for cluster in resources["clusters"]}
        self._front = where(resources["listeners"][0]["address"])
        self._admin = "http://%s:%d/guard?format=json" % where(bootstrap["admin"]["address"])
        self._statuses = collections.Counter()

    def serve(self):
        for name, status in (("pay", 200), ("broken", 500)):
            server = http.server.ThreadingHTTPServer(self._clusters[name], web(status))
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self._plane = ControlPlane(types.SimpleNamespace(at_end=atexit.register), self._clusters["control-plane"][1])
        self._route("pay")

    def _route(self, cluster):
        return self._plane.push({
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "shop",
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}]}]})

    def ask(self):
        """About fifty times a second, without end."""
        while True:
            try:
                connection = http.client.HTTPConnection(*self._front, timeout=5)
                while True:
                    connection.request("GET", "/")
                    response = connection.getresponse()
                    response.read()
                    self._statuses[response.status] += 1
                    time.sleep(0.02)
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)  # it has not started yet

    def _armed(self):
        try:
            with urllib.request.urlopen(self._admin, timeout=5) as answer:
                return json.load(answer).get("armed", False)
        except OSError:
            return False

    def tell(self):
        armed_for, pushed = 0, False
        while True:
            time.sleep(1)
            armed_for = armed_for + 1 if self._armed() else 0
            statuses, self._statuses = self._statuses, collections.Counter()
            print("answers: " + (", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())) or "none"), flush=True)
            if armed_for == 5 and not pushed:
                pushed = True
                refused = any(verdict.HasField("error_detail") for verdict in self._route("broken").values())
                print(f"control plane: pushed the route to `broken`; it was {'refused' if refused else 'acknowledged'}", flush=True)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        shop = Shop(yaml.safe_load(file))
    shop.serve()
    threading.Thread(target=shop.ask, daemon=True).start()
    shop.tell()


main()
