"""fields.txt names, for each field of api/envoy, a test that shows its effect: a field that nothing heeds must not be there."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import official  # noqa: E402

ROOT = pathlib.Path(__file__).parents[3]
API = ROOT / "api"
LIST = pathlib.Path(__file__).parent / "fields.txt"


def fields_of_the_api():
    """Names of fields, "envoy.type.v3.Percent.value"."""
    found = set()

    def message(scope, item):
        if item.options.map_entry:
            return
        name = f"{scope}.{item.name}"
        found.update(f"{name}.{field.name}" for field in item.field)
        for nested in item.nested_type:
            message(name, nested)

    files = sorted(str(path.relative_to(API)) for path in API.glob("**/*.proto"))
    for file in official.compile_protos(API, files).file:
        for item in file.message_type if file.package.startswith(("envoy.", "pillion.")) and file.package != "pillion.api" else []:
            message(file.package, item)
    return found


def listed():
    """[(field, file below test/, word in it or "")] of fields.txt."""
    entries, message = [], None
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            message = line
            continue
        name, file, *word = line.split()
        entries.append((f"{message}.{name}", file, " ".join(word)))
    return entries


def test_every_field_is_listed_once():
    names = [name for name, _, _ in listed()]
    assert len(names) == len(set(names))
    assert fields_of_the_api() == set(names)


@pytest.mark.parametrize("file", sorted({file for _, file, _ in listed()}))
def test_what_is_listed_is_there(file):
    text = (ROOT / "test" / file).read_text(encoding="utf-8")
    missing = [f"{name}: {word}" for name, where, word in listed() if where == file and word not in text]
    assert not missing
    if file.startswith("cases/"):  # it must at least be about the field
        assert all(name.rpartition(".")[2] in text or name.startswith("envoy.extensions.filters.network.tcp_proxy")
                   for name, where, _ in listed() if where == file)
