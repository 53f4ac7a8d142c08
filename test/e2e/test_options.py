"""Options that only the whole program shows: sockets, names, logs of the administration and of listeners."""

import json
import pathlib
import signal
import socket

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def listening_sockets(port):
    """How many sockets listen on 127.0.0.1:port."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == "0A" for row in rows)


@pytest.mark.parametrize("reuse_port,sockets", [(True, 3), (False, 1)])
def test_enable_reuse_port(pillion, reuse_port, sockets):
    listener = b.listener(b.http([b.direct(200, "x")]), enable_reuse_port=reuse_port)
    proxy = pillion(b.bootstrap([listener]), concurrency=3)
    assert listening_sockets(proxy.address[1]) == sockets
    for _ in range(10):
        assert proxy.exchange(Request()).status == 200


def test_tcp_backlog_size(pillion):
    """While nobody accepts, the queue takes little more than its length."""
    taken = {}
    for backlog in (1, 20):
        proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]), tcp_backlog_size=backlog)]))
        proxy.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{proxy.process.pid}/task")
        until(lambda: all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks.iterdir()), "all threads stand")
        clients = [socket.socket() for _ in range(8)]
        for client in clients:
            client.settimeout(0.2)
        taken[backlog] = sum(client.connect_ex(proxy.address) == 0 for client in clients)
        proxy.process.send_signal(signal.SIGCONT)
        for client in clients:
            client.close()
    assert taken[1] in (2, 3) and taken[20] == 8


def test_metadata_is_shown(pillion):
    """What is for filters, logs and traces of later on."""
    def metadata(name):
        return {"filter_metadata": {"istio": {"config": f"/apis/{name}"}}}

    route = b.direct(200) | {"metadata": metadata("route"), "decorator": {"operation": "be.default.svc:80/*", "propagate": False}}
    http = b.http([route])
    table = http["typed_config"]["route_config"]
    table["metadata"] = metadata("table")
    table["virtual_hosts"][0]["metadata"] = metadata("host")
    dump = pillion(b.bootstrap([b.listener(http)])).admin("/config_dump")
    for text in ("/apis/route", "/apis/table", "/apis/host", "be.default.svc:80/*"):
        assert text in dump, text


def test_tracing_is_shown(pillion):
    """Control planes say what spans are to be told; there are none yet, and nobody is refused for it."""
    key = {"key": "istio", "path": [{"key": "workload"}]}
    tags = [{"tag": "a", "literal": {"value": "tag-a"}}, {"tag": "b", "environment": {"name": "B", "default_value": "tag-b"}},
            {"tag": "c", "request_header": {"name": "x-c", "default_value": "tag-c"}}]
    tags += [{"tag": kind, "metadata": {"kind": {kind: {}}, "metadata_key": key, "default_value": f"tag-{kind}"}}
             for kind in ("request", "route", "cluster", "host")]
    tracing = {"random_sampling": {"value": 1}, "verbose": True, "max_path_tag_length": 300, "custom_tags": tags, "spawn_upstream_span": True}
    dump = pillion(b.bootstrap([b.listener(b.http([b.direct(200)], tracing=tracing))])).admin("/config_dump")
    for text in ("tag-a", "tag-b", "tag-c", "tag-request", "tag-route", "tag-cluster", "tag-host", "300", "spawn_upstream_span", "verbose"):
        assert text in dump, text


def test_administration_shows_what_is_configured(pillion, tmp_path):
    """Names, places and weights, in the administration and in its own access log."""
    log = tmp_path / "admin.log"
    cluster = b.cluster(("127.0.0.1", 1), alt_stat_name="shown_as")
    cluster["load_assignment"]["endpoints"] = [
        {"locality": {"region": "r1", "zone": "z1", "sub_zone": "s1"},
         "lb_endpoints": [{"endpoint": {"address": b.address(("127.0.0.1", 1)), "hostname": "one.test"}, "load_balancing_weight": 7}]},
        {"priority": 1, "lb_endpoints": [{"endpoint": {"address": b.address(("127.0.0.1", 2))}}]}]
    node = {"id": "n", "cluster": "c", "metadata": {"team": "t"}, "locality": {"region": "nr", "zone": "nz", "sub_zone": "ns"}}
    bootstrap = b.bootstrap([b.listener(b.http())], [cluster], node=node)
    bootstrap["admin"]["access_log"] = b.file_log(log, text="%REQ(:PATH)% %RESPONSE_CODE%\n")
    proxy = pillion(bootstrap)

    lines = proxy.admin("/clusters").splitlines()
    for line in ("upstream::observability_name::shown_as", "127.0.0.1:1::region::r1", "127.0.0.1:1::zone::z1", "127.0.0.1:1::sub_zone::s1",
                 "127.0.0.1:1::hostname::one.test", "127.0.0.1:1::weight::7", "127.0.0.1:1::priority::0", "127.0.0.1:2::priority::1"):
        assert (line if line.startswith("upstream::") else f"upstream::{line}") in lines, line
    info = json.loads(proxy.admin("/server_info"))["node"]
    assert info["id"] == "n" and info["cluster"] == "c" and info["locality"] == node["locality"]
    assert json.loads(proxy.admin("/config_dump"))["configs"][0]["bootstrap"]["node"]["metadata"] == {"team": "t"}
    until(lambda: log.exists() and "/server_info 200\n" in log.read_text(encoding="utf-8"), "the line of the administration's log")


def test_standard_error(pillion):
    log = [{"name": "stderr", "typed_config": b.any_of("extensions.access_loggers.stream.v3.StderrAccessLog",
                                                       log_format={"text_format": "ERR %REQ(:PATH)%\n"})}]
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)], access_log=log))]))
    proxy.exchange(Request(path="/x"))
    until(lambda: "ERR /x\n" in proxy.log(), "the line on standard error")


def test_names_in_the_access_log(pillion, serve, tmp_path):
    """Of the chain, the route and the host; and a line for the connection from the listener."""
    path, connections = tmp_path / "access.log", tmp_path / "connections.log"
    server = serve.h1(lambda request: Response(200, [], b"x"))
    cluster = b.cluster(server.address)
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = "one.test"
    manager = b.http([{"name": "all-of-it", **b.route()}], access_log=b.file_log(
        path, text="%FILTER_CHAIN_NAME% %ROUTE_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_HOST_NAME%\n"))
    listener = b.listener(manager, access_log=b.file_log(connections, text="%PROTOCOL% %FILTER_CHAIN_NAME% %RESPONSE_FLAGS%\n"))
    listener["filter_chains"][0]["name"] = "only"
    proxy = pillion(b.bootstrap([listener], [cluster]))
    for _ in range(2):
        proxy.exchange(Request())
    for log, line in ((path, "only all-of-it upstream one.test\n"), (connections, "HTTP/1.1 only -\n")):
        until(lambda: log.read_text(encoding="utf-8") == 2 * line, f"two lines of {log}")
