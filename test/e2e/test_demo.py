"""tools/demo, once everything is built: it shows what README.md shows, and says so when something is not as it promises."""

import re
import subprocess
import sys

import pytest

from peers.proxy import ROOT

DEMO = ROOT / "tools/demo.py"
pytestmark = pytest.mark.timeout(300)  # half a minute where nothing else runs
ACTS = "chain", "lanes", "limits", "mutual_tls", "pushes", "resilience", "services"


def shown(text):
    """The steps that it reports, as [(name, whether it is as it should be)]"""
    return [(name, mark == "ok") for name, mark in re.findall(r"^  (\w+) .*   (ok|NOT SO)$", text, re.M)]


def run(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=270, stdin=subprocess.DEVNULL, cwd=ROOT)


@pytest.mark.parametrize("name", ("demo", "test"))
def test_help(name):
    said = subprocess.run([ROOT / "tools" / name, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=20)
    assert said.returncode == 0 and f"usage: tools/{name} [--" in said.stdout and "two cores" in said.stdout
    assert not said.stdout.startswith("#") and "lib.sh" not in said.stdout


def test_shows_what_the_readme_shows():
    result = run(DEMO, "--once")
    assert result.returncode == 0 and "everything worked" in result.stdout, result.stdout
    picture = re.search(r"^## What the demo shows$.*?^```$(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)[1]
    assert shown(result.stdout) == shown(picture) and ("refusal", True) in shown(picture)


@pytest.mark.parametrize("act,change,names", [
    ("pushes", "pushes.BROKEN_REGEX = pushes.REGEX", ["refusal"]),  # taken, of course: the demo must not say that it was refused
    ("chain", "chain.SLOW_S = 0", ["deadline"]),  # nobody is late
    ("chain", "chain.CARRIED['tenant'] = 'other'", ["path", "deadline"]),
    ("lanes", "lanes.USERS = 1001, 3000", ["range"])])  # the second one is in no range
def test_says_what_is_not_so(act, change, names):
    result = run("-c", f"""
import runpy, sys
sys.path.insert(0, {str(DEMO.parent)!r})
from demonstration import {', '.join(ACTS)}
{' = '.join(f'{other}.show' for other in ACTS if other != act)} = lambda stage: True
{change}
sys.argv = ["demo.py", "--once"]
runpy.run_path({str(DEMO)!r}, run_name="__main__")
""")
    assert result.returncode == 1 and "something did not work" in result.stdout, result.stdout
    assert [name for name, good in shown(result.stdout) if not good] == names, result.stdout


def test_says_which_module_is_missing():
    """A Python that has no grpc: one of its own that stands first in PATH."""
    result = run("-c", f"""
import runpy, sys
sys.path.insert(0, {str(DEMO.parent)!r})
sys.modules["grpc"] = None
sys.argv = ["demo.py"]
runpy.run_path({str(DEMO)!r}, run_name="__main__")
""")
    assert (result.returncode, result.stdout) == (1, f"{DEMO}: {sys.executable} has no module 'grpc'. Start tools/demo, which installs what "
                                                     "it needs and takes /usr/bin/python3.\n")


def test_says_what_does_not_start():
    result = run("-c", f"""
import runpy, sys
sys.path.insert(0, {str(DEMO.parent)!r})
from demonstration import stage
stage.PILLION = "/bin/false"
sys.argv = ["demo.py", "--once"]
runpy.run_path({str(DEMO)!r}, run_name="__main__")
""")
    assert result.returncode == 1 and "pillion-web does not start" in result.stdout and "Traceback" not in result.stdout, result.stdout
