"""The rules of CONTRIBUTING.md and ARCHITECTURE.md that a program can check."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRACKED = [ROOT / name for name in subprocess.run(
    ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()]
TRACKED = [path for path in TRACKED if path.is_file()]
CODE = [path for path in TRACKED if path.suffix in (".h", ".cc")]
SOURCE = [path for path in CODE if path.is_relative_to(ROOT / "source")]


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    return path.read_text(encoding="utf-8")


def includes(path):
    return re.findall(r'^#include ["<]([^">]+)[">]', text(path), re.M)


def levels():
    """{folder: level} of the table in ARCHITECTURE.md."""
    return {folder: int(level) for level, folder in re.findall(r"^\| (\d+) \| `(\w+)/` \|", text(ROOT / "ARCHITECTURE.md"), re.M)}


def folder_of(include):
    return include.split("/")[1] if include.startswith("source/") else None


def test_each_folder_has_a_level():
    folders = {path.name for path in (ROOT / "source").iterdir() if path.is_dir()}
    assert folders == set(levels())


def test_dependencies_point_downwards():
    level, wrong = levels(), []
    for path in SOURCE:
        own = path.relative_to(ROOT).parts[1]
        for include in includes(path):
            other = folder_of(include)
            if other and other != own and level[other] >= level[own]:
                wrong.append(f"{name(path)} includes {include}")
    assert not wrong


# Who may include what.
RESERVED = {
    "Asio": (r"^boost/asio", {"event", "net", "admin", "server", "upstream"}),
    "llhttp": (r"^llhttp", {"codec"}),
    "nghttp2": (r"^nghttp2/", {"codec"}),
    "OpenSSL": (r"^openssl/", {"identity", "tls", "ca"}),
    "grpc++": (r"^grpc|\.grpc\.pb\.h$", {"ctl"}),
    "protobuf": (r"^google/|^api/.*\.pb\.h$|^cel/|^envoy/|^spiffe/|^xds/",
                 {"config", "admin", "secrets", "syntax_tree", "telemetry", "xds", "ctl", "push", "last_good", "load_report"}),
    "std::regex": (r"^regex$", set()),
    "iostream": (r"^iostream$", {"main"}),
}


@pytest.mark.parametrize("what", RESERVED)
def test_only_some_folders_include(what):
    pattern, allowed = RESERVED[what]
    wrong = [f"{name(path)}: {include}" for path in SOURCE for include in includes(path)
             if re.search(pattern, include) and path.relative_to(ROOT).parts[1] not in allowed
             and not (what == "protobuf" and path.name in ("config.cc", "service.cc") and path.relative_to(ROOT).parts[1] == "filters")]
    assert not wrong


def test_headers_are_included_once():
    assert not [name(path) for path in CODE if path.suffix == ".h" and not re.search(r"^#pragma once$", text(path), re.M)]


def test_files_are_short():
    """At 400 lines there is a noun that wants a file of its own; nobody goes far beyond."""
    assert not [f"{name(path)}: {count}" for path in SOURCE if (count := len(text(path).splitlines())) > 500]


def test_lines_are_short():
    wrong = [f"{name(path)}:{number}" for path in SOURCE for number, line in enumerate(text(path).splitlines(), 1)
             if len(line) > 125 and not line.lstrip().startswith("// |")]  # the row of a table
    assert not wrong


def test_text_is_clean():
    """No tabs where they do not belong, no blanks at the end of a line, one newline at the end of a file."""
    wrong = []
    for path in TRACKED:
        if path.suffix not in (".h", ".cc", ".py", ".md", ".bazel", ".bzl", ".proto", ".yaml", ".sh") or "corpus" in path.parts:
            continue
        content = text(path)
        if content and (not content.endswith("\n") or content.endswith("\n\n")):
            wrong.append(f"{name(path)}: its end")
        wrong += [f"{name(path)}:{number}" for number, line in enumerate(content.splitlines(), 1) if line != line.rstrip() or "\t" in line]
    assert not wrong


def test_names_say_something():
    """A name that fits everything says nothing."""
    wrong = [name(path) for path in SOURCE if re.search(r"(^|_)(util|utils|helper|helpers|impl|common|misc)(_|$)", path.stem)]
    wrong += [f"{name(path)}: {found}" for path in SOURCE
              for found in re.findall(r"^(?:class|struct) (\w*(?:Util|Helper|Impl|Utils)\b)", text(path), re.M)]
    assert not wrong


def test_each_folder_has_a_page():
    folders = [path for path in (ROOT / "source").iterdir() if path.is_dir() and path.name != "main"]
    folders += [path for path in (ROOT / "test").iterdir() if path.is_dir() and path.name in ("cases", "support", "e2e", "fuzz")]
    assert not [name(path) for path in folders if not (path / "README.md").exists()]


def test_pages_are_short():
    """A folder's page is one screen."""
    assert not [name(path) for path in TRACKED if path.name == "README.md" and path.parent.parent == ROOT / "source" and len(text(path).splitlines()) > 60]


def test_links_lead_somewhere():
    wrong = []
    for path in TRACKED:
        if path.suffix == ".md":
            for link in re.findall(r"\]\(([^)#:]+)\)", text(path)):
                if not (path.parent / link).exists():
                    wrong.append(f"{name(path)}: {link}")
    assert not wrong


def test_architecture_names_files_that_exist():
    named = re.findall(r"`([a-z_0-9]+/[a-z_0-9/]+\.(?:h|cc))`", text(ROOT / "ARCHITECTURE.md"))
    assert len(named) > 10
    assert not [file for file in named if not (ROOT / "source" / file).exists()]


def test_tests_do_not_sleep():
    """Tests of C++ run in simulated time."""
    assert not [name(path) for path in CODE if path.is_relative_to(ROOT / "test/unit") and re.search(r"sleep_for|sleep_until|\busleep\(|\bsleep\(", text(path))]


def test_python_compiles_and_programs_run():
    for path in TRACKED:
        if path.suffix == ".py":
            compile(text(path), name(path), "exec")
    not_executable = [name(path) for path in TRACKED if path.parent in (ROOT / "tools", ROOT / ".ci") and not path.suffix
                      and text(path).startswith("#!") and not os.access(path, os.X_OK)]
    assert not not_executable


def test_shell_scripts_parse():
    scripts = [path for path in TRACKED if not path.suffix and path.parent.name in ("tools", ".ci", "quickstart", "mutual-tls") and text(path).startswith("#!/bin/bash")]
    assert scripts
    for path in scripts:
        subprocess.run(["bash", "-n", path], check=True)
