"""The same bootstrap and the same requests through the real Envoy and through pillion. PILLION=path runs another binary than
out/pillion; tools/benchmark/programs.py has the Envoy."""

import pathlib
import sys
import types

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "e2e")]
for name in ("frame.case", "frame.pair"):
    pytest.register_assert_rewrite(name)

from frame.pair import Pair  # noqa: E402


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", metafunc.module.CASES, ids=[case.name for case in metafunc.module.CASES])


@pytest.fixture(scope="module")
def pair(request, tmp_path_factory):
    module = request.module
    what = types.SimpleNamespace(cases=module.CASES, settings={"plain": {}, **getattr(module, "SETTINGS", {})},
                                 bootstrap=getattr(module, "BOOTSTRAP", {}), operators=getattr(module, "OPERATORS", {}))
    made = Pair(what, tmp_path_factory.mktemp(module.__name__))
    yield made
    made.stop()
