#!/usr/bin/python3
"""The services behind the sidecars, where the clusters `app` say that they are. usage: servers.py web.yaml pay.yaml"""

import http.server
import pathlib
import sys
import threading

import yaml


class Service(http.server.BaseHTTPRequestHandler):
    """Says who asked, as the sidecar has it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self):
        caller = self.headers.get("x-forwarded-client-cert", "nobody").rpartition("URI=")[2]
        body = f"{self.server.name}: {self.path} for {caller}\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(path):
    clusters = yaml.safe_load(path.read_text(encoding="utf-8"))["static_resources"]["clusters"]
    app = next(cluster for cluster in clusters if cluster["name"] == "app")
    address = app["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    server = http.server.ThreadingHTTPServer((address["address"], address["port_value"]), Service)
    server.name = path.stem
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    return thread


for running in [serve(pathlib.Path(name)) for name in sys.argv[1:]]:
    running.join()
