"""Connections to hosts that are next in turn. Apart from all other cases: to Envoy a connection that is idle, of whatever cluster of the
worker, is capacity for this one."""

from frame.case import Case, Cluster
from frame.check import alike

CONNECTIONS = ("c.upstream_cx_total",)

CASES = [
    Case("preconnect-to-all", stats=CONNECTIONS, moves=CONNECTIONS, ignored=("upstream.host", "log.host", "log.tried"),
         clusters={"": Cluster(hosts=[None] * 3, fields={"preconnect_policy": {"predictive_preconnect_ratio": 2}})}),
]


def test_alike(pair, case):
    alike(pair, case)
