"""Control planes that go, come back, refuse, hang, or are cut off in the middle of a word: nothing happens to requests."""

import signal
import socket
import threading
import time

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.certificates import Authority, source
from peers.certificates import pair as files
from peers.message import Request
from peers.wait import until

KINDS = "clusters", "endpoints", "listeners", "routes"


def world(where, how=p.DELTA):
    return p.listener(p.routed(how=how)), p.routes(), p.cluster(how=how), p.endpoints(where)


def until_back(both, since):
    """Until all types were asked for on a new stream."""
    for kind in KINDS:
        both.plane.until_request(kind, since=since)


@pytest.mark.parametrize("how", p.STREAMS)
def test_gone_and_back(pushed, named, how):
    """Nothing happens while it is away, and after it nothing is sent that is there."""
    one, two = named("one", "two")
    both = pushed(*world(one, how), how=how)
    live = both.connect()
    assert live.exchange(Request()).body == b"one"
    both.plane.kill()
    if how in p.AGGREGATED:
        both.until_stat("control_plane.connected_state", 0)
    assert live.exchange(Request()).body == b"one" and both.get().body == b"one"
    mark = both.plane.mark()
    both.plane.start()
    until_back(both, mark)
    for kind in KINDS:
        again = both.plane.requests(kind, mark)[0]
        assert again.nonce == ""
        if again.delta:
            name = {"clusters": "backend", "endpoints": "backend", "listeners": "ingress", "routes": "routes"}[kind]
            assert list(again.initial) == [name]
            assert again.subscribe in ([name] if kind in ("endpoints", "routes") else [], ["*"])
        else:
            assert again.version == "1" and again.names == {"endpoints": ["backend"], "routes": ["routes"]}.get(kind, [])
    first = both.plane.until(lambda event: event.event == "request", mark)
    assert first.node["id"] == "me"
    both.change(p.endpoints(two))
    both.until_body(b"two", on=live)
    if how == p.DELTA:
        sent = [event for event in both.plane.seen(lambda event: event.event == "response", mark) if event.names]
        assert [event.type for event in sent] == ["endpoints"]
    assert both.stat("cluster_manager.cluster_modified") == both.stat("listener_manager.listener_modified") == 0


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_what_changed_meanwhile(pushed, named, how):
    """Something new, something else, and something gone."""
    one, two = named("one", "two")
    both = pushed(*world(one, how), p.whole_cluster(one, name="old"), p.listener(b.http([b.direct(200, "old")]), name="old"), how=how)
    both.until_body(b"one")
    both.plane.kill()
    both.push(p.endpoints(two), p.listener(b.http([b.direct(200, "new")]), name="new"), remove=[("clusters", "old"), ("listeners", "old")])
    both.plane.start()
    both.until_body(b"two")
    assert both.get(listener_="new").body == b"new"
    both.until_stat("cluster_manager.cluster_removed", 1)
    both.until_stat("listener_manager.listener_removed", 1)


def test_ended_by_its_status(pushed, named):
    """A stream that is ended well or badly is begun anew."""
    both = pushed(*world(*named("one")))
    both.until_body(b"one")
    for code in (0, 14, 7, 16):
        mark = both.plane.cut(code, "so it is")
        until_back(both, mark)
    assert both.get().body == b"one"
    assert both.stat("cluster_manager.cds.update_failure") >= 1


def test_refused_for_a_while(pushed, named):
    """It is tried again, but not all the time."""
    both = pushed(*world(*named("one")))
    both.until_body(b"one")
    mark = both.plane.refuse()
    both.plane.cut()

    def tries():
        return len(both.plane.seen(lambda event: event.event == "refused", mark))
    until(lambda: tries() >= 2, "it is tried again")
    began, before = time.monotonic(), tries()
    while time.monotonic() - began < 1:
        assert both.get().body == b"one"
    assert tries() - before <= 10
    mark = both.plane.refuse(count=0)
    until_back(both, mark)


def test_it_hangs(pushed, named):
    """It neither answers nor ends."""
    one, two = named("one", "two")
    both = pushed(*world(one))
    both.until_body(b"one")
    both.plane.signal(signal.SIGSTOP)
    try:
        live = both.connect()
        for _ in range(20):
            assert live.exchange(Request()).body == b"one" and both.get().body == b"one"
    finally:
        both.plane.signal(signal.SIGCONT)
    both.change(p.endpoints(two))
    both.until_body(b"two", on=live)


class Relay:
    """A script for Server: bytes to and from a control plane, and the end of them after so many of its own."""

    def __init__(self, to):
        self.to = to
        self.allowed = None  # bytes from the control plane on each connection that comes; None: all
        self._open = set()

    def cut(self):
        """Ends those that there are."""
        for sock in list(self._open):
            sock.shutdown(socket.SHUT_RDWR)

    def __call__(self, sock):
        with socket.create_connection(self.to, 10) as other:
            self._open.add(other)
            back = threading.Thread(target=self._pump, args=(sock, other, None), daemon=True)
            back.start()
            self._pump(other, sock, self.allowed)
            self._open.discard(other)
            for end in (sock, other):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            back.join(10)

    @staticmethod
    def _pump(sock, into, allowed):
        try:
            while data := sock.recv(65536 if allowed is None else min(allowed, 65536)):
                into.sendall(data)
                if allowed is not None:
                    allowed -= len(data)
                    if not allowed:
                        return
        except OSError:
            pass


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_cut_in_the_middle(pushed, control_plane, serve, named, how):
    """Half of a response does nothing: after each cut there is what there was, or all that is new."""
    one, = named("one")
    plane = control_plane(p.listener(p.routed(how=how)), p.routes(b.route("c0")), p.whole_cluster(one, name="c0"))
    plane.start()
    relay = Relay(plane.address)
    between = serve(relay)
    both = pushed(plane=plane, how=how, at=between.address)
    both.proxy.listeners["ingress"] = plane.listener_address("ingress")
    both.until_body(b"one")
    relay.allowed, accepted = 500, between.accepted
    relay.cut()
    plane.push(*(p.whole_cluster(one, name=f"c{number}") for number in range(1, 40)), p.routes(b.direct(200, "end", "/end"), b.route("c39")))
    for allowed in (1500, 4000, None):
        until(lambda: between.accepted > accepted, "it tries again")  # pylint: disable=cell-var-from-loop
        relay.allowed, accepted = allowed, between.accepted
        assert both.get().body == b"one"
    both.until_body(b"end", "/end")
    assert both.get().body == b"one"
    both.until_stat("cluster_manager.cluster_added", 41)


def test_over_tls(pushed, control_plane, tmp_path):
    """Both show who they are; and who is not the control plane that is meant is told nothing."""
    ca = Authority(tmp_path)
    for name in ("plane", "client", "other"):
        ca.issue(name)
    plane = control_plane(p.listener(b.http([b.direct(200, "one")])), arguments=[
        "-cert", str(ca.folder / "plane.pem"), "-key", str(ca.folder / "plane.key"), "-client-ca", str(ca.pem)])
    plane.start()

    def xds(name):
        context = {"trusted_ca": source(ca.pem), "match_typed_subject_alt_names": [
            {"san_type": "URI", "matcher": {"exact": f"spiffe://td.test/ns/prod/sa/{name}"}}]}
        return {"transport_socket": {"name": "tls", "typed_config": b.any_of(
            "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            common_tls_context={"tls_certificates": [files(ca, "client")], "validation_context": context})}}
    both = pushed(plane=plane, xds=xds("plane"))
    both.proxy.listeners["ingress"] = plane.listener_address("ingress")
    assert both.get().body == b"one"
    opened, = plane.seen(lambda event: event.event == "open")
    assert opened.identities == ["spiffe://td.test/ns/prod/sa/client"]
    refused = pushed(plane=plane, xds=xds("other"), timeout="0.2s")
    until(lambda: refused.stat("cluster_manager.cds.update_failure") >= 1, "a try has failed")
    assert refused.stat("listener_manager.lds.update_success") == 0
    assert len(plane.seen(lambda event: event.event == "open")) == 1


@pytest.mark.parametrize("turns,every", [(4, 0), pytest.param(24, 5, marks=[pytest.mark.long, pytest.mark.timeout(300)])], ids=["short", "two-minutes"])
def test_killed_again_and_again(pushed, named, turns, every):
    """Every so many seconds, and the routes have changed when it comes back. No request fails."""
    one, = named("one")  # ends connections that are idle for long, as a failure
    ends = {"common_http_protocol_options": {"idle_timeout": "5s"}}
    both = pushed(p.listener(p.routed()), p.routes(), p.cluster(http_options=ends), p.endpoints(one))
    both.until_body(b"one")
    stop, failed, asked = threading.Event(), [], []

    def ask(protocol):
        live = both.connect(protocol)
        while not stop.is_set():
            response = live.exchange(Request())
            (asked if response.status == 200 else failed).append(response.status)
    threads = [threading.Thread(target=ask, args=(protocol,)) for protocol in ("h1", "h2")]
    for thread in threads:
        thread.start()
    for turn in range(turns):
        began = time.monotonic()
        both.plane.kill()
        both.push(p.routes(b.direct(200, str(turn), "/turn"), b.route("backend")))
        both.plane.start()
        both.until_body(b"%d" % turn, "/turn")
        while time.monotonic() < began + every:
            assert both.get().body == b"one"
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert asked and not failed


@p.ours
def test_health_discovery_is_declined(pushed):
    """Kuma's bootstrap has it; it is said once, and nobody is called."""
    service = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}
    both = pushed(p.listener(b.http([b.direct(200, "one")])), hds_config=service)
    assert both.get().body == b"one"
    assert "hds_config" in both.proxy.log()
    assert not both.plane.seen(lambda event: event.event == "unknown")
