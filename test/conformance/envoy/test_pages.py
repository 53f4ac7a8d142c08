"""Pages of the administration after the same requests: what stands in them, and for long ones which keys, names and labels."""

import collections
import json
import re
import time
import urllib.request

import pytest

from frame.case import REFUSES, Case, Cluster
from frame.check import alike, judge
from frame.normal import shape
from frame.write import get, ok, route
from peers.metrics import families, labels

BREAKERS = {"circuit_breakers": {"thresholds": [{"max_connections": 7, "max_retries": 9}, {"priority": "HIGH", "max_requests": 5}]}}


def described(config, addresses, folder):
    """A host with all that a page could say of it."""
    group = config["load_assignment"]["endpoints"][0]
    group.update(locality={"region": "r", "zone": "z", "sub_zone": "s"}, priority=0)
    group["lb_endpoints"][0].update(load_balancing_weight=3, metadata={"filter_metadata": {"envoy.lb": {"canary": True}}})
    group["lb_endpoints"][0]["endpoint"]["hostname"] = "host.test"
    group["lb_endpoints"][1]["health_status"] = "UNHEALTHY"


CASES = [
    Case("page-traffic", [get(), get("/other")], clusters={"": Cluster(fields=BREAKERS)}, upstream=[ok(), ok(status=503)]),
    Case("page-hosts", [get()], clusters={"": Cluster(hosts=[None, REFUSES], change=described)}),
    Case("page-failure", [get()], clusters={"": Cluster(hosts=[REFUSES])}),
    Case("page-no-hosts", [get()], clusters={"": Cluster(hosts=[])}),
    Case("page-virtual-cluster", [get("/a")], [{**route(), "stat_prefix": "theroute"}],
         {"virtual_clusters": [{"name": "vc", "headers": [{"name": ":path", "string_match": {"exact": "/a"}}]}]}),
]
BOOTSTRAP = {"stats_flush_interval": "0.1s", "enable_dispatcher_stats": True, "watchdogs": {"worker_watchdog": {"miss_timeout": "1s"}}, "node": {"id": "n", "cluster": "c", "locality": {"region": "r", "zone": "z"}, "metadata": {"k": {"nested": [1, "x"]}}},
             "layered_runtime": {"layers": [{"name": "static", "static_layer": {"a.b": 1, "text": "x", "deep": {"er": True}}}, {"name": "admin", "admin_layer": {}}]}}

# page: what is taken of it
TEXTS = ("/clusters", "/listeners", "/ready", "/hot_restart_version", "/nobody", "/stats?usedonly&filter=^cluster.page-(traffic|hosts|failure|no-hosts).upstream_rq_[0-9x]*$",
         "/stats?usedonly&filter=^http.plain.downstream_rq_[0-9x]*$", "/stats?filter=nothing", "/stats?filter=(", "/stats?usedonly&filter=^cluster.page-traffic.upstream_(cx|rq)_(total|active|timeout|200|503)$",
         "/stats?type=Gauges&filter=^cluster.page-traffic.membership", "/runtime_modify", "/logging?level=info", "/logging?level=nonsense", "/logging?nobody=info",
         "/healthcheck/ok", "/healthcheck/fail", "/quitquitquit", "/reset_counters", "/drain_listeners", "/stats?format=nonsense",
         "/stats?histogram_buckets=nonsense", "/stats/prometheus?histogram_buckets=prometheusnative", "/stats/prometheus?histogram_buckets=disjoint",
         "/stats/prometheus?prom_protobuf&native_histogram_max_buckets=0")
SHAPES = ("/clusters?format=json", "/listeners?format=json", "/server_info", "/runtime", "/certs", "/config_dump", "/config_dump?resource=static_clusters",
          "/config_dump?resource=nobody", "/config_dump?mask=nobody", "/config_dump?name_regex=page-traffic", "/init_dump",
          "/stats?format=json&filter=^cluster.page-traffic.upstream_rq_200$", "/stats?format=json&filter=^cluster.page-traffic.upstream_rq_time$",
          "/stats?format=json&filter=nothing")
EXACT = ("/clusters?format=json", "/listeners?format=json", "/runtime", "/certs", "/init_dump")
POSTS = ("/runtime_modify?a.b=2&c=d", "/runtime_modify", "/healthcheck/fail", "/healthcheck/ok", "/reset_counters", "/logging?level=info", "/logging?level=nonsense",
         "/logging?paths=nobody:debug", "/nobody", "/clusters", "/drain_listeners?graceful&skip_exit&inboundonly")
# Not yet: counted by who asks and whom, by the listener, and in codes for virtual clusters and routes; and what has another name.
NOT_YET = re.compile(r"(external|internal|canary|zone[._]z[._]z)[._]upstream_rq|listener[._].*http[._]|(vcluster|route)[._].*upstream_rq([._]200)?( |$)|total_match_count"
                     r"|warming_state|rx_bytes_buffered|pre_cx_active|circuit_breakers|max_host_weight|membership")
# Of which only the answer's kind is compared: the markup is ours.
PAGES = ("/", "/stats?format=html", "/stats?format=active-html", "/stats?format=html&filter=(", "/stats?format=html&histogram_buckets=nonsense", "/contention")
# What the process says of itself.
OF_PROCESS = re.compile(r"watchdog_|^runtime[._]|^envoy_runtime_|[._]dispatcher[._]")
MORE_NAMES = [f"GET {page}" for page in TEXTS + SHAPES] + [f"POST {page}" for page in POSTS] + [f"kind of GET {page}" for page in PAGES] + [
    "names of counters", "names of gauges", "names of histograms", "names of the process", "series", "types of series", "series of the process",
    "messages", "messages of native histograms"]


def named(text, side):
    """Without ports and what the programs are called."""
    for name, (_, port) in side.proxy.listeners.items():
        text = text.replace(f":{port}", f":<{name}>").replace(f'"port_value": {port}', f'"port_value": "<{name}>"').replace(f"_{port}", f"_<{name}>")
    return text


def each(what, items):
    """{"what.item": how often}, so that one that differs is shown alone."""
    return {f"{what}.{item}": count for item, count in collections.Counter(items).items()}


def alike_in_time(what, pages):
    """`pages()`: the results; some of what is in them comes a little later than the answers to requests."""
    deadline = time.monotonic() + 2
    while True:
        try:
            return judge(what, pages())
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def compared(pair, page, method="GET", take=None):
    def pages():
        found = {}
        for name, (status, fields, text) in pair.admin(page, method).items():
            found[name] = {"status": status}
            if status == 200:
                found[name].update(type=fields.get("content-type"), **take(named(text, pair.side(name))))
        return found
    if method == "GET":
        alike_in_time(f"GET {page}", pages)
    else:
        judge(f"{method} {page}", pages())


def lines(text):
    return each("lines", filter(None, text.splitlines()))


def by_name(value):
    """Lists of things that have names come in any order."""
    if isinstance(value, dict):
        return {name: by_name(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted(map(by_name, value), key=lambda item: str(item.get("name")) if isinstance(item, dict) else "")
    return value


def test_alike(pair, case):
    alike(pair, case)


@pytest.mark.parametrize("page", TEXTS)
def test_text(pair, page):
    compared(pair, page, take=lines)


@pytest.mark.parametrize("page", SHAPES)
def test_shape(pair, page):
    compared(pair, page, take=lambda text: {
        **shape(json.loads(text), "shape"), **({"value": by_name(json.loads(text))} if page in EXACT else {})})


@pytest.mark.parametrize("kind", ["counters", "gauges", "histograms"])
def test_names(pair, kind):
    """What has counted something, of clusters, managers and listeners."""
    def pages():
        found = {}
        for name, (_, _, text) in pair.admin(f"/stats?usedonly&type={kind.capitalize()}").items():
            names = [line.split(": ")[0] for line in named(text, pair.side(name)).splitlines()]
            found[name] = each("names", (item for item in names if re.match(r"cluster\.page-|http\.plain|listener\.plain|vhost", item) and not NOT_YET.search(item)))
        return found
    alike_in_time(f"names of {kind}", pages)


@pytest.mark.parametrize("page", PAGES)
def test_kind(pair, page):
    judge(f"kind of GET {page}", {name: {"status": status, "type": fields.get("content-type")} for name, (status, fields, _) in pair.admin(page).items()})


def test_names_of_the_process(pair):
    judge("names of the process", {
        name: each("names", sorted(line.split(":")[0] for line in text.splitlines() if OF_PROCESS.search(line.split(":")[0])))
        for name, (_, _, text) in pair.admin("/stats").items()})


def test_series_of_the_process(pair):
    judge("series of the process", {
        name: each("names", {re.sub(r' \S+$|le="[^"]*"', "", line) for line in text.splitlines() if OF_PROCESS.search(line)})
        for name, (_, _, text) in pair.admin("/stats/prometheus").items()})


def messages(side, query):
    """name: what kind of family it is, with which labels its metrics are, and how its histograms look."""
    where = side.proxy.admin_address
    with urllib.request.urlopen(f"http://{where[0]}:{where[1]}/stats/prometheus?usedonly&prom_protobuf{query}", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily")
        told = families(answer.read())
    found = {}
    for name, family in told.items():
        for metric in family.metric:
            of = labels(metric)
            if not ("page-" in str(of) or "plain" in of.values()) or NOT_YET.search(name.replace("envoy_", "", 1).replace("_", ".", 1)):
                continue
            shown = metric.histogram
            # How long something took may be nothing, in whole milliseconds: that is counted by itself.
            form = (len(shown.bucket), bool(shown.positive_span) or shown.zero_count > 0) if family.type == 4 else ()
            found.setdefault(f"{name} {sorted(of)}", (family.type, *form))
    return found


@pytest.mark.parametrize("what,query", [("messages", ""), ("messages of native histograms", "&histogram_buckets=prometheusnative")], ids=["classic", "native"])
def test_messages(pair, what, query):
    alike_in_time(what, lambda: {name: messages(pair.side(name), query) for name in ("envoy", "pillion")})


def series(text):
    """Names of series and of their labels."""
    for line in text.splitlines():
        match = re.match(r"(envoy_(?:cluster|http|listener|vhost)_\w+)\{(.*)\} ", line)
        if match and ("page-" in line or '"plain"' in line) and not NOT_YET.search(match[1].replace("_", ".", 1)):
            yield match[1] + " " + ",".join(sorted(re.findall(r'(\w+)="', match[2])))


def types(text):
    return [found for found in re.findall(r"^# TYPE (envoy_(?:cluster|vhost)_\S+ \w+)$", text, re.M) if not NOT_YET.search(found)]


@pytest.mark.parametrize("what,take", [("series", series), ("types of series", types)], ids=["series", "types"])
def test_prometheus(pair, what, take):
    alike_in_time(what, lambda: {name: each("names", set(take(text))) for name, (_, _, text) in pair.admin("/stats/prometheus?usedonly").items()})


@pytest.mark.parametrize("page", POSTS)
def test_post(pair, page):
    compared(pair, page, "POST", lines)
