"""Clusters of names: who is asked for them, and what becomes of the answers."""

import socket

import pytest

from peers import bootstrap as b
from peers.dns import DnsServer
from peers.message import Request, Response
from peers.wait import until


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.close()


def of_names(*targets, **fields):
    """A cluster of these (name, port), by type; "cluster_type": a DnsCluster with these fields instead."""
    config = {**b.cluster(*targets), "connect_timeout": "5s", **fields}
    if "cluster_type" in fields:
        config.pop("type", None)
        config["cluster_type"] = {"name": "envoy.clusters.dns", "typed_config": b.any_of("extensions.clusters.dns.v3.DnsCluster", **fields["cluster_type"])}
    return config


def hosts(proxy):
    lines = [line for line in proxy.admin("/clusters").splitlines() if "::health_flags::" in line]
    return sorted({line.partition("::health_flags::")[0].partition("::")[2] for line in lines})


def test_who_is_asked(pillion, serve, dns):
    """By a cluster, and by the bootstrap for clusters that do not say."""
    server = serve.h1(lambda request: Response(200, [], b"found"))
    other = DnsServer()
    dns.set("one.test", "127.0.0.1")
    other.set("two.test", "127.0.0.1")
    routes = [{"match": {"path": f"/{name}"}, "route": {"cluster": name}} for name in ("one", "two")]
    proxy = pillion(b.bootstrap(
        [b.listener(b.http(routes=routes))],
        [of_names(("one.test", server.port), name="one", type="STRICT_DNS", dns_lookup_family="V4_ONLY", typed_dns_resolver_config=dns.resolver()),
         of_names(("two.test", server.port), name="two", type="STRICT_DNS", dns_lookup_family="V4_ONLY")],
        typed_dns_resolver_config=other.resolver(dns_resolver_options={"use_tcp_for_dns_lookups": True, "no_default_search_domain": True})))
    assert proxy.exchange(Request(path="/one")).body == b"found"
    assert proxy.exchange(Request(path="/two")).body == b"found"
    assert dns.asked == [("one.test", "A", "udp")]
    assert other.asked == [("two.test", "A", "tcp")]
    other.close()


def test_a_cluster_of_names(pillion, serve, dns):
    server = serve.h1(lambda request: Response(200, [], b"found"))
    dns.set("a.test", "127.0.0.1")
    dns.set("b.test", "127.0.0.2", "127.0.0.3")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [of_names(
        ("a.test", server.port), ("b.test", server.port),
        cluster_type={"dns_refresh_rate": "0.1s", "dns_lookup_family": "V4_ONLY", "typed_dns_resolver_config": dns.resolver()})]))
    assert hosts(proxy) == [f"127.0.0.{number}:{server.port}" for number in (1, 2, 3)]
    dns.set("b.test", "127.0.0.1")
    until(lambda: hosts(proxy) == [f"127.0.0.1:{server.port}"], "the name is asked for again")
    assert proxy.exchange(Request()).body == b"found"


def test_all_addresses_are_one_host(pillion, serve, dns):
    """A connect that fails goes on to the next address, and is one connection to the one host."""
    server = serve.h1(lambda request: Response(200, [], b"found"))
    dns.set("a.test", "127.0.0.7", "127.0.0.8", "127.0.0.1")  # the server is at the last one only
    for fields in ({"type": "LOGICAL_DNS", "dns_lookup_family": "V4_ONLY", "typed_dns_resolver_config": dns.resolver()},
                   {"cluster_type": {"all_addresses_in_single_endpoint": True, "dns_lookup_family": "V4_ONLY",
                                     "typed_dns_resolver_config": dns.resolver()}}):
        proxy = pillion(b.bootstrap([b.listener(b.http())], [of_names(("a.test", server.port), **fields)]))
        assert len(hosts(proxy)) == 1
        assert proxy.exchange(Request()).body == b"found"
        assert proxy.stat("cluster.upstream.membership_total") == 1
        assert proxy.stat("cluster.upstream.upstream_cx_total") == 1
        assert proxy.stat("cluster.upstream.upstream_cx_connect_fail") == 0


def test_addresses_that_cannot_be_reached(pillion, dns):
    """filter_unroutable_families: of a version of IP that the machine has an address of, or none."""
    dns.set("a.test", "192.0.2.1", "2001:db8::1")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [of_names(
        ("a.test", 80), type="STRICT_DNS", dns_lookup_family="ALL", typed_dns_resolver_config=dns.resolver(filter_unroutable_families=True))]))
    lines = [line.split()[0] for line in open("/proc/net/if_inet6", encoding="ascii")] if socket.has_ipv6 else []
    v6 = any(line != "0" * 31 + "1" for line in lines)
    found = hosts(proxy)
    assert ("[2001:db8::1]:80" in found) == v6


def test_the_system_is_asked(pillion, serve):
    server = serve.h1(lambda request: Response(200, [], b"found"))
    resolver = {"name": "system", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig", "num_retries": 2}}
    proxy = pillion(b.bootstrap([b.listener(b.http())], [of_names(
        ("localhost", server.port), type="STRICT_DNS", dns_lookup_family="V4_ONLY", typed_dns_resolver_config=resolver)]))
    assert proxy.exchange(Request()).body == b"found"
