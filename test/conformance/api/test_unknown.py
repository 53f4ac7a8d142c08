"""The fields of Envoy's that are refused, or noted, by their names (source/config/unknown.cc): each is one that there is, and
that pillion does not have. One that is implemented since would stand there without an effect."""

import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import official  # noqa: E402

ROOT = pathlib.Path(__file__).parents[3]
API = ROOT / "api"

# What Envoy 1.39 has and the artifact is too old for.
NEWER = {
    ("config.cluster.v3.Cluster", "transport_socket_matcher", 59),
    ("config.listener.v3.Listener", "fcds_config", 36),
    ("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "forward_client_cert_matcher", 60),
    ("type.tracing.v3.CustomTag", "value", 6),
}


def named(text):
    """Of each table of fields its entries: (message, field, number)."""
    constants = dict(re.findall(r'constexpr std::string_view (k\w+) =\s*"([^"]+)";', text))
    tables = {}
    for name, body in re.findall(r"constexpr (?:Refused)?Field (k\w+)(?:\[\])? = (.*?);\n", text, re.DOTALL):
        tables[name] = [(constants.get(constant, message), field, int(number)) for constant, message, field, number in
                        re.findall(r'\{\s*(?:(k\w+)|"([^"]+)"),\s*"(\w+)",\s*(\d+)', body)]
        assert len(tables[name]) == len(re.findall(r'",\s*\d+[,}]', body)), f"{name}: an entry is not understood"
    return tables


def members(descriptors):
    """Of each message the names of its fields by their numbers."""
    found = {}

    def walk(scope, item):
        name = f"{scope}.{item.name}"
        found[name] = {field.number: field.name for field in item.field}
        for nested in item.nested_type:
            walk(name, nested)

    for file in descriptors.file:
        for item in file.message_type:
            walk(file.package, item)
    return found


@pytest.fixture(scope="module")
def descriptors():
    return official.compile_protos(API, sorted(str(path.relative_to(API)) for path in API.glob("envoy/**/*.proto")))


@pytest.fixture(scope="module")
def tables():
    tables = named((ROOT / "source/config/unknown.cc").read_text(encoding="utf-8"))
    assert set(tables) == {"kSecurityFields", "kRefusedFields", "kLaterFields", "kHealthDiscovery"} and all(tables.values())
    return tables


def test_none_of_them_is_implemented(tables, descriptors):
    have = members(descriptors)
    assert [] == [(name, entry) for name, entries in tables.items() for entry in entries
                  if entry[2] in have.get(f"envoy.{entry[0]}", {}) or entry[1] in have.get(f"envoy.{entry[0]}", {}).values()]


def test_there_is_each_of_them(tables, descriptors, tmp_path):
    packages = {file.package for file in descriptors.file if file.package.startswith("envoy.")}
    whole = members(official.official_descriptors(packages, tmp_path))
    wrong = {entry for entries in tables.values() for entry in entries if whole.get(f"envoy.{entry[0]}", {}).get(entry[2]) != entry[1]}
    assert wrong == NEWER


def test_none_stands_there_twice(tables):
    entries = [entry for entries in tables.values() for entry in entries]
    assert len(entries) == len(set(entries))
