"""Resources that a control plane pushes, bootstraps that ask for them, and a proxy together with its control plane.

AGAINST=envoy runs what uses these with the real Envoy instead of pillion."""

import json
import os
import sys

import pytest

from peers import bootstrap as b
from peers.go_control_plane import SHORT, TYPES
from peers.http1 import connect as connect_h1
from peers.http2 import connect as connect_h2
from peers.message import Request
from peers.ports import accepts, free_port
from peers.proxy import BINARY, ROOT
from peers.wait import until

ENVOY = os.environ.get("AGAINST") == "envoy"

# Ways to ask: one stream for all types or one for each; differences or the state of the world.
DELTA, STATE, DELTA_APART, STATE_APART, REST = "delta", "state", "delta-apart", "state-apart", "rest"
AGGREGATED = DELTA, STATE
STREAMS = DELTA, STATE, DELTA_APART, STATE_APART

ours = pytest.mark.skipif(ENVOY, reason="Envoy does it otherwise")


def envoy():
    sys.path.append(str(ROOT / "tools"))
    from benchmark import programs  # pylint: disable=import-outside-toplevel
    return programs.envoy()


def binary():
    return envoy() if ENVOY else BINARY


def source(how=DELTA, timeout=None, **api):
    """A ConfigSource."""
    wait = {} if timeout is None else {"initial_fetch_timeout": timeout}
    if how in AGGREGATED:
        return {"ads": {}, "resource_api_version": "V3", **wait}
    return {"api_config_source": service(how, **api), "resource_api_version": "V3", **wait}


def service(how, metadata=(), **fields):
    """An ApiConfigSource. metadata: (name, value)... that calls carry."""
    if how == REST:
        return {"api_type": "REST", "transport_api_version": "V3", "cluster_names": ["xds"], "refresh_delay": "0.1s", **fields}
    called = {"envoy_grpc": {"cluster_name": "xds"}}
    if metadata:
        called["initial_metadata"] = [{"key": key, "value": value} for key, value in metadata]
    return {"api_type": "DELTA_GRPC" if how in (DELTA, DELTA_APART) else "GRPC", "transport_api_version": "V3", "grpc_services": [called], **fields}


def bootstrap(where, how=DELTA, timeout=None, listeners=(), clusters=(), xds=None, api=None, **fields):
    """Asks for clusters and listeners at a control plane. xds: more of its cluster; api: more of the ApiConfigSource."""
    api = api or {}
    dynamic = {f"{kind}_config": source(how, timeout, **api) for kind in ("lds", "cds")}
    if how in AGGREGATED:
        dynamic["ads_config"] = service(how, **api)
    return {**b.bootstrap(listeners, [b.cluster(where, protocol="h1" if how == REST else "h2", name="xds", **(xds or {})), *clusters]),
            "node": {"id": "me", "cluster": "us", "metadata": {"role": "sidecar"}}, "dynamic_resources": dynamic, **fields}


# Resources.

def listener(*filters, where=None, name="ingress", **fields):
    """Of one filter chain with these network filters."""
    return {"@type": TYPES["listeners"], "name": name, "address": b.address(where or ("127.0.0.1", free_port())),
            "filter_chains": [{"filters": list(filters)}], **fields}


def routed(name="routes", how=DELTA, timeout=None, **manager):
    """A network filter: the HTTP connection manager, with routes that come apart."""
    made = b.http(**manager)
    del made["typed_config"]["route_config"]
    made["typed_config"]["rds"] = {"route_config_name": name, "config_source": source(how, timeout)}
    return made


def scoped(how=DELTA, timeout=None, name="scoped", from_=None, tables=None, fragments=None, **manager):
    """A network filter: the HTTP connection manager, whose tables are chosen by scopes that come apart: by x-scope. from_, tables: where scopes
    and the tables that they name come from, if that is elsewhere."""
    made = b.http(**manager)
    del made["typed_config"]["route_config"]
    made["typed_config"]["scoped_routes"] = {
        "name": name, "scope_key_builder": {"fragments": fragments or [{"header_value_extractor": {"name": "x-scope", "index": 0}}]},
        "rds_config_source": tables or source(how, timeout), "scoped_rds": {"scoped_rds_config_source": from_ or source(how, timeout)}}
    return made


def scope(name, key, *those, table=None, **fields):
    """With a table of its own, of these routes; or one that it names."""
    own = {"route_configuration_name": table} if table else {"route_configuration": {
        "name": f"of-{name}", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(those) or [b.route("backend")]}]}}
    return {"@type": TYPES["scopes"], "name": name, "key": {"fragments": [{"string_key": part} for part in ([key] if isinstance(key, str) else key)]},
            **own, **fields}


def routes(*those, name="routes", **fields):
    return {"@type": TYPES["routes"], "name": name,
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(those) or [b.route("backend")]}], **fields}


def hosts_of(name="routes", **hosts):
    """Routes of several virtual hosts: by domain, a list of routes."""
    return {"@type": TYPES["routes"], "name": name,
            "virtual_hosts": [{"name": domain, "domains": [domain], "routes": those} for domain, those in hosts.items()]}


def cluster(name="backend", how=DELTA, timeout=None, service_name=None, **fields):
    """Whose hosts come apart."""
    made = {"@type": TYPES["clusters"], **b.cluster(name=name, **fields), "type": "EDS"}
    del made["load_assignment"]
    made["eds_cluster_config"] = {"eds_config": source(how, timeout), **({"service_name": service_name} if service_name else {})}
    return made


def whole_cluster(*where, name="backend", **fields):
    """With its hosts."""
    return {"@type": TYPES["clusters"], **b.cluster(*where, name=name, **fields)}


def host(where, **fields):
    return {"endpoint": {"address": b.address(where)}, **fields}


def endpoints(*where, name="backend", **fields):
    """where: addresses, or what host() makes."""
    return {"@type": TYPES["endpoints"], "cluster_name": name,
            "endpoints": [{"lb_endpoints": [one if isinstance(one, dict) else host(one) for one in where]}], **fields}


MUTATION, BUFFER = (f"type.googleapis.com/envoy.extensions.filters.http.{name}" for name in ("header_mutation.v3.HeaderMutation", "buffer.v3.Buffer"))


def discovered(name="edit", how=DELTA, timeout=None, types=(MUTATION,), from_=None, **fields):
    """An HTTP filter whose configuration comes apart."""
    return {"name": name, "config_discovery": {"config_source": from_ or source(how, timeout), "type_urls": list(types), **fields}}


def filtered(*filters, body="one", **manager):
    """A network filter: the HTTP connection manager with these filters before the router, which answers all."""
    made = b.http([b.direct(200, body)], **manager)
    made["typed_config"]["http_filters"][:0] = filters
    return made


def marking(value, name="x-mark"):
    """The configuration of a filter that adds a field to answers."""
    return {"@type": MUTATION, "mutations": {"response_mutations": [
        {"append": {"header": {"key": name, "value": value}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}}]}}


def extension(config, name="edit"):
    return {"@type": TYPES["extension_configs"], "name": name, "typed_config": config}


def secret(name, message):
    """message: a Secret of peers.control_plane."""
    from google.protobuf import json_format  # pylint: disable=import-outside-toplevel
    return {"@type": TYPES["secrets"], **json_format.MessageToDict(message, preserving_proto_field_name=True), "name": name}


def kind_of(resource):
    return SHORT[resource.get("resource", resource)["@type"]]


class Pushed:
    """A proxy and the control plane that it asks."""

    def __init__(self, plane, proxy, how):
        self.plane = plane
        self.proxy = proxy
        self.how = how

    def change(self, *resources, remove=(), **more):
        """Pushes, and returns when all types of it are acknowledged."""
        mark = self.push(*resources, remove=remove, **more)
        kinds = [kind_of(resource) for resource in resources] + [kind for kind, _ in remove if kind in ("listeners", "clusters")]
        for kind in dict.fromkeys(kinds):
            self.plane.until_ack(kind, mark)
        return mark

    def refused(self, *resources, kind=None, **more):
        """Pushes, and returns the text of the refusal of what is of the first one's type."""
        mark = self.push(*resources, **more)
        return self.plane.until_nack(kind or kind_of(resources[0]), mark)

    def push(self, *resources, remove=(), **more):
        """Without waiting for anything."""
        for resource in resources:
            self.note(resource)
        return self.plane.push(*resources, remove=remove, **more)

    def note(self, resource):
        """Learns where a listener listens."""
        content = resource.get("resource", resource)
        if kind_of(resource) == "listeners" and "socket_address" in content.get("address", {}):
            where = content["address"]["socket_address"]
            self.proxy.listeners[content["name"]] = where["address"], where["port_value"]

    def connect(self, protocol="h1", listener_=None):
        where = self.proxy.listeners[listener_] if listener_ else self.proxy.address
        until(lambda: accepts(where), f"{listener_ or 'the first listener'} listens")
        return connect_h1(where) if protocol == "h1" else connect_h2(where)

    def get(self, path="/", protocol="h1", listener_=None, authority="test.example"):
        """The response to a request on a connection of its own."""
        connection = self.connect(protocol, listener_)
        try:
            return connection.exchange(Request("GET", path, authority=authority))
        finally:
            connection.close()

    def until_body(self, body, path="/", on=None, **how):
        """Until this is the answer; on: a connection that asks."""
        def ask():
            response = on.exchange(Request("GET", path)) if on else self.get(path, **how)
            return response.body == body
        until(ask, f"{path} is answered with {body}")

    def until_status(self, status, path="/", **how):
        until(lambda: self.get(path, **how).status == status, f"{path} is answered with {status}")

    def dumped(self, section):
        """Of /config_dump, the section of this type."""
        for found in json.loads(self.proxy.admin("/config_dump?include_eds"))["configs"]:
            if found["@type"].endswith("." + section):
                return found
        return {}

    def stat(self, name):
        return self.proxy.stat(name)

    def until_stat(self, name, value):
        self.proxy.until_stat(name, value)
