"""Requests that are tried again, and how hosts take turns."""

import pytest

from peers import bootstrap as b
from peers import http1
from peers.message import Request, Response


def proxy_for(pillion, *addresses, policy=None, lb_policy="ROUND_ROBIN", concurrency=1):
    action = {"retry_policy": policy} if policy else {}
    return pillion(b.bootstrap([b.listener(b.http([b.route(**action)]))], [b.cluster(*addresses, lb_policy=lb_policy)]),
                   concurrency=concurrency)


def test_retry_on_5xx(pillion, serve):
    tries = []

    def answer(request):
        tries.append(request.body)
        return Response(503 if len(tries) < 3 else 200, [], b"try %d" % len(tries))

    proxy = proxy_for(pillion, serve.h1(answer).address, policy={"retry_on": "5xx", "num_retries": 3})
    response = proxy.exchange(Request("POST", body=b"again and again"))
    assert (response.status, response.body) == (200, b"try 3")
    assert tries == [b"again and again"] * 3
    assert proxy.stat("cluster.upstream.upstream_rq_retry") == 2
    assert proxy.stat("cluster.upstream.upstream_rq_retry_success") == 1


def test_the_last_answer_passes_when_tries_are_used_up(pillion, serve):
    proxy = proxy_for(pillion, serve.h1(lambda request: Response(503, [], b"mine")).address, policy={"retry_on": "5xx", "num_retries": 2})
    response = proxy.exchange(Request())
    assert (response.status, response.body) == (503, b"mine")
    assert proxy.stat("cluster.upstream.upstream_rq_retry") == 2
    assert proxy.stat("cluster.upstream.upstream_rq_retry_limit_exceeded") == 1


def test_retry_on_a_host_that_does_not_listen(pillion, serve):
    good = serve.h1(lambda request: Response(200, [], b"good"))
    proxy = proxy_for(pillion, ("127.0.0.1", b.free_port()), good.address, policy={"retry_on": "connect-failure", "num_retries": 2})
    for _ in range(6):
        assert proxy.exchange(Request()).body == b"good"


def test_retry_on_a_connection_that_ends(pillion, serve):
    """The upstream hangs up on the first request of each connection but the last."""
    accepted = []

    def script(sock):
        accepted.append(sock)
        connection = http1.Connection(sock)
        connection.read_request()
        if len(accepted) == 3:
            connection.send_response(Response(200, [], b"third"))

    proxy = proxy_for(pillion, serve(script).address, policy={"retry_on": "reset", "num_retries": 3})
    assert proxy.exchange(Request()).body == b"third"


@pytest.mark.parametrize("lb_policy", ["ROUND_ROBIN", "LEAST_REQUEST"])
@pytest.mark.parametrize("concurrency", [1, 2])
def test_hosts_take_turns(pillion, serve, lb_policy, concurrency):
    servers = [serve.h1(lambda request, number=number: Response(200, [], b"%d" % number)) for number in range(3)]
    proxy = proxy_for(pillion, *[server.address for server in servers], lb_policy=lb_policy, concurrency=concurrency)
    answers = [proxy.exchange(Request()).body for _ in range(60)]
    counts = [answers.count(b"%d" % number) for number in range(3)]
    assert sum(counts) == 60 and min(counts) >= (18 if lb_policy == "ROUND_ROBIN" else 5), counts


def test_strict_dns(pillion, serve):
    server = serve.h1(lambda request: Response(200, [], b"found"))
    cluster = b.cluster(("localhost", server.port), dns_lookup_family="V4_ONLY") | {"type": "STRICT_DNS"}
    proxy = pillion(b.bootstrap([b.listener(b.http())], [cluster]))
    assert proxy.exchange(Request()).body == b"found"


def test_no_host_at_all(pillion):
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster()]))
    response = proxy.exchange(Request())
    assert (response.status, response.body) == (503, b"no healthy upstream")
    assert proxy.stat("cluster.upstream.upstream_cx_none_healthy") == 1


def test_overflow_of_requests(pillion, serve):
    """Past its circuit breaker a cluster takes no more."""
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(
        serve.h1(lambda request: Response()).address,
        circuit_breakers={"thresholds": [{"max_connections": 1, "max_pending_requests": 0, "max_requests": 1}]})]))
    response = proxy.exchange(Request())
    assert response.status == 503 and response.get("x-envoy-overloaded") == "true"
    assert response.body.endswith(b"reset reason: overflow")
