"""End to end: the program, real peers, real sockets. PILLION=path runs another binary than out/pillion."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where nginx lies, which only root's PATH has

from peers import http1, http2, pushed as pushes  # noqa: E402
from peers.go_control_plane import GoControlPlane  # noqa: E402
from peers.message import Response  # noqa: E402
from peers.proxy import Proxy  # noqa: E402
from peers.server import Server  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; only with ./tools/test --long")


@pytest.fixture
def pillion(tmp_path):
    """pillion(bootstrap, concurrency=1, arguments=()) starts one; at the end each has to stop cleanly."""
    started = []

    def start(config, **options):
        folder = tmp_path / f"pillion-{len(started)}"
        folder.mkdir()
        started.append(Proxy(config, folder, **options))
        return started[-1]

    yield start
    for proxy in started:
        proxy.stop()


@pytest.fixture
def control_plane():
    """control_plane(*resources, aggregated=True, arguments=()) makes one that has them; it is for the test to start."""
    made = []

    def make(*resources, **options):
        made.append(GoControlPlane(**options))
        made[-1].push(*resources)
        return made[-1]

    yield make
    for plane in made:
        plane.stop()


@pytest.fixture
def pushed(control_plane, tmp_path):
    """pushed(*resources, how=DELTA, plane=None, ...) starts a proxy beside a control plane that has these resources, both as a
    peers.pushed.Pushed; plane: another one, started or not; at: where it is asked, if that is elsewhere. `options` are of the bootstrap, `run`
    those of the process."""
    started = []

    def start(*resources, how=pushes.DELTA, plane=None, at=None, arguments=(), run=None, **options):
        if plane is None:
            plane = control_plane(*resources, aggregated=how in pushes.AGGREGATED, rest=how == pushes.REST, arguments=arguments).start()
        folder = tmp_path / f"proxy-{len(started)}"
        folder.mkdir()
        config = pushes.bootstrap(at or plane.rest_address or plane.address, how, **options)
        started.append(pushes.Pushed(plane, Proxy(config, folder, binary=pushes.binary(), **(run or {})), how))
        for resource in resources:
            started[-1].note(resource)
        return started[-1]

    yield start
    for both in started:
        if pushes.ENVOY:
            both.proxy.kill()
        else:
            both.proxy.stop()


@pytest.fixture
def named(serve):
    """named(*names): addresses of HTTP/1 servers that answer with their names."""
    return lambda *names: [serve.h1(lambda request, name=name: Response(200, [], name.encode())).address for name in names]


@pytest.fixture
def serve():
    """serve(script, address) starts a scripted TCP server; serve.h1(answer) and serve.h2(answer) start HTTP servers that answer each
    request with answer(request). An error within a script fails the test."""
    started = []

    def start(script, *arguments, **options):
        started.append(Server(script, *arguments, **options))
        return started[-1]

    start.h1 = lambda answer, framing=None, **options: start(http1.serving(answer, framing), **options)
    start.h2 = lambda answer, settings=None, **options: start(http2.serving(answer, settings), **options)
    start.http = lambda protocol, answer: start.h1(answer) if protocol == "h1" else start.h2(answer)
    yield start
    for server in started:
        server.close()
    errors = [error for server in started for error in server.errors]
    assert not errors, errors


@pytest.fixture
def program():
    """program(peers.programs.nginx, ...) starts a real server."""
    started = []

    def start(which, *arguments):
        started.append(which(*arguments))
        return started[-1]

    yield start
    for server in started:
        server.stop()
