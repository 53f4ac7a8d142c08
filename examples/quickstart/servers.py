#!/usr/bin/python3
"""The services of bootstrap.yaml, where its clusters `grpc` and, if there is one, `web` say that they are. usage: servers.py BOOTSTRAP"""

import http.server
import sys
import threading
from concurrent import futures

import grpc
import yaml


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: the second of two would wait for an acknowledgement, 40 ms

    def do_GET(self):
        body = f"the web server was asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Greeter(grpc.GenericRpcHandler):
    """/quickstart.Greeter/Greet: one message in, one out; /quickstart.Greeter/Chat: streams both ways. Messages are plain bytes."""

    def service(self, details):
        return {
            "/quickstart.Greeter/Greet": grpc.unary_unary_rpc_method_handler(lambda name, _: b"hello, " + name),
            "/quickstart.Greeter/Chat": grpc.stream_stream_rpc_method_handler(lambda names, _: (b"hello, " + name for name in names)),
        }.get(details.method)


def endpoint(bootstrap, name):
    """(host, port) of a cluster; None if there is no such cluster."""
    cluster = next((item for item in bootstrap["static_resources"]["clusters"] if item["name"] == name), None)
    if cluster is None:
        return None
    address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    return address["address"], address["port_value"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        bootstrap = yaml.safe_load(file)
    if web := endpoint(bootstrap, "web"):
        threading.Thread(target=http.server.ThreadingHTTPServer(web, Web).serve_forever, daemon=True).start()
    greeter = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Greeter()])
    greeter.add_insecure_port("%s:%d" % endpoint(bootstrap, "grpc"))
    greeter.start()
    greeter.wait_for_termination()


main()
