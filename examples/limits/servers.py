#!/usr/bin/python3
"""The services of bootstrap.yaml, where its clusters say that they are. usage: servers.py BOOTSTRAP"""

import http.server
import sys
import threading
import time

import yaml

AT_ONCE = threading.Semaphore(2)


def web(name, seconds):
    """Answers each request with its name, after so long."""
    class Web(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self):
            if seconds:
                with AT_ONCE:
                    time.sleep(seconds)
            body = f"{name}: {self.path}\n".encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    return Web


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        bootstrap = yaml.safe_load(file)
    for cluster in bootstrap["static_resources"]["clusters"]:
        address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        work = web(cluster["name"], 0.02 if cluster["name"] == "shop" else 0)
        server = http.server.ThreadingHTTPServer((address["address"], address["port_value"]), work)
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
