"""A service that passes on the context of its requests. usage: service.py PORT OUTBOUND_PORT"""

import http.client
import http.server
import sys
import time

CONTEXT = "x-vivo-context", "traceparent"  # all that there is to it; traceparent alone would do


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self):
        status, body = 200, b""
        if self.path == "/slow":
            time.sleep(2)
        elif self.path != "/":  # the rest of the way
            onward = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
            onward.request("GET", self.path, headers={name: self.headers[name] for name in CONTEXT if name in self.headers})
            answer = onward.getresponse()
            status, body = answer.status, answer.read()
            onward.close()
        trace, left, baggage = (self.headers.get(name, "-") for name in ("traceparent", "x-timeout-ms", "baggage"))
        line = f"python: trace {trace[3:35]}, {left} ms left, baggage {baggage}\n".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(line + body)))
        self.end_headers()
        self.wfile.write(line + body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
