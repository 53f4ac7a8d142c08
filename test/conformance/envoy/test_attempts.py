"""Attempts beside each other, hosts that requests name, what counts against a host, connections before they are asked for."""

import threading
import time

from frame.case import Case, Cluster, Cut, Hang
from frame.check import alike
from frame.write import get, ok, route
from peers import bootstrap as b
from peers.message import Request

from test_hosts import each

QUICK = {"base_interval": "0.001s", "max_interval": "0.001s"}
H2 = {"": Cluster("h2")}


def hedge(times=1, after="0.1s", on="5xx", hedges=True, **action):
    retries = {"retry_on": on} if on else {}
    return [route(retry_policy={**retries, "num_retries": times, "per_try_timeout": after, "retry_back_off": QUICK},
                  hedge_policy={"hedge_on_per_try_timeout": hedges}, **action)]


def together(*actions):
    """The requests that come get these, but none before all of them are there."""
    gate = threading.Barrier(len(actions))

    def at(number):
        def wait(request):
            gate.wait(10)
            return actions[number]
        return wait
    return [at(number) for number in range(len(actions))]


def later(action, seconds=0.4):
    """After the other ones."""
    def wait(request):
        time.sleep(seconds)
        return action
    return wait


def override(*sources):
    config = b.any_of("extensions.load_balancing_policies.override_host.v3.OverrideHost", override_host_sources=list(sources), fallback_policy={
        "policies": [{"typed_extension_config": {"name": "r", "typed_config": b.any_of("extensions.load_balancing_policies.round_robin.v3.RoundRobin")}}]})
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "o", "typed_config": config}}]}}


ADDRESSES = {}  # of the hosts of a case's cluster, in their order


def remembered(change=None):
    def remember(config, addresses, folder):
        ADDRESSES[config["name"]] = ["{address}:{port_value}".format(**host["endpoint"]["address"]["socket_address"])
                                     for host in config["load_assignment"]["endpoints"][0]["lb_endpoints"]]
        if change:
            change(config, addresses, folder)
    return remember


def named(case, *numbers, first="x-to"):
    """A request that names these hosts."""
    class Named(Request):
        @property
        def fields(self):
            return [(first, ",".join(number if isinstance(number, str) else ADDRESSES[case][number] for number in numbers))]

        @fields.setter
        def fields(self, value):
            pass
    return Named()


def errors(*matchers):
    return {"outlier_detection": {"error_matcher": {"or_match": {"rules": list(matchers)}} if len(matchers) > 1 else matchers[0]}}


def answers(**match):
    return {"http_response_headers_match": {"headers": [match]}}


EJECTS = {"outlier_detection": {"consecutive_5xx": 2, "consecutive_gateway_failure": 2, "enforcing_consecutive_gateway_failure": 100,
                                "max_ejection_percent": 100, "base_ejection_time": "60s"}}
EJECTED = ("c.outlier_detection.ejections_enforced_consecutive_5xx", "c.outlier_detection.ejections_enforced_consecutive_gateway_failure",
           "c.outlier_detection.ejections_detected_consecutive_5xx", "c.outlier_detection.ejections_detected_consecutive_gateway_failure")
NOT_FOUND = answers(name=":status", string_match={"exact": "404"})
BROKEN = answers(name="x-broken", present_match=True)
COUNTS = {"include_request_attempt_count": True, "include_attempt_count_in_response": True}
CONNECTIONS = ("c.upstream_cx_total",)


def judged(name, upstream, *matchers, stats=EJECTED, moves=()):
    return Case(name, [get()] * 2, upstream=upstream, stats=stats, moves=moves,
                clusters={"": Cluster(fields=EJECTS, http_options=errors(*matchers))}, ignored=("log.flags", "log.flags_long"))


def of_cluster(**policy):
    return {"": Cluster(http_options={"retry_policy": {"retry_back_off": QUICK, **policy}})}


CASES = [
    Case("retry-of-the-cluster", clusters=of_cluster(retry_on="5xx", num_retries=3), upstream=[ok(status=503)]),
    Case("retry-of-the-cluster-not-the-route", routes=[route(retry_policy={"retry_on": "5xx", "num_retries": 2, "retry_back_off": QUICK})],
         clusters=of_cluster(retry_on="connect-failure"), upstream=[ok(status=503)]),
    Case("retry-of-the-cluster-by-status", clusters=of_cluster(retry_on="retriable-status-codes", retriable_status_codes=[418], num_retries=1),
         upstream=[ok(status=418), ok()]),
    Case("hedge-second", routes=hedge(), upstream=[Hang(), ok()], unordered=True),
    Case("hedge-first", routes=hedge(after="0.3s"), upstream=together(ok(body=b"first"), Hang())),
    Case("hedge-three", routes=hedge(2), upstream=[Hang(), Hang(), ok()]),
    Case("hedge-bad-second", routes=hedge(), upstream=[later(ok(body=b"first")), ok(status=503)]),
    Case("hedge-bad-first", routes=hedge(after="0.3s"), upstream=[ok(status=503), ok(body=b"second")]),
    Case("hedge-timeout", routes=hedge(timeout="0.4s"), upstream=[Hang()]),
    Case("hedge-bad-then-timeout", routes=hedge(timeout="0.4s"), upstream=[Hang(), ok(status=503)]),
    Case("hedge-both-bad", routes=hedge(), upstream=[later(ok(status=503, body=b"first")), ok(status=503)]),
    Case("hedge-both-end", routes=hedge(), upstream=[later(Cut()), Cut()]),
    Case("hedge-attempt-count", routes=hedge(), vhost=COUNTS, upstream=[Hang(), ok()]),
    Case("hedge-attempt-count-of-first", routes=hedge(after="0.3s"), vhost=COUNTS, upstream=together(ok(body=b"first"), Hang())),
    Case("hedge-with-body", [Request("POST", body=b"a body")], hedge(), upstream=[Hang(), ok()]),
    Case("hedge-http2", [Request("POST", body=b"a body")], hedge(), upstream=[Hang(), ok()], clusters=H2),
    Case("hedge-http2-down", routes=hedge(), upstream=[Hang(), ok()], clusters=H2, protocol="h2"),
    Case("hedge-off", routes=hedge(hedges=False), upstream=[Hang(), ok()]),
    Case("hedge-of-virtual-host", [get()], [route(retry_policy=hedge()[0]["route"]["retry_policy"])], upstream=[Hang(), ok()],
         vhost={"hedge_policy": {"hedge_on_per_try_timeout": True}}),
    Case("hedge-route-over-virtual-host", [get()], hedge(hedges=False), upstream=[Hang(), ok()], vhost={"hedge_policy": {"hedge_on_per_try_timeout": True}}),
    Case("hedge-without-retries", routes=hedge(on="", timeout="0.4s"), upstream=[Hang()]),
    Case("hedge-other-condition", routes=hedge(on="retriable-4xx"), upstream=[Hang(), ok()]),
    Case("hedge-breaker", routes=hedge(timeout="0.4s"), upstream=[Hang()],
         clusters={"": Cluster(fields={"circuit_breakers": {"thresholds": [{"max_retries": 0}]}})}),
    Case("hedge-idle", routes=[route(retry_policy={"retry_on": "5xx", "per_try_idle_timeout": "0.1s", "retry_back_off": QUICK},
                                     hedge_policy={"hedge_on_per_try_timeout": True})], upstream=[Hang(), ok()]),
    Case("hedge-asked", [get("/", ("x-envoy-hedge-on-per-try-timeout", "true"))], hedge(hedges=False), setting="internal", upstream=[Hang(), ok()]),
    Case("hedge-asked-off", [get("/", ("x-envoy-hedge-on-per-try-timeout", "false"))], hedge(), setting="internal", upstream=[Hang(), ok()]),
    Case("hedge-asked-oddly", [get("/", ("x-envoy-hedge-on-per-try-timeout", "TRUE"))], hedge(hedges=False), setting="internal", upstream=[Hang(), ok()]),
    Case("hedge-asked-from-outside", [get("/", ("x-envoy-hedge-on-per-try-timeout", "true"))], hedge(hedges=False), upstream=[Hang(), ok()]),

    Case("named", [named("named", number) for number in (2, 0, 1, 1)], clusters={"": Cluster(hosts=[None] * 3, change=remembered(), fields=override({"header": "x-to"}))}),
    Case("named-several", [named("named-several", "10.9.9.9:1", " ", 1, 0)],
         clusters={"": Cluster(hosts=[None] * 3, change=remembered(), fields=override({"header": "x-to"}))}),
    Case("named-for-each-attempt", [named("named-for-each-attempt", 2, 0)], [route(retry_policy={"retry_on": "5xx", "retry_back_off": QUICK})],
         upstream=[ok(status=503), ok()], clusters={"": Cluster(hosts=[None] * 3, change=remembered(), fields=override({"header": "x-to"}))}),
    Case("named-not-healthy", [named("named-not-healthy", 0)],
         clusters={"": Cluster(hosts=[None] * 3, change=remembered(each(health_status=["UNHEALTHY", "HEALTHY", "HEALTHY"])), fields=override({"header": "x-to"}))}),
    Case("named-by-nobody", [get()] * 300, shares=True, clusters={"": Cluster(hosts=[None] * 3, fields=override({"header": "x-to"}))}),

    judged("judged-404", [ok(status=404)], NOT_FOUND, moves=EJECTED[:1]), judged("judged-503", [ok(status=503)], NOT_FOUND),
    judged("judged-404-unasked", [ok(status=404)], BROKEN), judged("judged-503-matches", [ok(("x-broken", ""), status=503)], BROKEN, moves=EJECTED[:2]),
    judged("judged-by-one-of-two", [ok(("x-broken", "1"))], NOT_FOUND, BROKEN, moves=EJECTED[:1]),
    judged("judged-not", [ok()], {"not_match": NOT_FOUND}, moves=EJECTED[:1]), judged("judged-any", [ok()], {"any_match": True}, moves=EJECTED[:1]),

    Case("preconnect-to-host", stats=CONNECTIONS, moves=CONNECTIONS, clusters={"": Cluster(fields={"preconnect_policy": {"per_upstream_preconnect_ratio": 2}})}),
    Case("preconnect-to-host-by-less", [get()] * 3, stats=CONNECTIONS, moves=CONNECTIONS,
         clusters={"": Cluster(fields={"preconnect_policy": {"per_upstream_preconnect_ratio": 1.5}})}),
    Case("preconnect-to-host-http2", [get()] * 3, stats=CONNECTIONS, moves=CONNECTIONS,
         clusters={"": Cluster("h2", fields={"preconnect_policy": {"per_upstream_preconnect_ratio": 3}})}),
    Case("preconnect-breaker", stats=(*CONNECTIONS, "c.upstream_cx_overflow"), moves=CONNECTIONS, clusters={"": Cluster(fields={
        "preconnect_policy": {"per_upstream_preconnect_ratio": 3}, "circuit_breakers": {"thresholds": [{"max_connections": 2}]}})}),
]

SETTINGS = {"internal": {"use_remote_address": True, "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}}}


def test_alike(pair, case):
    alike(pair, case)
