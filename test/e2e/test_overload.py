"""What is given up as resources get short: a file says how short they are."""

import os

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until
from test_connections import ended, stats_name

ACTION = "envoy.overload_actions."
POINT = "envoy.load_shed_points."


class Pressure:
    """The resource "it"."""

    def __init__(self, folder):
        self.path = folder / "pressure"
        self.set(0)

    def set(self, value):
        new = self.path.with_suffix(".new")
        new.write_text(f"{value}\n", encoding="ascii")
        os.replace(new, self.path)

    def monitor(self):
        return monitor("injected_resource", "InjectedResourceConfig", "it", filename=str(self.path))


def monitor(package, message, name, **fields):
    return {"name": name, "typed_config": b.any_of(f"extensions.resource_monitors.{package}.v3.{message}", **fields)}


def at(value, resource="it"):
    return {"triggers": [{"name": resource, "threshold": {"value": value}}]}


def overload(monitors, actions=(), points=()):
    return {"overload_manager": {"refresh_interval": "0.01s", "resource_monitors": list(monitors), "actions": list(actions),
                                 "loadshed_points": list(points)}}


def active(proxy, name, value=1):
    proxy.until_stat(f"overload.{name}.active", value)


def test_requests(pillion, serve, tmp_path):
    server = serve.h1(lambda request: Response(200, []))
    pressure = Pressure(tmp_path)
    log = tmp_path / "log"
    actions = [{"name": ACTION + "stop_accepting_requests", **at(0.9)}, {"name": ACTION + "disable_http_keepalive", **at(0.5)}]
    text = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
    manager = b.http(append_local_overload=True, access_log=b.file_log(log, text))
    listeners = [b.listener(manager), b.listener(b.http(name="other"), name="other", bypass_overload_manager=True)]
    proxy = pillion(b.bootstrap(listeners, [b.cluster(server.address)], **overload([pressure.monitor()], actions)), concurrency=2)
    connection = proxy.connect()
    assert connection.exchange(Request()).get("connection") is None
    pressure.set(0.5)
    active(proxy, ACTION + "disable_http_keepalive")
    assert proxy.stat("overload.it.pressure") == 50
    assert connection.exchange(Request()).get("connection") == "close"
    assert ended(connection)
    pressure.set(0.9)
    active(proxy, ACTION + "stop_accepting_requests")
    for protocol in ("h1", "h2"):
        refused = proxy.exchange(Request(), protocol)
        assert refused.status == 503 and refused.body == b"envoy overloaded" and refused.get("x-envoy-local-overloaded") == "true"
    free = proxy.connect(listener="other")
    assert free.exchange(Request()).status == free.exchange(Request()).status == 200
    pressure.set(0.1)
    active(proxy, ACTION + "stop_accepting_requests", 0)
    active(proxy, ACTION + "disable_http_keepalive", 0)
    again = proxy.connect()
    assert again.exchange(Request()).status == again.exchange(Request()).status == 200
    assert proxy.stat("http.ingress.downstream_rq_overload_close") == 2
    assert proxy.stat("http.ingress.downstream_cx_overload_disable_keepalive") >= 1
    assert proxy.stat("http.other.downstream_rq_overload_close") == 0
    until(lambda: log.read_text().count("503 OM overload\n") == 2, "two lines of refused requests")


def test_connections_wait(pillion, serve, tmp_path):
    server = serve.h1(lambda request: Response(200, []))
    pressure = Pressure(tmp_path)
    actions = [{"name": ACTION + "stop_accepting_connections", **at(0.5)}]
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)], **overload([pressure.monitor()], actions)))
    before = proxy.connect()
    assert before.exchange(Request()).status == 200
    pressure.set(0.6)
    active(proxy, ACTION + "stop_accepting_connections")
    # The action was posted to the worker before its gauge could be read, and the connection that is there has a turn after it.
    assert before.exchange(Request()).status == 200
    waiting = proxy.connect()
    waiting.send_request(Request())
    assert before.exchange(Request()).status == 200
    assert proxy.stat(f"{stats_name(proxy)}.downstream_cx_total") == 1
    pressure.set(0.1)
    assert waiting.read_response().status == 200
    assert proxy.stat(f"{stats_name(proxy)}.downstream_cx_total") == 2


def test_connections_that_are_rejected(pillion, serve, tmp_path):
    server = serve.h1(lambda request: Response(200, []))
    pressure = Pressure(tmp_path)
    actions = [{"name": ACTION + "reject_incoming_connections", **at(0.5)}]
    points = [{"name": POINT + "tcp_listener_accept", **at(0.9)}]
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)],
                                **overload([pressure.monitor()], actions, points)))
    pressure.set(0.5)
    active(proxy, ACTION + "reject_incoming_connections")
    assert ended(proxy.connect())
    pressure.set(0.9)
    proxy.until_stat(f"overload.{POINT}tcp_listener_accept.scale_percent", 100)
    assert ended(proxy.connect())
    proxy.until_stat(f"overload.{POINT}tcp_listener_accept.shed_load_count", 1)
    proxy.until_stat(f"{stats_name(proxy)}.downstream_cx_overload_reject", 2)
    pressure.set(0.1)
    active(proxy, ACTION + "reject_incoming_connections", 0)
    assert proxy.exchange(Request()).status == 200


def test_limit_of_all_connections(pillion, serve):
    server = serve.h1(lambda request: Response(200, []))
    name = "envoy.resource_monitors.global_downstream_max_connections"
    limit = monitor("downstream_connections", "DownstreamConnectionsConfig", name, max_active_downstream_connections=2)
    actions = [{"name": ACTION + "disable_http_keepalive", **at(1, name)}]
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)], **overload([limit], actions)), concurrency=2)
    first, second = proxy.connect(), proxy.connect()
    assert first.exchange(Request()).status == 200
    second.send_request(Request())
    assert second.read_response().status == 200
    assert ended(proxy.connect())
    proxy.until_stat(f"{stats_name(proxy)}.downstream_global_cx_overflow", 1)
    active(proxy, ACTION + "disable_http_keepalive")
    proxy.until_stat(f"overload.{name}.pressure", 100)


def test_memory(pillion, serve):
    """malloc has always given out more than a byte."""
    server = serve.h1(lambda request: Response(200, []))
    heap = monitor("fixed_heap", "FixedHeapConfig", "heap", max_heap_size_bytes=1 << 40)
    cpu = monitor("cpu_utilization", "CpuUtilizationConfig", "cpu")
    pressures = [heap, cpu]
    actions = [{"name": ACTION + "shrink_heap", **at(0, "heap")}, {"name": ACTION + "reduce_timeouts", **at(0, "heap"), "typed_config": b.any_of(
        "config.overload.v3.ScaleTimersOverloadActionConfig",
        timer_scale_factors=[{"timer": "HTTP_DOWNSTREAM_CONNECTION_IDLE", "min_timeout": "0.05s"}])}]
    manager = b.http(common_http_protocol_options={"idle_timeout": "600s"})
    proxy = pillion(b.bootstrap([b.listener(manager)], [b.cluster(server.address)], **overload(pressures, actions)))
    connection = proxy.connect()
    assert connection.exchange(Request()).status == 200
    active(proxy, ACTION + "shrink_heap")
    proxy.until_stat(f"overload.{ACTION}shrink_heap.shrink_count", 1)
    assert ended(connection)
    proxy.until_stat("http.ingress.downstream_cx_idle_timeout", 1)
    assert proxy.stat("overload.cpu.failed_updates") == proxy.stat("overload.heap.failed_updates") == 0


def test_node(pillion):
    node = {"id": "n", "user_agent_name": "mine", "user_agent_build_version": {"version": {"major_number": 3}},
            "extensions": [{"name": "e", "category": "c"}]}
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]))], node=node))
    info = proxy.admin("/server_info")
    assert '"user_agent_name": "mine"' in info and '"major_number": 3' in info
    assert '"category": "c"' in proxy.admin("/config_dump?mask=bootstrap.node")
    plain = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]))]))
    assert '"user_agent_name": "pillion"' in plain.admin("/server_info") and '"minor_number": 1' in plain.admin("/server_info")


def test_credentials_are_not_shown(pillion):
    routes = [b.direct(200) | {"response_headers_to_add": [{"header": {"key": key, "value": value}}
                                                           for key, value in (("Authorization", "Basic c2VjcmV0"), ("x-plain", "shown"))]}]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))]))
    dump = proxy.admin("/config_dump")
    assert "c2VjcmV0" not in dump and "[redacted]" in dump and "shown" in dump
    assert proxy.exchange(Request()).get("authorization") == "Basic c2VjcmV0"
