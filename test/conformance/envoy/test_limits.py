"""The filter local_ratelimit: buckets, descriptors and what they are made of, figures, answers."""

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import adding, get, grpc, route, router, said
from peers.bootstrap import any_of

ALL = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
FIGURES = {"enable_x_ratelimit_headers": "DRAFT_VERSION_03"}


def bucket(tokens, interval="1000s", **fields):
    return {"max_tokens": tokens, "fill_interval": interval, **fields}


def limit(tokens=2, **fields):
    """typed_per_filter_config of a route or virtual host: a bucket of its own."""
    return {"typed_per_filter_config": {"envoy.filters.http.local_ratelimit": any_of(
        "extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="of_case", token_bucket=bucket(tokens), filter_enabled=ALL,
        **{"filter_enforced": ALL, **fields})}}


def entries(*pairs):
    return [{"key": key, "value": value} if value else {"key": key} for key, value in pairs]


def descriptor(tokens, *pairs, **fields):
    return {"entries": entries(*pairs), "token_bucket": bucket(tokens, **fields)}


def by(*actions):
    return {"actions": list(actions)}


def header(name="x-t", key="t", **fields):
    return {"request_headers": {"header_name": name, "descriptor_key": key, **fields}}


def made(name, actions, pairs, *requests):
    """What actions make of requests: a descriptor of these entries has a bucket of one token."""
    return Case(f"limit-by-{name}", list(requests) * 2, vhost=limit(100, descriptors=[descriptor(1, *pairs)], rate_limits=[by(*actions)]), setting="limit")


def figures(name, rule, fields):
    return Case(f"limit-figures-by-rule-{name}", [get("/", ("x-t", tenant)) for tenant in "aab"],
                vhost=limit(100, descriptors=[descriptor(1, ("t", ""))], rate_limits=[{**by(header()), **rule}], **fields), setting="limit")


def tenants(*names):
    return [get("/", ("x-t", name)) for name in names]


def forwarded(address):
    return [get("/", ("x-forwarded-for", address))]


MATCH = {"descriptor_value": "d", "headers": [{"name": "x-a", "string_match": {"exact": "v"}}]}
CASES = [
    Case("limit", [get()] * 4, vhost=limit(), setting="limit"),
    Case("limit-http2", [get()] * 3, vhost=limit(), setting="limit", protocol="h2"),
    Case("limit-of-filter", [get()] * 3, setting="limitall"),
    Case("limit-of-route", [get("/a"), get("/b"), get("/a"), get("/b"), get("/a")], [{**route(match={"path": "/a"}), **limit(1)}, route()], vhost=limit(), setting="limit"),
    Case("limit-off-for-route", [get()] * 3, [{**route(), "typed_per_filter_config": {
        "envoy.filters.http.local_ratelimit": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}}}], setting="limitall"),
    Case("limit-of-weighted-cluster", [get()] * 3, [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": "@", "weight": 1, **limit(1)}]}}}],
         vhost=limit(), setting="limit"),
    Case("limit-direct-answer", [get()] * 2, [{"match": {"prefix": "/"}, **said("x")}], vhost=limit(1, **FIGURES), setting="limit"),
    Case("limit-disabled", [get()] * 2, setting="limit"),
    Case("limit-not-enforced", [get()] * 2, vhost=limit(1, request_headers_to_add_when_not_enforced=[adding("x-over", "1")], filter_enforced={"default_value": {"numerator": 0}}),
         setting="limit"),
    Case("limit-status", [get()] * 2, vhost=limit(1, status={"code": "ServiceUnavailable"}), setting="limit"),
    Case("limit-status-of-success", [get()] * 2, vhost=limit(1, status={"code": "OK"}), setting="limit"),
    Case("limit-fields", [get()] * 2, vhost=limit(1, response_headers_to_add=[adding("x-limited", "yes")]), setting="limit"),
    Case("limit-figures", [get()] * 3, vhost=limit(2, **FIGURES), setting="limit"),
    Case("limit-grpc", [grpc(body=b"")] * 2, vhost=limit(1), setting="limit", protocol="h2", clusters={"": Cluster("h2")}),
    Case("limit-grpc-exhausted", [grpc(body=b"")] * 2, vhost=limit(1, rate_limited_as_resource_exhausted=True), setting="limit", protocol="h2", clusters={"": Cluster("h2")}),

    Case("limit-descriptor", tenants("a", "a", "a", "b", "b", "b"), vhost=limit(4, descriptors=[descriptor(2, ("t", "a"))], rate_limits=[by(header())], **FIGURES), setting="limit"),
    Case("limit-descriptor-alone", tenants("a", "a", "b", "b"),
         vhost=limit(1, descriptors=[descriptor(1, ("t", "a"))], rate_limits=[by(header())], always_consume_default_token_bucket=False, **FIGURES), setting="limit"),
    Case("limit-descriptor-any-value", tenants("a", "a", "b", "b", "c"), vhost=limit(100, descriptors=[descriptor(1, ("t", ""))], rate_limits=[by(header())], **FIGURES),
         setting="limit"),
    Case("limit-descriptor-value-before-any", tenants("a", "a", "a", "b", "b"),
         vhost=limit(100, descriptors=[descriptor(1, ("t", "")), descriptor(2, ("t", "a"))], rate_limits=[by(header())], **FIGURES), setting="limit"),
    Case("limit-descriptor-of-two", [get("/", ("x-t", "a"), ("x-u", "b")), get("/", ("x-t", "a")), get("/", ("x-t", "a"), ("x-u", "b")), get("/", ("x-t", "a"), ("x-u", "c"))],
         vhost=limit(100, descriptors=[descriptor(1, ("t", "a"), ("u", "b"))], rate_limits=[by(header(), header("x-u", "u"))], **FIGURES), setting="limit"),
    Case("limit-descriptor-other-order", [get("/", ("x-t", "a"), ("x-u", "b"))] * 2,
         vhost=limit(100, descriptors=[descriptor(1, ("u", "b"), ("t", "a"))], rate_limits=[by(header(), header("x-u", "u"))]), setting="limit"),
    Case("limit-slowest-first", tenants("a", "a", "a"),
         vhost=limit(100, descriptors=[descriptor(5, ("t", "a"), interval="100s"), descriptor(2, ("generic_key", "g"))],
                     rate_limits=[by(header()), by({"generic_key": {"descriptor_value": "g"}})], **FIGURES), setting="limit"),

    Case("limit-of-connection", [get()] * 3, vhost=limit(2, local_rate_limit_per_downstream_connection=True, **FIGURES), setting="limit"),
    Case("limit-of-connection-by-descriptor", tenants("a", "a", "b"), vhost=limit(
        9, local_rate_limit_per_downstream_connection=True, descriptors=[descriptor(1, ("t", ""))], rate_limits=[by(header())], **FIGURES), setting="limit"),
    Case("limit-shadow", tenants("a", "a", "a"), vhost=limit(9, descriptors=[{**descriptor(1, ("t", "a")), "shadow_mode": True}], rate_limits=[by(header())], **FIGURES),
         setting="limit"),
    Case("limit-shadow-before-others", tenants("a", "a", "a"), vhost=limit(2, descriptors=[{**descriptor(1, ("t", "a")), "shadow_mode": True}], rate_limits=[by(header())]),
         setting="limit"),

    Case("limit-by-rules-of-host", tenants("a", "a", "b"), vhost={**limit(100, descriptors=[descriptor(1, ("t", ""))], **FIGURES), "rate_limits": [by(header())]}, setting="limit"),
    Case("limit-by-rules-of-route", tenants("a", "a", "b", "b"), [route(rate_limits=[by({"generic_key": {"descriptor_value": "g"}})])],
         vhost={**limit(100, descriptors=[descriptor(1, ("t", "")), descriptor(3, ("generic_key", "g"))], **FIGURES), "rate_limits": [by(header())]}, setting="limit"),
    Case("limit-by-rules-of-both", tenants("a", "a", "b", "b"), [route(rate_limits=[by({"generic_key": {"descriptor_value": "g"}})], include_vh_rate_limits=True)],
         vhost={**limit(100, descriptors=[descriptor(1, ("t", "")), descriptor(2, ("generic_key", "g"))], **FIGURES), "rate_limits": [by(header())]}, setting="limit"),
    Case("limit-by-rules-included", tenants("a", "a", "b", "b"), [route(rate_limits=[by({"generic_key": {"descriptor_value": "g"}})])],
         vhost={**limit(100, descriptors=[descriptor(1, ("t", ""))], vh_rate_limits="INCLUDE", **FIGURES), "rate_limits": [by(header())]}, setting="limit"),
    Case("limit-by-rules-ignored", tenants("a", "a"), vhost={**limit(100, descriptors=[descriptor(1, ("t", ""))], vh_rate_limits="IGNORE", **FIGURES), "rate_limits": [by(header())]},
         setting="limit"),
    Case("limit-by-rules-of-stage", tenants("a", "a"), vhost={**limit(100, descriptors=[descriptor(1, ("t", ""))], stage=3, **FIGURES), "rate_limits": [
        by({"generic_key": {"descriptor_value": "g"}}), {**by(header()), "stage": 3}]}, setting="limit"),
    Case("limit-by-rules-of-direct-answer", tenants("a", "a"), [{"match": {"prefix": "/"}, **said("x")}],
         vhost={**limit(100, descriptors=[descriptor(1, ("t", ""))], **FIGURES), "rate_limits": [by(header())]}, setting="limit"),
    Case("limit-by-hits", tenants("a", "a", "b"), vhost=limit(100, descriptors=[descriptor(3, ("t", ""))], rate_limits=[{**by(header()), "hits_addend": {"number": 2}}], **FIGURES),
         setting="limit"),
    Case("limit-by-hits-of-field", [get("/", ("x-t", "a"), ("x-cost", cost)) for cost in ("2", "0", "2", "x", "1")],
         vhost=limit(100, descriptors=[descriptor(3, ("t", ""))], rate_limits=[{**by(header()), "hits_addend": {"format": "%REQ(X-COST)%"}}], **FIGURES), setting="limit"),

    figures("off", {"x_ratelimit_option": "OFF"}, FIGURES),
    figures("on", {"x_ratelimit_option": "DRAFT_VERSION_03"}, {}),
    Case("limit-figures-by-default-bucket", tenants("a", "b", "c"), vhost=limit(
        1, descriptors=[descriptor(1, ("t", ""))], rate_limits=[{**by(header()), "x_ratelimit_option": "OFF"}], **FIGURES), setting="limit"),
    Case("limit-figures-of-slowest", tenants("a", "a", "a"), vhost=limit(
        100, descriptors=[descriptor(2, ("t", "a")), descriptor(5, ("generic_key", "g"))],
        rate_limits=[{**by(header()), "x_ratelimit_option": "OFF"}, by({"generic_key": {"descriptor_value": "g"}})], **FIGURES), setting="limit"),
    Case("limit-by-rules-of-the-end", tenants("a", "a"), vhost={**limit(100, descriptors=[descriptor(1, ("t", ""))], **FIGURES), "rate_limits": [
        {**by(header()), "apply_on_stream_done": True}]}, setting="limit"),

    made("destination-cluster", [{"destination_cluster": {}}], [("destination_cluster", "limit-by-destination-cluster")], get()),
    made("remote-address", [{"remote_address": {}}], [("remote_address", "127.0.0.2")], get()),
    made("masked-address", [{"masked_remote_address": {"v4_prefix_mask_len": 15}}], [("masked_remote_address", "10.2.0.0/15")], *forwarded("10.3.2.1")),
    made("masked-address-of-other-range", [{"masked_remote_address": {"v4_prefix_mask_len": 16}}], [("masked_remote_address", "10.2.0.0/16")], *forwarded("10.3.2.1")),
    made("masked-address-unless-said", [{"masked_remote_address": {}}], [("masked_remote_address", "10.3.2.1/32")], *forwarded("10.3.2.1")),
    made("masked-address-v6", [{"masked_remote_address": {"v6_prefix_mask_len": 33}}], [("masked_remote_address", "2001:db8:8000::/33")], *forwarded("2001:db8:ffff::1")),
    made("masked-address-to-nothing", [{"masked_remote_address": {"v4_prefix_mask_len": 0}}], [("masked_remote_address", "0.0.0.0/0")], *forwarded("10.3.2.1")),
    made("forwarded-address", [{"remote_address": {}}], [("remote_address", "10.3.2.1")], *forwarded("10.3.2.1")),
    made("generic-key", [{"generic_key": {"descriptor_key": "k", "descriptor_value": "g"}}], [("k", "g")], get()),
    made("header", [header()], [("t", "a")], *tenants("a", "b")),
    Case("limit-by-empty-header", tenants("", ""), vhost=limit(100, descriptors=[descriptor(1, ("t", ""))], rate_limits=[by(header())], **FIGURES), setting="limit"),
    made("header-twice", [header()], [("t", "a")], get("/", ("x-t", "a"), ("x-t", "b"))),
    made("header-skipped", [{"generic_key": {"descriptor_value": "g"}}, header(skip_if_absent=True)], [("generic_key", "g")], get(), *tenants("a")),
    made("path", [header(":path", "p")], [("p", "/x")], get("/x"), get("/y")),
    made("query", [{"query_parameters": {"query_parameter_name": "q", "descriptor_key": "k"}}], [("k", "v")], get("/?q=v"), get("/?q=w"), get("/")),
    made("query-skipped", [{"generic_key": {"descriptor_value": "g"}}, {"query_parameters": {"query_parameter_name": "q", "descriptor_key": "k", "skip_if_absent": True}}],
         [("generic_key", "g")], get("/?q=v"), get("/")),
    made("header-match", [{"header_value_match": MATCH}], [("header_match", "d")], get("/", ("x-a", "v")), get("/", ("x-a", "w")), get()),
    made("no-header-match", [{"header_value_match": {**MATCH, "descriptor_key": "k", "expect_match": False}}], [("k", "d")], get("/", ("x-a", "v")), get("/", ("x-a", "w"))),
]
FILTER = ("local_ratelimit", "LocalRateLimit")
SETTINGS = {
    "limit": {"http_filters": router((*FILTER, {"stat_prefix": "of_filter"}))},
    "limitall": {"http_filters": router((*FILTER, {"stat_prefix": "of_filter", "token_bucket": bucket(2), "filter_enabled": ALL, "filter_enforced": ALL}))},
}


def test_alike(pair, case):
    alike(pair, case)
