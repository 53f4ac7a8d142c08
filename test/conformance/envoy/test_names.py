"""Hosts by their names: clusters of DNS in all their spellings, who is asked, and names of several addresses."""

import pytest

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get
from peers.bootstrap import any_of
from peers.dns import DnsServer

SERVERS = []
V4 = {"dns_lookup_family": "V4_ONLY"}


def dns():
    """Asked by both proxies; begun when the first case is configured."""
    if not SERVERS:
        SERVERS.append(DnsServer())
    return SERVERS[0]


@pytest.fixture(scope="module", autouse=True)
def _dns(pair):
    yield
    SERVERS.pop().close()


def named(*addresses, resolver=None, name=None, **fields):
    """The hosts by names, of these addresses. `cluster_type`: of a DnsCluster."""
    def change(config, servers, folder):
        for number, host in enumerate(config["load_assignment"]["endpoints"][0]["lb_endpoints"]):
            known = name or f"h{number}.{config['name']}.test"
            dns().set(known, *(addresses or ["127.0.0.1"]))
            host["endpoint"]["address"]["socket_address"]["address"] = known
        asked = {"typed_dns_resolver_config": resolver or dns().resolver()}
        config.update(fields)
        if "cluster_type" not in fields:
            config.update(asked)
            return
        del config["type"]
        config["cluster_type"] = {"name": "envoy.clusters.dns",
                                  "typed_config": any_of("extensions.clusters.dns.v3.DnsCluster", **asked, **fields["cluster_type"])}
    return change


def names(name, change, count=1, requests=3, **more):
    return Case(name, [get()] * requests, clusters={"": Cluster(hosts=[None] * count, change=change)}, **more)


SYSTEM = {"name": "system", "typed_config": any_of("extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig")}
DEAD = ("127.0.0.9", "127.0.0.1")  # nobody listens at the first

CASES = [
    names("names-strict", named(type="STRICT_DNS", **V4)), names("names-logical", named(type="LOGICAL_DNS", **V4)),
    names("names-of-the-type", named(cluster_type=V4)), names("names-of-the-type-in-one", named(cluster_type={**V4, "all_addresses_in_single_endpoint": True})),
    names("names-several", named(type="STRICT_DNS", **V4), count=2, requests=6, shares=True),
    names("names-that-do-not-exist", named(type="STRICT_DNS", dns_lookup_family="V6_ONLY")),
    names("names-logical-that-do-not-exist", named(type="LOGICAL_DNS", dns_lookup_family="V6_ONLY")),
    names("names-of-either-family", named(type="STRICT_DNS", dns_lookup_family="V4_PREFERRED")),
    names("names-of-any-family", named(type="STRICT_DNS", dns_lookup_family="AUTO")), names("names-of-all-families", named(type="STRICT_DNS", dns_lookup_family="ALL")),
    names("names-logical-next-address", named(*DEAD, type="LOGICAL_DNS", **V4)),
    names("names-in-one-next-address", named(*DEAD, cluster_type={**V4, "all_addresses_in_single_endpoint": True})),
    names("names-by-the-system", named(resolver=SYSTEM, name="localhost", type="STRICT_DNS", **V4)),
]


def test_alike(pair, case):
    alike(pair, case)
