"""Lanes along a chain of services which know nothing of them: who is chosen at the edge meets the new version of each service that has one,
and nobody else does."""

import threading

import grpc
import pytest

from peers import context_filter, programs
from peers.context import Context
from peers.lanes import BASE, BOTH, GRAY, LaneChain, grey, header, rule
from peers.message import Request
from peers.ports import free_port
from peers.wait import until

X_ENV = "x-env", "gray"
TWO = {"a": BOTH, "b": BOTH}
REQUESTS = 400
CALLERS = 8


@pytest.fixture
def chain(pillion, program, tmp_path):
    """chain(services=FIVE, ...)"""
    return lambda services=None, **options: LaneChain(pillion, program, tmp_path, services, **options)


def ready(made):
    """Once all hosts are found to be healthy."""
    until(lambda: made.ask() == made.way(BASE) and made.ask(X_ENV) == made.way(GRAY), "requests go their ways")
    return made


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_each_request_stays_in_its_lane(chain, protocol):
    made, wrong, done = ready(chain(protocol=protocol)), [], []

    def call(first):
        connection = made.edge.connect(protocol)
        for number in range(first, REQUESTS, CALLERS):
            lane = GRAY if number % 3 == 0 else BASE
            answer = connection.exchange(Request("GET", f"/{number}", [X_ENV] if lane == GRAY else []))
            found = answer.status, made.met([(name.lower(), value) for name, value in answer.fields])
            done.append(number)
            wrong.extend([(number, found)] if found != made.way(lane) else [])
        connection.close()

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert (len(done), wrong) == (REQUESTS, [])


def test_calls_of_grpc(chain, program, tmp_path):
    port, folder = free_port(), tmp_path / "echo"
    folder.mkdir()
    program(programs.grpc_echo, folder, port)
    made = ready(chain(protocol="h2", last=port))
    with grpc.insecure_channel(f"127.0.0.1:{made.edge.address[1]}", [("grpc.enable_http_proxy", 0)]) as channel:
        echo = channel.unary_unary("/test.Echo/Unary")
        for number in range(60):
            lane = GRAY if number % 2 else BASE
            answer, call = echo.with_call(b"%d" % number, metadata=[X_ENV] if lane == GRAY else [], timeout=10)
            assert (answer, (200, made.met(call.initial_metadata()))) == (b"%d" % number, made.way(lane))


def test_a_lane_whose_instance_dies_falls_back_and_comes_back(chain):
    made = ready(chain())
    made.sidecars["c", GRAY].stop()
    fallen = 200, {**made.way(GRAY)[1], "c": BASE}
    until(lambda: made.ask(X_ENV) == fallen, "c's baseline serves the lane, and e is in it again")
    assert [made.ask(X_ENV) for _ in range(20)] == [fallen] * 20
    assert [made.ask() for _ in range(20)] == [made.way(BASE)] * 20
    made.start(("c", GRAY))
    until(lambda: made.ask(X_ENV) == made.way(GRAY), "it is in the lane at c again")


def test_a_lane_that_fails_closed(chain):
    closed = rule("closed", header("x-env", "closed"), fail_closed=True)
    made = ready(chain(TWO, edge=context_filter.filters(grey(closed, rule("env", header("x-env", "gray"))))))
    assert made.ask(("x-env", "closed")) == made.way(GRAY)
    made.sidecars["a", GRAY].stop()
    until(lambda: made.ask(X_ENV) == (200, {"a": BASE, "b": GRAY}), "the baseline serves the lane")
    assert [made.ask(("x-env", "closed")) for _ in range(10)] == [(503, {})] * 10
    made.start(("a", GRAY))
    until(lambda: made.ask(("x-env", "closed")) == made.way(GRAY), "it is served again")


def test_a_stranger_s_colour_does_not_count(chain):
    """Plaintext on an inbound listener. What a rule names is for everybody."""
    edge = context_filter.filters(grey(rule("env", header("x-env", "gray"))), trust={})
    made = ready(chain(TWO, edge=edge, traffic_direction="INBOUND"))
    for colour in ("baggage", "env=gray"), full(env="gray").vctx():
        assert [made.ask(colour) for _ in range(10)] == [made.way(BASE)] * 10
    assert made.ask(("baggage", "env=gray"), X_ENV) == made.way(GRAY)


def full(**baggage):
    return Context(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, baggage=baggage)


def test_a_trusted_peer_s_colour_counts_more_than_rules_but_those_that_override(chain):
    rules = rule("env", header("x-env", "gray")), rule("all", header("x-all", "gray"), override=True)
    made = ready(chain(TWO, edge=context_filter.filters(grey(*rules))))
    for colour in ("baggage", "env=gray"), full(env="gray").vctx():
        assert [made.ask(colour) for _ in range(10)] == [made.way(GRAY)] * 10
    other = "baggage", "env=other"  # which no host has
    assert made.ask(other) == made.way(BASE)
    assert made.ask(other, X_ENV) == made.way(BASE)
    assert made.ask(other, ("x-all", "gray")) == made.way(GRAY)


def test_rules_at_the_edge(chain):
    """A header's value, a range, and a part of the users, on connections that come to either worker."""
    rules = (rule("version", header("x-version", "v2.1")),
             rule("users", {"header_range": {"name": "x-user-id", "from": 1001, "to": 2000}}),
             rule("env", header("x-env", "gray")),
             rule("part", header("x-part", "yes"), per_million=200_000, sticky={"key": "request.headers['x-user-id']"}))
    made = ready(chain({"a": BOTH, "b": (BASE,)}, edge=context_filter.filters(grey(*rules))))
    for value, lane in ("v2.1", GRAY), ("v2.10", BASE), ("V2.1", BASE), ("", BASE):
        assert made.ask(("x-version", value)) == made.way(lane), value
    for user, lane in ("1001", GRAY), ("1500", GRAY), ("2000", GRAY), ("1000", BASE), ("2001", BASE), ("-1500", BASE), ("1500.5", BASE), ("", BASE):
        assert made.ask(("X-User-Id", user)) == made.way(lane), user
    users = range(3000, 3300)
    chosen = [{user for user in users if made.ask(("x-part", "yes"), ("x-user-id", str(user))) == made.way(GRAY)} for _ in range(2)]
    assert chosen[0] == chosen[1] and 30 < len(chosen[0]) < 90
