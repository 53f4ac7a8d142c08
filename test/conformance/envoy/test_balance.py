"""Which cluster and which host a request goes to. What is drawn is compared as shares, not one by one."""

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get, route
from peers.message import Request

TWO = {"a": Cluster(), "b": Cluster()}
THREE = {"": Cluster(hosts=[None, None, None])}


def weighted(*weights, **more):
    return [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": f"@{name}", "weight": weight} for name, weight in weights], **more}}}]


CASES = [
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
