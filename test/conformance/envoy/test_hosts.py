"""Where hosts come from, and which of them a request goes to: files, aggregates, subsets, hashes, priorities, zones."""

import json

from frame.case import Case, Cluster
from frame.check import alike
from frame.write import get, ok, route, router
from peers import bootstrap as b

NOTE = {"header": "x-version", "on_header_present": {"metadata_namespace": "envoy.lb", "key": "version"}}
USER = {"object_key": "user", "factory_key": "envoy.hashable_string", "format_string": {"text_format_source": {"inline_string": "%REQ(x-user)%"}}}
SETTINGS = {"noting": {"http_filters": router(("header_to_metadata", "Config", {"request_rules": [NOTE]}))},
            "state": {"http_filters": router(("set_filter_state", "Config", {"on_request_headers": [USER]}))}}
BOOTSTRAP = {"node": {"id": "n", "cluster": "zones-proxies", "locality": {"zone": "a"}},
             "cluster_manager": {"local_cluster_name": "zones-proxies"}}
QUICK = {"base_interval": "0.001s", "max_interval": "0.001s"}


def hosts(config):
    return config["load_assignment"]["endpoints"][0]["lb_endpoints"]


def aggregate(*suffixes):
    """Instead of hosts of its own: the clusters of these names."""
    def change(config, addresses, folder):
        del config["type"], config["load_assignment"]
        config["lb_policy"] = "CLUSTER_PROVIDED"
        clusters = [f"{config['name']}-{suffix}" for suffix in suffixes]
        config["cluster_type"] = {"name": "envoy.clusters.aggregate",
                                  "typed_config": b.any_of("extensions.clusters.aggregate.v3.ClusterConfig", clusters=clusters)}
    return change


def each(**lists):
    """Fields of the endpoints, by a list of one value for each."""
    def change(config, addresses, folder):
        for name, values in lists.items():
            for host, value in zip(hosts(config), values):
                if value is not None:
                    host[name] = value
    return change


def by_address(config, addresses, folder):
    """Not yet: whatever the order in which they are given, Envoy fills Maglev's table in this one."""
    hosts(config).sort(key=lambda host: "{address}:{port_value}".format(**host["endpoint"]["address"]["socket_address"]))


def metadata(**values):
    return {"filter_metadata": {"envoy.lb": values}}


def groups(*fields):
    """Each endpoint in a group of its own, with these fields."""
    def change(config, addresses, folder):
        config["load_assignment"]["endpoints"] = [{"lb_endpoints": [host], **more} for host, more in zip(hosts(config), fields)]
    return change


def also_at(config, addresses, folder):
    """The server's address is the host's second; at the first nobody listens."""
    [host] = hosts(config)
    there = host["endpoint"]["address"]
    host["endpoint"] = {"address": b.address(("127.0.0.1", b.free_port())), "additional_addresses": [{"address": there}]}


def from_file(**policy):
    def change(config, addresses, folder):
        path = folder / f"{config['name']}.json"
        assignment = {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "policy": policy, **config.pop("load_assignment")}
        path.write_text(json.dumps({"version_info": "1", "resources": [assignment]}), encoding="utf-8")
        config.update(type="EDS", eds_cluster_config={"eds_config": {"path_config_source": {"path": str(path)}}})
    return change


USERS = [get("/", ("x-user", f"user-{number}")) for number in range(40)]
BY_USER = [route(hash_policy=[{"header": {"header_name": "x-user"}}])]
VERSIONS = each(metadata=[metadata(version="1", stage="prod"), metadata(version="2", stage="prod"), metadata(version="2", stage="test")])
SUBSETS = {"lb_subset_config": {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["stage", "version"]}, {"keys": ["version"]}]}}
PREVIOUS = {"name": "p", "typed_config": b.any_of("extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig", update_frequency=1)}
OMIT = {"name": "o", "typed_config": b.any_of("extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig", metadata_match=metadata(bad=True))}

CASES = [
    Case("aggregate-first", [get()] * 4, clusters={"": Cluster(hosts=[], change=aggregate("a", "b")), "a": Cluster(), "b": Cluster()}),
    Case("aggregate-next", [get()] * 4,
         clusters={"": Cluster(hosts=[], change=aggregate("a", "b")), "a": Cluster(change=each(health_status=["UNHEALTHY"])), "b": Cluster()}),
    Case("aggregate-shares", [get()] * 600, shares=True,
         clusters={"": Cluster(hosts=[], change=aggregate("a", "b")),
                   "a": Cluster(hosts=[None] * 2, change=each(health_status=["UNHEALTHY", "HEALTHY"])), "b": Cluster()}),
    Case("aggregate-in-panic", [get()] * 600, shares=True,
         clusters={"": Cluster(hosts=[], change=aggregate("a", "b")), "a": Cluster(change=each(health_status=["UNHEALTHY"])),
                   "b": Cluster(hosts=[None] * 2, change=each(health_status=["UNHEALTHY", "UNHEALTHY"]))}),
    Case("hash-ring", USERS, BY_USER, clusters={"": Cluster(hosts=[None] * 4, fields={"lb_policy": "RING_HASH"})}),
    Case("hash-ring-murmur", USERS, BY_USER,
         clusters={"": Cluster(hosts=[None] * 4, fields={"lb_policy": "RING_HASH", "ring_hash_lb_config": {"hash_function": "MURMUR_HASH_2"}})}),
    Case("hash-of-the-cluster", [get("/", ("x-user", f"user-{number}"), ("x-group", f"group-{number % 3}")) for number in range(12)], BY_USER,
         clusters={"": Cluster(hosts=[None] * 4, fields={"lb_policy": "RING_HASH"}, http_options={"hash_policy": [{"header": {"header_name": "x-group"}}]})}),
    Case("hash-filter-state", USERS, [route(hash_policy=[{"filter_state": {"key": "user"}}])], setting="state",
         clusters={"": Cluster(hosts=[None] * 4, fields={"lb_policy": "RING_HASH"})}),
    Case("hash-maglev", USERS, BY_USER, clusters={"": Cluster(hosts=[None] * 4, change=by_address, fields={"lb_policy": "MAGLEV"})}),
    Case("subset-noted", [get("/", ("x-version", "1")), get("/", ("x-version", "9")), get("/")], setting="noting",
         clusters={"": Cluster(hosts=[None] * 3, change=VERSIONS, fields=SUBSETS)}, stats=("c.lb_subsets_selected",)),
    Case("subset-noted-over-route", [get("/"), get("/", ("x-version", "2")), get("/", ("x-version", "9"))],
         [route(metadata_match=metadata(version="1", stage="prod"))], setting="noting",
         clusters={"": Cluster(hosts=[None] * 3, change=VERSIONS, fields=SUBSETS)}, stats=("c.lb_subsets_selected",)),
    Case("subset-noted-shares", [get("/", ("x-version", "2"))] * 600, setting="noting", shares=True,
         clusters={"": Cluster(hosts=[None] * 3, change=VERSIONS, fields=SUBSETS)}),
    Case("retry-previous-priorities", upstream=[ok(status=503), ok(status=503), ok(body=b"third")],
         routes=[route(retry_policy={"retry_on": "5xx", "num_retries": 2, "retry_back_off": QUICK, "retry_priority": PREVIOUS})],
         clusters={"": Cluster(hosts=[None] * 3, change=groups({}, {"priority": 1}, {"priority": 2}))}),
    Case("retry-omits-hosts", upstream=[ok(status=503), ok(body=b"second")],
         routes=[route(retry_policy={"retry_on": "5xx", "retry_back_off": QUICK, "retry_host_predicate": [OMIT], "host_selection_retry_max_attempts": 9,
                                     "retry_priority": PREVIOUS})],
         clusters={"": Cluster(hosts=[None] * 3, change=lambda config, *rest: (each(metadata=[None, metadata(bad=True), None])(config, *rest),
                                                                               groups({}, {"priority": 1}, {"priority": 1})(config, *rest)))}),
    Case("priority-shares", [get()] * 600, shares=True, clusters={"": Cluster(hosts=[None] * 4, change=lambda config, *rest: (
        each(health_status=["UNHEALTHY", "HEALTHY", "HEALTHY", "HEALTHY"])(config, *rest), groups({}, {}, {"priority": 1}, {"priority": 1})(config, *rest)))}),
    Case("zones", [get()] * 600, shares=True, stats=("c.lb_local_cluster_not_ok",), clusters={
        "": Cluster(hosts=[None] * 6, change=groups(*[{"locality": {"zone": zone}} for zone in "aabbbb"])),
        "proxies": Cluster(hosts=[None] * 2, change=groups(*[{"locality": {"zone": zone}} for zone in "ab"]))}),
    Case("host-of-two-addresses", [get()] * 2, clusters={"": Cluster(change=also_at)}, stats=("c.upstream_cx_total",)),
    Case("eds-file", [get()] * 2, clusters={"": Cluster(change=from_file())}),
    Case("eds-drop-all", clusters={"": Cluster(change=from_file(drop_overloads=[{"category": "a", "drop_percentage": {"numerator": 100}}]))}),
]


def test_alike(pair, case):
    alike(pair, case)
