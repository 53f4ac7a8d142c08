"""The sixth act: one tenant asks for more than it may have, another does not notice."""

import http.client

from demonstration.resilience import Replica
from demonstration.stage import BOLD, PLAIN, Report, any_of, cluster, static_sidecar

LIMIT = "pillion.filters.http.limit.v1.Limit"
SHARE = 20  # requests of a tenant in any ten seconds
GREEDY = 50
RULE = {
    "name": "tenants",
    "key": [{"name": "tenant", "value": "request.headers['x-tenant-id']"}],
    "window": {"limit": SHARE, "length": "10s"},
    "bucket": {"rate": 10, "burst": SHARE},
}


def ask(sidecar, tenant, count):
    """So many answers to requests of a tenant, one after the other."""
    connection, answers = http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=10), []
    for _ in range(count):
        connection.request("GET", "/", headers={"x-tenant-id": tenant} if tenant else {})
        answer = connection.getresponse()
        answer.text = answer.read().decode().strip()
        answers.append(answer)
    connection.close()
    return answers


def show(stage):
    """True if everything worked."""
    service = Replica()
    sidecar = static_sidecar(stage, "tenants", [{"match": {"prefix": "/"}, "route": {"cluster": "service"}}],
                             [cluster("service", service.port)],
                             [{"name": "limit", "typed_config": any_of(LIMIT, rules=[RULE])}])
    print(f"\n  {BOLD}one tenant limited, another not{PLAIN}\n\n"
          f"    tenants --x-tenant-id-->  pillion-tenants  127.0.0.1:{sidecar.port:<6} --> a service\n")
    report = Report()
    greedy, modest, nobody = ask(sidecar, "acme", GREEDY), ask(sidecar, "corner-shop", SHARE), ask(sidecar, "", GREEDY)
    refused = [answer for answer in greedy if answer.status == 429]
    counted = sidecar.counters()
    report.say("window", [answer.status for answer in greedy] == [200] * SHARE + [429] * (GREEDY - SHARE),
               f"acme asks {GREEDY} times at once: {GREEDY - len(refused)} answers, {len(refused)} times 429",
               f"rule: window {{limit: {SHARE}, length: 10s}}, then bucket {{rate: 10, burst: {SHARE}}}, by request.headers['x-tenant-id']")
    told = refused[0] if refused else greedy[0]
    report.say("429", bool(refused) and told.text.startswith("rate limit tenants: window of") and told.getheader("retry-after") is not None,
               "says which rule it was, which stage, of whom, and when to come back", told.text or "nothing",
               *(f"{name}: {told.getheader(name)}" for name in ("retry-after", "ratelimit", "ratelimit-policy")))
    report.say("others", {answer.status for answer in (*modest, *nobody)} == {200},
               f"corner-shop gets {len(modest)} of {len(modest)} at the same time; who is no tenant, {len(nobody)} of {len(nobody)}",
               "each key has a window and a bucket of its own; the rule does not apply to a request that has none")
    lines = [line for line in sidecar.log_lines(2 * GREEDY + SHARE) if " 429 RL " in line]
    name = "http.tenants.limit.tenants."
    report.say("counted", len(lines) == counted.get(f"{name}refused_by_window") == len(refused) and
               counted.get(f"{name}admitted") == 2 * SHARE and counted.get(f"{name}keys") == 2,
               f"{name}refused_by_window: {counted.get(f'{name}refused_by_window')}, admitted: {counted.get(f'{name}admitted')}, "
               f"keys: {counted.get(f'{name}keys')}", f"log: {lines[-1][27:110] if lines else 'nothing'}...")
    service.shutdown()
    service.server_close()
    return report.good
