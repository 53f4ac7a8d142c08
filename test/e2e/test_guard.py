"""A push that makes requests fail is gone back from, by the process itself; it is refused when it comes again, and something else is taken."""

import collections
import contextlib
import json
import re
import socket
import threading
import time

import pytest
from google.protobuf import any_pb2

from peers import bootstrap as b
from peers import pushed as p
from peers.control_plane import MESSAGES
from peers.go_control_plane import TYPES, with_bytes
from peers.message import Broken, Request, Response
from peers.ports import free_port
from peers.wait import until

_GUARD = "pillion.guard.v1.Guard"


def guard(**fields):
    """A Guard for bootstrap_extensions."""
    return [{"name": "guard", "typed_config": {"@type": f"type.googleapis.com/{_GUARD}", "window": "3s", "least_requests": 15, **fields}}]


class Load:
    """Requests all the time, on connections that are kept; what became of them."""

    def __init__(self, both, clients=4):
        self._both = both
        self._stop = threading.Event()
        self.statuses = collections.Counter()
        self._in_a_row = 0  # that were good
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self):
        while not self._stop.is_set():
            try:
                with contextlib.closing(self._both.connect()) as connection:
                    while not self._stop.is_set():
                        response = connection.exchange(Request())
                        self._note(response.status)
                        if response.get("connection") == "close":
                            break
                        time.sleep(0.005)  # the rate, not a wait
            except (OSError, Broken):
                self._note(0)

    def _note(self, status):
        self.statuses[status] += 1
        self._in_a_row = self._in_a_row + 1 if status == 200 else 0

    def until_good(self):
        """As many as there may be in a window, one after another."""
        self._in_a_row = 0
        until(lambda: self._in_a_row > 100, f"requests are good again; there were {self.statuses}")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def view(both):
    return json.loads(both.proxy.admin("/guard?format=json"))


@contextlib.contextmanager
def load(both, clients=4):
    """Requests, which have been good for long enough that a change is watched."""
    with Load(both, clients) as running:
        until(lambda: view(both).get("armed"), "the guard is armed")
        running.until_good()
        yield running


@pytest.fixture(name="hosts")
def _hosts(serve):
    """Clusters: of a good host, and of a bad one."""
    bad = serve.h1(lambda request: Response(500, [], b"bad")).address
    good = serve.h1(lambda request: Response(200, [], b"good")).address
    return good, bad


def until_back(both, times=1):
    both.until_stat("guard.returns", times)


def refusals(both, kind, since=0):
    return [event for event in both.plane.requests(kind, since) if event.error]


@pytest.mark.parametrize("how", p.AGGREGATED)
@pytest.mark.parametrize("workers", [1, 4])
def test_goes_back(pushed, hosts, how, workers):
    good, bad = hosts
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), p.listener(p.routed(how=how)), p.routes(b.route("good")),
                  how=how, bootstrap_extensions=guard(), run={"concurrency": workers})
    with load(both) as running:
        mark = both.change(p.routes(b.route("bad")))
        until_back(both)
        running.until_good()
        assert running.statuses[500] > 0

        # What was acknowledged stays so: nothing is said of it on that stream.
        assert not refusals(both, "routes", mark)
        assert both.stat("guard.watching") == 0 and both.stat("guard.remembered") == 1
        line = next(line for line in both.proxy.log().splitlines() if "guard: error ratio " in line)
        assert 'guard: error ratio 0 % -> ' in line and 'after route table "routes" changed: returned to the content of ' in line
        shown, = both.dumped("RoutesConfigDump")["dynamic_route_configs"]
        assert shown["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] == "good"
        assert "the guard went back from this at " in shown["error_state"]["details"]
        assert shown["error_state"]["failed_configuration"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] == "bad"
        assert 'route table "routes"' in view(both)["returns"][0]["what"]

        # The next stream brings it again.
        mark = both.plane.cut()
        text = both.plane.until_nack("routes", mark)
        assert '"routes": the guard went back from this at ' in text and "error ratio 0 % -> " in text
        told = both.plane.until_request("clusters", lambda event: event.node, mark).node["metadata"]["pillion.guard"]
        assert told["reason"].startswith("error ratio 0 % -> ") and told["returned"] == 'route table "routes"'
        assert both.stat("guard.refused") >= 1
        bad_before = running.statuses[500]
        running.until_good()
        assert running.statuses[500] == bad_before

        # Another content is taken.
        both.push(p.routes(b.direct(200, "new", "/new"), b.route("good")))
        both.until_body(b"new", "/new")
        both.until_stat("guard.watching", 0)
        assert both.stat("guard.returns") == 1


def routed_listener(cluster, where=None):
    return p.listener(b.http([b.route(cluster)]), where=where)


@pytest.mark.parametrize("kind", ["clusters", "endpoints", "listeners"])
def test_each_kind(pushed, hosts, kind):
    good, bad = hosts
    first = {"clusters": p.whole_cluster(good, name="one"), "endpoints": p.endpoints(good, name="backend"), "listeners": routed_listener("one")}
    where = tuple(first["listeners"]["address"]["socket_address"].values())
    both = pushed(first["clusters"], p.whole_cluster(bad, name="bad"), p.cluster("backend"), first["endpoints"],
                  routed_listener("backend", where) if kind == "endpoints" else first["listeners"], bootstrap_extensions=guard(kinds=[kind.upper()]))
    changed = {"clusters": p.whole_cluster(bad, name="one"), "endpoints": p.endpoints(bad, name="backend"), "listeners": routed_listener("bad", where)}
    with load(both) as running:
        mark = both.change(changed[kind])
        until_back(both)
        running.until_good()
        assert not refusals(both, kind, mark)
        mark = both.plane.cut()
        assert "the guard went back from this" in both.plane.until_nack(kind, mark)
        running.until_good()


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_removal(pushed, hosts, how):
    """Of a cluster that requests still go to: it is there again, until it is taken away with something else."""
    good, _ = hosts
    both = pushed(p.cluster("backend", how=how), p.endpoints(good), p.listener(p.routed(how=how)), p.routes(b.route("backend")), how=how,
                  bootstrap_extensions=guard())
    with load(both) as running:
        mark = both.change(remove=[("clusters", "backend"), ("endpoints", "backend")])
        until_back(both)
        running.until_good()
        assert running.statuses[503] > 0
        assert not refusals(both, "clusters", mark)
        mark = both.plane.cut()
        assert '"backend": the guard went back from this at ' in both.plane.until_nack("clusters", mark)
        running.until_good()
        if how == p.STATE:  # what it does not name is gone, and that is watched anew
            both.push(p.whole_cluster(good, name="other"))
            until_back(both, 2)
        else:  # it does not say so again
            both.change(p.whole_cluster(good, name="other"))
            assert both.stat("guard.returns") == 1
        running.until_good()


def test_hosts_are_not_watched_unless_it_is_asked_for(pushed, hosts):
    """What was there before may be gone by now."""
    good, bad = hosts
    both = pushed(p.cluster("backend"), p.endpoints(good), p.listener(p.routed()), p.routes(b.route("backend")), bootstrap_extensions=guard())
    with load(both) as running:
        both.change(p.endpoints(bad))
        both.until_body(b"bad")
        assert both.stat("guard.watching") == 0
        both.change(p.endpoints(good))
        running.until_good()
    assert "endpoints" not in view(both)["guard"]["kinds"] and both.stat("guard.returns") == 0


@contextlib.contextmanager
def changed_and_taken(both, former):
    """The listener is bad and elsewhere, and somebody else has its address, before there is a request that sees it."""
    with load(both):
        pass
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def bound():
            try:
                other.bind(former)
                other.listen()
                return True
            except OSError:
                return False

        both.push(routed_listener("bad", ("127.0.0.1", free_port())))
        until(bound, f"{former} is somebody else's")
        yield other


def test_an_address_that_is_taken(pushed, hosts):
    """What was there before can't be put back: that is said, and no return. As soon as it can be, it is."""
    good, bad = hosts
    former = "127.0.0.1", free_port()
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), routed_listener("good", former),
                  bootstrap_extensions=guard(window="5s"))
    with changed_and_taken(both, former) as other, Load(both) as running:
        both.until_stat("guard.failing", 1)
        assert both.stat("guard.returns") == both.stat("guard.remembered") == 0
        assert "returned to the content of" not in both.proxy.log()
        assert re.search(r'guard: listener "ingress" can\'t be put back: .*; tried again for 5 s', both.proxy.log())
        shown, = both.dumped("ListenersConfigDump")["dynamic_listeners"]
        assert "what was there before can't be put back: " in shown["error_state"]["details"]
        assert 'listener "ingress": ' in view(both)["returns"][0]["not_put_back"][0]
        other.close()
        until_back(both)
        both.proxy.listeners["ingress"] = former
        running.until_good()
    assert both.stat("guard.failing") == 0 and 'guard: listener "ingress" is put back after all' in both.proxy.log()


def test_an_address_that_stays_taken(pushed, hosts):
    """It is given up, and what there is stays."""
    good, bad = hosts
    former = "127.0.0.1", free_port()
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), routed_listener("good", former),
                  bootstrap_extensions=guard())
    with changed_and_taken(both, former), Load(both):
        both.until_stat("guard.failed_resources", 1)
        assert both.stat("guard.returns") == both.stat("guard.failing") == 0
        assert view(both)["returns"][0]["not_put_back"][0].endswith("; given up")
        assert both.get().status == 500


def test_it_takes_longer(pushed, serve):
    def slow(request):
        time.sleep(0.5)  # what the host needs for an answer
        return Response(200, [], b"slow")
    fast = serve.h1(lambda request: Response(200, [], b"fast")).address
    both = pushed(p.whole_cluster(fast, name="fast"), p.whole_cluster(serve.h1(slow).address, name="slow"), p.listener(p.routed()),
                  p.routes(b.route("fast")), bootstrap_extensions=guard(p99={"least_rise": "0.1s"}))
    with load(both, clients=10) as running:
        both.change(p.routes(b.route("slow")))
        until_back(both)
        running.until_good()
        assert set(running.statuses) == {200}
    assert "guard: p99 " in both.proxy.log()


def test_breakers_open(pushed, hosts):
    good, _ = hosts
    both = pushed(p.whole_cluster(good), p.listener(p.routed()), p.routes(), bootstrap_extensions=guard(breaker_opens={"most_rise": 5}))
    with load(both) as running:
        both.change(p.whole_cluster(good, circuit_breakers={"thresholds": [{"max_requests": 0}]}))
        until_back(both)
        running.until_good()
    # The workers may have refused some before the main thread took the figures of the time before.
    assert re.search(r"guard: refused by circuit breakers \d+ -> \d+", both.proxy.log())


def test_a_filter_that_comes_apart(pushed, hosts):
    good, _ = hosts
    fault = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
    filtered = p.routed()
    filtered["typed_config"]["http_filters"].insert(0, p.discovered(types=[fault]))
    both = pushed(p.whole_cluster(good), p.listener(filtered), p.routes(), p.extension({"@type": fault}), bootstrap_extensions=guard())
    with load(both) as running:
        bad = p.extension({"@type": fault, "abort": {"http_status": 503, "percentage": {"numerator": 100}}})
        both.change(bad)
        until_back(both)
        running.until_good()
        assert running.statuses[503] > 0
        assert 'extension "edit"' in view(both)["returns"][0]["what"]
        shown, = both.dumped("EcdsConfigDump")["ecds_filters"]
        assert "abort" not in shown["ecds_filter"]["typed_config"] and "the guard went back" in shown["error_state"]["details"]
        mark = both.plane.cut()
        assert "the guard went back from this at " in both.plane.until_nack("extension_configs", mark)


def extension(name, **fields):
    """A TypedExtensionConfig with a Guard, which the control plane does not know."""
    message = MESSAGES[_GUARD]()
    message.window.seconds = fields.pop("window", 3)
    message.least_requests.value = 15
    more = fields.pop("more", b"")  # bytes of the message that the API does not have
    for field, value in fields.items():
        getattr(message, field).most_rise.value = value
    packed = any_pb2.Any(type_url=f"type.googleapis.com/{_GUARD}", value=message.SerializeToString() + more).SerializeToString()
    assert len(packed) < 128
    return with_bytes({"@type": TYPES["extension_configs"], "name": name}, bytes([2 << 3 | 2, len(packed)]) + packed)


@pytest.mark.parametrize("how", [p.DELTA, p.STATE, p.STATE_APART])
def test_a_pushed_guard(pushed, hosts, how):
    good, bad = hosts
    asked = {"@type": "type.googleapis.com/pillion.guard.v1.PushedGuard", "name": "ours", "config_source": p.source(how)}
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), p.listener(p.routed(how=how)), p.routes(b.route("good")),
                  how=how, bootstrap_extensions=[{"name": "guard", "typed_config": asked}])
    assert view(both) == {"guard": "none"}
    mark = both.plane.push(extension("ours"))
    both.plane.until_ack("extension_configs", mark)
    with load(both) as running:
        both.change(p.routes(b.route("bad")))
        until_back(both)
        running.until_good()
        # A bad one changes nothing.
        mark = both.plane.push(extension("ours", window=5000))
        assert "typed_config.window: 5000s, expected at least 1s and at most 600s" in both.plane.until_nack("extension_configs", mark)
        assert view(both)["guard"]["window"] == "3 s"
        # Another one counts at once.
        both.plane.push(extension("ours", breaker_opens=5))
        # By the state of the world the one before may have been sent, and refused, once more.
        until(lambda: "error_ratio" not in view(both)["guard"], "the other guard counts")
        assert both.stat("guard.remembered") == 1
        # What is unknown in it is passed over, as in all that comes; counted, and named.
        assert both.stat("server.dynamic_unknown_fields") == 0
        both.plane.push(extension("ours", window=4, more=b"\xf8\x06\x01"))
        until(lambda: view(both)["guard"]["window"] == "4 s", "the third one counts")
        assert both.stat("server.dynamic_unknown_fields") >= 1
        assert 'guard: typed_config: unknown field "number 111" of pillion.guard.v1.Guard is passed over' in both.proxy.log()


def test_a_guard_that_is_taken_away(pushed, hosts):
    """Nothing is refused any more."""
    good, bad = hosts
    asked = {"@type": "type.googleapis.com/pillion.guard.v1.PushedGuard", "name": "ours", "config_source": p.source()}
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), p.listener(p.routed()), p.routes(b.route("good")),
                  bootstrap_extensions=[{"name": "guard", "typed_config": asked}])
    mark = both.plane.push(extension("ours"))
    both.plane.until_ack("extension_configs", mark)
    with load(both) as running:
        both.change(p.routes(b.route("bad")))
        until_back(both)
        running.until_good()
        both.plane.push(remove=[("extension_configs", "ours")])
        until(lambda: view(both) == {"guard": "none"}, "there is no guard")
        both.plane.cut()
        both.until_body(b"bad")


def test_what_is_forgotten_may_come_again(pushed, hosts):
    good, bad = hosts
    both = pushed(p.whole_cluster(good, name="good"), p.whole_cluster(bad, name="bad"), p.listener(p.routed()), p.routes(b.route("good")),
                  bootstrap_extensions=guard(kinds=["ROUTES"]))
    with load(both) as running:
        both.change(p.routes(b.route("bad")))
        until_back(both)
        running.until_good()
    assert both.proxy.admin("/guard/forget", "POST") == "1 forgotten\n"
    both.plane.cut()
    both.until_body(b"bad")
