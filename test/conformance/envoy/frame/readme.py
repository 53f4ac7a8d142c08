"""The differences that README.md admits."""

import functools
import pathlib
import re

_ROW = re.compile(r"^\| (`.+?`) \| (`.+?`) \| (.+) \|$", re.M)


@functools.cache
def admitted():
    """{case: {fields that differ}}"""
    found = {}
    for names, fields, reason in _ROW.findall((pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")):
        assert len(reason) > 10
        for name in re.findall(r"`([^`]+)`", names):
            found.setdefault(name, set()).update(re.findall(r"`([^`]+)`", fields))
    return found
