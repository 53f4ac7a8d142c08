"""Which cluster and which host a request goes to. What is drawn is compared as shares, not one by one."""

import base64
import struct
import time

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get, ok, route
from peers.bootstrap import any_of
from peers.message import Request

TWO = {"a": Cluster(), "b": Cluster()}
THREE = {"": Cluster(hosts=[None, None, None])}


def weighted(*weights, **more):
    return [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": f"@{name}", "weight": weight} for name, weight in weights], **more}}}]


def text(rate, load):
    return "endpoint-load-metrics", f"TEXT rps_fractional={rate},cpu_utilization={load}"


def message(rate, load):
    """xds.data.orca.v3.OrcaLoadReport: rps_fractional and application_utilization."""
    return "endpoint-load-metrics-bin", base64.b64encode(struct.pack("<BdBd", 6 << 3 | 1, rate, 9 << 3 | 1, load)).decode()


def reported(name, form, **more):
    """The second of two hosts says that it has three times the load of the first. The first answers come slowly: weights are made of them."""
    def answer(seconds):
        def say(request):
            time.sleep(seconds)
            return ok(form(100, 0.9 if request.authority == "busy.test" else 0.3))
        return say

    def change(config, addresses, folder):
        for host, known in zip(config["load_assignment"]["endpoints"][0]["lb_endpoints"], ("idle.test", "busy.test")):
            host["endpoint"]["hostname"] = known
        policy = any_of("extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
                        **{"blackout_period": "0s", "weight_update_period": "0.1s", **more})
        config["load_balancing_policy"] = {"policies": [{"typed_extension_config": {"name": "by-load", "typed_config": policy}}]}
    return Case(name, [get()] * 600, [route(auto_host_rewrite=True)], clusters={"": Cluster(hosts=[None] * 2, change=change)}, shares=True,
                upstream=[answer(0.02)] * 30 + [answer(0)], ignored=("response.fields",))


CASES = [
    reported("reported-load", text), reported("reported-load-message", message), reported("reported-load-blackout", text, blackout_period="60s"),
    Case("weighted-all-to-one", [get()] * 5, weighted(("a", 0), ("b", 100)), clusters=TWO),
    Case("weighted-by-header", [get("/", ("x-n", str(number))) for number in (0, 9, 10, 99, 100, 1234)], weighted(("a", 10), ("b", 90), header_name="x-n"), clusters=TWO),
    Case("round-robin", [get()] * 30, clusters=THREE, shares=True),
    Case("weighted-shares", [get()] * 600, weighted(("a", 20), ("b", 80)), clusters=TWO, shares=True),
    Case("least-request-shares", [get()] * 600, clusters={"": Cluster(hosts=[None] * 3, fields={"lb_policy": "LEAST_REQUEST"})}, shares=True),
    Case("runtime-fraction-shares", [get()] * 600, [
        {"match": {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 30, "denominator": "HUNDRED"}}}, "route": {"cluster": "@a"}}, route("@b")],
        clusters=TWO, shares=True),
    Case("priority-lowest-first", [Request()] * 4, [route(priority="HIGH")]),
]


def test_alike(pair, case):
    alike(pair, case)
