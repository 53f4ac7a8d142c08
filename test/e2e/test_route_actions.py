"""What routes do with requests: weights, rewrites, redirects, edits of fields."""

import pytest

from peers import bootstrap as b
from peers.message import Request, Response


def edits(**fields):
    """[{header...}] of names and values."""
    return [{"header": {"key": key.replace("_", "-"), "value": value}} for key, value in fields.items()]


def recording(name, seen):
    return lambda request: seen.append(request) or Response(200, [("x-cluster", name)], name.encode())


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_weighted_clusters(pillion, serve, downstream):
    """In proportion to the weights; each with its own edits; a number in the request decides where that is configured."""
    seen = []
    clusters = [b.cluster(serve.h1(recording(name, seen)).address, name=name) for name in ("few", "many")]
    choices = [{"name": "few", "weight": 1, "request_headers_to_add": edits(x_choice="few")},
               {"name": "many", "weight": 3, "response_headers_to_add": edits(x_choice="many"), "host_rewrite_literal": "many.test"}]
    route = {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": choices, "header_name": "x-number"}}}
    proxy = pillion(b.bootstrap([b.listener(b.http([route]))], clusters))
    connection = proxy.connect(downstream)
    got = [connection.exchange(Request()).body for _ in range(400)]
    assert 60 <= got.count(b"few") <= 140 and got.count(b"many") == 400 - got.count(b"few")
    numbered = [connection.exchange(Request(fields=[("x-number", str(n))])) for n in range(8)]
    assert [response.body for response in numbered] == [b"few", b"many", b"many", b"many"] * 2
    assert [response.get("x-choice") for response in numbered[:2]] == [None, "many"]
    assert seen[-8].get("x-choice") == "few" and seen[-7].get("x-choice") is None
    assert (seen[-8].authority, seen[-7].authority) == ("test.example", "many.test")


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_host_of_the_endpoint(pillion, serve, upstream):
    seen = []
    server = serve.http(upstream, recording("one", seen))
    cluster = b.cluster(server.address, protocol=upstream)
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = "endpoint.test"
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route(auto_host_rewrite=True, append_x_forwarded_host=True)]))], [cluster]))
    assert proxy.exchange(Request(authority="asked.test")).status == 200
    assert seen[0].authority == "endpoint.test"
    assert seen[0].get("x-envoy-original-host") == "asked.test" and seen[0].get("x-forwarded-host") == "asked.test"


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_edits_of_all_levels(pillion, serve, downstream):
    seen = []
    server = serve.h1(recording("one", seen))
    for specific_last, order in ((False, ["route", "host", "table"]), (True, ["table", "host", "route"])):
        level = {name: {"request_headers_to_add": edits(x_level=name), "response_headers_to_add": edits(x_level=name)}
                 for name in ("route", "host", "table")}
        table = {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{**b.route(), **level["route"]}], **level["host"]}],
                 "most_specific_header_mutations_wins": specific_last, **level["table"]}
        proxy = pillion(b.bootstrap([b.listener(b.http(route_config=table))], [b.cluster(server.address)]))
        response = proxy.exchange(Request(), downstream)
        assert [value for name, value in response.fields if name == "x-level"] == order
        assert [value for name, value in seen[-1].fields if name == "x-level"] == order


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_redirects(pillion, downstream):
    routes = [{"match": {"prefix": "/secure"}, "redirect": {"https_redirect": True}},
              {"match": {"safe_regex": {"regex": "/user/[0-9]+"}},
               "redirect": {"regex_rewrite": {"pattern": {"regex": "/user/(.*)"}, "substitution": "/people/\\1"}, "response_code": "SEE_OTHER"}}]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))]))
    response = proxy.exchange(Request(path="/secure?x", authority="h.test"), downstream)
    assert (response.status, response.get("location")) == (301, "https://h.test/secure?x")
    response = proxy.exchange(Request(path="/user/17", authority="h.test"), downstream)
    assert (response.status, response.get("location")) == (303, "http://h.test/people/17")
    assert proxy.stat("http.ingress.rq_redirect") == 2
