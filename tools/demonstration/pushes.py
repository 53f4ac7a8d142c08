"""The fourth act: a control plane changes a route, an endpoint set and a certificate under traffic, then pushes a route that is broken."""

import json
import time

from demonstration.callers import COUNT
from demonstration.shop import ALL_TO_BLUE, CHARGE_TO_GREEN, NAME, REPLICAS, Shop, pay_to_green, routes
from demonstration.stage import BOLD, PLAIN, Report, until

REGEX, BROKEN_REGEX = r"/pay/(\d+)", r"/pay/(\d+"


def refused(verdict):
    return verdict.HasField("error_detail")


def milliseconds(seconds):
    return f"{1000 * seconds:.1f} ms"


def change(shop, expected, resource):
    """Pushes it; expected: who answers then. (True if so, what to say of it)"""
    before, pushed = shop.answered(), time.monotonic()
    [verdict] = shop.plane.push(resource).values()
    acknowledged = time.monotonic() - pushed
    there = until(lambda: shop.answered() == expected)
    answers = [(began, ended, body.decode() in expected) for began, ended, body in shop.callers.answers if ended >= pushed]
    first_new = min((ended for _, ended, new in answers if new), default=pushed)
    last_old = max((began for began, _, new in answers if not new), default=pushed)
    return there and not refused(verdict), (
        f"acknowledged after {milliseconds(acknowledged)}; {' and '.join(before)} answered, "
        f"after {milliseconds(max(first_new, last_old) - pushed)} {' and '.join(sorted(expected))} alone")


def show_changes(report, shop):
    before = shop.explain()
    worked, text = change(shop, {"green-1"}, routes(CHARGE_TO_GREEN, ALL_TO_BLUE))
    after = shop.explain()
    report.say("route", worked and before.startswith("route all") and after.startswith("route charge"), text,
               f"pillionctl explain, before: {before}", f"{'':20}after: {after}")
    worked, text = change(shop, {"green-2", "green-3"}, shop.of("green", "green-2", "green-3"))
    report.say("endpoints", worked, text, f"pillionctl explain: {shop.explain()}")


def show_rotation(report, shop):
    before, secret, connections = shop.serial(), shop.identity.issue(), shop.callers.connections
    pushed = time.monotonic()
    verdict = shop.plane.push(secret)["Secret"]
    there = until(lambda: shop.serial() != before)
    passed, after = time.monotonic() - pushed, shop.serial()
    told = json.loads(shop.sidecar.ask("/certs"))["certificates"][0]["cert_chain"][0]["serial_number"]
    shop.answered()
    report.say("rotation", there and not refused(verdict) and after == told and shop.callers.connections == connections == COUNT,
               f"new connections meet the new certificate after {milliseconds(passed)}; the {connections} there are go on",
               f"serial number before: {before}", f"{'':14}after: {after}, of /certs, too")


def show_refusal(report, shop):
    before = shop.explain()
    pushed = time.monotonic()
    verdict = shop.plane.push(routes(pay_to_green(BROKEN_REGEX), CHARGE_TO_GREEN, ALL_TO_BLUE))["RouteConfiguration"]
    passed, names = time.monotonic() - pushed, shop.answered(since=pushed)
    state, message = shop.error_state() or {}, verdict.error_detail.message
    report.say("refusal", refused(verdict) and BROKEN_REGEX in message and state.get("details", "nothing") in message and
               names == {"green-2", "green-3"} and shop.explain() == before,
               f"a route with a broken regular expression: refused after {milliseconds(passed)}, the last good table serves",
               f"what the control plane got: NACK of answer {verdict.response_nonce}, code {verdict.error_detail.code}: {message}",
               f"/config_dump, error_state: version {state.get('version_info')}: {state.get('details')}")


def show_repair(report, shop):
    pushed = time.monotonic()
    verdict = shop.plane.push(routes(pay_to_green(REGEX), CHARGE_TO_GREEN, ALL_TO_BLUE))["RouteConfiguration"]
    passed = time.monotonic() - pushed
    taken = until(lambda: shop.get("/pay/7") in ("green-2", "green-3"))
    report.say("repair", not refused(verdict) and taken and shop.error_state() is None,
               f"with the bracket that was missing: acknowledged after {milliseconds(passed)}",
               f"GET /pay/7 is answered by {shop.get('/pay/7')}; no error_state")


def show_traffic(report, shop):
    callers, counter = shop.callers, f"http.{NAME}.downstream_rq_2xx"
    callers.stop()
    counted = lambda: shop.sidecar.counters()[counter]  # noqa: E731
    accounted = until(lambda: counted() == callers.good + shop.gets)
    report.say("traffic", callers.bad == 0 and accounted and callers.connections == COUNT,
               f"{callers.good + callers.bad} requests were sent all the while, on {callers.connections} connections: {callers.bad} failed",
               f"{counter}: {counted()}, with those for /pay/7")


def show(stage):
    """True if everything worked."""
    shop, report = Shop(stage), Report()
    print(f"""
  {BOLD}a control plane changes a sidecar under traffic{PLAIN}

    {COUNT} clients --TLS-->  pillion-{NAME}  127.0.0.1:{shop.sidecar.port:<6} --> {', '.join(REPLICAS)}
    control plane  127.0.0.1:{shop.plane.port:<6} --xDS, one stream of differences-->  its listener, routes, clusters, endpoints, certificate
""")
    show_changes(report, shop)
    show_rotation(report, shop)
    show_refusal(report, shop)
    show_repair(report, shop)
    show_traffic(report, shop)
    print(f"\n    out/pillionctl explain 127.0.0.1:{shop.sidecar.admin} --path /charge   what a request would meet now\n")
    return report.good
