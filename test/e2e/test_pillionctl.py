"""`pillionctl check` and `pillionctl diff`: files by the program's own loader, and what is different between two of them."""

import copy
import json

import pytest
import yaml

from peers import bootstrap as b
from peers import pushed as p
from peers.ca import ctl
from peers.certificates import Authority, pair
from peers.ports import free_port
from peers.proxy import run

_TYPE = "type.googleapis.com/envoy.config."


@pytest.fixture
def written(tmp_path):
    """written(name, value) is the path of a file that has it as YAML."""

    def write(name, value):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
        return path

    return write


def good():
    return b.bootstrap([b.listener(b.http([b.route(timeout="15s"), b.direct(404)]))], [b.cluster(("127.0.0.1", 1))])


def resource(kind, **fields):
    return {"@type": f"{_TYPE}{kind}", **fields}


def test_check_says_what_the_program_says(written):
    bad = good()
    bad["static_resources"]["clusters"][0]["conect_timeout"] = "1s"
    routes_of(bad["static_resources"])[0]["route"]["timeout"] = "soon"
    paths = written("good.yaml", good()), written("bad.yaml", bad)
    checked = ctl("check", *paths)
    assert checked.returncode == 1
    assert checked.stdout == f"{paths[0]}: good (bootstrap: 1 listener, 1 cluster)\n"
    program = run(["-c", str(paths[1]), "--mode", "validate"])
    assert checked.stderr.splitlines() == program.stdout.splitlines() and len(checked.stderr.splitlines()) == 2
    assert 'unknown field "conect_timeout", did you mean "connect_timeout"?' in checked.stderr


def test_check_of_what_is_not_there(tmp_path):
    for end in ("yaml", "json"):
        path = tmp_path / f"none.{end}"
        checked = ctl("check", path)
        assert (checked.returncode, checked.stderr) == (1, f"{path}: cannot be opened: No such file or directory\n")


def test_check_notes_certificates_that_nobody_accepts(written, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("ended", days=-1)
    made = good()
    made["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"] = {"name": "tls", "typed_config": b.any_of(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={"tls_certificates": [pair(authority, "ended")]})}
    path = written("ended.yaml", made)
    checked = ctl("check", path)
    assert (checked.returncode, checked.stdout) == (0, f"{path}: good (bootstrap: 1 listener, 1 cluster)\n")
    assert checked.stderr.startswith(f"note: {path}:") and checked.stderr.count("\n") == 1
    assert f" of spiffe://{authority.trust_domain}/ns/prod/sa/ended ({tmp_path}/ended.pem) has ended " in checked.stderr
    program = run(["-c", str(path), "--mode", "validate"])
    assert program.returncode == 0 and "has ended" in program.stdout


def test_check_resources(written):
    """A DiscoveryResponse, or the list alone; each by itself, with its line; nothing is passed over in silence."""
    cluster = resource("cluster.v3.Cluster", **{key: value for key, value in b.cluster(("127.0.0.1", 1)).items()})
    hosts = [{"name": "all", "domains": ["*"], "routes": [b.route()]}]
    routes = resource("route.v3.RouteConfiguration", name="local", virtual_hosts=hosts)
    cors = {"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"}
    extension = resource("core.v3.TypedExtensionConfig", name="cors", typed_config=cors)
    runtime = {"@type": "type.googleapis.com/envoy.service.runtime.v3.Runtime", "name": "values", "layer": {"a": {"b": 1}}}
    resources = [cluster, routes, extension, runtime]
    for name, value in (("response.yaml", {"version_info": "1", "resources": resources}), ("list.yaml", resources)):
        path = written(name, value)
        checked = ctl("check", path)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, f"{path}: good (4 resources)\n", "")
    path = written("bad.yaml", f"resources:\n- '@type': {_TYPE}cluster.v3.Cluster\n  name: a\n  connect_timeout: -1s\n"
                               f"- '@type': {_TYPE}route.v3.RouteConfiguration\n  name: r\n"
                               "  virtual_hosts:\n  - {name: v, domains: [x, x]}\n"
                               "- '@type': type.googleapis.com/envoy.service.runtime.v3.Runtime\n  name: l\n  layer: {a: [1]}\n")
    checked = ctl("check", path)
    assert checked.returncode == 1 and checked.stdout == ""
    lines = checked.stderr.splitlines()
    assert lines[0].startswith(f'{path}:4: resources[0].connect_timeout ("a"): ')
    assert lines[1].startswith(f'{path}:8: resources[1].virtual_hosts[0]') and '("r")' in lines[1]
    assert lines[2].startswith(f'{path}:11: resources[2].layer.a ("l"): expected true, false')


def test_check_what_is_no_file(tmp_path):
    checked = ctl("check", tmp_path / "none.yaml")
    assert checked.returncode == 1 and "none.yaml" in checked.stderr


def changed(configuration, change):
    other = copy.deepcopy(configuration)
    change(other["static_resources"])
    return other


def routes_of(resources):
    return resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]


def set_timeout(resources):
    routes_of(resources)[0]["route"]["timeout"] = "1s"


def add_cluster(resources):
    resources["clusters"].append(b.cluster(("127.0.0.1", 2), name="db"))


def put_a_route_first(resources):
    routes_of(resources).insert(0, b.route(prefix="/new"))


def move_the_host(resources):
    resources["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = b.address(("10.0.0.1", 80))


@pytest.mark.parametrize("change,expected", [
    (set_timeout, ["listener ingress: filter chain 0, virtual host all, route 0: timeout 15s -> 1s"]),
    (add_cluster, ["cluster db: added"]),
    (put_a_route_first, ["listener ingress: filter chain 0, virtual host all, route 0: added"]),
    (move_the_host, ["cluster upstream: endpoint 127.0.0.1:1: removed", "cluster upstream: endpoint 10.0.0.1:80: added"]),
    (lambda resources: None, [])])
def test_diff_of_files(written, change, expected):
    before = good()
    paths = written("a.yaml", before), written("b.json", json.dumps(changed(before, change)))
    said = ctl("diff", *paths)
    assert (said.returncode, said.stdout.splitlines(), said.stderr) == (1 if expected else 0, expected, "")
    as_json = ctl("diff", "--json", *paths)
    assert [each["text"] for each in json.loads(as_json.stdout)] == expected and as_json.returncode == said.returncode


def test_diff_with_what_runs(pillion, written, tmp_path):
    """What runs does not show its keys: they are not compared with it, and never shown."""
    authority = Authority(tmp_path)
    authority.issue("server")
    authority.issue("other")

    def inline(name, end):
        return {"inline_string": (tmp_path / f"{name}{end}").read_text(encoding="utf-8")}

    def configuration(name, where):
        pair = {"certificate_chain": inline(name, ".pem"), "private_key": inline(name, ".key")}
        context = b.any_of("extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={"tls_certificates": [pair]})
        listener = b.listener(b.http(), where)
        listener["filter_chains"][0]["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
        return b.bootstrap([listener], [b.cluster(("127.0.0.1", 1))])

    where = ("127.0.0.1", free_port())
    first = configuration("server", where)
    second = {**configuration("other", where), "admin": first["admin"]}
    proxy = pillion(first)
    admin = f"127.0.0.1:{proxy.admin_address[1]}"
    same = ctl("diff", written("first.yaml", first), admin)
    assert (same.returncode, same.stdout, same.stderr) == (0, "", "")
    path = written("second.yaml", second)
    said = ctl("diff", admin, path)
    assert (said.returncode, said.stdout) == (1, "listener ingress: filter chain 0, tls: certificate changed\n")
    files = ctl("diff", written("first.yaml", first), path)
    assert files.stdout.splitlines() == ["listener ingress: filter chain 0, tls: certificate changed",
                                         "listener ingress: filter chain 0, tls: private key changed"]


def test_diff_with_what_a_control_plane_gave(pushed, written, named):
    one, = named("one")
    both = pushed(p.listener(b.http([b.route("backend")])), p.whole_cluster(one), p.whole_cluster(one, name="other"))
    assert both.get().body == b"one"
    admin = f"127.0.0.1:{both.proxy.admin_address[1]}"
    bootstrap = json.loads(both.proxy.config_path.read_text(encoding="utf-8"))
    same = ctl("diff", written("same.json", json.dumps(bootstrap)), admin)
    assert (same.returncode, same.stdout) == (0, "")
    assert same.stderr.endswith(": listener ingress, cluster backend, cluster other\n") and "not compared, as others gave it" in same.stderr
    path = written("set.yaml", [p.whole_cluster(one), p.whole_cluster(one, name="other", connect_timeout="7s"), p.whole_cluster(one, name="third")])
    said = ctl("diff", admin, path)
    assert (said.returncode, said.stdout.splitlines()) == (1, ["cluster other: connect timeout 2s -> 7s", "cluster third: added"])
    assert said.stderr == "pillionctl: note: not compared, as it is static in the process: cluster xds\n"


def test_diff_of_resources(written):
    """A set of resources is compared with the kinds that it has."""
    cluster = b.cluster(("127.0.0.1", 1))
    path = written("set.yaml", [resource("cluster.v3.Cluster", **{**cluster, "connect_timeout": "7s"})])
    said = ctl("diff", written("a.yaml", b.bootstrap([b.listener(b.http())], [cluster])), path)
    assert (said.returncode, said.stdout) == (1, "cluster upstream: connect timeout 2s -> 7s\n")


def test_diff_in_trouble(written, tmp_path):
    path = written("a.yaml", good())
    bad = written("bad.yaml", "static_resurces: {}")
    for arguments in ((path, tmp_path / "none.yaml"), (path, bad), (path, f"127.0.0.1:{free_port()}"), (path,)):
        said = ctl("diff", *arguments)
        assert said.returncode == 2 and said.stdout == "" and said.stderr.startswith("pillionctl: ")
