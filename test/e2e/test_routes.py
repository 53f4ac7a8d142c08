"""Where a request goes, and where it may come from."""

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.programs import curl, url


def named(name):
    return lambda request: Response(200, [], name)


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_first_route_that_matches(pillion, serve, downstream):
    clusters = [b.cluster(serve.h1(named(name.encode())).address, name=name) for name in ("exact", "prefix", "rest")]
    routes = [b.route("exact", path="/a"), b.route("prefix", prefix="/a/"), b.direct(403, "no", prefix="/secret"), b.route("rest")]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))], clusters))
    expected = {"/a": b"exact", "/a?q": b"exact", "/a/": b"prefix", "/a/b": b"prefix", "/ab": b"rest", "/": b"rest", "/secret/x": b"no"}
    assert {path: proxy.exchange(Request(path=path), downstream).body for path in expected} == expected


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_virtual_hosts(pillion, downstream):
    """Exact before suffix before prefix before any; case and port of what is asked do not matter, as far as configured."""
    hosts = {"exact.example": "exact", "*.example": "suffix", "*.deep.example": "deep", "prefix.*": "prefix", "*": "any"}
    tables = [{"name": body, "domains": [domain], "routes": [b.direct(200, body)]} for domain, body in hosts.items()]
    proxy = pillion(b.bootstrap([b.listener(b.http(route_config={"virtual_hosts": tables}, strip_any_host_port=True))]))
    expected = {"exact.example": b"exact", "EXACT.Example": b"exact", "exact.example:8080": b"exact", "a.example": b"suffix",
                "a.deep.example": b"deep", "prefix.org": b"prefix", "other.org": b"any"}
    assert {host: proxy.exchange(Request(authority=host), downstream).body for host in expected} == expected


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_no_route(pillion, downstream):
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200, prefix="/only")]))]))
    response = proxy.exchange(Request(path="/"), downstream)
    assert (response.status, response.body) == (404, b"")
    assert proxy.stat("http.ingress.no_route") == 1


@pytest.mark.parametrize("downstream", ["h1", "h2"])
@pytest.mark.parametrize("status,body", [(200, "x" * 4096), (204, None), (503, "down for a while\n"), (418, None)],
                         ids=["200", "204", "503", "418"])
def test_direct_response(pillion, downstream, status, body):
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(status, body)]))]))
    connection = proxy.connect(downstream)
    for method in ("GET", "HEAD", "GET"):
        response = connection.exchange(Request(method))
        assert response.status == status
        assert response.body == (b"" if method == "HEAD" else (body or "").encode())
    connection.close()
    response = proxy.exchange(Request("POST", body=b"nobody reads it" * 1000), downstream)
    assert (response.status, response.body) == (status, (body or "").encode())


def test_several_listeners(pillion, serve):
    """Each with its own routes; one for bytes beside."""
    server = serve.h1(named(b"upstream"))
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200, "one")], name="one"), name="one"),
                                 b.listener(b.http([b.direct(200, "two")], name="two"), name="two"),
                                 b.listener(b.tcp(), name="three")], [b.cluster(server.address)]), concurrency=2)
    for name, body in (("one", b"one"), ("two", b"two"), ("three", b"upstream")):
        assert proxy.connect(listener=name).exchange(Request()).body == body


@pytest.mark.parametrize("concurrency", [1, 2])
def test_ipv6(pillion, serve, concurrency):
    server = serve.h1(named(b"six"), address=("::1", 0))
    proxy = pillion(b.bootstrap([b.listener(b.http(), where=("::1", b.free_port()))], [b.cluster(server.address)]), concurrency=concurrency)
    assert proxy.exchange(Request()).body == b"six"
    report, body = curl(url(proxy.address))
    assert (report["http_code"], body) == (200, b"six")


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_unix_sockets(pillion, serve, tmp_path, protocol, concurrency):
    server = serve.h1(named(b"by path"), address=str(tmp_path / "upstream.sock"))
    listener = b.listener(b.http(), where=str(tmp_path / "pillion.sock"))
    proxy = pillion(b.bootstrap([listener], [b.cluster(server.address)]), concurrency=concurrency)
    for _ in range(8):
        assert proxy.exchange(Request(), protocol).body == b"by path"


def test_x_forwarded_for(pillion, serve):
    seen = []
    server = serve.h1(lambda request: seen.append(request) or Response())
    proxy = pillion(b.bootstrap([b.listener(b.http(use_remote_address=True))], [b.cluster(server.address)]))
    proxy.exchange(Request(fields=[("x-forwarded-for", "10.1.1.1")]))
    assert seen[0].get("x-forwarded-for").startswith("10.1.1.1,") and seen[0].get("x-forwarded-proto") == "http"


def test_request_id(pillion, serve):
    """One is made where there is none; a given one is kept."""
    seen = []
    server = serve.h1(lambda request: seen.append(request.get("x-request-id")) or Response())
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    for fields in ([], [], [("x-request-id", "mine")]):
        proxy.exchange(Request(fields=fields))
    assert len(seen[0]) == 36 and seen[0][14] == "4" and seen[0] != seen[1] and seen[2] == "mine"


def test_server_field(pillion, serve):
    server = serve.h1(lambda request: Response(200, [("server", "upstream")]))
    for transformation, expected in (("OVERWRITE", "mine"), ("APPEND_IF_ABSENT", "upstream"), ("PASS_THROUGH", "upstream")):
        proxy = pillion(b.bootstrap([b.listener(b.http(server_name="mine", server_header_transformation=transformation))],
                                    [b.cluster(server.address)]))
        assert proxy.exchange(Request()).get("server") == expected


@pytest.mark.parametrize("action,status,kept", [("ALLOW", 200, "1"), ("REJECT_REQUEST", 400, None), ("DROP_HEADER", 200, None)])
def test_underscores(pillion, serve, action, status, kept):
    seen = []
    server = serve.h1(lambda request: seen.append(request.get("x_under")) or Response())
    proxy = pillion(b.bootstrap([b.listener(b.http(common_http_protocol_options={"headers_with_underscores_action": action}))],
                                [b.cluster(server.address)]))
    assert proxy.exchange(Request(fields=[("x_under", "1")])).status == status
    assert seen == ([] if status == 400 else [kept])
