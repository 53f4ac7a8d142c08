"""What stands behind the proxies: the cheapest real server that speaks the upstream protocol of a scenario."""
import sys
from pathlib import Path

from benchmark import programs, proxies
from benchmark.control_plane import ControlPlane
from benchmark.processes import Process, free_port
from benchmark.pushed import ADDRESSES
from benchmark.scenarios import GREETING, GRPC_MESSAGE, GRPC_PATH, Scenario
from benchmark.settings import Settings

_TOOLS = Path(__file__).parent.parent  # where `python3 -m benchmark.sink` finds its package


class Upstream:
    """The server behind one scenario's proxies, and the control plane that they ask, if any. Owned by the scenario's run, which must
    stop() it."""

    def __init__(self, scenario: Scenario, settings: Settings, directory: Path):
        self.plane = ControlPlane(settings.control_plane, settings.load_core, directory / "plane") if scenario.pushed else None
        directory = directory / "upstream"
        directory.mkdir()
        self.port = free_port()
        self.body = directory / "www" / "body"
        if scenario.up == "h2":
            argv = _nghttpd(self.port, directory, scenario.load == "grpc")
        elif scenario.kind == "body":
            argv = [sys.executable, "-m", "benchmark.sink", str(self.port), str(settings.body_bytes)]
        elif scenario.kind == "deadline":
            argv = [sys.executable, "-m", "benchmark.slow", str(self.port)]
        elif scenario.kind == "overload":
            argv = [sys.executable, "-m", "benchmark.busy", str(self.port)]
        else:
            argv = _nginx(self.port, directory, ADDRESSES if scenario.pushed else ["127.0.0.1"])
        if scenario.kind == "body":
            self._write_body(settings.body_bytes)
        self._process = Process("upstream", argv, settings.load_core, directory, cwd=_TOOLS)
        self._process.wait_until_listening(self.port)

    def _write_body(self, size: int) -> None:
        """A sparse file takes no disk; reading it once makes the first transfer like the others."""
        self.body.parent.mkdir(exist_ok=True)
        with open(self.body, "wb") as body:
            body.truncate(size)
        with open(self.body, "rb") as body:
            while body.read(1 << 20):
                pass

    def stop(self) -> None:
        self._process.stop()
        if self.plane:
            self.plane.stop()


def _nginx(port: int, directory: Path, addresses: list[str]) -> list[str]:
    """Answers say at which address it was asked, where there are several."""
    told = "add_header x-endpoint $server_addr;" if len(addresses) > 1 else ""
    listen = " ".join(f"listen {address}:{port} reuseport;" for address in addresses)
    text = GREETING.decode().replace("\n", "\\n")
    return proxies.nginx_command(programs.find("nginx"), proxies.nginx_main(directory, f"""
  server {{
    {listen}
    location / {{ default_type text/plain; {told} return 200 "{text}"; }}
  }}"""))


def _nghttpd(port: int, directory: Path, grpc: bool) -> list[str]:
    """Also the gRPC server. A unary call is answered with HEADERS, DATA and trailing HEADERS: here a file that
    holds a length-prefixed message, the content-type of its ending, and a fixed trailer. It shares its core with
    the load, so the cheaper it is, the fuller the proxy; behind a gRPC library the proxy would wait for it, and
    what it costs while it idles is not what is asked."""
    www = directory / "www"
    (www / GRPC_PATH.strip("/")).parent.mkdir(parents=True, exist_ok=True)
    (www / "index.html").write_bytes(GREETING)
    (www / GRPC_PATH.strip("/")).write_bytes(GRPC_MESSAGE)
    types = directory / "mime.types"
    types.write_text("application/grpc grpc\ntext/html html\n")
    trailers = ["--trailer=grpc-status: 0", "--no-content-length"] if grpc else []
    return [programs.find("nghttpd"), "--no-tls", "--address=127.0.0.1", f"--htdocs={www}",
            f"--mime-types-file={types}", "--max-concurrent-streams=1000", *trailers, str(port)]
