"""`/explain` and `pillionctl explain`: what they say is what a request meets."""

import itertools
import json
import re

import pytest
import yaml

from peers import bootstrap as b
from peers import tls
from peers.ca import ctl
from peers.lanes import labelled, policy
from peers.message import Request, Response
from peers.ports import free_port
from peers.proxy import ROOT

ca = tls.ca  # a fixture
_NAME = "spiffe://td.test/ns/prod/sa/"


def named(name):
    return lambda request: Response(200, [], name)


def matching(cluster, match, **action):
    return {"match": match, "route": {"cluster": cluster, **action}}


def header(name, **test):
    return {"headers": [{"name": name, **test}]}


_ROUTES = [
    {"name": "canary", **matching("canary", {"prefix": "/", **header("x-canary", string_match={"exact": "yes"})})},
    matching("posts", {"prefix": "/pay", **header(":method", string_match={"exact": "POST"})}),
    matching("debug", {"prefix": "/", "query_parameters": [{"name": "debug", "present_match": True}]}),
    matching("pay", {"path_separated_prefix": "/pay"}, prefix_rewrite="/v2/pay", timeout="3s",
             retry_policy={"retry_on": "5xx,reset", "num_retries": 2}),
    matching("media", {"safe_regex": {"regex": "/media/[0-9]+"}}),
    {"match": {"path": "/old"}, "redirect": {"path_redirect": "/new"}},
    {"match": {"path": "/gone"}, "direct_response": {"status": 410}},
]
_CLUSTERS = ("canary", "posts", "debug", "pay", "media", "other")


@pytest.fixture
def routed(pillion, serve):
    clusters = [b.cluster(serve.h1(named(name.encode())).address, name=name) for name in _CLUSTERS]
    table = {"name": "local", "virtual_hosts": [{"name": "pay", "domains": ["pay.test", "pay.test:80"], "routes": _ROUTES},
                                                {"name": "rest", "domains": ["*.test"], "routes": [b.route("other")]}]}
    return pillion(b.bootstrap([b.listener(b.http(route_config=table))], clusters))


def test_each_request_goes_where_it_says(routed):
    connection = routed.connect("h1")
    for authority, path, method, canary in itertools.product(
            ("pay.test", "PAY.test:80", "x.test", "other"),
            ("/", "/pay", "/pay/1", "/payed", "/media/7", "/media/x", "/old", "/gone", "/pay?debug"),
            ("GET", "POST"), (None, "no", "yes")):
        fields = [("x-canary", canary)] if canary else []
        said = routed.explain(*[("header", ":".join(field)) for field in fields], authority=authority, path=path, method=method)
        response = connection.exchange(Request(method, path, fields, authority=authority))
        if response.status == 200:
            assert said["action"]["cluster"] == response.body.decode(), (said, authority, path)
            assert said["result"].startswith(f'cluster "{response.body.decode()}": 127.0.0.1:')
        else:
            assert said["result"].startswith(f"{response.status}: "), (said, authority, path)
    assert routed.stat("http.ingress.downstream_rq_total") == 4 * 9 * 2 * 3  # explaining sends nothing and counts nothing


def test_why_not_the_routes_before(routed):
    said = routed.explain(("header", "X-Canary:no"), authority="pay.test", path="/pay/1")
    assert said["virtual_host"] == {"name": "pay", "domains": ["pay.test", "pay.test:80"]}
    assert said["not_taken"] == [
        {"route": 0, "name": "canary", "why": 'header x-canary is "no"; wanted: "yes"'},
        {"route": 1, "why": 'header :method is "GET"; wanted: "POST"'},
        {"route": 2, "why": "query parameter debug is absent; wanted: present"}]
    assert said["route"] == {"number": 3, "path": '"/pay" or below it'}
    action = said["action"]
    assert (action["path"], action["path_before"], action["timeout"]) == ("/v2/pay/1", "/pay/1", "3s")
    assert action["retries"]["on"] == "5xx,reset" and action["retries"]["most"] == 2
    text = routed.admin("/explain?authority=pay.test&path=/media/x")
    assert "result: 404: no route fits\n" in text
    assert 'no route: none of 7 fits\n' in text
    assert '  - route: 4\n    why: path is "/media/x"; wanted: matches "/media/[0-9]+"\n' in text


@pytest.mark.parametrize("query,expected", [
    ("pth=/", '"pth": no such parameter, expected one of listener, address'),
    ("path=pay", 'path: "pay", expected a path that begins with \'/\''),
    ("header=x", 'header: "x", expected NAME:VALUE'),
    ("authority=a%20b", 'authority: "a b", expected HOST or HOST:PORT'),
    ("source=me", 'source: "me", expected an IP address'),
    ("port=70000", 'port: "70000", expected a number from 1 to 65535'),
    ("listener=none", 'listener: "none", but there is no such listener; expected one of "ingress"'),
    ("tls=perhaps", 'tls: "perhaps", expected true or false'),
    ("tls=false&principal=a.test", 'tls: "false", but principal: "a.test", which a client has by TLS only; expected one of the two'),
    ("format=xml", "format: xml, expected text or json")])
def test_errors_name_the_parameter(routed, query, expected):
    status, _, text = routed.admin_response(f"/explain?{query}")
    assert status == 400 and text.startswith(expected)


def test_of_several_listeners_one_is_named(pillion):
    ports = [free_port(), free_port()]
    listeners = [b.listener(b.http([b.direct(200 + i)]), ("127.0.0.1", port), name=f"in-{i}") for i, port in enumerate(ports)]
    proxy = pillion(b.bootstrap(listeners))
    assert proxy.admin_response("/explain")[0] == 400
    assert proxy.explain(listener="in-1")["result"] == proxy.explain(port=ports[1])["result"] == "201: the route answers itself"
    assert proxy.explain(address=f"127.0.0.1:{ports[0]}")["listener"] == {"name": "in-0", "addresses": [f"127.0.0.1:{ports[0]}"]}


def test_shares_health_and_endpoints(pillion, serve):
    one, two, three = (serve.h1(named(b"")).address for _ in range(3))
    first = b.cluster(one, two, name="first")
    first["load_assignment"]["endpoints"][0]["lb_endpoints"][1]["load_balancing_weight"] = 3
    first["load_assignment"]["endpoints"][0]["lb_endpoints"].append(
        {"endpoint": {"address": b.address(("127.0.0.1", free_port()))}, "health_status": "UNHEALTHY"})
    second = b.cluster(three, name="second", lb_policy="RING_HASH")
    weighted = {"clusters": [{"name": "first", "weight": 30}, {"name": "second", "weight": 10}]}
    routes = [{"match": {"prefix": "/"}, "route": {"weighted_clusters": weighted, "hash_policy": [{"header": {"header_name": "x-user"}}]}}]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))], [first, second]))
    said = proxy.explain(("header", "x-user:7"))
    assert said["result"] == f'75 % to cluster "first": one of 2 endpoints; 25 % to cluster "second": 127.0.0.1:{three[1]}'
    shares = said["action"]["clusters"]
    group, = shares[0]["load_balancing"]["groups"]
    assert [(host["address"], host["health"], host["weight"]) for host in group["endpoints"]] == [
        (f"127.0.0.1:{one[1]}", "healthy", 1), (f"127.0.0.1:{two[1]}", "healthy", 3)]
    assert shares[0]["load_balancing"]["not_used"][0].endswith(": unhealthy, priority 0")
    assert shares[1]["load_balancing"]["endpoint"]["address"] == f"127.0.0.1:{three[1]}"
    chosen = proxy.explain(random=35 << 32)  # what chance decides, decided
    assert chosen["result"].startswith('cluster "second"')
    assert [share.get("chosen") for share in chosen["action"]["clusters"]] == [None, True]


def test_subsets(pillion, serve):
    cluster = b.cluster(*(serve.h1(named(b"")).address for _ in range(2)), lb_subset_config={"subset_selectors": [{"keys": ["stage"]}]})
    for host, stage in zip(cluster["load_assignment"]["endpoints"][0]["lb_endpoints"], ("live", "test")):
        host["metadata"] = {"filter_metadata": {"envoy.lb": {"stage": stage}}}
    live = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"]
    routes = [b.route(prefix=f"/{stage}", metadata_match={"filter_metadata": {"envoy.lb": {"stage": stage}}}) for stage in ("live", "none")]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))], [cluster]))
    said = proxy.explain(path="/live")
    assert said["result"] == f'cluster "upstream": 127.0.0.1:{live}'
    assert said["action"]["load_balancing"]["subset"] == {"keys": "stage", "choice": "chosen by the metadata that is asked for", "hosts": 1}
    assert proxy.explain(path="/none")["result"] == '503: no healthy upstream in cluster "upstream"'
    response = proxy.connect("h1").exchange(Request("GET", "/none"))
    assert (response.status, response.body) == (503, b"no healthy upstream")


def test_lanes(pillion, serve):
    """By a colour that the question names."""
    plain, gray, other = (serve.h1(named(b"")).address for _ in range(3))
    hosts = (plain, {}), (gray, {"env": "gray"}), (other, {"env": "gray", "version": "v2"})
    cluster = b.cluster(load_assignment=labelled("upstream", hosts),
                        load_balancing_policy=policy(fallbacks=[{"keep": ["version"]}]))
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route()]))], [cluster]))
    there = ["env=gray", "env=gray,version=v2"]
    for colour, hosts_, choice, result in (
            ([], 1, "the baseline", f"127.0.0.1:{plain[1]}"),
            (["env=gray"], 2, "the lane of its colour", "one of 2 endpoints"),
            (["version=v2", "env=gray"], 1, "the lane of its colour", f"127.0.0.1:{other[1]}"),
            (["version=v2", "env=blue"], 1, "a fallback, as the lane of its colour has no hosts", f"127.0.0.1:{other[1]}"),
            (["env=blue"], 1, "the baseline, as the lane of its colour has no hosts", f"127.0.0.1:{plain[1]}")):
        said = proxy.explain(*(("colour", label) for label in colour))
        assert said["result"] == f'cluster "upstream": {result}'
        assert said["action"]["load_balancing"]["lane"] == {"colour": ",".join(sorted(colour)) or "none", "choice": choice, "hosts": hosts_, "lanes": there}


def _by_principal(ca_, *names):
    return {"name": "rbac", "typed_config": b.any_of("extensions.filters.http.rbac.v3.RBAC", rules={
        "action": "ALLOW", "policies": {"callers": {"permissions": [{"any": True}], "principals": [
            {"authenticated": {"principal_name": {"exact": _NAME + name}}} for name in names]}}})}


def test_chains_and_verdicts(pillion, ca):
    """The filter chain by server name; rbac's verdict by who asks, which a real client gets, too."""
    router = {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}
    inspector = {"name": "tls_inspector", "typed_config": b.any_of("extensions.filters.listener.tls_inspector.v3.TlsInspector")}
    secure = {"name": "secure", "filter_chain_match": {"server_names": ["localhost"]},
              "transport_socket": tls.downstream(ca, validation=tls.validation(ca)),
              "filters": [b.http([b.direct(200)], http_filters=[_by_principal(ca, "client"), router])]}
    plain = {"name": "plain", "filter_chain_match": {"transport_protocol": "raw_buffer"},
             "filters": [b.http([b.direct(201)], name="plain")]}
    listener = {"name": "ingress", "address": b.address(("127.0.0.1", free_port())), "listener_filters": [inspector],
                "filter_chains": [secure, plain]}
    proxy = pillion(b.bootstrap([listener]))
    assert proxy.explain()["filter_chain"] == {"number": 1, "of": 2, "name": "plain", "tls": "none"}
    assert proxy.explain()["result"] == "201: the route answers itself"
    assert proxy.explain(sni="other.test")["result"] == "the connection is closed: no filter chain is for it"
    said = proxy.explain(sni="localhost", principal=_NAME + "client")
    assert said["filter_chain"] == {"number": 0, "of": 2, "name": "secure", "tls": "yes",
                                    "handshake": "good, if somebody who is trusted has issued the certificate"}
    assert said["http_filters"] == [{"filter": "rbac", "verdict": 'allowed: by policy "callers"'}]
    assert said["result"] == "200: the route answers itself"
    said = proxy.explain(sni="localhost", principal=_NAME + "other")
    assert said["http_filters"] == [{"filter": "rbac", "verdict": "denied: no policy fits"}]
    assert said["result"] == "403: filter rbac denies it"
    assert proxy.explain(sni="localhost")["result"].startswith(
        "the connection is closed: the handshake fails for a client without a certificate, which is required: ")
    assert proxy.stat("http.ingress.rbac.denied") == proxy.stat("http.ingress.rbac.allowed") == 0


def test_tcp(pillion):
    where = ("127.0.0.1", free_port())
    proxy = pillion(b.bootstrap([b.listener(b.tcp())], [b.cluster(where)]))
    assert proxy.explain()["result"] == f'cluster "upstream": 127.0.0.1:{where[1]}'


def test_pillionctl_explain(routed, tmp_path):
    admin = f"127.0.0.1:{routed.admin_address[1]}"
    said = ctl("explain", f"http://{admin}", "--authority", "pay.test", "--path", "/pay/1?a=b&c=d", "--header", "x-canary: no",
               "--header", "a: b")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith('result: cluster "pay": ') and "  path: /pay/1?a=b&c=d\n" in said.stdout
    assert json.loads(ctl("explain", admin, "--json", "--authority", "pay.test").stdout)["no_route"] == "none of 7 fits"
    wrong = ctl("explain", admin, "--path", "x")
    assert (wrong.returncode, wrong.stdout) == (1, "") and wrong.stderr.startswith('pillionctl: path: "x", expected a path')
    both = ctl("explain", admin, "--tls", "false", "--principal", "a.test")
    assert (both.returncode, both.stdout) == (1, "") and both.stderr.startswith('pillionctl: tls: "false", but principal: "a.test", ')
    nobody = ctl("explain", f"127.0.0.1:{free_port()}")
    assert nobody.returncode == 1 and nobody.stderr.endswith("connecting: Connection refused\n")
    unknown = ctl("explain", str(tmp_path))
    assert unknown.returncode == 1 and "connecting: " in unknown.stderr
    assert "expected the administration's address" in ctl("explain", "nowhere").stderr
    bare = ctl("explain", admin, "--tls", "--principal", "spiffe://td.test/a")
    assert bare.returncode == 1
    assert bare.stderr.startswith("pillionctl: --tls: has no value before --principal, expected one\n"), bare.stderr


def test_pillionctl_by_a_unix_socket(pillion, tmp_path):
    path = str(tmp_path / "admin.sock")
    pillion({**b.bootstrap([b.listener(b.http([b.direct(204)]))]), "admin": {"address": b.address(path)}})
    for name in (path, f"unix://{path}"):
        assert ctl("explain", name).stdout.startswith("result: 204: the route answers itself\n")
        assert ctl("diff", name, name).returncode == 0


def test_the_page_shows_what_is_said(pillion):
    page = (ROOT / "docs/explain.md").read_text(encoding="utf-8")
    configuration, question, answer = re.findall(r"^```(?:yaml|sh|)\n(.*?)^```$", page, re.M | re.S)[:3]
    configuration = yaml.safe_load(configuration)
    where, admin = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
    configuration["static_resources"]["listeners"][0]["address"] = b.address(where)
    configuration["admin"]["address"] = b.address(admin)
    pillion(configuration)
    program, command, address, *arguments = question.split()
    assert (program, address) == ("pillionctl", "127.0.0.1:9901")
    said = ctl(command, f"127.0.0.1:{admin[1]}", *arguments)
    assert said.stdout.replace(f"127.0.0.1:{where[1]}", "127.0.0.1:8080") == answer
