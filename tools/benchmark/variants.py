"""What a configuration may hold beside one listener, one route and one cluster, and what that costs.

A scenario that compares a proxy with itself runs it once for each variant; its name is then "pillion+hosts", its plain
self "pillion". Only pillion and Envoy take them, as both read the same bootstrap."""
from collections.abc import Callable
from pathlib import Path

from benchmark import concurrency, contexts, degradation, lanes, limits

ROUTES = 10000
HOSTS = 1000
CLUSTERS = 1000
ENDPOINTS_EACH = 5
_TYPE = "type.googleapis.com/envoy.extensions."


def base(name: str) -> str:
    """The proxy of a name: "pillion" of "pillion+hosts"."""
    return name.partition("+")[0]


def route(number: int, cluster: str = "up") -> dict:
    """One of ROUTES: exact paths, prefixes and expressions in turn."""
    match = ({"prefix": f"/prefix/{number}/"}, {"path": f"/exact/{number}"},
             {"safe_regex": {"regex": f"/regex/{number}/[a-z]+/[0-9]*"}})[number % 3]
    return {"match": match, "route": {"cluster": cluster, "timeout": "60s"}}


def request(number: int) -> tuple[str, str]:
    """Host and path that this route takes, and no earlier one."""
    path = (f"/prefix/{number}/some/more", f"/exact/{number}", f"/regex/{number}/abc/123")[number % 3]
    return f"www.host{number // (ROUTES // HOSTS)}.test", path + "?query=1"


def _connection_manager(bootstrap: dict) -> dict:
    listener = bootstrap["static_resources"]["listeners"][0]
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def _hosts(bootstrap: dict, directory: Path) -> None:
    each = ROUTES // HOSTS
    _connection_manager(bootstrap)["route_config"]["virtual_hosts"] = [
        {"name": f"host{host}", "domains": [f"*.host{host}.test"],
         "routes": [route(number) for number in range(host * each, (host + 1) * each)]}
        for host in range(HOSTS)] + [{"name": "rest", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]}]


def _list(bootstrap: dict, directory: Path) -> None:
    _connection_manager(bootstrap)["route_config"]["virtual_hosts"] = [
        {"name": "all", "domains": ["*"], "routes": [route(number) for number in range(ROUTES)] + [
            {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]}]


def _log(bootstrap: dict, directory: Path) -> None:
    _connection_manager(bootstrap)["access_log"] = [{"name": "file", "typed_config": {
        "@type": _TYPE + "access_loggers.file.v3.FileAccessLog", "path": str(directory / "access.log")}}]


def _rbac(policies: int) -> Callable[[dict, Path], None]:
    """Who may come, by principal: the caller of mesh.py is in the last policy."""
    def add(bootstrap: dict, directory: Path) -> None:
        names = [f"spiffe://bench.test/other/{number}" for number in range(policies - 1)] + ["spiffe://bench.test/caller"]
        rules = {f"policy-{number}": {"permissions": [{"any": True}], "principals": [
            {"authenticated": {"principal_name": {"exact": name}}}]} for number, name in enumerate(names)}
        listener = bootstrap["static_resources"]["listeners"][-1]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"].insert(0, {"name": "rbac", "typed_config": {
            "@type": _TYPE + "filters.http.rbac.v3.RBAC", "rules": {"action": "ALLOW", "policies": rules}}})
    return add


def _context(**fields) -> Callable[[dict, Path], None]:
    def add(bootstrap: dict, directory: Path) -> None:
        contexts.add_filter(_connection_manager(bootstrap), **fields)
    return add


def _first(filter_: dict) -> Callable[[dict, Path], None]:
    def add(bootstrap: dict, directory: Path) -> None:
        _connection_manager(bootstrap)["http_filters"].insert(0, filter_)
    return add


def _outliers(bootstrap: dict, directory: Path) -> None:
    bootstrap["static_resources"]["clusters"][0]["outlier_detection"] = degradation.OUTLIERS


def _grey(rules: list[dict], policy: bool = False) -> Callable[[dict, Path], None]:
    def add(bootstrap: dict, directory: Path) -> None:
        lanes.add_filter(_connection_manager(bootstrap), rules)
        if policy:
            bootstrap["static_resources"]["clusters"][0]["load_balancing_policy"] = lanes.POLICY
    return add


def _shares(bootstrap: dict, directory: Path) -> None:
    lanes.add_shares(bootstrap)


def _concurrency(bootstrap: dict, directory: Path) -> None:
    concurrency.add_filter(bootstrap, base(directory.name))


def _clusters(bootstrap: dict, directory: Path) -> None:
    addresses = iter(range(CLUSTERS * ENDPOINTS_EACH))

    def endpoint() -> dict:
        number = next(addresses)
        return {"endpoint": {"address": {"socket_address": {
            "address": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "port_value": 8080}}}}

    bootstrap["static_resources"]["clusters"] += [
        {"name": f"service-{number}", "type": "STATIC", "connect_timeout": "1s",
         "load_assignment": {"cluster_name": f"service-{number}", "endpoints": [
             {"lb_endpoints": [endpoint() for _ in range(ENDPOINTS_EACH)]}]}} for number in range(CLUSTERS)]


VARIANTS: dict[str, Callable[[dict, Path], None]] = {"hosts": _hosts, "list": _list, "log": _log, "clusters": _clusters,
                                                     "context": _context(),
                                                     "forgetful": _context(disable_correlation=True),
                                                     "rbac1": _rbac(1), "rbac1000": _rbac(1000),
                                                     "limit": _first(limits.LIMIT), "local": _first(limits.LOCAL), "concurrency": _concurrency,
                                                     "degradation": _first(degradation.FILTER), "outlier": _outliers,
                                                     "grey": _grey(list(lanes.RULES)), "lanes": _grey(list(lanes.RULES), policy=True),
                                                     "grey1": _grey(lanes.versions(1)),
                                                     "grey1000": _grey(lanes.versions(lanes.MANY_RULES)), "shares": _shares}
OURS = ("context", "forgetful", "limit", "degradation", "grey", "lanes", "grey1", "grey1000", "shares")  # filters that only pillion has


def runs(name: str, variant: str) -> bool:
    """Whether that proxy can be configured so; the empty variant, plainly, any can."""
    return variant not in OURS or name == "pillion"


def apply(variant: str, bootstrap: dict, directory: Path) -> dict:
    """The bootstrap with what the variant adds; the plain one stays as it is."""
    if variant:
        VARIANTS[variant](bootstrap, directory)
    return bootstrap
