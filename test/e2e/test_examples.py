"""Each example is a good configuration, and does what it says. Its ports are replaced by free ones."""

import re
import signal
import subprocess

import grpc
import pytest
import yaml

from peers.ports import accepts, free_port
from peers.programs import curl, url
from peers.proxy import ROOT, run
from peers.wait import until

EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/bootstrap.yaml"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_is_valid_as_it_stands(example):
    result = run(["--mode", "validate", "-c", str(ROOT / "examples" / example / "bootstrap.yaml")])
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("example", EXAMPLES)
def test_has_a_command_and_a_page(example):
    assert (ROOT / "examples" / example / "run").stat().st_mode & 0o111
    assert (ROOT / "examples" / example / "README.md").exists()


@pytest.fixture
def started(tmp_path):
    """started(example): runs its command; gives {port in the example: port of this run} and the file of its output."""
    processes = []

    def start(example):
        text = (ROOT / "examples" / example / "bootstrap.yaml").read_text(encoding="utf-8")
        ports = {int(port): free_port() for port in re.findall(r"port_value: (\d+)", text)}
        bootstrap = tmp_path / "bootstrap.yaml"
        bootstrap.write_text(re.sub(r"(?<=port_value: )\d+", lambda match: str(ports[int(match[0])]), text), encoding="utf-8")
        output = tmp_path / "output"
        with open(output, "wb") as file:
            processes.append(subprocess.Popen([ROOT / "examples" / example / "run", bootstrap], stdout=file, stderr=subprocess.STDOUT,
                                              stdin=subprocess.DEVNULL))
        for port in ports.values():
            until(lambda: accepts(("127.0.0.1", port)), f"{example} listens on {port}; {output.read_text()}")
        return ports, output

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_quickstart(started):
    ports, output = started("quickstart")
    web, admin = ("127.0.0.1", ports[10000]), ("127.0.0.1", ports[9901])
    assert curl(url(web, "/hello"))[1] == b"hello from pillion\n"
    assert curl(url(web, "/a"))[1] == b"the web server was asked for /a\n"
    assert curl("--http2-prior-knowledge", url(web, "/b"))[1] == b"the web server was asked for /b\n"
    with grpc.insecure_channel(f"127.0.0.1:{ports[10001]}", [("grpc.enable_http_proxy", 0)]) as channel:
        assert channel.unary_unary("/quickstart.Greeter/Greet")(b"you", timeout=10) == b"hello, you"
        answers = channel.stream_stream("/quickstart.Greeter/Chat")(iter([b"a", b"b"]), timeout=10)
        assert list(answers) == [b"hello, a", b"hello, b"]
    assert b"http.web.downstream_rq_2xx: 3\n" in curl(url(admin, "/stats"))[1]
    assert b"cluster.grpc.upstream_rq_total: 2\n" in curl(url(admin, "/stats"))[1]
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    until(lambda: '"GET /a HTTP/1.1" 200' in logged() and '"GET /b HTTP/2" 200' in logged(), "the lines of the web listener", 20)
    until(lambda: '"method":"/quickstart.Greeter/Greet"' in logged().replace(": ", ":"), "the line of the gRPC listener", 20)


def test_bootstraps_name_what_they_define():
    for example in EXAMPLES:
        resources = yaml.safe_load((ROOT / "examples" / example / "bootstrap.yaml").read_text(encoding="utf-8"))["static_resources"]
        for cluster in resources["clusters"]:
            assert cluster["name"] == cluster["load_assignment"]["cluster_name"]
