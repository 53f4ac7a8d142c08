#!/usr/bin/python3
"""The services of bootstrap.yaml, where its clusters say that they are. The path of a request is its way: /stock/pay has the service
call stock, and that pay. They know nothing of lanes; what they pass on is traceparent. usage: services.py BOOTSTRAP"""

import http.client
import http.server
import sys
import threading

import yaml


def service(name, version, outbound):
    """Answers with its name and version, and what those behind it say. v2 of pay is broken at /broken."""
    class Service(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def ask(self, next_name, path):
            connection = http.client.HTTPConnection("127.0.0.1", outbound, timeout=10)
            connection.request("GET", path, headers={"host": next_name, "traceparent": self.headers["traceparent"]})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, body

        def do_GET(self):
            next_name, _, rest = self.path.lstrip("/").partition("/")
            status, body = 200, b""
            if next_name == "broken":
                status = 500 if version == "v2" else 200
            elif next_name:
                status, body = self.ask(next_name, f"/{rest}")
            body = f"{name} {version}\n".encode() + body
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    return Service


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        resources = yaml.safe_load(file)["static_resources"]
    outbound = next(each for each in resources["listeners"] if each["name"] == "outbound")["address"]["socket_address"]["port_value"]
    for cluster in resources["clusters"]:
        for host in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]:
            address = host["endpoint"]["address"]["socket_address"]
            labels = host.get("metadata", {"filter_metadata": {"envoy.lb": {}}})["filter_metadata"]["envoy.lb"]
            work = service(cluster["name"], labels.get("version", "v1"), outbound)
            server = http.server.ThreadingHTTPServer((address["address"], address["port_value"]), work)
            threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
