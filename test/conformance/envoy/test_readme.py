"""README.md names cases that exist; each case has a name of its own."""

import collections
import importlib
import pathlib

from frame.readme import admitted

MODULES = [path.stem for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")) if path.stem != "test_readme"]
NAMES = [name for module in MODULES for name in ([case.name for case in importlib.import_module(module).CASES] +
                                                 list(getattr(importlib.import_module(module), "MORE_NAMES", [])))]


def test_names_are_unique():
    assert [name for name, count in collections.Counter(NAMES).items() if count > 1] == []


def test_every_difference_is_of_a_case():
    assert set(admitted()) <= set(NAMES)
