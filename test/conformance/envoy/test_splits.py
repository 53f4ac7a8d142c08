"""Versions of a service as Envoy has them: shares of the requests by weight, each with the subset of the hosts that it is for."""

from frame.case import Case
from frame.check import alike
from frame.write import get, route
from peers.bootstrap import any_of

from test_choices import FAILED, GOOD, STATS, both, health, hosts, localities, retry, subset, weights
from test_hosts import VERSIONS, each, metadata

SUBSET_STATS = tuple(name for name in STATS if "subsets" in name) + ("c.lb_healthy_panic",)
MANY = [get()] * 1000
BY_HEADER = [get("/", ("x-n", str(number))) for number in (0, 89, 90, 99, 100, 189, 190)]


def split(*parts, **more):
    """Of one cluster: (weight, criteria)."""
    return {"weighted_clusters": {"clusters": [{"name": "@", "weight": weight, **({"metadata_match": metadata(**criteria)} if criteria else {})}
                                               for weight, criteria in parts], **more}}


def to(action, **of_route):
    return [{"match": {"prefix": "/"}, "route": {**action, **of_route}}]


def shares(name, *parts, change=VERSIONS, policy="NO_FALLBACK", route_criteria=None, fields=None, **more):
    of_route = {"metadata_match": metadata(**route_criteria)} if route_criteria else {}
    return Case(name, MANY, to(split(*parts), **of_route), clusters=hosts(3, change, **subset(policy, **more), **(fields or {})), shares=True)


def each_in_turn(name, *parts, requests=None, policy="NO_FALLBACK", change=VERSIONS, fields=None, routes=None, upstream=None, **more):
    """Without a draw: compared one by one."""
    answers = {} if upstream is None else {"upstream": upstream}
    return Case(name, requests or [get()] * 6, routes or to(split(*parts)), clusters=hosts(3, change, **subset(policy, **more), **(fields or {})),
                stats=SUBSET_STATS, **answers)


ONE, TWO, NINE = {"version": "1"}, {"version": "2"}, {"version": "9"}
STAGES = [{"keys": ["stage"]}, {"keys": ["stage", "version"]}]


def as_policy(kind="subset.v3.Subset", within="round_robin.v3.RoundRobin", **more):
    """Subsets by load_balancing_policy."""
    def policy(name, **fields):
        return {"policies": [{"typed_extension_config": {"name": name, "typed_config": any_of(f"extensions.load_balancing_policies.{name}", **fields)}}]}
    return {"load_balancing_policy": policy(kind, subset_lb_policy=policy(within), subset_selectors=[{"keys": ["stage", "version"]}, {"keys": ["version"]}], **more)}


def by_policy(name, criteria, shares=False, **more):
    return Case(name, MANY if shares else [get()] * 6, to(split((100, criteria))), shares=shares, clusters=hosts(3, VERSIONS, **as_policy(**more)), stats=SUBSET_STATS)


def zones(*sizes):
    """So many of the hosts in a zone each, all zones of one weight."""
    def change(config, addresses, folder):
        left = config["load_assignment"]["endpoints"][0]["lb_endpoints"]
        config["load_assignment"]["endpoints"] = [
            {"locality": {"zone": f"z{number}"}, "load_balancing_weight": 40, "lb_endpoints": [left.pop(0) for _ in range(size)]} for number, size in enumerate(sizes)]
    return change


REDUNDANT = {"version": "2", "stage": "test", "other": "x"}


def selecting(*keys, **more):
    return {"subset_selectors": [{"keys": list(keys), **more}]}


CASES = [
    shares("split-two-versions", (90, ONE), (10, TWO)),
    shares("split-one-in-twenty", (950, ONE), (50, TWO)),
    shares("split-three-ways", (50, ONE), (30, TWO), (20, {"version": "2", "stage": "test"})),
    shares("split-with-criteria-of-the-route", (70, ONE), (30, TWO), route_criteria={"stage": "prod"}),
    shares("split-over-criteria-of-the-route", (70, ONE), (30, {}), route_criteria=TWO),
    Case("split-to-none", [get("/", ("x-n", str(number))) for number in range(70, 90)], to(split((80, ONE), (20, NINE), header_name="x-n")),
         clusters=hosts(3, VERSIONS, **subset("NO_FALLBACK")), stats=SUBSET_STATS),
    shares("split-to-any-instead", (80, ONE), (20, NINE), policy="ANY_ENDPOINT"),
    shares("split-to-a-default-instead", (80, TWO), (20, NINE), policy="DEFAULT_SUBSET", default_subset=ONE),
    shares("split-hosts-of-unequal-weight", (60, ONE), (40, TWO), change=both(VERSIONS, weights(1, 1, 3))),
    shares("split-in-panic", (50, ONE), (50, TWO), change=both(VERSIONS, health("HEALTHY", "UNHEALTHY", "UNHEALTHY"))),
    shares("split-half-of-a-subset-healthy", (50, ONE), (50, TWO), change=both(VERSIONS, health("HEALTHY", "UNHEALTHY", "HEALTHY")),
           fields={"common_lb_config": {"healthy_panic_threshold": {"value": 60}}}),
    shares("split-a-subset-degraded", (50, ONE), (50, TWO), change=both(VERSIONS, health("HEALTHY", "DEGRADED", "HEALTHY"))),
    shares("split-by-localities", (100, TWO), change=both(VERSIONS, localities(1, 1, 4)), fields={"common_lb_config": {"locality_weighted_lb_config": {}}},
           locality_weight_aware=True),
    shares("split-without-localities", (100, TWO), change=both(VERSIONS, localities(1, 1, 4)), fields={"common_lb_config": {"locality_weighted_lb_config": {}}}),

    each_in_turn("split-by-header", (90, ONE), (10, {"version": "2", "stage": "test"}), requests=BY_HEADER,
                 routes=to(split((90, ONE), (10, {"version": "2", "stage": "test"}), header_name="x-n"))),
    each_in_turn("split-all-to-one", (0, ONE), (100, {"version": "2", "stage": "prod"})),
    each_in_turn("split-a-key-that-nobody-selects", (100, {"release": "1"})),
    each_in_turn("split-the-default-is-not-there", (100, NINE), policy="DEFAULT_SUBSET", default_subset=NINE),
    each_in_turn("split-any-where-the-default-is-not-there", (100, NINE), policy="DEFAULT_SUBSET", default_subset=ONE, panic_mode_any=True,
                 change=both(VERSIONS, health("UNHEALTHY", "UNHEALTHY", "UNHEALTHY")), fields={"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}),
    each_in_turn("split-an-unhealthy-subset", (100, ONE), policy="DEFAULT_SUBSET", default_subset={"version": "2", "stage": "prod"},
                 change=both(VERSIONS, health("UNHEALTHY", "HEALTHY", "HEALTHY")), fields={"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}),
    each_in_turn("split-a-selector-without-fallback", (100, NINE), policy="ANY_ENDPOINT", **selecting("version", fallback_policy="NO_FALLBACK")),
    each_in_turn("split-the-default-of-a-selector", (100, NINE), policy="NO_FALLBACK", default_subset=ONE, **selecting("version", fallback_policy="DEFAULT_SUBSET")),
    each_in_turn("split-fewer-keys", (100, {"stage": "prod", "version": "9"}), policy="NO_FALLBACK",
                 change=each(metadata=[metadata(stage="prod", version="1"), metadata(stage="test", version="1"), metadata(stage="test", version="2")]),
                 subset_selectors=[STAGES[0], {**STAGES[1], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["stage"]}]),
    each_in_turn("split-one-host-of-a-subset", (100, ONE), **selecting("version", single_host_per_subset=True)),
    each_in_turn("split-a-list-of-versions", (100, {"version": "3"}), change=each(metadata=[metadata(version=["3", "4"]), metadata(version="4"), metadata(version="1")]),
                 list_as_any=True),
    each_in_turn("split-a-number", (100, {"version": 2}), change=each(metadata=[metadata(version=2), metadata(version="2"), metadata(version=True)])),
    each_in_turn("split-a-retry-stays", requests=[get()], routes=[{**retry("5xx")[0], "route": {**retry("5xx")[0]["route"], "metadata_match": metadata(version="1")}}],
                 upstream=[FAILED, GOOD]),
    by_policy("subset-policy", ONE), by_policy("subset-policy-none", NINE), by_policy("subset-policy-any", NINE, shares=True, fallback_policy="ANY_ENDPOINT"),
    by_policy("subset-policy-default", NINE, fallback_policy="DEFAULT_SUBSET", default_subset={"version": "1"}),
    by_policy("subset-policy-redundant-keys", REDUNDANT, allow_redundant_keys=True), by_policy("subset-policy-one-key-of-two", {"version": "1", "other": "x"}, allow_redundant_keys=True),
    by_policy("subset-policy-redundant-keys-are-heeded", REDUNDANT),
    by_policy("subset-fallback-list", {"fallback_list": [NINE, {"version": "2", "stage": "test"}]}, metadata_fallback_policy="FALLBACK_LIST"),
    by_policy("subset-fallback-list-over-the-rest", {"stage": "test", "fallback_list": [NINE, TWO]}, metadata_fallback_policy="FALLBACK_LIST"),
    by_policy("subset-fallback-list-none", {"fallback_list": [NINE, {"version": "8"}]}, metadata_fallback_policy="FALLBACK_LIST"),
    by_policy("subset-fallback-list-not-heeded", {"version": "1", "fallback_list": [TWO]}),
    by_policy("subset-policy-redundant-and-not-there", {"version": "9", "other": "x"}, shares=True, allow_redundant_keys=True, fallback_policy="ANY_ENDPOINT"),
    Case("subset-scaled-localities", MANY, to(split((100, {"version": "2"}))), shares=True,
         clusters=hosts(5, both(each(metadata=[metadata(version="1" if number in (1, 2, 3) else "2") for number in range(5)]),
                                zones(4, 1)),
                        **subset("NO_FALLBACK", locality_weight_aware=True, scale_locality_weight=True), common_lb_config={"locality_weighted_lb_config": {}})),
    Case("split-of-routes", [get("/a"), get("/b")] * 3, [route(match={"prefix": "/a"}, metadata_match=metadata(**ONE)), route(metadata_match=metadata(version="2", stage="test"))],
         clusters=hosts(3, VERSIONS, **subset("NO_FALLBACK")), stats=SUBSET_STATS),
]


def test_alike(pair, case):
    alike(pair, case)
