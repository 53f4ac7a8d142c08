"""The configurations in the pages are good ones, and the README's sidecar does what its page says.

A block of YAML is a bootstrap or a part of one: its first names say where it belongs. Files that it names below /etc/pillion are
there; a block with `resources` is one of them, named by its first line."""

import json
import re
import socket
import ssl
import subprocess

import pytest
import yaml

from peers import bootstrap as b
from peers import http1
from peers.certificates import Authority
from peers.message import Request, Response
from peers.ports import free_port
from peers.proxy import ROOT, run
from peers.wait import until

FOLDER = "/etc/pillion"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("source/filters/*/README.md"))]
BLOCKS = [(path, text) for path in PAGES for text in re.findall(r"^```yaml\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)]
FILES = {re.match(r"# (\S+)\n", text)[1]: text for _, text in BLOCKS if "resources" in yaml.safe_load(text)}
CONFIGURATIONS = [(path, text) for path, text in BLOCKS if text not in FILES.values()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the pages call /etc/pillion."""
    made = tmp_path_factory.mktemp("etc")
    authority = Authority(made, "ca", "example.org")
    for name in ("web", "users"):
        authority.issue(name)
    token = made / "dashboard.token"
    token.touch(mode=0o600)
    token.write_text("a-token-of-a-dashboard", encoding="utf-8")
    authority.issue("two", "URI:spiffe://example.org/a,URI:spiffe://example.org/b")
    for name, text in FILES.items():
        (made / name.removeprefix(f"{FOLDER}/")).write_text(text.replace(FOLDER, str(made)), encoding="utf-8")
    return made


def whole(part):
    """The bootstrap that `part` is, or is a part of."""
    if "static_resources" in part or "stats_sinks" in part:
        return part
    filters = part.pop("http_filters", [])
    if filters and "Router" not in filters[-1]["typed_config"]["@type"]:
        filters.append({"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")})
    routes = part.pop("routes", [b.route("users")])
    if "typed_per_filter_config" in part:
        routes[0]["typed_per_filter_config"] = part.pop("typed_per_filter_config")
    manager = {"http_filters": filters} if filters else {}
    if "virtual_hosts" in part:
        manager["route_config"] = {"virtual_hosts": part.pop("virtual_hosts")}
    if "local_reply_config" in part:
        manager["local_reply_config"] = part.pop("local_reply_config")
    if "transport_socket" in part:
        part["listeners"] = [b.listener(b.http(routes, **manager))]
        part["listeners"][0]["filter_chains"][0]["transport_socket"] = part.pop("transport_socket")
    return b.bootstrap(part.pop("listeners", [b.listener(b.http(routes, **manager))]), part.pop("clusters", []), **part)


def with_users(bootstrap):
    """The cluster that parts of a configuration lead to, where they leave it to others."""
    resources = bootstrap.setdefault("static_resources", {})
    clusters = resources.setdefault("clusters", [])
    if all(cluster["name"] != "users" for cluster in clusters):
        clusters.append(b.cluster(("127.0.0.1", 8080), name="users"))
    return bootstrap


@pytest.mark.parametrize("path,text", CONFIGURATIONS, ids=[str(path.relative_to(ROOT)) for path, _ in CONFIGURATIONS])
def test_is_valid(folder, tmp_path, path, text):
    made = yaml.safe_dump(with_users(whole(yaml.safe_load(text)))).replace(FOLDER, str(folder))
    file = tmp_path / "bootstrap.yaml"
    file.write_text(made, encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(file)])
    assert result.returncode == 0, f"{path}: {result.stdout}"


@pytest.mark.parametrize("page", ["access-logs.md", "tls.md"])
def test_operators_are_taken(tmp_path, page):
    operators = re.findall(r"`(%[A-Z][^`]*%)`", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert len(operators) > 10
    file = tmp_path / "bootstrap.yaml"
    logs = b.file_log(tmp_path / "log", "|".join(operators) + "\n")
    file.write_text(yaml.safe_dump(with_users(b.bootstrap([b.listener(b.http([b.route("users")], access_log=logs))]))), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(file)])
    assert result.returncode == 0, result.stdout


def sidecar(folder):
    """The README's, on free ports; and what else the page shows of it."""
    page = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Mutual TLS\n")[2].partition("\n## ")[0]
    text, rest = re.search(r"^```yaml\n(.*?)^```$(.*)", page, re.M | re.S).groups()
    text = re.sub(r"(?<=port_value: )\d+", lambda _: str(free_port()), text)
    return yaml.safe_load(text.replace(FOLDER, str(folder))), rest


def client(folder, name=None):
    made = ssl.create_default_context(cafile=folder / "ca.pem")
    made.check_hostname = False
    if name:
        made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


def test_certificates_to_try_it_with(tmp_path):
    script = re.search(r"^```sh\n(.*?)^```$", (ROOT / "docs/tls.md").read_text(encoding="utf-8"), re.M | re.S)[1]
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    file = tmp_path / "bootstrap.yaml"
    file.write_text(yaml.safe_dump(sidecar(tmp_path)[0]), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(file)])
    assert result.returncode == 0, result.stdout


def peer_chain(config, folder):
    """The filter chain of the sidecar of "users": as the inbound one, with an identity and an application of its own."""
    chain = json.loads(json.dumps(config["static_resources"]["listeners"][0]["filter_chains"][0]).replace("web.", "users."))
    common = chain["transport_socket"]["typed_config"]["common_tls_context"]
    own, trust = json.loads(json.dumps(config["static_resources"]["secrets"]).replace("/web.", "/users."))
    common.update(tls_certificates=[own["tls_certificate"]], validation_context=trust["validation_context"])
    del common["tls_certificate_sds_secret_configs"], common["validation_context_sds_secret_config"]
    chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"] = [b.direct(200, "users")]
    return chain


def refused(folder, tmp_path):
    """Clients as the page's log shows them, in its order."""
    Authority(tmp_path, "other", "other.org").issue("users")
    stranger = client(folder)
    stranger.load_cert_chain(tmp_path / "users.pem", tmp_path / "users.key")
    return client(folder), client(folder, "two"), stranger


def test_mutual_tls_of_the_readme(pillion, serve, folder, tmp_path):
    config, shown = sidecar(folder)
    refusals, figures, certificate = (block for _, block in re.findall(r"^```(\w*)\n(.*?)^```$", shown, re.M | re.S))
    application = serve.h1(lambda request: Response(200, [], b"the application"))
    app, users = config["static_resources"]["clusters"]
    app["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": b.address(application.address)}}]}]
    peer = pillion(b.bootstrap([b.listener(b.http([b.direct(200, "users")])) | {"filter_chains": [peer_chain(config, folder)]}]))
    users["type"] = "STATIC"
    users["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": b.address(peer.address)}}]}]
    proxy = pillion(config)
    inbound, port = proxy.listeners["inbound"], proxy.listeners["inbound"][1]

    def connect(context):
        return context.wrap_socket(socket.create_connection(inbound, 10))

    assert proxy.connect(listener="outbound").exchange(Request()).body == b"users"
    assert proxy.stat("cluster.users.upstream_cx_http2_total") == 1
    with connect(client(folder, "users")) as sock:
        assert http1.Connection(sock).exchange(Request()).body == b"the application"
    for stranger in refused(folder, tmp_path):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with connect(stranger) as sock:
                sock.sendall(b"x")
                assert sock.recv(1)
                raise AssertionError("an answer")
    with socket.create_connection(inbound) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.recv(100)
    for line in refusals.splitlines():
        until(lambda: line.partition(" ")[2] in proxy.log(), line)
    stats = proxy.admin("/stats?filter=listener.*ssl&usedonly&type=Counters")
    assert stats.splitlines() == figures.replace("15443", str(port)).splitlines()
    own = json.loads(proxy.admin("/certs"))["certificates"][0]["cert_chain"][0]
    assert own.keys() == json.loads(certificate).keys()
    assert own["subject_alt_names"] == json.loads(certificate)["subject_alt_names"]
