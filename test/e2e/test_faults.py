"""Faults of the system: no descriptors, no space, readers that stand still, a process that is killed."""

import os
import resource
import time

import pytest

from peers import bootstrap as b
from peers import http1
from peers.message import Request, Response
from peers.programs import nginx
from peers.wait import until


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def no_descriptors():
    """no_descriptors(proxy) leaves it none; the function that it gives takes that back."""
    def apply(proxy):
        pid = proxy.process.pid
        numbers = []

        def settled():  # connections of the administration have gone
            nonlocal numbers
            before, numbers = numbers, sorted(int(number) for number in os.listdir(f"/proc/{pid}/fd"))
            return before == numbers
        until(settled, "descriptors are as they were")
        free = next(number for number in range(len(numbers) + 1) if number not in numbers)
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
        return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    return apply


@pytest.mark.parametrize("concurrency", [1, 2])
def test_no_descriptors_for_connections(pillion, serve, no_descriptors, concurrency):
    """Connections wait in the kernel, at no cost; those that are there are served; all are once there are descriptors again."""
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(serve.h1(lambda request: Response(200, [], b"ok")).address)]),
                    concurrency=concurrency)
    old = proxy.connect()
    assert old.exchange(Request()).body == b"ok"
    lift = no_descriptors(proxy)
    new = [proxy.connect() for _ in range(8)]
    for connection in new:
        connection.send_request(Request())
    began, used = time.monotonic(), cpu_seconds(proxy.process)
    requests = 0
    while time.monotonic() - began < 1:
        assert old.exchange(Request()).body == b"ok"
        requests += 1
        time.sleep(0.01)
    assert cpu_seconds(proxy.process) - used < 0.3, f"{requests} requests"
    lift()
    for connection in new:
        assert connection.read_response().body == b"ok"
    assert proxy.stat("listener.%s_%d.downstream_cx_accept_failed" % proxy.address) > 0
    for connection in [old, *new]:
        connection.close()


def test_no_descriptors_for_upstream(pillion, serve, no_descriptors):
    """A request that needs a new connection is answered with 503; nothing of it is left."""
    servers = [serve.h1(lambda request, number=number: Response(200, [], b"%d" % number)) for number in range(2)]
    routes = [b.route("b", prefix="/b"), b.route("a")]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))], [b.cluster(servers[0].address, name="a"), b.cluster(servers[1].address, name="b")]))
    connection = proxy.connect()
    assert connection.exchange(Request()).body == b"0"
    lift = no_descriptors(proxy)
    for _ in range(3):
        response = connection.exchange(Request(path="/b"))
        assert response.status == 503 and b"remote connection failure" in response.body
        assert connection.exchange(Request()).body == b"0"
    lift()
    assert connection.exchange(Request(path="/b")).body == b"1"
    assert proxy.stat("cluster.b.upstream_cx_connect_fail") == 3
    assert proxy.stat("cluster.b.upstream_cx_active") == 1
    connection.close()


def test_no_space_for_the_access_log(pillion, serve):
    """Lines are lost and counted; requests do not notice."""
    log = b.file_log("/dev/full", text="%REQ(:PATH)% " + "x" * 1000 + "\n")
    proxy = pillion(b.bootstrap([b.listener(b.http(access_log=log))], [b.cluster(serve.h1(lambda request: Response(200, [], b"ok")).address)]))
    connection = proxy.connect()
    for _ in range(2000):
        assert connection.exchange(Request()).body == b"ok"
    connection.close()
    assert proxy.stat("filesystem.write_failed") > 0
    assert proxy.stat("filesystem.write_dropped") > 0


def test_many_readers_that_stand_still(pillion, program, tmp_path):
    """A large answer for each of 100 clients that read nothing waits at the upstream: memory goes by buffers, not by answers."""
    (tmp_path / "www").mkdir()
    with open(tmp_path / "www/large", "wb") as large:
        large.truncate(1 << 30)
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route(timeout="0s")]))], [b.cluster(program(nginx, tmp_path).address)]), concurrency=2)
    before = proxy.rss_kib()
    connections = [proxy.connect() for _ in range(100)]
    for connection in connections:
        connection.send_request(Request(path="/large"))
    proxy.until_stat("cluster.upstream.upstream_rq_active", 100)
    seen = []

    def stands_still():  # at ten looks: a busy machine may let nobody run between two
        seen.append(proxy.stat("cluster.upstream.upstream_cx_rx_bytes_total"))
        return seen[-1] > 0 and seen[-10:] == seen[-1:] * 10
    until(stands_still, "no more is read")
    assert proxy.rss_kib() - before < 100 * 640
    body = bytearray()
    connections[0].read_head()
    connections[0].exactly(64 << 20, body)
    assert proxy.rss_kib() - before < 100 * 640
    for connection in connections:
        connection.abort()
    proxy.until_stat("cluster.upstream.upstream_rq_active", 0)
    proxy.until_stat("http.ingress.downstream_cx_active", 0)


def test_killed_and_started_again(pillion, serve):
    """Its sockets die with a process that is killed; the next one listens at once."""
    server = serve.h1(lambda request: Response(200, [], b"ok"))
    config = b.bootstrap([b.listener(b.http())], [b.cluster(server.address)])
    first = pillion(config)
    connection = first.connect()
    assert connection.exchange(Request()).body == b"ok"
    first.process.kill()
    first.process.wait()
    assert connection.closed()
    first.process.returncode = 0  # as it was to be
    second = pillion(config)
    assert second.exchange(Request()).body == b"ok"
    assert http1.connect(second.address)
