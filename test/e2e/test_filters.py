"""HTTP filters, as whoever configures them sees them."""

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.message import Request, Response
from peers.wait import until

ROUTER = {"name": "envoy.filters.http.router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}


def chain(*filters):
    """http_filters of (name, message, fields)."""
    return [{"name": name, "typed_config": b.any_of(f"extensions.filters.http.{message}", **fields)} for name, message, fields in filters] + [ROUTER]


def lines(path, count):
    found = until(lambda: path.exists() and len(path.read_text().splitlines()) >= count and path.read_text().splitlines(), f"{count} lines")
    assert len(found) == count
    return found


def test_header_to_metadata(pillion, serve, tmp_path):
    """The example of the filter's page: a field is noted, taken off, shown by the log and by a field that a route adds."""
    seen = []
    server = serve.h1(lambda request: seen.append(dict(request.fields)) or Response(200, []))
    filters = chain(("header_to_metadata", "header_to_metadata.v3.Config", {"request_rules": [{
        "header": "x-version", "on_header_present": {"metadata_namespace": "app", "key": "version"},
        "on_header_missing": {"metadata_namespace": "app", "key": "version", "value": "default"}, "remove": True}]}))
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}, "request_headers_to_add": [
        {"header": {"key": "x-noted", "value": "%DYNAMIC_METADATA(app:version)%"}}]}]
    log = b.file_log(tmp_path / "log", json={"notes": "%DYNAMIC_METADATA(app)%"})
    proxy = pillion(b.bootstrap([b.listener(b.http(routes, http_filters=filters, access_log=log))], [b.cluster(server.address)]))
    proxy.exchange(Request(fields=[("x-version", "7")]))
    proxy.exchange(Request())
    assert lines(tmp_path / "log", 2) == ['{"notes":{"version":"7"}}', '{"notes":{"version":"default"}}']
    assert [fields["x-noted"] for fields in seen] == ["7", "default"] and not any("x-version" in fields for fields in seen)


def test_header_mutation(pillion, serve):
    """The example of the filter's page."""
    seen = []
    server = serve.h1(lambda request: seen.append(request) or Response(200, [("x-debug-a", "1"), ("x-app", "2")]))
    filters = chain(("header_mutation", "header_mutation.v3.HeaderMutation", {"mutations": {
        "request_mutations": [{"remove": "x-internal"}, {"append": {
            "header": {"key": "x-from", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}, "append_action": "ADD_IF_ABSENT"}}],
        "query_parameter_mutations": [{"append": {"record": {"key": "via", "value": "pillion"}, "action": "OVERWRITE_IF_EXISTS_OR_ADD"}}],
        "response_mutations": [{"remove_on_match": {"key_matcher": {"prefix": "x-debug-"}}}]}}))
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters))], [b.cluster(server.address)]))
    answer = proxy.exchange(Request(path="/p?a=1&via=me", fields=[("x-internal", "1")]))
    request, = seen
    assert request.path == "/p?a=1&via=pillion"
    assert dict(request.fields)["x-from"] == "127.0.0.1" and "x-internal" not in dict(request.fields)
    assert "x-app" in dict(answer.fields) and "x-debug-a" not in dict(answer.fields)


def test_health_check(pillion, serve, tmp_path):
    """Answered here, until the administration says that the process has failed; a log may leave checks out."""
    server = serve.h1(lambda request: Response(200, [], b"app"))
    filters = chain(("health_check", "health_check.v3.HealthCheck", {
        "pass_through_mode": False, "headers": [{"name": ":path", "string_match": {"exact": "/healthz"}}],
        "cluster_min_healthy_percentages": {"upstream": {"value": 25}}}))
    log, = b.file_log(tmp_path / "log", "%REQ(:PATH)%\n")
    log["filter"] = {"not_health_check_filter": {}}
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters, access_log=[log]))], [b.cluster(server.address)],
                                node={"id": "n", "cluster": "shop"}))
    answer = proxy.exchange(Request(path="/healthz"))
    assert answer.status == 200 and dict(answer.fields)["x-envoy-upstream-healthchecked-cluster"] == "shop"
    assert proxy.exchange(Request(path="/")).body == b"app"
    proxy.admin("/healthcheck/fail", "POST")
    assert proxy.exchange(Request(path="/healthz")).status == 503
    assert dict(proxy.exchange(Request(path="/")).fields)["x-envoy-immediate-health-check-fail"] == "true"
    proxy.admin("/healthcheck/ok", "POST")
    assert proxy.exchange(Request(path="/healthz")).status == 200
    assert lines(tmp_path / "log", 2) == ["/", "/"]


def test_grpc_stats(pillion, serve):
    """Counters by method, and the histogram of upstream's time."""
    server = serve.h1(lambda request: Response(200, [("content-type", "application/grpc"), ("grpc-status", "0")], b"\0\0\0\0\1x"))
    filters = chain(("grpc_stats", "grpc_stats.v3.FilterConfig", {"stats_for_all_methods": True, "enable_upstream_stats": True}))
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters))], [b.cluster(server.address)]))
    proxy.exchange(Request("POST", "/shop.Cart/Add", [("content-type", "application/grpc")], b"\0\0\0\0\0\0\0\0\0\0"))
    stats = dict(line.split(": ", 1) for line in proxy.admin("/stats?filter=grpc").splitlines())
    prefix = "cluster.upstream.grpc.shop.Cart.Add."
    assert {name[len(prefix):]: value for name, value in stats.items() if not name.endswith("_time")} == {
        "0": "1", "total": "1", "success": "1", "failure": "0", "request_message_count": "2", "response_message_count": "1"}
    assert stats[prefix + "upstream_rq_time"].startswith("P0(")
    assert ('envoy_cluster_grpc_total{envoy_grpc_bridge_method="Add",envoy_grpc_bridge_service="shop.Cart",envoy_cluster_name="upstream"} 1'
            in proxy.admin("/stats/prometheus"))


def test_set_filter_state(pillion, serve, tmp_path):
    """The example of the filter's page."""
    server = serve.h1(lambda request: Response(200, []))
    filters = chain(("set_filter_state", "set_filter_state.v3.Config", {"on_request_headers": [{
        "object_key": "tenant", "factory_key": "envoy.string", "read_only": True,
        "format_string": {"text_format_source": {"inline_string": "%REQ(x-tenant)%"}}}]}))
    log = b.file_log(tmp_path / "log", "%FILTER_STATE(tenant:PLAIN)%\n")
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters, access_log=log))], [b.cluster(server.address)]))
    proxy.exchange(Request(fields=[("x-tenant", "blue")]))
    assert lines(tmp_path / "log", 1) == ["blue"]


ALL = {"default_value": {"numerator": 100}}


def local_limit(tokens, **fields):
    return {"stat_prefix": "in", "filter_enabled": ALL, "filter_enforced": ALL, "token_bucket": {"max_tokens": tokens, "fill_interval": "1000s"}, **fields}


def limited(pillion, message, routes, **arguments):
    filters = chain(("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", message))
    return pillion(b.bootstrap([b.listener(b.http(routes, http_filters=filters))]), **arguments)


def test_local_ratelimit_over_workers(pillion):
    """A bucket is the process's: of requests by 16 connections, which two workers have, just as many pass as it has tokens."""
    proxy = limited(pillion, local_limit(50), [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}], concurrency=2)
    connections = [proxy.connect() for _ in range(16)]
    statuses = []
    for _ in range(6):
        for connection in connections:
            connection.send_request(Request())
        statuses += [connection.read_response().status for connection in connections]
    assert statuses.count(200) == 50 and statuses.count(429) == 46
    proxy.until_stat("in.http_local_rate_limit.ok", 50)
    proxy.until_stat("in.http_local_rate_limit.rate_limited", 46)


def test_local_ratelimit_by_tenant(pillion):
    """The example of the filter's page, with smaller buckets: one tenant is limited, others are not."""
    message = local_limit(100, rate_limits=[{"actions": [{"request_headers": {"header_name": "x-tenant", "descriptor_key": "tenant"}}]}], descriptors=[
        {"entries": [{"key": "tenant"}], "token_bucket": {"max_tokens": 2, "fill_interval": "1000s"}},
        {"entries": [{"key": "tenant", "value": "gold"}], "token_bucket": {"max_tokens": 5, "fill_interval": "1000s"}}])
    proxy = limited(pillion, message, [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}])

    def passing(tenant):
        return [proxy.exchange(Request(fields=[("x-tenant", tenant)])).status for _ in range(7)].count(200)
    assert {tenant: passing(tenant) for tenant in ("a", "gold", "b")} == {"a": 2, "gold": 5, "b": 2}


@pytest.mark.parametrize(("cluster", "passing"), [("web", 1), ("shop", 3)])
def test_local_ratelimit_by_own_cluster(pillion, cluster, passing):
    message = local_limit(100, rate_limits=[{"actions": [{"source_cluster": {}}]}], descriptors=[
        {"entries": [{"key": "source_cluster", "value": "web"}], "token_bucket": {"max_tokens": 1, "fill_interval": "1000s"}}])
    proxy = limited(pillion, message, [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}], arguments=["--service-cluster", cluster])
    assert [proxy.exchange(Request()).status for _ in range(3)].count(200) == passing


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_local_ratelimit_of_pushed_routes(pushed, how):
    """What a push leaves as it was keeps its bucket; a route that changes has a full one."""
    def limited_route(prefix, tokens):
        own = b.any_of("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", **local_limit(tokens))
        return {**b.direct(200, "limited", prefix=prefix), "typed_per_filter_config": {"local_ratelimit": own}}
    filters = chain(("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", {"stat_prefix": "in"}))
    both = pushed(p.listener(p.routed(http_filters=filters, how=how)), p.routes(limited_route("/a", 2), limited_route("/b", 1), b.direct(200, "0")), how=how)
    assert [both.get(path).status for path in ("/a", "/a", "/a", "/b", "/b")] == [200, 200, 429, 200, 429]
    both.change(p.routes(limited_route("/a", 2), limited_route("/b", 2), b.direct(200, "1")))
    both.until_body(b"1")
    assert [both.get(path).status for path in ("/a", "/b", "/b", "/b")] == [429, 200, 200, 429]
