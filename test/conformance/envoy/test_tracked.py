"""What a cluster tracks of its requests beside what is counted of all: sizes, parts of timeouts, figures of its endpoints."""

import re

from frame.case import Case, Cluster, Cut, Hang
from frame.check import alike, judge
from frame.pair import differing
from frame.readme import admitted
from frame.write import get, ok, route
from peers.message import Request
from peers.wait import until

QUICK = {"base_interval": "0.001s", "max_interval": "0.001s"}
LINE = re.compile(r'envoy_cluster_(upstream_r[qs]_(?:headers|body|timeout_budget)_\w+)_bucket\{envoy_cluster_name="([^"]*)",le="([^"]*)"\} (\d+)')


def tracking(**what):
    return {"": Cluster(fields={"track_cluster_stats": what})}


def sizes(name, requests=None, **more):
    return Case(name, requests or [get()], clusters=tracking(request_response_sizes=True), **more)


def budgets(name, requests=None, **more):
    return Case(name, requests or [get()], clusters=tracking(timeout_budgets=True), **more)


def retrying(**more):
    return [route(retry_policy={"retry_on": "5xx,reset", "num_retries": 1, "retry_back_off": QUICK}, **more)]


CASES = [
    sizes("tracked-sizes"), sizes("tracked-sizes-body", [Request("POST", body=b"x" * 700)], upstream=[ok(body=b"y" * 3000)]),
    sizes("tracked-sizes-chunked", [b"POST / HTTP/1.1\r\nhost: @host\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]),
    sizes("tracked-sizes-many-fields", [get("/", *[(f"x-{number}", "v" * number) for number in range(30)])], upstream=[ok(("x-long", "v" * 900))]),
    sizes("tracked-sizes-retried", routes=retrying(), upstream=[Cut(), ok()]),
    sizes("tracked-sizes-no-answer", upstream=[Cut()]),
    budgets("tracked-budgets", [get()] * 3), budgets("tracked-budgets-body", [Request("POST", body=b"abc")]),
    budgets("tracked-budgets-retried", routes=retrying(), upstream=[Cut(), ok()]),
    budgets("tracked-budgets-none", routes=[route(timeout="0s")]),
    budgets("tracked-budgets-timeout", routes=[route(timeout="0.2s")], upstream=[Hang()]),
    budgets("tracked-budgets-of-a-try", routes=[route(timeout="10s", retry_policy={"retry_on": "connect-failure", "per_try_timeout": "0.2s"})], upstream=[Hang()]),
    Case("tracked-budgets-formerly", clusters={"": Cluster(fields={"track_timeout_budgets": True})}),
    Case("tracked-endpoints", [get()] * 4, shares=True, clusters={"": Cluster(hosts=[None] * 2, fields={"track_cluster_stats": {"per_endpoint_stats": True}})}),
    Case("tracked-endpoints-that-fail", [get(), Request("POST", body=b"abc")], upstream=[ok(status=503), Cut()], clusters=tracking(per_endpoint_stats=True)),
]
MORE_NAMES = [f"{case.name} figures" for case in CASES]
BOOTSTRAP = {"stats_flush_interval": "0.1s"}  # Envoy shows histograms then


def tracked(pair, case):
    """{side: {(histogram, bound): count, or a line of an endpoint}} of the case's cluster. Of what took time: that it is there."""
    found = {}
    for side, (_, _, text) in pair.admin("/stats/prometheus").items():
        counts = found[side] = {}
        for name, cluster, bound, count in LINE.findall(text):
            if cluster == case.name and ("timeout" not in case.name and "try" not in case.name or bound == "+Inf"):
                counts[f"{name}.{bound}"] = int(count)
    for side, (_, _, text) in pair.admin(f"/stats?filter=^cluster.{case.name}.endpoint").items():
        found[side].update(line.split(": ") for line in text.splitlines() if ": " in line)
    return found


def test_alike(pair, case):
    alike(pair, case)
    admits = admitted().get(f"{case.name} figures", ())
    latest = {}

    def same():
        latest.update(tracked(pair, case))
        return any(latest["envoy"].values()) and bool(differing(latest)) == bool(admits)
    try:
        until(same, "both have tracked the same")
    except AssertionError:
        judge(f"{case.name} figures", latest)
        raise
    judge(f"{case.name} figures", latest)
