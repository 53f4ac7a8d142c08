"""The administration server."""

import json
import re

import pytest

from peers import bootstrap as b
from peers import http1
from peers.message import Request, Response
from peers.wait import until


NODE = {"id": "node-1", "cluster": "cluster-1", "metadata": {"k": {"nested": [1, "x"]}}}


@pytest.fixture
def proxy(pillion, serve):
    """One that has answered three requests: 200, 404 and 200."""
    def answer(request):
        return Response(404 if request.path == "/missing" else 200, [], b"hello")
    server = serve.h1(answer)
    running = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)], node=NODE),
                      concurrency=2)
    for path in ("/", "/missing", "/"):
        running.exchange(Request(path=path))
    running.upstream = f"{server.address[0]}:{server.address[1]}"
    return running


def test_ready(proxy):
    status, fields, body = proxy.admin_response("/ready")
    assert (status, body) == (200, "LIVE\n")
    assert fields["content-type"].lower().replace(" ", "") == "text/plain;charset=utf-8"
    assert fields["cache-control"] == "no-cache, max-age=0" and fields["x-content-type-options"] == "nosniff"


def test_stats_text(proxy):
    stats = dict(line.split(": ", 1) for line in proxy.admin("/stats").splitlines())
    expected = {
        "cluster.upstream.upstream_rq_total": "3", "cluster.upstream.upstream_rq_200": "2", "cluster.upstream.upstream_rq_404": "1",
        "cluster.upstream.upstream_rq_2xx": "2", "cluster.upstream.upstream_rq_4xx": "1", "cluster.upstream.upstream_rq_completed": "3",
        "http.ingress.downstream_rq_total": "3", "http.ingress.downstream_rq_2xx": "2", "http.ingress.downstream_rq_4xx": "1",
        "http.ingress.downstream_cx_total": "3", "http.ingress.downstream_rq_active": "0", "cluster.upstream.membership_total": "1",
        "server.live": "1", "server.concurrency": "2", "server.state": "0"}
    assert {name: stats.get(name) for name in expected} == expected
    assert "cluster.upstream.upstream_rq_time" in stats and "http.ingress.downstream_rq_time" in stats
    names = [line.split(": ", 1)[0] for line in proxy.admin("/stats").splitlines() if "P0(" not in line and "No recorded" not in line]
    numbers = [name for name in names if not stats[name].startswith('"')]
    assert numbers == sorted(numbers)


def test_stats_filter_and_used(proxy):
    assert proxy.admin("/stats?filter=^cluster.upstream.upstream_rq_404$") == "cluster.upstream.upstream_rq_404: 1\n"
    used = proxy.admin("/stats?usedonly")
    assert "cluster.upstream.upstream_rq_total: 3\n" in used and "cluster.upstream.upstream_rq_timeout" not in used
    assert proxy.admin_response("/stats?filter=(")[0] == 400


def test_stats_json(proxy):
    document = json.loads(proxy.admin("/stats?format=json"))
    values = {item["name"]: item["value"] for item in document["stats"] if "name" in item}
    assert values["cluster.upstream.upstream_rq_total"] == 3
    histograms, = [item["histograms"] for item in document["stats"] if "histograms" in item]
    assert histograms["supported_quantiles"] == [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]
    assert "cluster.upstream.upstream_rq_time" in [item["name"] for item in histograms["computed_quantiles"]]


@pytest.mark.parametrize("path", ["/stats/prometheus", "/stats?format=prometheus"])
def test_stats_prometheus(proxy, path):
    text = proxy.admin(path)
    assert 'envoy_cluster_upstream_rq{envoy_response_code="404",envoy_cluster_name="upstream"} 1\n' in text
    assert 'envoy_cluster_upstream_rq_total{envoy_cluster_name="upstream"} 3\n' in text
    assert "# TYPE envoy_cluster_upstream_rq_total counter\n" in text
    assert 'envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="ingress"} 2\n' in text
    assert re.search(r'envoy_cluster_upstream_rq_time_bucket\{envoy_cluster_name="upstream",le="\+Inf"\} 3\n', text)
    for line in text.splitlines():  # the exposition format
        assert not line or line.startswith("# ") or re.fullmatch(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})? -?[0-9.e+]+', line), line


def test_clusters(proxy):
    lines = proxy.admin("/clusters").splitlines()
    host = f"upstream::{proxy.upstream}"
    for line in ("upstream::observability_name::upstream", "upstream::added_via_api::false", "upstream::default_priority::max_connections::1024",
                 f"{host}::rq_total::3", f"{host}::health_flags::healthy", f"{host}::weight::1"):
        assert line in lines
    status, = json.loads(proxy.admin("/clusters?format=json"))["cluster_statuses"]
    assert status["name"] == "upstream" and len(status["host_statuses"]) == 1


def test_listeners(proxy):
    host, port = proxy.address
    assert proxy.admin("/listeners") == f"ingress::{host}:{port}\n"
    status, = json.loads(proxy.admin("/listeners?format=json"))["listener_statuses"]
    assert status == {"name": "ingress", "local_address": {"socket_address": {"address": host, "port_value": port}}}


def test_config_dump(proxy):
    configs = json.loads(proxy.admin("/config_dump"))["configs"]
    kinds = [config["@type"].rpartition(".")[2] for config in configs]
    assert kinds[0] == "BootstrapConfigDump" and "ClustersConfigDump" in kinds and "ListenersConfigDump" in kinds
    bootstrap = configs[0]["bootstrap"]
    assert bootstrap["node"]["id"] == "node-1" and len(bootstrap["static_resources"]["clusters"]) == 1


def test_server_info(proxy):
    info = json.loads(proxy.admin("/server_info"))
    assert info["state"] == "LIVE" and info["version"] and info["command_line_options"]["concurrency"] == 2
    assert re.fullmatch(r"\d+s", info["uptime_current_epoch"])
    assert info["node"]["id"] == "node-1"
    assert info["node"]["metadata"] == {"k": {"nested": [1, "x"]}} and info["command_line_options"]["socket_mode"] == 0


def test_memory(proxy):
    memory = json.loads(proxy.admin("/memory"))
    assert int(memory["allocated"]) > 0 and int(memory["heap_size"]) >= int(memory["allocated"])


def test_help_lists_what_there_is(proxy):
    text = proxy.admin("/help")
    for path in ("/ready", "/stats", "/stats/prometheus", "/clusters", "/listeners", "/config_dump", "/server_info", "/memory", "/help"):
        assert re.search(rf"^ *{path}\b", text, re.M), path


def test_index_page(proxy):
    status, fields, page = proxy.admin_response("/")
    assert status == 200 and fields["content-type"].startswith("text/html")
    for path in ("stats", "clusters", "listeners", "config_dump", "server_info", "memory"):
        assert re.search(rf"""(href|action)=['"]/?{path}['"?]""", page), path


def test_unknown_path(proxy):
    status, _, body = proxy.admin_response("/nothing")
    assert status == 404 and "/stats" in body


def test_what_changes_something_wants_post(proxy):
    status, _, body = proxy.admin_response("/quitquitquit")
    assert (status, body.strip()) == (405, "Method GET not allowed, POST required.")
    assert proxy.ready()


def test_several_requests_on_one_connection(proxy):
    connection = http1.connect(proxy.admin_address)
    for _ in range(3):
        connection.send(b"GET /ready HTTP/1.1\r\nhost: a\r\n\r\n")
        assert connection.read_response().body == b"LIVE\n"
    connection.close()


@pytest.mark.parametrize("bytes_", [b"\x00\x01\x02\r\n\r\n", b"GET /ready\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n"],
                         ids=["binary", "no-version", "many-fields"])
def test_nonsense_ends_only_its_connection(proxy, bytes_):
    connection = http1.connect(proxy.admin_address)
    connection.send(bytes_)
    while not connection.closed():
        pass
    assert proxy.ready()


def test_its_own_log_has_filters(pillion, tmp_path):
    log = tmp_path / "admin.log"
    bootstrap = b.bootstrap([b.listener(b.http([b.direct(200)]))])
    entry, = b.file_log(log, text="%RESPONSE_CODE% %REQ(:PATH)%\n")
    entry["filter"] = {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "admin.least"}}}}
    bootstrap["admin"]["access_log"] = [entry]
    proxy = pillion(bootstrap)
    for path in ("/ready", "/nothing", "/memory", "/quitquitquit"):
        proxy.admin(path)
    until(lambda: log.read_text(encoding="utf-8").count("\n") == 2, "two lines")
    assert log.read_text(encoding="utf-8") == "404 /nothing\n405 /quitquitquit\n"


def test_only_paths_that_are_allowed(pillion):
    bootstrap = b.bootstrap([b.listener(b.http([b.direct(200)]))])
    bootstrap["admin"]["allow_paths"] = [{"exact": "/ready"}, {"prefix": "/stats"}]
    proxy = pillion(bootstrap)
    assert proxy.admin_response("/stats?usedonly")[0] == 200
    assert proxy.admin_response("/server_info")[0] == 403


def test_parts_of_the_configuration(proxy):
    dump = json.loads(proxy.admin("/config_dump?mask=bootstrap.node"))
    assert dump["configs"][0]["bootstrap"] == {"node": NODE} and len(dump["configs"]) == 1
    dump = json.loads(proxy.admin("/config_dump?resource=static_clusters&mask=cluster.name"))
    assert [config["cluster"]["name"] for config in dump["configs"]] == ["upstream"]
    assert proxy.admin_response("/config_dump?mask=nothing")[0] == 400


def test_figures_of_the_process(proxy):
    stats = dict(line.split(": ", 1) for line in proxy.admin("/stats").splitlines())
    for name in ("server.memory_allocated", "server.memory_heap_size", "server.memory_physical_size"):
        assert int(stats[name]) > 0
    connection = proxy.connect()
    connection.exchange(Request())
    assert proxy.stat("server.total_connections") == 1
    connection.close()
    proxy.until_stat("server.total_connections", 0)
    assert stats["server.version"] == "100" and stats["listener_manager.workers_started"] == "1"
    assert "server.initialization_time_ms: P0(" in proxy.admin("/stats?filter=initialization")
