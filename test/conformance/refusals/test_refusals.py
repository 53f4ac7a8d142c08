"""Broken configurations: both refuse; pillion names the place, the value and what was expected."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(ROOT / "tools")]

import cases  # noqa: E402
from benchmark import programs  # noqa: E402

PILLION = os.environ.get("PILLION", str(ROOT / "out/pillion"))
# What the names in the cases stand for.
SHORT = {"M": "static_resources.listeners[0].filter_chains[0].filters[0].typed_config", "C": "static_resources.clusters[0]"}


def validate(program, path):
    """(refused, what it says)"""
    result = subprocess.run([program, "--mode", "validate", "-c", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=60, stdin=subprocess.DEVNULL, check=False)
    return result.returncode != 0, result.stdout


@pytest.fixture(scope="session")
def envoy():
    return programs.envoy()


def test_good_is_good(tmp_path, envoy):
    path = tmp_path / "good.yaml"
    path.write_text(cases.GOOD, encoding="utf-8")
    for program in (PILLION, envoy):
        refused, said = validate(program, path)
        assert not refused, said


def test_there_are_enough():
    assert len(cases.CASES) >= 40


@pytest.mark.parametrize("name", cases.CASES | cases.STRICTER, ids=lambda name: name.replace(" ", "-"))
def test_refused(tmp_path, envoy, name):
    old, new, words = (cases.CASES | cases.STRICTER)[name]
    assert cases.GOOD.count(old) == 1
    path = tmp_path / "broken.yaml"
    path.write_text(cases.GOOD.replace(old, new), encoding="utf-8")
    refused, said = validate(PILLION, path)
    assert refused
    words = re.sub(r"^[MC]\b", lambda match: SHORT[match[0]], words)
    assert words in said, said
    assert re.search(r"broken\.yaml:\d+: ", said), said
    assert validate(envoy, path)[0] == (name in cases.CASES), "Envoy sees it otherwise"
