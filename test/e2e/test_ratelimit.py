"""The filter ratelimit, with Envoy's own rate limit service and Redis."""

import pytest
import yaml

from peers import bootstrap as b
from peers.message import Request, Response
from peers.programs import RateLimitService, curl, url
from peers.proxy import ROOT
from peers.wait import until

# A day: no window ends while the tests run, but at midnight.
DAILY = {"domain": "shop", "descriptors": [
    {"key": "tenant", "rate_limit": {"unit": "day", "requests_per_unit": 3}},
    {"key": "tenant", "value": "gold", "rate_limit": {"unit": "day", "requests_per_unit": 100000}},
    {"key": "generic_key", "value": "search", "descriptors": [
        {"key": "remote_address", "rate_limit": {"name": "by-address", "unit": "day", "requests_per_unit": 10}}]},
]}
TENANT = {"actions": [{"request_headers": {"header_name": "x-tenant", "descriptor_key": "tenant"}}]}
SEARCH = {"actions": [{"generic_key": {"descriptor_value": "search"}}, {"remote_address": {}}]}


@pytest.fixture
def service(program, tmp_path):
    return program(RateLimitService, tmp_path / "service", DAILY)


def page():
    """The filter of the page's example."""
    text = (ROOT / "source/filters/ratelimit/README.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    return yaml.safe_load(text)["http_filters"][0]


@pytest.fixture
def limited(pillion, serve, service):
    """limited(fields of the filter) is a proxy in front of a server that answers, and the service."""
    def make(manager=None, arguments=(), **fields):
        limit = page()
        # What a busy machine needs must not be what decides.
        limit["typed_config"].update({"timeout": "10s", **fields})
        router = {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}
        routes = [{"match": {"prefix": "/search"}, "route": {"cluster": "upstream", "rate_limits": [SEARCH], "include_vh_rate_limits": True}}, b.route()]
        table = {"virtual_hosts": [{"name": "all", "domains": ["*"], "rate_limits": [TENANT], "routes": routes}]}
        server = serve.h1(lambda request: Response(200, []))
        return pillion(b.bootstrap([b.listener(b.http(route_config=table, http_filters=[limit, router], **(manager or {})))],
                                   [b.cluster(server.address), b.cluster(service.address, protocol="h2", name="limits")]), arguments=arguments)
    return make


def get(proxy, tenant=None, path="/"):
    return proxy.exchange(Request(path=path, fields=[("x-tenant", tenant)] if tenant else []))


def test_limits_by_tenant(limited, tmp_path):
    """The page's example. One tenant is limited, others are not; whoever is refused hears of it."""
    log = tmp_path / "log"
    proxy = limited({"access_log": b.file_log(log, "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n")})
    assert [get(proxy, "a").status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [get(proxy, "gold").status for _ in range(5)] == [200] * 5
    assert get(proxy).status == 200
    refused = dict(get(proxy, "a").fields)
    assert refused["x-envoy-ratelimited"] == "true"
    assert refused["x-ratelimit-limit"].startswith("3, 3;w=86400") and refused["x-ratelimit-remaining"] == "0"
    assert 0 <= int(refused["x-ratelimit-reset"]) <= 86400
    assert dict(get(proxy, "b").fields)["x-ratelimit-remaining"] == "2"
    proxy.until_stat("cluster.upstream.ratelimit.over_limit", 3)
    proxy.until_stat("cluster.upstream.ratelimit.ok", 9)
    lines = until(lambda: log.exists() and len(log.read_text().splitlines()) >= 13 and log.read_text().splitlines(), "13 lines")
    assert [line for line in lines if line.startswith("429")] == ["429 RL request_rate_limited"] * 3


def test_several_descriptors(limited):
    """Of a route and its virtual host: any may refuse, and the figures are of the one that has the least left."""
    proxy = limited()
    fields = dict(get(proxy, "a", "/search").fields)
    assert fields["x-ratelimit-remaining"] == "2"
    assert sorted(fields["x-ratelimit-limit"].split(", ")[1:]) == ['10;w=86400;name="by-address"', "3;w=86400"]
    assert [get(proxy, "gold", "/search").status for _ in range(11)] == [200] * 9 + [429] * 2


def test_many_workers_and_protocols(limited):
    """What the service counts holds for all of them."""
    proxy = limited()
    statuses = []
    for _ in range(3):
        for protocol in ("--http1.1", "--http2-prior-knowledge"):
            report, _ = curl(protocol, "--header", "x-tenant: c", url(proxy.address))
            statuses.append(report["http_code"])
    assert statuses == [200] * 3 + [429] * 3


def test_grpc(limited):
    proxy = limited(rate_limited_as_resource_exhausted=True)
    request = Request("POST", "/shop.Cart/Add", [("x-tenant", "d"), ("content-type", "application/grpc")], b"")
    for _ in range(3):
        proxy.exchange(request)
    assert dict(proxy.exchange(request).fields)["grpc-status"] == "8"


@pytest.mark.parametrize("deny,status", [(False, 200), (True, 500)])
def test_a_service_that_is_gone(limited, service, deny, status):
    """Requests pass or are refused meanwhile; once it is back its word counts again."""
    proxy = limited(failure_mode_deny=deny)
    assert get(proxy, "a").status == 200
    service.stop_service()
    assert get(proxy, "a").status == status
    proxy.until_stat("cluster.upstream.ratelimit.error", 1)
    proxy.until_stat("cluster.upstream.ratelimit.failure_mode_allowed", 0 if deny else 1)
    service.start()
    assert [get(proxy, "a").status for _ in range(3)] == [200, 200, 429]
