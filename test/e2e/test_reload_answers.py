"""What is said of another configuration for a process that runs: of one that is not good, or not taken whole, and to whom."""

import json
import re

import pytest

from peers import bootstrap as b
from peers import http1
from peers import pushed as p
from peers.ca import ctl
from peers.ports import accepts, free_port
from peers.reload import at, body_at, by_post, by_sighup, done, dumped
from peers.wait import until


def test_a_bad_one_among_good_ones(pillion, named):
    """It keeps its last version, and nothing goes."""
    one, two = named("one", "two")
    ports = [free_port() for _ in range(4)]
    proxy = pillion(b.bootstrap([at(ports[0], "a0", "a"), at(ports[1], "b0", "b"), at(ports[2], "gone", "c")],
                                [b.cluster(one, name="x"), b.cluster(one, name="y")]))
    bad = at(ports[1], "b1", "b")
    bad["filter_chains"][0]["filters"][0]["typed_config"]["http_filtres"] = []
    answer = by_post(proxy, {"static_resources": {
        "listeners": [at(ports[0], "a1", "a"), bad, b.listener(b.http([b.route("nobody")]), where=("127.0.0.1", ports[3]), name="d")],
        "clusters": [b.cluster(two, name="x"), b.cluster(two, name="z", connect_timeout="-1s")]}}, 422)
    assert done(answer) == {"changed": ["cluster x", "listener a"], "kept": ["cluster y", "listener c"],
                            "refused": ["cluster z", "listener b", "listener d"]}
    errors = {one["name"]: " ".join(one["errors"]) for one in answer["refused"]}
    assert 'static_resources.clusters[1].connect_timeout: -1s, expected more than 0s' in errors["z"]
    assert 'unknown field "http_filtres", did you mean "http_filters"' in errors["b"]
    assert "unknown cluster 'nobody'" in errors["d"]
    assert [body_at(port) for port in ports[:3]] == [b"a1", b"b0", b"gone"]
    assert not accepts(("127.0.0.1", ports[3]))
    assert "listener b: refused: " in proxy.log()
    assert (proxy.stat("server.reloads"), proxy.stat("server.reload_failures")) == (1, 1)
    assert set(dumped(proxy, "ClustersConfigDump", "static_clusters")) == {"x", "y"}
    # What was there before: of what was refused and kept nothing is to be done.
    assert done(by_post(proxy, b"")) == {"changed": ["cluster x", "listener a"]}


@pytest.mark.parametrize("fields", [{"connect_timeout": "-1s"}, {"connect_timeout": "0s"}, {"unheard": 1}])
def test_more_bad_ones_than_are_said(pillion, fields):
    """What is good is taken, however much is bad; how much that is, is said."""
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    config = json.loads(proxy.config_path.read_text())
    config["static_resources"]["clusters"] = [{"name": f"c{number}", **fields} for number in range(5000)]
    config["static_resources"]["listeners"] = [at(port, "two")]
    answer = by_post(proxy, config, 422)
    assert answer["changed"]["listeners"] == ["ingress"] and answer["added"]["clusters"] == []
    assert len(answer["refused"]) == 100 and answer["more_refused"] == 4900
    until(lambda: body_at(port) == b"two", "the good one is taken")
    assert by_post(proxy, config, 422, "?format=text").endswith("\nand 4900 more refused\nunchanged: 1\n")
    assert proxy.log().count(": refused: ") == 200 and "and 4900 more refused" in proxy.log()


@pytest.mark.parametrize("text,said", [
    ("a: [", "bootstrap.json:"), ("", "bootstrap.json: empty"), ("{}", "static_resources: missing"), ("[]", "expected an object"),
    ("static_resources:\n  listeners: []\n   clusters: []\n", "bootstrap.json:"), (None, "bootstrap.json")])
def test_a_file_that_is_none(pillion, text, said):
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    if text is None:
        proxy.config_path.unlink()
        code, _, answer = proxy.admin_response("/api/reload", "POST")
        assert (code, said in answer) == (400, True), answer
    else:
        by_sighup(proxy, text)
    until(lambda: "nothing is changed" in proxy.log(), "it is said")
    assert said in proxy.log()
    assert body_at(port) == b"one"
    assert (proxy.stat("server.reloads"), proxy.stat("server.reload_failures")) == (1, 1)


def test_what_needs_a_restart(pillion):
    port = free_port()
    config = b.bootstrap([at(port, "one")], node={"id": "before"})
    proxy = pillion(config)
    config["admin"]["address"]["socket_address"]["port_value"] = free_port()
    config["node"]["id"] = "after"
    config["static_resources"]["listeners"] = [at(port, "two")]
    by_sighup(proxy, config)
    until(lambda: body_at(port) == b"two", "the rest is taken")
    assert proxy.ready()
    assert "admin.address changed: it takes effect with a restart" in proxy.log()
    assert json.loads(proxy.admin("/server_info"))["node"]["id"] == "before"
    assert by_post(proxy, b"")["needs_restart"] == ["node.id", "admin.address"]
    config["overload_manager"] = {"resource_monitors": [{"name": "nothing"}]}
    proxy.configure(config)
    answer = by_post(proxy, b"", 422)
    assert done(answer)["refused"] == ["bootstrap"] and "overload_manager" in " ".join(answer["refused"][0]["errors"])


def test_lists(pillion, named):
    """Resources as a control plane gives them; what can't stand alone is refused with what to do."""
    one, = named("one")
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    listener = {"@type": p.TYPES["listeners"], **b.listener(b.http(), where=("127.0.0.1", port))}
    assert done(by_post(proxy, [listener, p.whole_cluster(one, name="upstream")])) == {"added": ["cluster upstream"], "changed": ["listener ingress"]}
    until(lambda: body_at(port) == b"one", "it is sent on")
    answer = by_post(proxy, {"resources": [listener, p.whole_cluster(one, name="upstream"), p.routes(), p.endpoints(one)]}, 422)
    assert [error for refused in answer["refused"] for error in refused["errors"]] == [
        "body:1: resources[2]: a RouteConfiguration, expected it within its listener: route_config",
        "body:1: resources[3]: a ClusterLoadAssignment, expected it within its cluster: load_assignment"]
    text = f"# in YAML\nresources:\n- \"@type\": {p.TYPES['clusters']}\n  name: more\n  conect_timeout: 1s\n"
    assert 'mine.yaml:5: resources[0]: unknown field "conect_timeout", did you mean "connect_timeout"?' in by_post(
        proxy, text, 422, "?format=text&name=mine.yaml")
    by_post(proxy, "scalar", 400)
    for empty in ("[]", {"resources": []}):
        assert "resources: empty, expected some" in json.dumps(by_post(proxy, empty, 400))
    assert body_at(port) == b"one"


def test_who_may(pillion):
    """The role is WRITE, and nothing is read of who has it not."""
    port = free_port()
    grants = [{"roles": ["MONITOR", "READ", "PROFILE"], "local": True}]
    access = {"name": "access", "typed_config": {"@type": "type.googleapis.com/pillion.admin.v1.AdminAccess", "grants": grants}}
    proxy = pillion(b.bootstrap([at(port, "one")], bootstrap_extensions=[access]))
    code, _, text = proxy.admin_response("/api/reload", "POST", body=b"static_resources: {}")
    assert code == 403 and "needs the role write" in text
    assert proxy.admin_response("/api/reload", "POST", body=b" " * 5000000)[0] == 403
    connection = http1.connect(proxy.admin_address)
    connection.send(b"POST /api/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n")
    assert connection.read_response().status == 403
    connection.close()
    assert body_at(port) == b"one"


def test_method_and_size(pillion):
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    assert proxy.admin_response("/api/reload")[0] == 405
    connection = http1.connect(proxy.admin_address)
    connection.send(b"POST /api/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 16777217\r\n\r\n")
    response = connection.read_response()
    assert response.status == 413 and b"at most" in response.body and b"16 MiB for /api/reload" in response.body
    connection.close()
    code, _, text = proxy.admin_response("/api/reload", "POST", body=b" " * 20000000)  # who sends it all hears of it, too
    assert code == 413 and "at most" in text
    text = json.dumps({"static_resources": {"listeners": [at(port, "x" * 3000000)]}})  # more than a body may have
    assert "direct_response" in by_post(proxy, text, 422, "?format=text")
    padded = json.dumps({"static_resources": {"listeners": [at(port, "two")]}}) + " " * 5000000
    assert done(by_post(proxy, padded)) == {"changed": ["listener ingress"]}
    until(lambda: body_at(port) == b"two", "it is taken")


def test_with_more_on_the_command_line(pillion):
    """It is merged as at the start."""
    port = free_port()
    config = b.bootstrap([at(port, "one")])
    proxy = pillion(config, arguments=["--config-yaml", json.dumps(b.bootstrap([at(free_port(), "two", "b")]) | {"admin": config["admin"]})])
    assert done(by_post(proxy, b"")) == {}
    assert set(dumped(proxy, "ListenersConfigDump", "static_listeners")) == {"ingress", "b"}


def test_while_it_ends(pillion):
    port = free_port()
    proxy = pillion(b.bootstrap([at(port, "one")]))
    proxy.admin("/drain_listeners", "POST")
    until(lambda: not accepts(("127.0.0.1", port)), "nobody listens")
    assert "its listeners were closed" in by_post(proxy, b"", 503, "?format=text")


def test_pillionctl(pillion, tmp_path):
    port = free_port()
    config = b.bootstrap([at(port, "one")])
    proxy = pillion(config)
    where = "127.0.0.1:%d" % proxy.admin_address[1]
    config["static_resources"]["listeners"] = [at(port, "two"), at(free_port(), "more", "b")]
    file = tmp_path / "next.json"
    file.write_text(json.dumps(config))
    result = ctl("reload", where, file)
    assert (result.returncode, result.stdout, result.stderr) == (0, "listener b: added\nlistener ingress: changed\nunchanged: 0\n", "")
    until(lambda: body_at(port) == b"two", "it is taken")
    config["static_resources"]["listeners"][1]["adress"] = 1
    file.write_text(json.dumps(config, indent=1))
    result = ctl("reload", where, file)
    assert result.returncode == 1
    assert f"listener b: refused: {file}:" in result.stdout and 'unknown field "adress", did you mean "address"?' in result.stdout
    # A mistake in each kind of resource: place, value and what was expected.
    config["static_resources"]["listeners"][1] = at(free_port(), "more", "b")
    config["static_resources"]["listeners"][1]["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": "key"}]}}}
    config["static_resources"]["secrets"] = [{"name": "key", "tls_certificate": {
        "certificate_chain": {"inline_string": "none"}, "private_key": {"inline_string": "none"}}}]
    config["static_resources"]["clusters"] = [{"name": "c", "lb_policy": "RANDOMLY", "connect_timeout": "soon"}]
    config["static_resources"]["listeners"].append(at(70000, "far", "far"))
    file.write_text(json.dumps(config, indent=1))
    result = ctl("reload", where, file)
    assert result.returncode == 1
    place = re.escape(str(file)) + r":\d+: static_resources\."
    for line in (r'cluster c: refused: ' + place + r'clusters\[0\]\.connect_timeout: "soon", expected a duration in seconds such as "1.5s"',
                 r'cluster c: refused: ' + place + r'clusters\[0\]\.lb_policy: "RANDOMLY", expected one of .*, did you mean "RANDOM"\?',
                 r'listener far: refused: ' + place + r'listeners\[2\]\.address\.socket_address\.port_value: 70000, expected at most 65535',
                 r'secret key: refused: ' + place + r'secrets\[0\]\.tls_certificate\.certificate_chain: .*'):
        assert re.search(f"^{line}$", result.stdout, re.M), f"{line}\n{result.stdout}"
    result = ctl("reload", where)  # the file of the process
    assert (result.returncode, result.stdout) == (0, "listener ingress: changed\nlistener b: removed\nunchanged: 0\n")
    assert done(json.loads(ctl("reload", "--json", where).stdout)) == {}
    file.write_text("a: [")
    result = ctl("reload", where, file)
    assert result.returncode == 1 and f"pillionctl: {file}:" in result.stderr
    file.write_text("")
    assert "empty, expected static_resources" in ctl("reload", where, file).stderr
    assert "connecting: Connection refused" in ctl("reload", f"127.0.0.1:{free_port()}").stderr
