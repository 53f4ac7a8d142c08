"""Thousands of clusters at once."""

import time

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request

MANY = 10000
LONG_ANSWERS = {"grpc_services": [{"envoy_grpc": {"cluster_name": "xds", "max_receive_message_length": 64 * 1024 * 1024}}]}


def slowest_until(live, both, name, value):
    """The longest that an answer took until the metric had that value, and a while after, for the workers hear of it later."""
    slowest = 0
    began = time.monotonic()
    after = 0
    while after < 20:
        assert time.monotonic() - began < 60, f"{name} is {both.stat(name)}"
        after += both.stat(name) == value
        for _ in range(50):
            asked = time.monotonic()
            assert live.exchange(Request()).body == b"one"
            slowest = max(slowest, time.monotonic() - asked)
    return slowest


def test_requests_go_on_while_many_clusters_come_and_go(pushed):
    """One of many costs the workers as much as one of few, and a turn of a worker takes only so many."""
    both = pushed(p.listener(b.http([b.direct(200, "one")])), how=p.STATE, api=LONG_ANSWERS)
    both.until_body(b"one")
    live = both.connect()
    names = [f"c{number}" for number in range(MANY)]
    both.push(*[p.whole_cluster(("127.0.0.1", 9), name=name) for name in names])
    assert slowest_until(live, both, "cluster_manager.cluster_added", MANY + 1) < 0.5
    both.push(remove=[("clusters", name) for name in names])
    assert slowest_until(live, both, "cluster_manager.cluster_removed", MANY) < 0.5
    began = time.monotonic()
    both.proxy.stop()
    assert time.monotonic() - began < 5
