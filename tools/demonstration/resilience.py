"""The third act: a replica that fails, and what its callers notice of it; a request that is copied; a fault on purpose."""

import http.client
import http.server
import threading

from demonstration.stage import BOLD, PLAIN, Report, any_of, cluster, static_sidecar, until

FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault"
REQUESTS = 60
FAILURES = 5  # in a row until a replica is ejected
EJECTED = "/failed_outlier_check"
RETRY = {"retry_on": "5xx", "num_retries": 2}


class Replica(http.server.ThreadingHTTPServer):
    """A service that counts what it is asked, and answers 503 while it is broken."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.hosts, self.broken = [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.hosts.append(self.headers["host"])
        self.send_response(503 if self.server.broken else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def ask(sidecar, path, count):
    """The statuses of so many requests, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=10)
    statuses = []
    for _ in range(count):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    return statuses


def flags_of(sidecar, replica):
    """What /clusters says of a replica's health."""
    prefix = f"replicas::127.0.0.1:{replica.port}::health_flags::"
    return next((line[len(prefix):] for line in sidecar.ask("/clusters").splitlines() if line.startswith(prefix)), "missing")


def show_ejection(report, guard, sick):
    sick.broken = True
    statuses = []
    while len(sick.hosts) < FAILURES and len(statuses) < REQUESTS:
        statuses += ask(guard, "/", 1)
    failures = len(sick.hosts)
    # The process ejects a moment after it has seen the last failure; who asks in between may still be sent there.
    until(lambda: EJECTED in flags_of(guard, sick))
    ejected = flags_of(guard, sick)
    statuses += ask(guard, "/", REQUESTS - len(statuses))
    retries = guard.counters()["cluster.replicas.upstream_rq_retry"]
    over = EJECTED not in flags_of(guard, sick)  # on a machine so busy that this took longer than the ejection
    report.say("retry", statuses == [200] * REQUESTS and retries == len(sick.hosts) and failures == FAILURES,
               f"{REQUESTS} requests, a replica of three answers 503: {retries} tries failed, {statuses.count(200)} requests got 200",
               f"route: retry_policy {{retry_on: 5xx}}; cluster.replicas.upstream_rq_retry: {retries}")
    report.say("ejection", EJECTED in ejected and (len(sick.hosts) == failures or over),
               f"after {FAILURES} failures in a row it is asked no more",
               f"cluster: outlier_detection {{consecutive_5xx: {FAILURES}}}; /clusters: health_flags::{ejected}")
    sick.broken = False
    asked = len(sick.hosts)
    returned = until(lambda: flags_of(guard, sick) == "healthy") and until(lambda: ask(guard, "/", 3) and len(sick.hosts) > asked)
    report.say("return", returned, "two seconds later it is tried again, and stays",
               f"base_ejection_time: 2s; /clusters: health_flags::{flags_of(guard, sick)}")


def show(stage):
    """True if everything worked."""
    replicas, shadow = [Replica() for _ in range(3)], Replica()
    to_replicas = {"cluster": "replicas", "retry_policy": RETRY}
    guard = static_sidecar(
        stage, "guard",
        [{"match": {"prefix": "/copied"}, "route": {**to_replicas, "request_mirror_policies": [{"cluster": "shadow"}]}},
         {"match": {"prefix": "/faulty"}, "route": to_replicas, "typed_per_filter_config": {"envoy.filters.http.fault": any_of(
             FAULT, abort={"http_status": 418, "percentage": {"numerator": 25}})}},
         {"match": {"prefix": "/"}, "route": to_replicas}],
        [cluster("replicas", *(replica.port for replica in replicas), outlier_detection={
            "consecutive_5xx": FAILURES, "interval": "0.1s", "base_ejection_time": "2s", "max_ejection_percent": 50}),
         cluster("shadow", shadow.port)],
        [{"name": "envoy.filters.http.fault", "typed_config": any_of(FAULT)}])

    print(f"\n  {BOLD}a replica that fails, a copy, a fault{PLAIN}\n\n"
          f"    client --> pillion-guard  127.0.0.1:{guard.port:<6} --> three replicas, --copies--> a shadow\n")
    report = Report()
    show_ejection(report, guard, replicas[1])

    statuses = ask(guard, "/copied", REQUESTS)
    copied = until(lambda: len(shadow.hosts) == REQUESTS)
    host = shadow.hosts[0] if shadow.hosts else "nothing"
    report.say("mirror", copied and statuses == [200] * REQUESTS and host.partition(":")[0].endswith("-shadow"),
               f"{REQUESTS} requests answered by the replicas; the shadow saw {len(shadow.hosts)} copies",
               f"route: request_mirror_policies; the copies' host: {host}")

    statuses = ask(guard, "/faulty", 4 * REQUESTS)
    aborted = statuses.count(418)
    injected = guard.counters()["http.guard.fault.aborts_injected"]
    told = guard.log_lines(aborted, " 418 FI ")
    report.say("fault", 0 < aborted == injected == len(told) and aborted + statuses.count(200) == 4 * REQUESTS,
               f"{4 * REQUESTS} requests, {aborted} of them got the 418 that the route asks for in 25 of 100",
               f"filter fault; log: {told[-1][27:60] if told else 'nothing'}..., FI: fault injected")
    for replica in (*replicas, shadow):
        replica.shutdown()
        replica.server_close()
    return report.good
