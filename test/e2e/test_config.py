"""Configurations that are checked, and those that are refused: with the place, the value and what was expected."""

import json
import re
import signal
import subprocess

import pytest

from peers import bootstrap as b
from peers.message import Request
from peers.proxy import BINARY, run
from peers.wait import until

GOOD = """
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: ingress
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route: {cluster: upstream}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: upstream
    load_assignment:
      cluster_name: upstream
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8080}}}}]}]
"""


def validate(tmp_path, text, name="bootstrap.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return run(["--mode", "validate", "-c", str(path)])


def test_validate_says_ok(tmp_path):
    result = validate(tmp_path, GOOD)
    assert result.returncode == 0, result.stdout
    assert "OK" in result.stdout


def test_json_is_the_same(tmp_path):
    import yaml
    result = validate(tmp_path, json.dumps(yaml.safe_load(GOOD)), "bootstrap.json")
    assert result.returncode == 0, result.stdout


def test_config_on_the_command_line():
    result = run(["--mode", "validate", "--config-yaml", GOOD])
    assert result.returncode == 0 and "configuration '--config-yaml' OK" in result.stdout, result.stdout


# What is changed in GOOD, and what the message has to name.
REFUSED = {
    "unknown field": ("    filter_chains:", "    filter_chain:", [r"listeners\[0\]", "filter_chain", "filter_chains"]),
    "unknown field deep inside": ("- filters:\n", "- filtres:\n", [r"static_resources\.listeners\[0\]\.filter_chains\[0\]", "filtres", "did you mean \"filters\""]),
    "unknown field in typed_config": ("stat_prefix: ingress", "stat_prefix: ingress\n          stat_prefiks: a", [r"typed_config", "stat_prefiks", "stat_prefix"]),
    "wrong type": ("port_value: 8080", "port_value: eighty", [r"clusters\[0\]", "port_value", "eighty"]),
    "out of range": ("port_value: 8080", "port_value: 80800", [r"clusters\[0\].*port_value", "80800", "65535"]),
    "missing": ("          stat_prefix: ingress\n", "", [r"typed_config.*stat_prefix"]),
    "unknown cluster": ("route: {cluster: upstream}", "route: {cluster: upsteram}", ["upsteram", r"routes\[0\]"]),
    "unknown enum value": ("- name: upstream\n", "- name: upstream\n    lb_policy: ROUND_ROBBIN\n", [r"lb_policy", "ROUND_ROBBIN", "ROUND_ROBIN"]),
    "unknown filter": ("http_connection_manager.v3.HttpConnectionManager", "nothing.v3.Nothing", [r"filters\[0\]", r"nothing\.v3\.Nothing"]),
    "bad duration": ("- name: upstream\n", "- name: upstream\n    connect_timeout: 5 seconds\n", ["connect_timeout", "5 seconds"]),
    "bad address": ("address: 127.0.0.1, port_value: 8080", "address: 127.0.0.256, port_value: 8080", ["127.0.0.256"]),
    "no router": (GOOD[GOOD.index("          http_filters:"):GOOD.index("  clusters:")], "", [r"typed_config.*http_filters"]),
    "unknown domain twice": ('domains: ["*"]', 'domains: ["*", "*"]', [r"virtual_hosts\[0\]\.domains", r"\*"]),
}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.replace(" ", "-"))
def test_refused(tmp_path, case):
    old, new, patterns = REFUSED[case]
    assert GOOD.count(old) == 1
    for mode in (["--mode", "validate"], []):
        path = tmp_path / "bootstrap.yaml"
        path.write_text(GOOD.replace(old, new), encoding="utf-8")
        result = run([*mode, "-c", str(path)])
        assert result.returncode == 1, result.stdout
        for pattern in patterns:
            assert re.search(pattern, result.stdout), f"{pattern} is not in: {result.stdout}"


@pytest.mark.parametrize("arguments", [["--mode", "validate"], []], ids=["validated", "started"])
def test_bad_access_log_format(tmp_path, arguments):
    log = ('          access_log: [{name: out, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.'
           'StdoutAccessLog, log_format: {text_format_source: {inline_string: "%DURATIN%"}}}}]\n')
    path = tmp_path / "bootstrap.yaml"
    path.write_text(GOOD.replace("          http_filters:\n", log + "          http_filters:\n"), encoding="utf-8")
    result = run([*arguments, "-c", str(path)])
    assert result.returncode == 1
    assert re.search(r"bootstrap.yaml:\d+: .*access_log\[0\].typed_config.log_format.text_format_source: .*DURATIN", result.stdout), result.stdout


def test_from_a_pipe():
    command = ["bash", "-c", 'exec "$0" --mode validate -c <(printf %s "$1")', BINARY, GOOD]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
    assert result.returncode == 0 and "OK" in result.stdout, result.stdout


def test_all_errors_at_once(tmp_path):
    text = GOOD.replace("- filters:\n", "- filtres:\n").replace("port_value: 8080", "port_value: 80800").replace("admin:", "admni:")
    result = validate(tmp_path, text)
    assert result.returncode == 1
    for word in ("filtres", "80800", "admni"):
        assert word in result.stdout, result.stdout


def test_file_that_is_not_there(tmp_path):
    result = run(["-c", str(tmp_path / "nothing.yaml")])
    assert result.returncode == 1 and "nothing.yaml" in result.stdout and "No such file" in result.stdout


@pytest.mark.parametrize("text", ["", "a: [", "\t", "- 1\n- 2", "\x00\xff", "&a [*a]", "{" * 20000],
                         ids=["empty", "open", "tab", "list", "binary", "cycle", "deep"])
def test_file_that_is_no_bootstrap(tmp_path, text):
    path = tmp_path / "bootstrap.yaml"
    path.write_bytes(text.encode("latin-1"))
    result = run(["--mode", "validate", "-c", str(path)])
    assert result.returncode in ((0, 1) if not text else (1,)), result.stdout
    assert text == "" or "bootstrap.yaml" in result.stdout or re.search(r"line \d+", result.stdout), result.stdout


def test_no_config_at_all():
    result = run([])
    assert result.returncode == 1 and "-c" in result.stdout


def test_unknown_argument():
    result = run(["--no-such-argument"])
    assert result.returncode != 0 and "no-such-argument" in result.stdout


def test_version():
    result = run(["--version"])
    assert result.returncode == 0 and re.search(r"\d+\.\d+\.\d+", result.stdout)


def test_address_that_is_taken(pillion, tmp_path):
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)]))]))
    port = proxy.admin_address[1]
    config = b.bootstrap([b.listener(b.http([b.direct(200)]), where=("127.0.0.1", port))])
    path = tmp_path / "second.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    result = run(["-c", str(path), "--concurrency", "1", "--disable-hot-restart"])
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stdout and "in use" in result.stdout, result.stdout


@pytest.mark.parametrize("text,expected", [
    ("node: {id: a, id: b}", 'node: duplicate key "id", first in line 1'),
    ("node: {user_agent: a}\nnode: {id: b}", 'duplicate key "node", first in line 1'),
    ("staticResources: {}\nstatic_resources: {}", 'duplicate key "static_resources", another spelling of static_resources'),
    ('{"node": {"metadata": {"k": 1, "k": 2}}}', 'node.metadata: duplicate key "k"'),
])
def test_keys_that_come_twice(tmp_path, text, expected):
    """N2."""
    result = validate(tmp_path, text)
    assert result.returncode == 1 and expected in result.stdout, result.stdout


def test_a_billion_laughs(tmp_path):
    """N3: nine aliases in each of nine lists; it takes neither long nor much."""
    lists = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lists += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    result = validate(tmp_path, "node:\n  metadata:\n" + "".join(f"    {line}\n" for line in lists))
    assert result.returncode == 1 and "more than 500000 values with aliases expanded" in result.stdout, result.stdout


@pytest.mark.parametrize("text,expected", [
    ("node: {id: no, cluster: yes}", None),
    ("node: {id: 010, cluster: 1:30}", None),
    ("node: {id: ~}", None),
    ("node: {id: 1e3}", None),
    ("admin: {address: {socket_address: {address: 127.0.0.1, port_value: 010}}}", '"010", expected a whole number'),
    ("admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0x10}}}", '"0x10", expected a whole number'),
    ("admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1:30}}}", '"1:30", expected a whole number'),
    ("admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1, ipv4_compat: yes}}}", '"yes", expected true or false'),
])
def test_what_yaml_guesses(tmp_path, text, expected):
    """N4."""
    result = validate(tmp_path, text)
    assert (result.returncode == 0) == (expected is None), result.stdout
    assert expected is None or expected in result.stdout, result.stdout


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/", "/proc/self/mem"])
def test_files_that_are_none(tmp_path, path):
    """N6: the configuration, and a file that it names; a link changes nothing."""
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    for arguments in (["-c", path], ["-c", str(link)]):
        result = run(["--mode", "validate", *arguments], timeout=10)
        assert result.returncode == 1 and arguments[1] in result.stdout, result.stdout
    body = GOOD.replace("route: {cluster: upstream}", f"direct_response: {{status: 200, body: {{filename: {link}}}}}")
    result = run(["--mode", "validate", "--config-yaml", body], timeout=10)
    assert result.returncode == 1 and str(link) in result.stdout, result.stdout


def test_a_storm_of_reloads(pillion):
    """N9: those that come together are one."""
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200, "x")]))]))
    connection = proxy.connect()
    for _ in range(100):
        proxy.process.send_signal(signal.SIGHUP)
        assert connection.exchange(Request()).status == 200
    connection.close()
    until(lambda: proxy.stat("server.reloads"), "it was read again")
    assert proxy.stat("server.reloads") < 100
    assert proxy.stat("server.reload_failures") == proxy.stat("listener_manager.listener_modified") == 0
