"""Limits by tenant that nobody reaches: what deciding costs."""
import random

_TYPE = "type.googleapis.com/"
_BEYOND_REACH = 1000000  # a second, of each tenant

# A window, then a bucket, for each pair of tenant and kind of path.
LIMIT = {"name": "pillion.filters.http.limit", "typed_config": {
    "@type": _TYPE + "pillion.filters.http.limit.v1.Limit", "rules": [{
        "name": "tenants",
        "key": [{"name": "tenant", "value": "request.headers['x-tenant-id']"},
                {"name": "kind", "value": "request.path.startsWith('/v1/payments') ? 'payments' : 'default'"}],
        "window": {"limit": _BEYOND_REACH, "length": "1s"},
        "bucket": {"rate": _BEYOND_REACH}}]}}

# A bucket for each tenant.
_BUCKET = {"max_tokens": _BEYOND_REACH, "tokens_per_fill": _BEYOND_REACH, "fill_interval": "1s"}
_ALL = {"default_value": {"numerator": 100}}
LOCAL = {"name": "envoy.filters.http.local_ratelimit", "typed_config": {
    "@type": _TYPE + "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "bench",
    "filter_enabled": _ALL, "filter_enforced": _ALL, "token_bucket": _BUCKET,
    "rate_limits": [{"actions": [{"request_headers": {"header_name": "x-tenant-id", "descriptor_key": "tenant"}}]}],
    "descriptors": [{"entries": [{"key": "tenant"}], "token_bucket": _BUCKET}]}}


def fields(_seconds: float, number: int) -> list[str]:
    """x-tenant-id of so many requests, each of a tenant of its own."""
    made = [f"x-tenant-id: tenant-{tenant}\r\n" for tenant in range(number)]
    random.Random(7).shuffle(made)
    return made
