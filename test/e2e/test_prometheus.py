"""A Prometheus scrapes pillion, and is asked what dashboards for Envoy ask."""

import json
import pathlib
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.metrics import families, labels
from peers.ports import free_port
from peers.wait import PATIENCE, until

DASHBOARDS = pathlib.Path(__file__).parent / "dashboards"


class Prometheus:
    def __init__(self, folder, targets, arguments=(), **more):
        self.port = free_port()
        config = folder / "prometheus.json"
        scrape = {"job_name": "pillion", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": targets}], **more}
        config.write_text(json.dumps({"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"}, "scrape_configs": [scrape]}))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}",
                   *arguments]
        with open(folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def get(self, path, **query):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}", timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def samples(self, expression):
        return self.get("/api/v1/query", query=expression)["result"]

    def scraped(self, times):
        """How many scrapes there were, and that all went well."""
        try:
            target = self.get("/api/v1/targets")["activeTargets"][0]
            count = self.samples("count_over_time(up[1m])")
        except (OSError, IndexError):
            return False
        assert not target["lastError"], target["lastError"]
        return count and int(count[0]["value"][1]) >= times

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def expressions():
    lines = [line for path in sorted(DASHBOARDS.glob("*.promql")) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_dashboards_for_envoy_have_their_figures(pillion, serve, tmp_path, expressions):
    def answer(request):
        return Response({"/moved": 302, "/missing": 404, "/broken": 503}.get(request.path, 200), [], b"hello")
    server = serve.h1(answer)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    prometheus = Prometheus(tmp_path, [f"{proxy.admin_address[0]}:{proxy.admin_address[1]}"])
    try:
        ends = time.monotonic() + PATIENCE
        while not prometheus.scraped(5):  # requests all the while, so that rates are more than zero
            assert time.monotonic() < ends
            for path in ("/", "/moved", "/missing", "/broken"):
                proxy.exchange(Request(path=path))
        assert len(expressions) > 60
        without = [expression for expression in expressions if not prometheus.samples(expression)]
        assert not without, "\n".join(without)
        nan = [e for e in expressions if "rq_time_bucket" in e and prometheus.samples(e)[0]["value"][1] == "NaN"]
        assert not nan, "\n".join(nan)
        rate, = prometheus.samples('sum(rate(envoy_cluster_upstream_rq{envoy_response_code="404"}[10s]))')
        assert float(rate["value"][1]) > 0
    finally:
        prometheus.stop()


def test_labels_of_the_configuration(pillion, serve):
    """Labels as Istio has them, in place of those that names have; what is not listed is not exported."""
    server = serve.h1(lambda request: Response(200, [], b"x"))
    stats = {
        "use_all_default_tags": False,
        "stats_tags": [{"tag_name": "cluster_name", "regex": r"^cluster\.((.+?)\.)"},
                       {"tag_name": "response_code", "regex": r"(response_code=\.=(.+?);\.;)|_rq(_(\.d{3}))$"},
                       {"tag_name": "mesh", "fixed_value": "m1"}, {"tag_name": "envoy.worker_id"}],
        "stats_matcher": {"exclusion_list": {"patterns": [{"suffix": "upstream_rq_completed"}, {"prefix": "http."}]}},
        "histogram_bucket_settings": [{"match": {"suffix": "upstream_rq_time"}, "buckets": [50, 5000]}],
    }
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)], stats_config=stats, stats_flush_interval="0.1s",
                                stats_server_version_override=77), arguments=["--stats-tag", "zone:z1"])
    assert proxy.exchange(Request()).status == 200
    scraped = proxy.admin("/stats/prometheus")
    assert 'envoy_cluster_upstream_rq_total{zone="z1",mesh="m1",cluster_name="upstream"} 1\n' in scraped
    assert 'envoy_cluster_upstream_rq_200{zone="z1",mesh="m1",cluster_name="upstream"} 1\n' in scraped
    assert 'envoy_server_version{zone="z1",mesh="m1"} 77\n' in scraped
    assert "upstream_rq_completed" not in scraped and "envoy_http_" not in scraped
    buckets = [line for line in scraped.splitlines() if line.startswith("envoy_cluster_upstream_rq_time_bucket")]
    assert [line.partition('le="')[2].partition('"')[0] for line in buckets] == ["50", "5000", "+Inf"]
    # The interval of 0.1 s ends soon: what the histogram has is in it no longer.
    until(lambda: "B50(0,1) B5000(0,1)" in proxy.admin("/stats?filter=upstream_rq_time&histogram_buckets=cumulative"), "the interval is over")


def test_no_metrics_at_all(pillion):
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]))], stats_config={"stats_matcher": {"reject_all": True}}))
    assert proxy.exchange(Request()).status == 200
    assert proxy.admin("/stats") == "" and proxy.admin("/stats/prometheus") == ""


def scrape(proxy, query="", accept=None):
    """(content type, bytes)"""
    request = urllib.request.Request(f"http://{proxy.admin_address[0]}:{proxy.admin_address[1]}/stats/prometheus{query}",
                                     headers={"Accept": accept} if accept else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE) as answer:
        return answer.headers["Content-Type"], answer.read()


def test_messages_say_what_text_says(pillion, serve):
    server = serve.h1(lambda request: Response(200, [], b"x"))
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    assert [proxy.exchange(Request()).status for _ in range(5)] == [200] * 5
    query = "?filter=^cluster.upstream"
    until(lambda: b'upstream_rq_time_count{envoy_cluster_name="upstream"} 5\n' in scrape(proxy, query)[1], "the histogram has them")
    text = scrape(proxy, query)[1].decode()
    kind, data = scrape(proxy, query, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,*/*;q=0.1")
    assert kind.startswith("application/vnd.google.protobuf;")
    told = families(data)
    types = {0: "counter", 1: "gauge", 4: "histogram"}
    assert [f"# TYPE {name} {types[family.type]}" for name, family in told.items()] == [line for line in text.splitlines() if line[0] == "#"]
    rq, = told["envoy_cluster_upstream_rq"].metric
    assert rq.counter.value == 5 and labels(rq) == {"envoy_response_code": "200", "envoy_cluster_name": "upstream"}
    times, = told["envoy_cluster_upstream_rq_time"].metric
    assert times.histogram.sample_count == 5 and len(times.histogram.bucket) == 19
    summary, = families(scrape(proxy, query + "&prom_protobuf&histogram_buckets=summary")[1])["envoy_cluster_upstream_rq_time"].metric
    assert summary.summary.sample_count == 5 and len(summary.summary.quantile) == 10
    native, = families(scrape(proxy, query + "&prom_protobuf&histogram_buckets=prometheusnative")[1])["envoy_cluster_upstream_rq_time"].metric
    assert native.histogram.sample_count == 5 and native.histogram.schema == 4 and not native.histogram.bucket
    spread = native.histogram.positive_span
    assert sum(span.length for span in spread) == len(native.histogram.positive_delta)


@pytest.mark.parametrize("native", [False, True])
def test_a_prometheus_that_asks_for_messages(pillion, serve, tmp_path, native):
    server = serve.h1(lambda request: Response(200, [], b"x"))
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    assert [proxy.exchange(Request()).status for _ in range(7)] == [200] * 7
    prometheus = Prometheus(tmp_path, [f"{proxy.admin_address[0]}:{proxy.admin_address[1]}"], ["--enable-feature=native-histograms"],
                            **({"params": {"histogram_buckets": ["prometheusnative"]}} if native else {}))
    which = '{envoy_cluster_name="upstream"}'
    count = f"histogram_count(envoy_cluster_upstream_rq_time{which})" if native else f"envoy_cluster_upstream_rq_time_count{which}"
    try:
        until(lambda: prometheus.scraped(3), "three scrapes")
        for expression, value in ((count, 7), (f'envoy_cluster_upstream_rq_total{which}', 7), ("envoy_server_live", 1)):
            sample, = prometheus.samples(expression)
            assert float(sample["value"][1]) == value, expression
    finally:
        prometheus.stop()
