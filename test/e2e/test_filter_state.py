"""What a connection's filter state says of it, for every stream: set_filter_state as a network filter."""

import socket

import pytest

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority
from peers.message import Request, Response
from peers.tls import context, downstream, validation
from peers.wait import until


def put(key, text, **more):
    return {"object_key": key, "factory_key": "envoy.string", "format_string": {"text_format_source": {"inline_string": text}}, **more}


def state(**fields):
    return {"name": "state", "typed_config": b.any_of("extensions.filters.network.set_filter_state.v3.Config", **fields)}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).having("server", "client")


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_on_downstream_tls_handshake(pillion, serve, ca, tmp_path, kind):
    """Who the client is, is known when its handshake is done, and not before."""
    server = serve.h1(lambda request: Response(200, [], b"hello"))
    log = tmp_path / "log"
    logs = {"access_log": b.file_log(log, "%FILTER_STATE(early:PLAIN)% %FILTER_STATE(who:PLAIN)%\n")}
    listener = b.listener(b.http(**logs) if kind == "http" else b.tcp(**logs))
    chain = listener["filter_chains"][0]
    chain["transport_socket"] = downstream(ca, validation=validation(ca))
    uri = "%DOWNSTREAM_PEER_URI_SAN%"
    chain["filters"].insert(0, state(on_new_connection=[put("early", uri)], on_downstream_tls_handshake=[put("who", uri, read_only=True)]))
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]))
    sock = context(ca, "client").wrap_socket(socket.create_connection(proxy.address, 10))
    connection = http1.Connection(sock)
    for _ in range(2):
        assert connection.exchange(Request("GET", "/", [("host", "a")])).body == b"hello"
    sock.close()
    count = 2 if kind == "http" else 1
    until(lambda: log.exists() and len(log.read_text().splitlines()) == count, "each stream has its line")
    assert log.read_text().splitlines() == ["- spiffe://td.test/ns/prod/sa/client"] * count


def test_where_bytes_go_by_tls(pillion, serve, ca, tmp_path):
    """The name that TLS to a host asks for, of connections too."""
    server = serve.h1(lambda request: Response(200, [], b"hello"))
    # What stands between: a listener of the same proxy that says which name it was asked for.
    log = tmp_path / "log"
    inner = b.listener(b.tcp("app", access_log=b.file_log(log, "%REQUESTED_SERVER_NAME%\n")), name="inner")
    inner["filter_chains"][0]["transport_socket"] = downstream(ca, alpn=())
    where = inner["address"]["socket_address"]
    outer = b.listener(b.tcp("inner"), name="outer")
    outer["filter_chains"][0]["filters"].insert(0, state(on_new_connection=[{"object_key": "envoy.network.upstream_server_name",
                                                                           "format_string": {"text_format_source": {"inline_string": "asked.test"}}}]))
    to_inner = b.cluster((where["address"], where["port_value"]), name="inner")
    to_inner["transport_socket"] = {"name": "tls", "typed_config": b.any_of("extensions.transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context={})}
    to_inner.pop("typed_extension_protocol_options", None)
    proxy = pillion(b.bootstrap([outer, inner], [to_inner, b.cluster(server.address, name="app")]))
    connection = proxy.connect(listener="outer")
    assert connection.exchange(Request()).body == b"hello"
    connection.close()
    until(lambda: log.exists() and log.read_text(), "the inner listener has its line")
    assert log.read_text() == "asked.test\n"
