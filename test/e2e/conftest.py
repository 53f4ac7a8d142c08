"""End to end: the program, real peers, real sockets. PILLION=path runs another binary than out/pillion."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
os.environ["PATH"] += ":/usr/sbin:/sbin"  # where nginx lies, which only root's PATH has

from peers import http1, http2  # noqa: E402
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
