"""Token buckets (local_ratelimit) go on where they were, whatever is pushed beside them."""

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.ports import free_port

ALL = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
OFF = {"typed_per_filter_config": {"limit": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}}}

pytestmark = p.ours  # Envoy's are full again after each push


def limit(tokens=None):
    """Of so many tokens, and no more for a long time."""
    bucket = {"token_bucket": {"max_tokens": tokens, "fill_interval": "1000s"}} if tokens else {}
    return b.any_of("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="limit", filter_enabled=ALL, filter_enforced=ALL, **bucket)


def chain(tokens=None):
    return [{"name": "limit", "typed_config": limit(tokens)},
            {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def free(turn):
    """A route that takes no token, and tells which version it is of."""
    return {**b.direct(200, turn, prefix="/free"), **OFF}


def passing(both, count):
    return sum(both.get("/limited").status == 200 for _ in range(count))


def test_of_a_listener(pushed):
    port = free_port()

    def ingress(turn, tokens=5):
        return p.listener(b.http([free(turn), b.direct(200, turn)], http_filters=chain(tokens)), where=("127.0.0.1", port))

    both = pushed(ingress("0"))
    assert passing(both, 2) == 2
    for turn in ("1", "2"):
        both.change(ingress(turn))
        both.until_body(turn.encode(), "/free")
        assert passing(both, 1) == 1
    both.change(ingress("3"))
    both.until_body(b"3", "/free")
    assert passing(both, 3) == 1
    both.change(ingress("4", tokens=6))  # another bucket
    both.until_body(b"4", "/free")
    assert passing(both, 7) == 6


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_of_a_route_in_a_table(pushed, how):
    def table(turn, *before):
        limited = {**b.direct(200, turn), "typed_per_filter_config": {"limit": limit(4)}}
        return p.routes(*before, free(turn), limited)

    both = pushed(p.listener(p.routed(how=how, http_filters=chain())), table("0"), how=how)
    assert passing(both, 2) == 2
    both.change(table("1"))
    both.until_body(b"1", "/free")
    assert passing(both, 1) == 1
    both.change(table("2", b.direct(200, "another", prefix="/another")))  # one that comes before them
    both.until_body(b"2", "/free")
    assert passing(both, 3) == 1
