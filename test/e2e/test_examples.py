"""Each example is a good configuration, and does what it says. Its ports are replaced by free ones."""

import re
import signal
import subprocess
import sys

import grpc
import pytest
import yaml

from peers.ca import PILLIONCTL, ctl
from peers.ports import accepts, free_port
from peers.programs import curl, url
from peers.proxy import BINARY, ROOT, run
from peers.wait import until

FOLDERS = sorted(path.name for path in ROOT.glob("examples/*") if path.is_dir())
BOOTSTRAPS = sorted(path for path in ROOT.glob("examples/*/*.yaml") if path.name != "resources.yaml")  # which a control plane sends
CA = "out/mutual-tls"  # the folder of a CA, where an example has one


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ca") / "ca"
    for workload in "web", "pay":
        result = ctl("ca", "issue", "--dir", folder, "--trust-domain", "demo.test", workload)
        assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("path", BOOTSTRAPS, ids=[str(path.relative_to(ROOT / "examples")) for path in BOOTSTRAPS])
def test_is_valid_as_it_stands(path, ca, tmp_path):
    text = path.read_text(encoding="utf-8")
    if CA in text:
        path = tmp_path / path.name
        path.write_text(text.replace(CA, str(ca)), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(path)])
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("example", FOLDERS)
def test_has_a_command_and_a_page(example):
    assert (ROOT / "examples" / example / "run").stat().st_mode & 0o111
    assert (ROOT / "examples" / example / "README.md").exists()


def on_free_ports(example, folder, ca):
    """Its configurations, in `folder`: {port in the example: port of this run}."""
    ports = {}
    for path in (ROOT / "examples" / example).glob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace(CA, str(ca))
        ports.update({int(port): free_port() for port in re.findall(r"port_value: (\d+)", text) if int(port) not in ports})
        (folder / path.name).write_text(re.sub(r"(?<=port_value: )\d+", lambda match: str(ports[int(match[0])]), text), encoding="utf-8")
    return ports


@pytest.fixture
def started(tmp_path):
    """started(example): runs its command; gives {port in the example: port of this run} and the file of its output."""
    processes = []

    def start(example, *arguments):
        made = tmp_path / "example"
        made.mkdir()
        ports = on_free_ports(example, made, tmp_path / "ca")
        output = tmp_path / "output"
        with open(output, "wb") as file:
            processes.append(subprocess.Popen([ROOT / "examples" / example / "run", *(made / word for word in arguments)], stdout=file,
                                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))
        for port in ports.values():
            until(lambda: accepts(("127.0.0.1", port)), f"{example} listens on {port}; {output.read_text()}")
        return ports, output

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_quickstart(started):
    ports, output = started("quickstart", "bootstrap.yaml")
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


def test_guard(started):
    """What is bad was acknowledged, is gone back from, and all is good again."""
    _, output = started("guard", "bootstrap.yaml")
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    until(lambda: "pushed the route to `broken`; it was acknowledged" in logged(), "the bad route is pushed", 40)
    until(lambda: 'after route table "shop" changed: returned to the content of' in logged(), f"it is gone back from; {logged()}", 20)
    after = len(logged())
    until(lambda: re.search(r"^answers: \d+ x 200$", logged()[after:], re.M), f"requests are good again; {logged()}", 20)


def test_limits(started):
    """As the page shows: a refusal that says why, a search that is answered more cheaply, reports that wait; and the lines of the log."""
    ports, output = started("limits", "bootstrap.yaml")
    shop = ("127.0.0.1", ports[10010])
    answers = [curl("-i", "-H", "x-tenant-id: acme", url(shop, "/")) for _ in range(6)]
    assert [answer[1].split()[1] for answer in answers] == [b"200"] * 5 + [b"429"]
    assert re.search(rb"rate limit tenants: bucket of 5, 1 per 5s, 0 left, cost 1; key: tenant; retry after [1-5]s$", answers[5][1])
    assert [curl(url(shop, "/search"))[1] for _ in range(2)] == [b"shop: /search\n", b"cheap: /search\n"]
    assert [curl(url(shop, "/report"))[1] for _ in range(3)] == [b"shop: /report\n"] * 3
    assert b"http.shop.limit.reports.queue_granted: 1\n" in curl(url(("127.0.0.1", ports[9910]), "/stats"))[1]
    page = (ROOT / "examples/limits/README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:429|200) .* by .*$", page, re.M)
    until(lambda: all(line in output.read_text(encoding="utf-8") for line in lines) and len(lines) == 2, "the lines of the log", 20)


def test_lanes(started):
    """As the page shows: who meets the new version, of which services, and what becomes of it when it fails."""
    ports, output = started("lanes", "bootstrap.yaml")
    edge, admin = ("127.0.0.1", ports[10020]), ("127.0.0.1", ports[9912])
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    page = (ROOT / "examples/lanes/README.md").read_text(encoding="utf-8")

    def ask(path, *fields):
        return curl(*(word for field in fields for word in ("-H", field)), url(edge, path))[1].decode()

    plain, chosen = "shop v1\nstock v1\npay v1\n", "shop v2\nstock v1\npay v2\n"
    assert plain in page and chosen in page
    for _ in range(3):
        assert ask("/stock/pay") == plain
        assert ask("/stock/pay", "x-env: v2") == chosen
        assert ask("/stock/pay", "x-pillion-lane: version=v2") == chosen
        assert ask("/stock/pay", "baggage: version=v2") == plain  # a stranger's
    users = "".join(ask("/", f"x-user-id: {user}") for user in range(1, 4))
    assert f"localhost:10020/; done\n{users}```" in page
    for _ in range(3):
        assert ask("/pay/broken", "x-env: v2") == "shop v2\npay v2\n"
    refused = ask("/pay/broken", "x-env: v2")
    assert refused.startswith("shop v2\ndegradation versions (cluster=pay, lane=version=v2): open, 3 of "), refused
    assert ask("/pay/broken") == "shop v1\npay v1\n"
    assert f"pay::127.0.0.1:{ports[8105]}::lane::version=v2\n" in curl(url(admin, "/clusters"))[1].decode()
    lines = re.findall(r"^200 /.* colour=.*$", page, re.M)
    until(lambda: all(line in logged() for line in lines) and len(lines) == 3, f"the lines of the log; {logged()}", 20)


def test_control_plane(started, tmp_path):
    """All comes from it; what is saved is sent, and what is broken refused, as the page shows."""
    ports, output = started("control-plane", "bootstrap.yaml", "resources.yaml")
    web, resources = ("127.0.0.1", ports[10003]), tmp_path / "example/resources.yaml"
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    assert curl(url(web, "/hello"))[1] == b"hello from the control plane\n"
    assert curl(url(web, "/a"))[1] == b"the web server was asked for /a\n"
    text = resources.read_text(encoding="utf-8")

    def save(content):
        resources.with_suffix(".new").write_text(content, encoding="utf-8")
        resources.with_suffix(".new").rename(resources)  # in one step, as editors do

    save(text.replace("timeout: 5s", "timeout: -5s"))
    page = (ROOT / "examples/control-plane/README.md").read_text(encoding="utf-8")
    line = re.search(r"^    (control plane: RouteConfiguration: refused: .*)$", page, re.M)[1]
    until(lambda: line in logged(), f"it is refused; {logged()}", 20)
    assert curl(url(web, "/a"))[1] == b"the web server was asked for /a\n"
    save(text.replace("hello from", "hello again from"))
    until(lambda: curl(url(web, "/hello"))[1] == b"hello again from the control plane\n", f"it is taken; {logged()}", 20)


def test_last_good(started, tmp_path):
    """The commands that it prints, one after the other."""
    ports, output = started("last-good", "bootstrap.yaml", "resources.yaml")
    web = "127.0.0.1", ports[10004]
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    printed = [re.split(r" {4,}", line.strip())[0] for line in logged().splitlines() if line.startswith("  ")]

    def do(command):
        return subprocess.run(command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout

    assert curl(url(web, "/"))[1] == b"hello from the control plane\n"
    until((ROOT / "out/last-good.state").exists, "it is kept")
    do(printed[1])
    until(lambda: not accepts(("127.0.0.1", ports[18004])), "the control plane is gone")
    do(printed[2])
    page = (ROOT / "examples/last-good/README.md").read_text(encoding="utf-8")
    pattern = re.escape(re.search(r"^    \.\.\. (last good: .*)$", page, re.M)[1]).replace(r"12\ s\ ago", r"\d+ \w+ ago")
    until(lambda: re.search(pattern, logged()), f"it says so; {logged()}", 20)
    until(lambda: accepts(web), "it listens again")
    assert curl(url(web, "/"))[1] == b"hello from the control plane\n"
    assert "ingress" in do(printed[3])


def test_mutual_tls(started, tmp_path):
    """What its command prints to be tried, and the line that its page shows."""
    ports, output = started("mutual-tls", "", "../ca")
    batch = tmp_path / "ca/svids/batch"
    pair = ["--insecure", "--cert", str(batch / "svid.pem"), "--key", str(batch / "key.pem")]
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    assert curl(url(("127.0.0.1", ports[15001]), "/charge"))[1] == b"pay: /charge for spiffe://demo.test/web\n"
    assert curl(url(("127.0.0.1", ports[16001]), "/receipt"))[1] == b"web: /receipt for spiffe://demo.test/pay\n"
    for port in ports[16443], ports[15443]:
        assert curl(*pair, f"https://127.0.0.1:{port}/charge")[0]["http_code"] == 403
        assert curl("--insecure", f"https://127.0.0.1:{port}/charge")[0]["exitcode"] != 0, "no certificate"
        assert curl(url(("127.0.0.1", port), "/charge"))[0]["exitcode"] != 0, "plain"
    page = (ROOT / "examples/mutual-tls/README.md").read_text(encoding="utf-8")
    for line in re.search(r"^    pay: .*$", page, re.M)[0].strip(), "web: spiffe://demo.test/pay GET /receipt 200 via_upstream", \
            "web: outbound GET /charge to spiffe://demo.test/pay 200 - via_upstream", ":HTTP_REQUEST:":
        until(lambda: line in logged(), f"{line}; {logged()}", 20)


SERVICES = {"go": 10001, "node": 10002, "python": 10003}
SAID = r"(\w+): trace ([0-9a-f]{32}), (\d+) ms left, baggage (\S+)"


@pytest.fixture
def context(started):
    """The services in three languages: `tools/fetch` has built the one in Go, if there is no Go here. (url(name, path), output, what is to be tried)"""
    ports, output = started("context", "bootstrap.yaml")
    logged = lambda: output.read_text(encoding="utf-8")  # noqa: E731
    until(lambda: "what was counted" in logged(), f"it says what to try; {logged()}")
    printed = [re.split(r" {4,}", line.strip())[0] for line in logged().splitlines() if line.startswith("  curl")]
    return lambda name, path: url(("127.0.0.1", ports[SERVICES[name]]), path), logged, printed


def test_context(context):
    """The commands that it prints, one after the other, with the answers that its page shows."""
    _, logged, printed = context
    page = (ROOT / "examples/context/README.md").read_text(encoding="utf-8")

    def do(command):
        return subprocess.run(command.replace("curl", "curl --silent --noproxy '*' --max-time 10", 1), shell=True, stdout=subprocess.PIPE,
                              text=True, check=True).stdout

    for command in printed:
        assert re.sub(r"(?<=localhost:)\d+", "PORT", command) in re.sub(r"(?<=localhost:)\d+", "PORT", page)
    lines, shown = do(printed[0]).splitlines(), re.findall(f"^{SAID}$", page, re.M)
    found = [re.fullmatch(SAID, line).groups() for line in lines]
    assert [(name, baggage) for name, _, _, baggage in found] == [(name, baggage) for name, _, _, baggage in shown]
    assert len({trace for _, trace, _, _ in found}) == 1
    assert do(printed[1]).startswith("HTTP/1.1 504 ")
    counted = re.findall(r"^http\.\w+\.context\.deadline_exceeded: (\d+)$", do(printed[2]), re.M)
    assert sum(map(int, counted)) > 0  # where the timers of all hops end, some hear of it from the one before them
    until(lambda: re.search(r"^[0-9a-f]{32} python /slow (504 timeout|0 cancel)$", logged(), re.M), f"the last hop's line; {logged()}", 20)


def test_context_in_each_language(context):
    """Each language's service calls each other's: one trace, the caller's; less and less time; the baggage. Each is the slow one once."""
    at, logged, _ = context
    way = ["go", "node", "python", "go", "python", "node", "go"]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    told = ["-H", "x-timeout-ms: 9000", "-H", "baggage: env=grey,user=a%20b", "-H", f"traceparent: 00-{trace}-00f067aa0ba902b7-01"]
    for start in range(3):
        names = way[start:start + 4]
        found = [re.fullmatch(SAID, line).groups() for line in curl(*told, at(names[0], "/" + "/".join(names[1:])))[1].decode().splitlines()]
        assert [(name, same, baggage) for name, same, _, baggage in found] == [(name, trace, "env=grey,user=a%20b") for name in names]
        left = [int(time) for _, _, time, _ in found]
        assert left == sorted(left, reverse=True) and 0 < left[-1] <= left[0] <= 9000
        slow = names[-2]
        facts, _ = curl("-H", "x-timeout-ms: 300", at(names[0], "/" + "/".join(names[1:-1]) + "/slow"))
        assert facts["http_code"] == 504 and 0.3 <= facts["time_total"] < 1.5
        until(lambda: re.search(f"^[0-9a-f]{{32}} {slow} /slow (504 timeout|0 cancel)$", logged(), re.M), f"{slow} is not waited for", 20)  # pylint: disable=cell-var-from-loop


def test_reload(started, tmp_path):
    """The commands that it prints, one after the other; and what its page shows."""
    ports, output = started("reload", "before.yaml", "after.yaml")
    web = "127.0.0.1", ports[10000]
    until(lambda: "the file once more" in output.read_text(encoding="utf-8"), "it says what to do")
    printed = [re.split(r" {4,}", line.strip())[0] for line in output.read_text(encoding="utf-8").splitlines() if line.startswith("  ")]

    def do(command):
        result = subprocess.run(command.replace("out/pillionctl", PILLIONCTL), shell=True, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        return result.stdout

    assert curl(url(web, "/"))[1] == b"before\n"
    assert do(printed[1]) == do(printed[2]) == ""
    until(lambda: curl(url(web, "/"))[1] == b"after\n", "the file was read again")
    assert curl(url(web, "/ready"))[1] == b"LIVE\n"
    assert do(printed[3]) == "listener web: changed\ncluster admin: removed\nunchanged: 0\n"
    until(lambda: curl(url(web, "/"))[1] == b"before\n", "what it was sent")
    page = (ROOT / "examples/reload/README.md").read_text(encoding="utf-8")
    assert do(printed[4]) == re.search(r"^\$ out/pillionctl reload .*\n((?:.+\n)*?)```$", page, re.M)[1]
    until(lambda: curl(url(web, "/"))[1] == b"after\n", "the file once more")


def test_three_commands_of_the_readme(tmp_path):
    """The README's own: a CA, and the two sidecars, each in a terminal of its own; then a call."""
    block = re.search(r"^```sh\n(out/pillionctl ca run .*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)[1]
    commands = [line.partition("  #")[0].split() for line in block.splitlines()]
    assert [command[0] for command in commands] == ["out/pillionctl", "out/pillion", "out/pillion"]
    ports, started = on_free_ports("mutual-tls", tmp_path, tmp_path / "ca"), []

    def start(words, log):
        with open(log, "wb") as output:
            started.append(subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))

    def placed(word):
        programs = {"out/pillionctl": PILLIONCTL, "out/pillion": BINARY}
        return programs.get(word) or word.replace(CA, str(tmp_path / "ca")).replace("examples/mutual-tls", str(tmp_path))

    try:
        log = tmp_path / "log"
        start([placed(word) for word in commands[0]], log)
        until(lambda: " ready\n" in log.read_text(), "the CA is ready")
        for command in commands[1:]:
            start([placed(word) for word in command], tmp_path / f"log{len(started)}")
        start([sys.executable, str(ROOT / "examples/mutual-tls/servers.py"), str(tmp_path / "web.yaml"), str(tmp_path / "pay.yaml")],
              tmp_path / "services")
        for port in ports.values():
            until(lambda: accepts(("127.0.0.1", port)), f"{port} is listened on")
        assert curl(url(("127.0.0.1", ports[15001]), "/charge"))[1] == b"pay: /charge for spiffe://demo.test/web\n"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)


def test_bootstraps_name_what_they_define():
    for path in BOOTSTRAPS:
        for cluster in yaml.safe_load(path.read_text(encoding="utf-8"))["static_resources"]["clusters"]:
            assert cluster["name"] == cluster["load_assignment"]["cluster_name"]
