"""Listeners without sockets, and what leads to them."""

import socket
import threading

from peers import bootstrap as b
from peers.certificates import pair, source

RAW = {"name": "raw", "typed_config": b.any_of("extensions.transport_sockets.raw_buffer.v3.RawBuffer")}


def allowed(**fields):
    """Of a bootstrap: that there may be some."""
    return {"bootstrap_extensions": [{"name": "envoy.bootstrap.internal_listener",
                                      "typed_config": b.any_of("extensions.bootstrap.internal_listener.v3.InternalListener", **fields)}]}


def listener(filter_, name="inner", **fields):
    return {"name": name, "internal_listener": {}, "filter_chains": [{"filters": [filter_]}], **fields}


def to(name="inner", endpoint=None):
    """The address of a host."""
    return {"envoy_internal_address": {"server_listener_name": name, **({"endpoint_id": endpoint} if endpoint else {})}}


def telling(*sources, inner=None):
    """A transport socket. sources: (kind, namespace)."""
    told = [{"kind": {kind: {}}, "name": name} for kind, name in sources]
    return {"name": "envoy.transport_sockets.internal_upstream", "typed_config": b.any_of(
        "extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport", transport_socket=inner or RAW,
        **({"passthrough_metadata": told} if told else {}))}


def noting(cluster, **namespaces):
    """`cluster` with metadata of its first host; "__" in a namespace stands for "."."""
    host = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    host["metadata"] = {"filter_metadata": {name.replace("__", "."): values for name, values in namespaces.items()}}
    return cluster


def original_dst_filter():
    return {"name": "original_dst", "typed_config": b.any_of("extensions.filters.listener.original_dst.v3.OriginalDst")}


def original_dst(name="upstream", **fields):
    """A cluster whose hosts are where connections were meant to go."""
    return {"name": name, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s", **fields}


def state(*objects):
    """An HTTP filter that sets objects of the filter state. objects: (key, text, how it is shared); with a key of its own kind no factory."""
    def made(key, text, shared):
        known = key.startswith("envoy.")
        return {"object_key": key, **({} if known else {"factory_key": "envoy.string"}), "shared_with_upstream": shared,
                "format_string": {"text_format_source": {"inline_string": text}}}
    return {"name": "state", "typed_config": b.any_of("extensions.filters.http.set_filter_state.v3.Config",
                                                      on_request_headers=[made(*each) for each in objects])}


def filters(*those):
    return [*those, {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


# The shape that the tunnels of a mesh have (HBONE).

def _tls(ca, name, side, **fields):
    common = {"alpn_protocols": ["h2"], "tls_certificates": [pair(ca, name)], "validation_context": {"trusted_ca": source(ca.pem)}}
    return {"name": "envoy.transport_sockets.tls", "typed_config": b.any_of(
        f"extensions.transport_sockets.tls.v3.{side}TlsContext", common_tls_context=common, **fields)}


def tunnel_start(where, ca):
    """What puts bytes into tunnels to `where`: a listener, and the cluster that it uses. Hosts say by metadata where tunnels go to."""
    inner = listener(b.tcp("tunnels", name="originate", tunneling_config={"hostname": "%DOWNSTREAM_LOCAL_ADDRESS%"}), name="connect_originate",
                     listener_filters=[original_dst_filter()])
    return inner, b.cluster(where, name="tunnels", protocol="h2", transport_socket=_tls(ca, "client", "Upstream"))


def tunnel_end(ca):
    """A bootstrap: tunnels end, each going on to where its CONNECT says."""
    end = {"match": {"connect_matcher": {}}, "route": {"cluster": "main", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}}
    manager = b.http([end], codec="HTTP2", name="terminate", upgrade_configs=[{"upgrade_type": "CONNECT"}],
                     http_filters=filters(state(("envoy.filters.listener.original_dst.local_ip", "%REQ(:authority)%", "ONCE"))))
    terminate = b.listener(manager, name="connect_terminate")
    terminate["filter_chains"][0]["transport_socket"] = _tls(ca, "server", "Downstream", require_client_certificate=True)
    main = listener(b.tcp(name="main"), name="main_internal", listener_filters=[original_dst_filter()])
    to_main = {**b.cluster(to("main_internal"), name="main"), "transport_socket": telling()}
    return b.bootstrap([terminate, main], [to_main, original_dst()], **allowed())


# Peers.

def echo(sock):
    """Sends back what comes; its own end follows the client's."""
    while data := sock.recv(65536):
        sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def both_ways(connection, data):
    """Sends `data` and its end, and gets the same back."""
    back = bytearray()
    sender = threading.Thread(target=lambda: (connection.send(data), connection.socket.shutdown(socket.SHUT_WR)))
    sender.start()
    connection.rest(back)
    sender.join()
    assert back == data
    connection.close()
