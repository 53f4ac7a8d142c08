"""docs/envoy-fields.md is what tools/fields writes."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).parents[3]


def test_the_page_is_fresh():
    result = subprocess.run([ROOT / "tools/fields", "--check"], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_what_there_is_and_what_there_is_not():
    loader = importlib.machinery.SourceFileLoader("fields", str(ROOT / "tools/fields"))
    fields = importlib.util.module_from_spec(importlib.util.spec_from_loader("fields", loader))
    loader.exec_module(fields)
    text = fields.page({"envoy.a.v3.M": ["x", "new"]},
                       {"envoy.a.v3.M": {"x": (False, "CI"), "y": (False, "K"), "old": (True, "")}, "envoy.a.v3.N": {"z": (False, "")}})
    assert text.startswith(fields.INTRODUCTION)
    assert text.endswith("1 messages and 2 of 4 fields; 1 of the 2 fields that are sent.\n\n## envoy.a.v3\n\n- **M**\n  - has x (CI), new\n"
                         "  - has not y (K)\n- no N\n")
