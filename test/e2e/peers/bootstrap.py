"""Bootstraps as Envoy v3 writes them, as Python values."""

from peers.ports import free_port

_TYPE = "type.googleapis.com/envoy."


def address(where):
    """where: (host, port), the path of a Unix socket, or an address as it is."""
    if isinstance(where, dict):
        return where
    if isinstance(where, str):
        return {"pipe": {"path": where}}
    return {"socket_address": {"address": where[0], "port_value": where[1]}}


def any_of(name, **fields):
    return {"@type": f"{_TYPE}{name}", **fields}


def route(cluster="upstream", prefix="/", path=None, **action):
    return {"match": {"path": path} if path else {"prefix": prefix}, "route": {"cluster": cluster, **action}}


def direct(status, body=None, prefix="/"):
    response = {"status": status}
    if body is not None:
        response["body"] = {"inline_string": body}
    return {"match": {"prefix": prefix}, "direct_response": response}


def http(routes=None, codec="AUTO", name="ingress", **manager):
    """A network filter: the HTTP connection manager with one virtual host."""
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": any_of(
            "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            **{
                "codec_type": codec,
                "stat_prefix": name,
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes or [route()]}]},
                "http_filters": [{"name": "envoy.filters.http.router",
                                  "typed_config": any_of("extensions.filters.http.router.v3.Router")}],
                **manager,
            }),
    }


def tcp(cluster="upstream", name="tcp", **fields):
    """A network filter: bytes as they are."""
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": any_of("extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix=name, cluster=cluster, **fields),
    }


def listener(filter_, where=None, name="ingress", **fields):
    return {"name": name, "address": address(where or ("127.0.0.1", free_port())), "filter_chains": [{"filters": [filter_]}], **fields}


def listener_filter(name, message, **fields):
    return {"name": name, "typed_config": any_of(f"extensions.filters.listener.{name}.v3.{message}", **fields)}


def cluster(*where, protocol="h1", name="upstream", trailers=False, **fields):
    """where: addresses of the hosts. protocol: h1, h2, or downstream for that of the downstream connection."""
    one = {"http_protocol_options": {"enable_trailers": True} if trailers else {}}
    config = {
        "h1": {"explicit_http_config": one},
        "h2": {"explicit_http_config": {"http2_protocol_options": {}}},
        "downstream": {"use_downstream_protocol_config": {**one, "http2_protocol_options": {}}},
    }[protocol]
    options = any_of("extensions.upstreams.http.v3.HttpProtocolOptions", **{**config, **fields.pop("http_options", {})})
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(one_of)}} for one_of in where]}],
        },
        **fields,
    }


def bootstrap(listeners, clusters=(), **fields):
    return {"static_resources": {"listeners": list(listeners), "clusters": list(clusters)},
            "admin": {"address": address(("127.0.0.1", free_port()))}, **fields}


def file_log(path, text=None, json=None):
    """An access log to a file."""
    given = {"log_format": {"text_format_source": {"inline_string": text}}} if text else {"log_format": {"json_format": json}} if json else {}
    return [{"name": "envoy.access_loggers.file", "typed_config": any_of("extensions.access_loggers.file.v3.FileAccessLog", path=str(path), **given)}]
