"""The command line: those by which launchers start an Envoy, and what single flags do."""

import json
import os
import re
import subprocess
import urllib.request

import pytest

from peers import bootstrap as b
from peers.message import Request
from peers.proxy import BINARY, run
from peers.wait import PATIENCE, until


class Launched:
    """pillion by a command line of its own; it says by --admin-address-path where it is."""

    def __init__(self, folder, arguments, **options):
        self.path = folder / "admin-address"
        self.log_path = folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([BINARY, *arguments, "--admin-address-path", str(self.path)], stdout=log,
                                            stderr=subprocess.STDOUT, **{"stdin": subprocess.DEVNULL, **options})

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def admin(self, path, method="GET"):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"http://{self.path.read_text(encoding='ascii')}{path}", method=method)
        with opener.open(request, timeout=PATIENCE) as response:
            return response.read().decode()

    def until_live(self):
        def live():
            assert self.process.poll() is None, f"exit status {self.process.returncode}; its log:\n{self.log()}"
            try:
                return self.admin("/ready") == "LIVE\n"
            except OSError:
                return False
        until(live, "pillion is live")
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def launch(tmp_path):
    started = []

    def start(*arguments, **options):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Launched(folder, [str(argument) for argument in arguments], **options))
        return started[-1]

    yield start
    for launched in started:
        assert launched.stop() == 0, launched.log()


def config(**more):
    return {**b.bootstrap([b.listener(b.http([b.direct(200, "here")]))]), "node": {"id": "of-the-file", "cluster": "of-the-file"},
            "admin": {"address": b.address(("127.0.0.1", 0))}, **more}


def written(tmp_path, content, name="bootstrap.json"):
    path = tmp_path / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_as_pilot_agent_starts_an_envoy(launch, tmp_path):
    path = written(tmp_path, config(not_in_any_envoy=1), "envoy-rev.json")
    proxy = launch("-c", path, "--drain-time-s", 45, "--drain-strategy", "immediate", "--local-address-ip-version", "v4",
                   "--file-flush-interval-msec", 1000, "--disable-hot-restart", "--allow-unknown-static-fields",
                   "--log-format", "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t", "-l", "warning",
                   "--component-log-level", "misc:error,config:info", "--concurrency", 2).until_live()
    assert "--disable-hot-restart has no effect here: there is no hot restart" in proxy.log()
    assert "--local-address-ip-version has no effect here" in proxy.log()
    assert 'warning\tenvoy config :\t' in proxy.log() and 'unknown field "not_in_any_envoy"' in proxy.log()
    assert "live, concurrency" not in proxy.log()
    assert "server.static_unknown_fields: 1\n" in proxy.admin("/stats?filter=unknown")
    options = json.loads(proxy.admin("/server_info"))["command_line_options"]
    assert options["drain_strategy"] == "Immediate" and options["drain_time"] == "45s" and options["disable_hot_restart"] is True


def test_each_line_of_the_log_has_the_format(launch, tmp_path):
    """From before the start to the end, whichever part says it."""
    path = written(tmp_path, config(layered_runtime={"layers": [{"name": "base", "static_layer": {"nobody.heeds": 1}}]}))
    proxy = launch("-c", path, "--base-id", 1, "--log-format", "<%l %n> %v").until_live()
    assert proxy.stop() == 0
    lines = proxy.log().splitlines()
    assert "<info runtime> nothing here heeds nobody.heeds" in lines
    assert lines[-2:] == ["<info main> signal 15: draining for at most 5 s", "<info main> drained: ending"]
    assert [line for line in lines if not re.match("<(info|warning) [a-z]+> ", line)] == []


def test_a_second_process_says_that_the_port_is_taken(pillion, tmp_path):
    """The kernel would share the port between them, and nobody hear of it; who wants that says so, as of an Envoy."""
    first = pillion(b.bootstrap([b.listener(b.http([b.direct(200, "first")]))]))
    second = config(static_resources={"listeners": [b.listener(b.http([b.direct(200, "second")]), first.address)], "clusters": []})
    path = written(tmp_path, second)
    ended = run(["-c", str(path), "--mode", "init_only"])
    assert ended.returncode == 1
    said = f"cannot listen on {first.address[0]}:{first.address[1]}: another process listens there: Address already in use"
    assert said in ended.stdout and "--base-id" in ended.stdout
    assert run(["-c", str(path), "--mode", "init_only", "--base-id", "1"]).returncode == 0
    assert first.exchange(Request("GET", "/", [("host", "a")])).body == b"first"


def test_a_second_process_leaves_the_socket_of_the_administration(launch, tmp_path):
    at = {"address": {"pipe": {"path": str(tmp_path / "admin.sock")}}}
    path = written(tmp_path, config(admin=at))
    first = launch("-c", path)
    until(lambda: (tmp_path / "admin.sock").exists(), "the first one listens")
    ended = run(["-c", str(path), "--mode", "init_only"])
    assert ended.returncode == 1
    assert f"admin: cannot listen on {tmp_path / 'admin.sock'}: Address already in use" in ended.stdout
    assert first.process.poll() is None and (tmp_path / "admin.sock").exists()


def test_as_consul_starts_an_envoy(launch, tmp_path):
    """`consul connect envoy` has a child of its own write the bootstrap into a named pipe."""
    pipe = tmp_path / "envoy-bootstrap.json"
    os.mkfifo(pipe)
    proxy = launch("--config-path", pipe, "--disable-hot-restart", "--log-level", "info")
    pipe.write_text(json.dumps(config()), encoding="utf-8")
    assert json.loads(proxy.until_live().admin("/server_info"))["node"]["id"] == "of-the-file"


def test_as_consul_dataplane_starts_an_envoy(launch):
    """The bootstrap comes by a descriptor that is left open."""
    read, write = os.pipe()
    proxy = launch("--config-path", f"/dev/fd/{read}", "--disable-hot-restart", "--base-id", 3, "--concurrency", 2,
                   "--drain-time-s", 60, "--drain-strategy", "immediate", "--parent-shutdown-time-s", 60, pass_fds=[read])
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as pipe:
        json.dump(config(), pipe)
    options = json.loads(proxy.until_live().admin("/server_info"))["command_line_options"]
    assert options["base_id"] == "3" and options["parent_shutdown_time"] == "60s"


def test_as_kuma_dp_starts_an_envoy(launch, tmp_path):
    proxy = launch("--config-path", written(tmp_path, config()), "--drain-time-s", 30, "--disable-hot-restart", "--log-level", "off",
                   "--concurrency", 1, "--service-node", "default.dp-1", "--service-cluster", "backend", "--service-zone", "z").until_live()
    info = json.loads(proxy.admin("/server_info"))
    assert (info["node"]["id"], info["node"]["cluster"], info["node"]["locality"]) == ("default.dp-1", "backend", {"zone": "z"})
    assert proxy.log() == ""
    node = json.loads(proxy.admin("/config_dump"))["configs"][0]["bootstrap"]["node"]
    assert node["id"] == "default.dp-1"


def test_from_standard_input(launch):
    proxy = launch("-c", "/dev/stdin", stdin=subprocess.PIPE)
    proxy.process.stdin.write(json.dumps(config()).encode())
    proxy.process.stdin.close()
    proxy.until_live()


def test_config_yaml_is_merged_over_the_file(launch, tmp_path):
    base = config()
    second = b.listener(b.http([b.direct(200, "second")]), name="second")
    proxy = launch("-c", written(tmp_path, base), "--config-yaml",
                   json.dumps({"node": {"cluster": "of-the-flag"}, "static_resources": {"listeners": [second]}})).until_live()
    names = [line.partition("::")[0] for line in proxy.admin("/listeners").splitlines()]
    assert names == ["ingress", "second"]
    node = json.loads(proxy.admin("/server_info"))["node"]
    assert (node["id"], node["cluster"]) == ("of-the-file", "of-the-flag")


def test_init_only_ends_when_all_is_ready(tmp_path):
    result = run(["--mode", "init_only", "-c", str(written(tmp_path, config()))])
    assert result.returncode == 0 and "live" in result.stdout, result.stdout


def test_levels_by_component(launch, tmp_path):
    proxy = launch("-c", written(tmp_path, config()), "-l", "error", "--component-log-level", "admin:info", "--log-format", "<%n|%v>").until_live()
    assert "<admin|admin on 127.0.0.1:" in proxy.log() and "<main|" not in proxy.log()
    assert "  admin: info\n" in proxy.admin("/logging", "POST") and "  main: error\n" in proxy.admin("/logging", "POST")
    assert "  upstream: debug\n" in proxy.admin("/logging?upstream=debug", "POST")


def test_log_path(launch, tmp_path):
    path = tmp_path / "own.log"
    proxy = launch("-c", written(tmp_path, config()), "--log-path", path).until_live()
    assert "live, concurrency" in path.read_text(encoding="utf-8") and proxy.log() == ""


def test_application_log_config(launch, tmp_path):
    log = {"log_format": {"json_format": {"level": "%l", "message": "%j"}}}
    path = written(tmp_path, config(application_log_config=log))
    proxy = launch("-c", path).until_live()
    line = next(line for line in proxy.log().splitlines() if "live, concurrency" in line)
    assert json.loads(line)["level"] == "info"
    result = run(["--mode", "validate", "-c", str(path), "--log-format", "%v"])
    assert result.returncode == 1 and "application_log_config.log_format: --log-format says it too" in result.stdout


def test_flags_path(launch, tmp_path):
    (tmp_path / "drain").touch()
    proxy = launch("-c", written(tmp_path, config(flags_path=str(tmp_path))))
    until(lambda: proxy.path.exists() and "live, concurrency" in proxy.log(), "it runs")
    with pytest.raises(urllib.error.HTTPError) as error:
        proxy.admin("/ready")
    assert error.value.code == 503
    proxy.admin("/healthcheck/ok", "POST")
    proxy.until_live()


def test_disabled_extensions(tmp_path):
    log = b.any_of("extensions.access_loggers.file.v3.FileAccessLog", path="/dev/null")
    content = config()
    content["admin"]["access_log"] = [{"name": "envoy.access_loggers.file", "typed_config": log}]
    path = written(tmp_path, content)
    assert run(["--mode", "validate", "-c", str(path)]).returncode == 0
    result = run(["--mode", "validate", "-c", str(path), "--disable-extensions", "envoy.access_loggers.file,nothing"])
    assert result.returncode == 1
    assert "envoy.access_loggers.file is disabled by --disable-extensions" in result.stdout
    assert "there is no extension 'nothing'" in result.stdout


def test_unknown_flags_are_refused_with_the_nearest(tmp_path):
    result = run(["-c", str(tmp_path), "--concurency", "2"])
    assert result.returncode == 1 and result.stdout == 'pillion: unknown flag --concurency, did you mean "--concurrency"?\n'


def test_a_request_passes(pillion):
    """The launchers' flags leave the traffic alone."""
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200, "here")]))]),
                    arguments=["--drain-strategy", "immediate", "--skip-deprecated-logs", "--enable-core-dump"])
    assert proxy.exchange(Request()).body == b"here"
