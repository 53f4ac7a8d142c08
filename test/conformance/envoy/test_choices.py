"""More of which host a request goes to, and of when it is tried again."""

from frame.case import REFUSES, Case, Cluster, Cut, Hang
from frame.check import alike
from frame.write import get, grpc, ok, route
from peers.message import Request

from test_hosts import BY_USER, SUBSETS, USERS, VERSIONS, by_address, each, groups, metadata

FAST = {"retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"}}
MANY = [get()] * 600
SOME = [get("/", ("x-user", f"user-{number}")) for number in range(25)]


def retry(on, times=2, **more):
    return [route(retry_policy={"retry_on": on, "num_retries": times, **FAST, **more})]


def hosts(count, change=None, **fields):
    return {"": Cluster(hosts=[None] * count, change=change, fields=fields)}


def both(*changes):
    def change(*arguments):
        for one in changes:
            one(*arguments)
    return change


def shares(name, clusters, **more):
    return Case(name, more.pop("requests", MANY), shares=True, clusters=clusters, **more)


def subset(policy, **more):
    return {"lb_subset_config": {**SUBSETS["lb_subset_config"], "fallback_policy": policy, **more}}


def wanting(**values):
    return [route(metadata_match=metadata(**values))]


def health(*statuses):
    return each(health_status=statuses)


def weights(*values):
    return each(load_balancing_weight=values)


def localities(*values, **more):
    """Each host in a zone of its own, with this weight."""
    return groups(*[{"locality": {"zone": f"z{number}"}, "load_balancing_weight": value, **more} for number, value in enumerate(values)])


FAILED, GOOD = ok(status=503), ok()
LOCALITY = {"common_lb_config": {"locality_weighted_lb_config": {}}}
STATS = ("c.lb_healthy_panic", "c.lb_subsets_selected", "c.lb_subsets_fallback", "c.lb_subsets_fallback_panic", "c.retry_or_shadow_abandoned")

CASES = [
    shares("choose-random", hosts(3, lb_policy="RANDOM")), shares("choose-weighted", hosts(2, weights(1, 3))),
    shares("choose-least-request-weighted", hosts(2, weights(1, 3), lb_policy="LEAST_REQUEST")),
    shares("choose-degraded", hosts(3, health("DEGRADED", "HEALTHY", "HEALTHY"))), shares("choose-all-degraded", hosts(2, health("DEGRADED", "DEGRADED"))),
    shares("choose-in-panic", hosts(3, health("UNHEALTHY", "UNHEALTHY", "HEALTHY")), stats=STATS),
    shares("choose-without-panic", hosts(3, health("UNHEALTHY", "UNHEALTHY", "HEALTHY"), common_lb_config={"healthy_panic_threshold": {"value": 0}}), stats=STATS),
    shares("choose-draining", hosts(3, health("DRAINING", "HEALTHY", "HEALTHY"))), shares("choose-timeout", hosts(3, health("TIMEOUT", "HEALTHY", "UNKNOWN"))),
    Case("choose-none-healthy", clusters=hosts(2, health("UNHEALTHY", "UNHEALTHY"), common_lb_config={"healthy_panic_threshold": {"value": 0}})),
    Case("choose-fail-in-panic", clusters=hosts(2, health("UNHEALTHY", "UNHEALTHY"), common_lb_config={"zone_aware_lb_config": {"fail_traffic_on_panic": True}})),
    shares("choose-localities", hosts(3, localities(1, 2, 3), **LOCALITY)),
    shares("choose-localities-half-healthy", {"": Cluster(hosts=[None] * 4, fields=LOCALITY, change=both(
        health("UNHEALTHY", "HEALTHY", "HEALTHY", "HEALTHY"), lambda config, *rest: pairs(config)))}),
    shares("choose-overprovisioned", hosts(4, both(health("UNHEALTHY", "HEALTHY", "HEALTHY", "HEALTHY"), groups({}, {}, {"priority": 1}, {"priority": 1}), lambda config, *rest:
                                                   config["load_assignment"].update(policy={"overprovisioning_factor": 100})))),
    Case("choose-ring-weighted", USERS, BY_USER, clusters=hosts(3, weights(1, 2, 4), lb_policy="RING_HASH", ring_hash_lb_config={"minimum_ring_size": 64})),
    Case("choose-ring-unhealthy", USERS, BY_USER, clusters=hosts(4, health("HEALTHY", "UNHEALTHY", "HEALTHY", "HEALTHY"), lb_policy="RING_HASH")),
    Case("choose-maglev-weighted", USERS, BY_USER, clusters=hosts(3, both(weights(1, 2, 4), by_address), lb_policy="MAGLEV", maglev_lb_config={"table_size": 101})),
    Case("choose-ring-by-key", SOME, BY_USER, clusters=hosts(3, each(metadata=[{"filter_metadata": {"envoy.lb": {"hash_key": f"key-{n}"}}} for n in range(3)]),
                                                             lb_policy="RING_HASH")),

    shares("subset-any-endpoint", hosts(3, VERSIONS, **subset("ANY_ENDPOINT")), routes=wanting(version="9"), stats=STATS),
    Case("subset-default", [get()] * 4, wanting(version="9"), clusters=hosts(3, VERSIONS, **subset("DEFAULT_SUBSET", default_subset={"version": "1"})), stats=STATS),
    Case("subset-none", [get()], wanting(version="9"), clusters=hosts(3, VERSIONS, **subset("NO_FALLBACK")), stats=STATS),
    Case("subset-unknown-key", [get()], wanting(other="9"), clusters=hosts(3, VERSIONS, **subset("NO_FALLBACK")), stats=STATS),
    Case("subset-two-keys", [get()] * 4, wanting(version="2", stage="prod"), clusters=hosts(3, VERSIONS, **subset("NO_FALLBACK")), stats=STATS),
    shares("subset-without-criteria", hosts(3, VERSIONS, **subset("ANY_ENDPOINT")), stats=STATS),
    Case("subset-of-weighted", [get()] * 4, [{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [
        {"name": "@", "weight": 1, "metadata_match": metadata(version="1")}]}}}], clusters=hosts(3, VERSIONS, **subset("NO_FALLBACK")), stats=STATS),

    Case("again-by-header", routes=retry("retriable-headers", retriable_headers=[{"name": "x-again", "string_match": {"exact": "yes"}}]),
         upstream=[ok(("x-again", "yes")), ok(("x-again", "no"))], stats=STATS),
    Case("again-by-header-of-request", [get("/", ("x-may", "1")), get()], retry("5xx", retriable_request_headers=[{"name": "x-may", "present_match": True}]),
         upstream=[FAILED, GOOD, FAILED]),
    Case("again-host-says-when", routes=retry("5xx", rate_limited_retry_back_off={"reset_headers": [{"name": "retry-after", "format": "SECONDS"}], "max_interval": "300s"}),
         upstream=[ok(("retry-after", "0"), status=503), GOOD], stats=("c.upstream_rq_retry_backoff_ratelimited", "c.upstream_rq_retry_backoff_exponential")),
    Case("again-large-body", [Request("POST", body=b"x" * 100000)], [{**retry("5xx")[0], "per_request_buffer_limit_bytes": 1000}], upstream=[FAILED, GOOD], stats=STATS),
    Case("again-body-that-fits", [Request("POST", body=b"x" * 900)], [{**retry("5xx")[0], "per_request_buffer_limit_bytes": 1000}], upstream=[FAILED, GOOD], stats=STATS),
    Case("again-not-after-answer", routes=retry("reset"), upstream=[Cut(), ok(body=b"second")]),
    Case("again-other-host", [get()], retry("5xx", retry_host_predicate=[{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}], host_selection_retry_max_attempts=9),
        clusters=hosts(2), upstream=[FAILED, GOOD], ignored=("upstream.host", "log.host", "log.tried")),
    Case("again-until-limit", routes=retry("5xx", 5), upstream=[FAILED] * 5 + [GOOD]), Case("again-zero-times", routes=retry("5xx", 0), upstream=[FAILED, GOOD]),
    Case("again-times-out-each", routes=retry("5xx", 2, per_try_timeout="0.1s"), upstream=[Hang()]),
    Case("again-refused-then-good", routes=retry("connect-failure", 5), clusters={"": Cluster(hosts=[REFUSES, REFUSES])}, ignored=("log.host", "log.tried")),
    Case("again-grpc-by-code", [grpc()], retry("internal,retriable-status-codes", retriable_status_codes=[429]), clusters={"": Cluster("h2")}, protocol="h2",
         upstream=[ok(status=429), ok(("grpc-status", "13"), body=b""), ok(("grpc-status", "0"), body=b"")]),
]


def pairs(config):
    """The first two hosts in one zone, the others in another."""
    made = config["load_assignment"]["endpoints"][0]["lb_endpoints"]
    config["load_assignment"]["endpoints"] = [{"locality": {"zone": zone}, "load_balancing_weight": 1, "lb_endpoints": some}
                                              for zone, some in (("a", made[:2]), ("b", made[2:]))]


def test_alike(pair, case):
    alike(pair, case)
