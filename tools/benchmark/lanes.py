"""Rules that give requests a colour, and clusters that have lanes: configurations, and requests for them."""
import random
from dataclasses import dataclass

from benchmark.scenarios import GREETING

_TYPE = "type.googleapis.com/pillion."
COLOUR = {"env": "gray"}
MANY_RULES = 1000
USERS = 1001, 2000  # x-user-id of those who are in the lane
COLOURED = b"\r\nx-colour: env=gray\r\n"  # what add_shares() has answers say
# Each cluster that has it prefers the hosts of a request's colour; then those without any.
POLICY = {"policies": [{"typed_extension_config": {"name": "lanes", "typed_config": {
    "@type": _TYPE + "load_balancing_policies.lanes.v1.Lanes"}}}]}


def rule(name: str, *conditions: dict, colour: dict[str, str] | None = None, **fields) -> dict:
    return {"name": name, "conditions": list(conditions), "colour": colour or COLOUR, **fields}


def header(name: str, value: str) -> dict:
    return {"header": {"name": name, "value": {"exact": value}}}


RULES = (rule("env", header("x-env", "gray")),
         rule("users", {"header_range": {"name": "x-user-id", "from": USERS[0], "to": USERS[1]}}))


def add_filter(manager: dict, rules: tuple[dict, ...] | list[dict]) -> None:
    """To a connection manager, as the first of its filters."""
    manager["http_filters"].insert(0, {"name": "pillion.filters.http.grey", "typed_config": {
        "@type": _TYPE + "filters.http.grey.v1.Grey", "rules": list(rules)}})


def versions(number: int) -> list[dict]:
    """So many rules, each for a version of its own; the last one is always for the same."""
    return [rule(f"version-{version}", header("x-version", f"v{version}"), colour={"version": f"v{version}"})
            for version in range(MANY_RULES - number, MANY_RULES)]


def fields(_seconds: float, number: int) -> list[str]:
    """x-version of so many requests: half of them what the last rule of versions() is for, half of them what none is for."""
    made = [f"x-version: v{MANY_RULES - 1 if one % 2 else MANY_RULES + one}\r\n" for one in range(number)]
    random.Random(7).shuffle(made)
    return made


def request(number: int) -> tuple[str, bool]:
    """The fields of a request of the chain, and whether they are to bring it into the lane: every other one, by header value and by range
    in turn. Of the others half have a number that is beyond the range."""
    first, last = USERS
    user = first + number // 4 % (last - first + 1)
    return (("x-env: gray\r\n", True), ("", False), (f"x-user-id: {user}\r\n", True), (f"x-user-id: {user + 1000}\r\n", False))[number % 4]


@dataclass(frozen=True)
class Share:
    """A rule for those who name it in x-share."""
    name: str
    per_million: int
    sticky: bool = True


SHARES = Share("one", 10_000), Share("five", 50_000)
CHANCE = Share("chance", 50_000, sticky=False)


def add_shares(bootstrap: dict) -> None:
    """A rule for each of the shares, and answers without an upstream, which say what colour the request had."""
    manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    key = {"key": "request.headers['x-user-id']", "seed": "users"}
    add_filter(manager, [rule(share.name, header("x-share", share.name), per_million=share.per_million,
                              **({"sticky": key} if share.sticky else {})) for share in (*SHARES, CHANCE)])
    manager["route_config"]["virtual_hosts"][0]["routes"] = [{
        "match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": GREETING.decode()}},
        "response_headers_to_add": [{"header": {"key": "x-colour", "value": "%DYNAMIC_METADATA(pillion.grey:colour)%"}}]}]
