"""What is done to one lane's requests: faults, and copies for the baseline whose answers are compared; and answers that explain."""

import json
import threading
import time

import pytest

from peers import bootstrap as b
from peers import context_filter
from peers.context_filter import LOCAL, App
from peers.lanes import COLOUR, PILLION, grey, header, labelled, policy, rule
from peers.message import Request, Response
from peers.wait import until

GRPC = [("content-type", "application/grpc"), ("te", "trailers")]
X_ENV = "x-env", "gray"
MIRROR = "http.ingress.grey.lane.env=gray.mirror."
FAULT = "http.ingress.grey.lane.env=gray.fault."


class Lanes:
    """A sidecar in front of a service of which there is a version for the lane and another one for all others."""

    def __init__(self, pillion, serve, protocol="h1", before=(), runtime=None, **lane):
        self.base, self.gray = App(serve, protocol), App(serve, protocol)
        lanes = {"lanes": [{"labels": COLOUR, **lane}]} if lane else {}
        filters = [*before, *context_filter.filters(grey(rule("env", header(*X_ENV)), **lanes))]
        cluster = b.cluster(self.base.address, protocol=protocol, load_balancing_policy=policy(),
                            load_assignment=labelled("upstream", [(self.base.address, {}), (self.gray.address, COLOUR)]))
        config = b.bootstrap([b.listener(b.http([b.route(timeout="10s")], http_filters=filters))], [cluster])
        self.proxy = pillion(config | ({"layered_runtime": {"layers": runtime}} if runtime else {}))

    def ask(self, *fields, protocol="h1"):
        return self.proxy.exchange(Request(fields=list(fields)), protocol)

    def mirrored(self):
        return {name: self.proxy.stat(MIRROR + name) for name in ("sent", "same_status", "other_status", "no_answer")}


@pytest.fixture
def lanes(pillion, serve):
    return lambda *args, **fields: Lanes(pillion, serve, *args, **fields)


def test_one_lane_waits(lanes):
    made = lanes(fault={"delay": "0.3s"})
    began = time.monotonic()
    assert made.ask(X_ENV).status == 200
    assert time.monotonic() - began >= 0.3
    assert made.proxy.stat(FAULT + "delays_injected") == 1 and made.proxy.stat(FAULT + "active_faults") == 0
    assert made.ask().status == 200
    assert made.proxy.stat(FAULT + "delays_injected") == 1
    assert (len(made.gray.seen), len(made.base.seen)) == (1, 1)


def test_one_lane_fails(lanes):
    made = lanes("h2", fault={"abort_grpc_status": 14})
    answer = made.ask(X_ENV, *GRPC, protocol="h2")
    assert (answer.status, answer.get("grpc-status")) == (200, "14")
    assert made.ask(*GRPC, protocol="h2").status == 200
    assert (len(made.gray.seen), len(made.base.seen)) == (0, 1)
    assert made.proxy.stat(FAULT + "aborts_injected") == 1


def test_the_administration_ends_the_faults_of_all_lanes(lanes):
    made = lanes(runtime=[{"name": "admin", "admin_layer": {}}], fault={"abort_status": 503})
    assert made.ask(X_ENV).status == 503
    assert made.proxy.admin_response("/runtime_modify?grey.lane.fault.abort_per_million=0", "POST")[0] == 200
    until(lambda: made.ask(X_ENV).status == 200, "there are no more")
    assert made.proxy.admin_response("/runtime_modify?grey.lane.fault.abort_per_million=", "POST")[0] == 200
    until(lambda: made.ask(X_ENV).status == 503, "what is configured holds again")


def test_as_many_copies_as_there_may_be(lanes):
    """Others are not copied; those that are answered make room."""
    made = lanes(mirror={"max_active": 2})
    go = threading.Event()

    def later(_):
        assert go.wait(20)
        return Response(200)

    made.base.answer = later
    for number in range(5):
        assert made.ask(X_ENV).status == 200
        until(lambda: len(made.base.seen) == min(number + 1, 2), "the copy is there")  # pylint: disable=cell-var-from-loop
    assert made.mirrored()["sent"] == 2 and made.proxy.stat(MIRROR + "overflow") == 3
    go.set()
    until(lambda: made.mirrored()["same_status"] == 2, "they are answered")
    assert made.ask(X_ENV).status == 200
    until(lambda: made.mirrored()["same_status"] == 3, "so is one more")
    assert made.proxy.stat(MIRROR + "overflow") == 3


def test_copies_for_the_baseline(lanes):
    """They carry no colour, and what they are answered is compared."""
    made = lanes(mirror={})
    made.gray.answer = lambda request: Response(500 if request.path.startswith("/bad") else 200)
    assert made.ask(X_ENV, ("baggage", "team=one")).status == 200
    until(lambda: made.mirrored()["same_status"] == 1, "both are answered")
    assert (len(made.gray.seen), len(made.base.seen)) == (1, 1)
    own, copy = made.gray.last, made.base.last
    assert (own.path, own.get("host")) == (copy.path, copy.get("host"))
    assert "env=gray" in own.get("baggage") and copy.get("baggage") == "team=one"
    assert made.proxy.exchange(Request(path="/bad", fields=[X_ENV])).status == 500
    until(lambda: made.mirrored() == {"sent": 2, "same_status": 1, "other_status": 1, "no_answer": 0}, "they differ")
    assert made.ask().status == 200  # of the baseline there are no copies
    assert (len(made.gray.seen), len(made.base.seen)) == (2, 3)
    assert made.mirrored()["sent"] == 2


def test_a_copy_that_takes_longer_than_its_request(lanes):
    made = lanes(mirror={})
    answered = threading.Event()

    def later(_):
        assert answered.wait(10)
        return Response(200)

    made.base.answer = later
    assert made.ask(X_ENV).status == 200
    answered.set()
    until(lambda: made.mirrored()["same_status"] == 1, "the copy is answered, too")
    text = made.proxy.admin("/stats/prometheus")
    assert 'envoy_http_grey_lane_mirror_faster_by_ms_count{grey_lane="env=gray",envoy_http_conn_manager_prefix="ingress"} 1\n' in text
    assert 'envoy_http_grey_lane_mirror_slower_by_ms_count{grey_lane="env=gray",envoy_http_conn_manager_prefix="ingress"} 0\n' in text


def toggles(**allow):
    return {"name": "toggles", "typed_config": {"@type": PILLION + "filters.http.toggles.v1.Toggles", "allow": allow, "trust": LOCAL}}


def test_an_answer_that_explains(lanes):
    made = lanes(before=[toggles(explain=True, turn_off=["MIRROR"])], mirror={})
    explain = "x-pillion-explain", "1"
    told = json.loads(made.ask(X_ENV, explain, ("x-pillion-off", "mirror")).get("x-pillion-explain"))
    assert told["answer"] == {"by": "upstream"} and told["off"] == ["mirror"]
    assert told["grey"]["rule"] == "env" and told["grey"]["source"] == "rule" and told["grey"]["colour"] == "env=gray"
    assert told["lane"] == {"wish": COLOUR, "fit": "exact"}
    host, port = made.gray.address
    assert told["upstream"] == {"cluster": "upstream", "endpoint": f"{host}:{port}", "labels": COLOUR, "attempts": 1}
    assert made.mirrored()["sent"] == 0
    told = json.loads(made.ask(explain).get("x-pillion-explain"))
    assert told["upstream"]["endpoint"] == "{}:{}".format(*made.base.address) and told["lane"] == {"fit": "baseline"}
    assert made.ask(X_ENV).get("x-pillion-explain") is None


def test_an_answer_of_its_own_explains(lanes):
    """Also of gRPC."""
    made = lanes("h2", before=[toggles(explain=True)], fault={"abort_status": 503})
    for more in [], GRPC:
        answer = made.ask(X_ENV, ("x-pillion-explain", "1"), *more, protocol="h2")
        told = json.loads(answer.get("x-pillion-explain"))
        assert told["answer"] == {"by": "pillion", "why": "fault_filter_abort", "flags": "FaultInjected"}
        assert "endpoint" not in told["upstream"] and told["grey"]["colour"] == "env=gray"
