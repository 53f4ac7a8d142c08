"""The access log that all cases share: many operators, one line for each request."""

import json
import re

OPERATORS = {
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "scheme": "%REQ(:SCHEME)%",
    "protocol": "%PROTOCOL%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "flags_long": "%RESPONSE_FLAGS_LONG%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "termination": "%CONNECTION_TERMINATION_DETAILS%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "host": "%UPSTREAM_HOST%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "upstream_protocol": "%UPSTREAM_PROTOCOL%",
    "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "remote": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "direct": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "direct_local": "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT%",
    "local": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "xff": "%REQ(X-FORWARDED-FOR)%",
    "agent": "%REQ(USER-AGENT):8%",
    "type": "%RESP(CONTENT-TYPE?X-TYPE)%",
    "trailer": "%TRAILER(GRPC-STATUS?X-T)%",
    "grpc": "%GRPC_STATUS%",
    "query": "%QUERY_PARAM(q)%",
    "tried": "%UPSTREAM_HOSTS_ATTEMPTED%",
    "virtual_cluster": "%VIRTUAL_CLUSTER_NAME%",
    "noted": "%METADATA(DYNAMIC:none:none)%",
    "chain": "%FILTER_CHAIN_NAME%",
    "duration": "%DURATION%",
    "request_duration": "%REQUEST_DURATION%",
    "response_duration": "%RESPONSE_DURATION%",
    "service": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
}
_TIMES = ("duration", "request_duration", "response_duration", "service")


def text(more):
    """The format, with `more` operators at the end."""
    return "\t".join(f"{key}={value}" for key, value in {**OPERATORS, **more}.items()) + "\n"


def parse(line, names):
    """A line's values by their keys; it may be JSON."""
    if line.startswith("{"):
        return {f"json.{key}": names.text(json.dumps(value)) for key, value in json.loads(line).items()}
    found = {}
    for item in line.split("\t"):
        key, _, value = item.partition("=")
        found[key] = re.sub(r"^\d+$", "<ms>", value) if key in _TIMES or key.startswith("ms_") else names.text(value)
    return found
