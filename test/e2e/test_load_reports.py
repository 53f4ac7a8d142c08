"""Load reports (LRS): a control plane hears what became of the requests to the clusters that it asks for."""

import queue
import threading

import grpc
import pytest

from peers import bootstrap as b
from peers.control_plane import MESSAGES, _Server
from peers.message import Request, Response

LoadStatsRequest = MESSAGES["envoy.service.load_stats.v3.LoadStatsRequest"]
LoadStatsResponse = MESSAGES["envoy.service.load_stats.v3.LoadStatsResponse"]


class LoadReports(_Server):
    """Asks each stream for what `asked` says, and keeps what it is told."""

    def __init__(self, path, **asked):
        super().__init__(path)
        self.asked = LoadStatsResponse(**asked)
        self.told = queue.Queue()
        self.metadata = {}

    def _handlers(self):
        return grpc.method_handlers_generic_handler("envoy.service.load_stats.v3.LoadReportingService", {
            "StreamLoadStats": grpc.stream_stream_rpc_method_handler(self._stream, LoadStatsRequest.FromString, LoadStatsResponse.SerializeToString)})

    def _stream(self, requests, context):
        generation = self._generation
        self.metadata = dict(context.invocation_metadata())

        def read():
            try:
                for request in requests:
                    self.told.put(request)
            except grpc.RpcError:
                pass
        threading.Thread(target=read, daemon=True).start()
        yield self.asked
        with self.changed:
            while not self._ended(context, generation):
                self.changed.wait(0.2)

    def until(self, condition):
        """The sums over all reports once they are as `condition` says."""
        sums = {"issued": 0, "success": 0, "error": 0, "dropped": 0, "overload": 0, "reports": 0}
        while not condition(sums):
            report = self.told.get(timeout=20)
            sums["reports"] += bool(report.cluster_stats)
            for cluster in report.cluster_stats:
                assert cluster.cluster_name == "upstream"
                assert cluster.load_report_interval.seconds + cluster.load_report_interval.nanos / 1e9 >= 0.09
                sums["dropped"] += cluster.total_dropped_requests
                sums["overload"] += sum(requests.dropped_count for requests in cluster.dropped_requests if requests.category == "flood")
                for locality in cluster.upstream_locality_stats:
                    assert locality.locality.zone == "z1"
                    sums["issued"] += locality.total_issued_requests
                    sums["success"] += locality.total_successful_requests
                    sums["error"] += locality.total_error_requests
                    assert sum(host.total_issued_requests for host in locality.upstream_endpoint_stats) == locality.total_issued_requests
        return sums


@pytest.fixture
def reports(tmp_path):
    server = LoadReports(tmp_path / "lrs", clusters=["upstream"], load_reporting_interval={"nanos": 100_000_000}, report_endpoint_granularity=True)
    yield server.start()
    server.stop()


def configured(serve, path, *, policy=None, metadata=()):
    server = serve.h1(lambda request: Response(500 if request.path == "/bad" else 200, [], b""))
    upstream = b.cluster(server.address)
    upstream["load_assignment"]["endpoints"][0]["locality"] = {"zone": "z1"}
    if policy:
        upstream["load_assignment"]["policy"] = policy
    plane = b.cluster(name="plane", protocol="h2")
    plane["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(path)}}}}]}]
    service = {"envoy_grpc": {"cluster_name": "plane"}, "initial_metadata": [{"key": key, "value": value} for key, value in metadata]}
    to = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service]}
    return b.bootstrap([b.listener(b.http())], [upstream, plane], node={"id": "me", "cluster": "test"}, cluster_manager={"load_stats_config": to})


def test_what_became_of_requests(pillion, serve, reports):
    proxy = pillion(configured(serve, reports.path, metadata=[("x-key", "of-me")]), concurrency=2)
    first = reports.told.get(timeout=20)
    assert (first.node.id, list(first.cluster_stats)) == ("me", [])
    assert "envoy.lrs.supports_send_all_clusters" in first.node.client_features
    assert reports.metadata["x-key"] == "of-me"
    proxy.until_stat("load_reporter.requests", 1)
    assert [proxy.exchange(Request(path=path)).status for path in ("/", "/", "/bad")] == [200, 200, 500]
    sums = reports.until(lambda sums: sums["success"] + sums["error"] >= 3)
    assert (sums["issued"], sums["success"], sums["error"], sums["dropped"]) == (3, 2, 1, 0)
    assert proxy.stat("load_reporter.responses") > 1


def test_what_was_refused(pillion, serve, reports):
    drop = {"drop_overloads": [{"category": "flood", "drop_percentage": {"numerator": 100}}]}
    proxy = pillion(configured(serve, reports.path, policy=drop))
    proxy.until_stat("load_reporter.requests", 1)
    assert [proxy.exchange(Request()).status for _ in range(3)] == [503] * 3
    sums = reports.until(lambda sums: sums["dropped"] >= 3)
    assert (sums["dropped"], sums["overload"], sums["issued"]) == (3, 3, 0)


def test_a_control_plane_that_comes_back(pillion, serve, reports):
    proxy = pillion(configured(serve, reports.path))
    proxy.until_stat("load_reporter.requests", 1)
    reports.until(lambda sums: sums["reports"] >= 1)
    reports.stop()
    proxy.until_stat("load_reporter.errors", 1)
    assert proxy.exchange(Request()).status == 200
    reports.start()
    sums = reports.until(lambda sums: sums["success"] >= 1)
    assert (sums["issued"], sums["success"]) == (1, 1)
    assert proxy.stat("load_reporter.retries") >= 1
