"""Which host a request goes to."""

import collections

import pytest

from peers import bootstrap as b
from peers.message import Request, Response


def named(serve, count):
    """Upstreams that answer with their names: 0, 1, ..."""
    return [serve.h1(lambda request, name=b"%d" % i: Response(200, [], name)).address for i in range(count)]


def proxy_for(pillion, addresses, action=None, **cluster):
    return pillion(b.bootstrap([b.listener(b.http([b.route(**(action or {}))]))], [b.cluster(*addresses, **cluster)]),
                   concurrency=2)


def value(response, name):
    return response.get(name)


@pytest.mark.parametrize("policy", ["RING_HASH", "MAGLEV"])
def test_ring_hash(pillion, serve, policy):
    proxy = proxy_for(pillion, named(serve, 4), {"hash_policy": [{"header": {"header_name": "x-user"}}]},
                      lb_policy=policy)
    hosts = {}
    for user in range(100):
        answers = {proxy.exchange(Request(fields=[("x-user", f"u{user}")])).body for _ in range(3)}
        assert len(answers) == 1, "the same for the same user, whatever the worker"
        hosts[user] = answers.pop()
    assert len(set(hosts.values())) == 4


def test_a_cookie_is_made_and_then_heeded(pillion, serve):
    proxy = proxy_for(pillion, named(serve, 4), {"hash_policy": [{"cookie": {"name": "c", "ttl": "9s", "path": "/"}}]},
                      lb_policy="RING_HASH")
    for _ in range(4):
        first = proxy.exchange(Request())
        cookie = value(first, "set-cookie")
        assert cookie.startswith('c="') and cookie.endswith('"; Max-Age=9; Path=/; HttpOnly')
        again = proxy.exchange(Request(fields=[("cookie", cookie.split(";")[0])]))
        assert again.body == first.body
        assert value(again, "set-cookie") is None


def endpoint(address, **fields):
    return {"endpoint": {"address": b.address(address)}, **fields}


def in_subset(address, **values):
    return endpoint(address, metadata={"filter_metadata": {"envoy.lb": values}})


def assignment(*endpoints, **fields):
    return {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": list(endpoints), **fields}]}


def test_subsets(pillion, serve):
    old, grey = named(serve, 2)
    cluster = {"load_assignment": assignment(in_subset(old, version="1"), in_subset(grey, version="2")),
               "lb_subset_config": {"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"version": "1"},
                                    "subset_selectors": [{"keys": ["version"]}]}}
    routes = [b.route(prefix=f"/{version}", metadata_match={"filter_metadata": {"envoy.lb": {"version": version}}})
              for version in "129"]
    proxy = pillion(b.bootstrap([b.listener(b.http([*routes, b.route()]))], [b.cluster(old, **cluster)]))
    for path, body in (("/1", b"0"), ("/2", b"1"), ("/9", b"0"), ("/", b"0")):
        assert {proxy.exchange(Request(path=path)).body for _ in range(4)} == {body}, path
    assert proxy.stat("cluster.upstream.lb_subsets_selected") == 8
    assert proxy.stat("cluster.upstream.lb_subsets_fallback") == 8


def test_health_status_and_priorities(pillion, serve):
    addresses = named(serve, 3)
    groups = [{"priority": 0, "lb_endpoints": [endpoint(addresses[0], health_status="UNHEALTHY"),
                                               endpoint(addresses[1])]},
              {"priority": 1, "lb_endpoints": [endpoint(addresses[2])]}]
    proxy = proxy_for(pillion, addresses, load_assignment={"cluster_name": "upstream", "endpoints": groups})
    counts = collections.Counter(proxy.exchange(Request()).body for _ in range(200))
    assert counts[b"0"] == 0
    assert 100 < counts[b"1"] < 180 and 20 < counts[b"2"] < 100  # 70 to 30
    assert proxy.stat("cluster.upstream.membership_healthy") == 2


def test_none_healthy(pillion, serve):
    (address,) = named(serve, 1)
    cluster = {"load_assignment": assignment(endpoint(address, health_status="UNHEALTHY"))}
    panic = proxy_for(pillion, [address], **cluster)
    assert panic.exchange(Request()).body == b"0"
    assert panic.stat("cluster.upstream.lb_healthy_panic") == 1
    strict = proxy_for(pillion, [address], common_lb_config={"healthy_panic_threshold": {"value": 0}}, **cluster)
    response = strict.exchange(Request())
    assert (response.status, response.body) == (503, b"no healthy upstream")


def test_retries_elsewhere(pillion, serve):
    bad = serve.h1(lambda request: Response(503, [], b"bad"))
    good = serve.h1(lambda request: Response(200, [], b"good"))
    predicate = {"name": "previous", "typed_config": b.any_of("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")}
    policy = {"retry_on": "5xx", "num_retries": 1, "host_selection_retry_max_attempts": 50,
              "retry_host_predicate": [predicate]}
    proxy = proxy_for(pillion, [bad.address, good.address], {"retry_policy": policy}, lb_policy="RANDOM")
    for _ in range(30):
        assert proxy.exchange(Request()).body == b"good"
