"""The table beside this file: every row is there once, and every test that it names exists."""

import pathlib
import re

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TEST = HERE.parents[1]
GROUPS = {"A": 47, "B": 33, "C": 17, "D": 23, "E": 12, "F": 17, "G": 14, "H": 46, "I": 17, "J": 35, "L": 15, "N": 10, "O": 20}
ROWS = re.findall(r"^\| ([A-Z]\d+) \| (.*) \| (.*) \| (.*) \|$", (HERE / "README.md").read_text(encoding="utf-8"), re.M)
FILES = {}
for path in [*TEST.glob("unit/**/*_test.cc"), *TEST.glob("cases/*_test.cc"), *TEST.glob("integration/*_test.cc"), *TEST.glob("e2e/test_*.py")]:
    FILES.setdefault(path.stem, []).append(path.read_text(encoding="utf-8"))
HTTP1 = (TEST / "unit/codec/http1/hostile_cases.cc").read_text(encoding="utf-8")


def exists(name):
    if match := re.fullmatch(r"http1 (\w+)", name):
        return re.search(rf'"{match[1]}[ "]', HTTP1)
    if match := re.fullmatch(r"case ([\w-]+)", name):
        return (TEST / f"cases/{match[1]}.txt").exists()
    match = re.fullmatch(r"(\w+): (?:(\w+)\.)?(\w+)", name)
    assert match, f"no name of a test: {name}"
    if match[2]:
        pattern = rf"TEST(?:_F|_P)?\({match[2]}, {match[3]}\)"
    elif match[1].startswith("test_"):
        pattern = rf"^def {match[3]}\("
    else:
        pattern = rf"\b{match[3]}\b"
    return any(re.search(pattern, text, re.M) for text in FILES.get(match[1], []))


def test_every_row_is_there():
    assert [row for row, *_ in ROWS] == [f"{group}{number}" for group, count in GROUPS.items() for number in range(1, count + 1)]


@pytest.mark.parametrize("row,what,outcome,shown", ROWS, ids=[row for row, *_ in ROWS])
def test_is_shown(row, what, outcome, shown):
    assert what
    if shown.startswith("not built: "):
        assert outcome == "-"
        return
    names = re.findall(r"`([^`]+)`", shown)
    assert outcome and names and ", ".join(f"`{name}`" for name in names) == shown
    missing = [name for name in names if not exists(name)]
    assert not missing


def test_cases_of_http1_are_rows():
    """Each case of the codec's table that begins as a row does is one of its row."""
    known = {row for row, *_ in ROWS}
    assert not [name for name in re.findall(r'\{"([A-Z]\d+)[ "]', HTTP1) if name not in known]
