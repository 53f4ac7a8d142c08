"""Attempts that take too long go on beside the next one: the first good answer is the client's, and the only one."""

import collections
import concurrent.futures
import threading

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until

HEDGES = {"timeout": "0s", "hedge_policy": {"hedge_on_per_try_timeout": True}}


def policy(retries=1, after="0.05s"):
    return {"retry_on": "5xx", "num_retries": retries, "per_try_timeout": after,
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.001s"}}


def proxy_for(pillion, *addresses, retries=1, after="0.05s", concurrency=1, **action):
    return pillion(b.bootstrap([b.listener(b.http([b.route(**{**HEDGES, "retry_policy": policy(retries, after), **action})]))],
                               [b.cluster(*addresses, circuit_breakers={"thresholds": [{"max_retries": 100}]})]), concurrency=concurrency)


def test_a_late_answer_is_taken(pillion, serve):
    """The first attempt answers when the second one has come, which never does."""
    second, bodies = threading.Event(), []

    def answer(request):
        bodies.append(request.body)
        if len(bodies) == 1:
            assert second.wait(10)
            return Response(200, [], b"first")
        second.set()
        over.wait(10)
        return Response(200, [], b"second")

    over = threading.Event()
    proxy = proxy_for(pillion, serve.h1(answer).address)
    assert proxy.exchange(Request("POST", body=b"a body")).body == b"first"
    over.set()
    assert bodies == [b"a body"] * 2
    until(lambda: proxy.stat("cluster.upstream.upstream_rq_active") == 0, "the other one is over")
    assert proxy.stat("cluster.upstream.upstream_rq_total") == 2
    assert proxy.stat("cluster.upstream.upstream_rq_per_try_timeout") == 0


def test_the_next_answer_is_taken(pillion, serve):
    over, count = threading.Event(), []

    def answer(request):
        count.append(1)
        if len(count) == 1:
            over.wait(10)
        return Response(200, [], b"%d" % len(count))

    proxy = proxy_for(pillion, serve.h1(answer).address)
    assert proxy.exchange(Request()).body == b"2"
    over.set()
    assert proxy.stat("cluster.upstream.upstream_rq_retry_success") == 1


def test_asked_for_by_the_request(pillion, serve):
    over, count = threading.Event(), []

    def answer(request):
        assert "x-envoy-hedge-on-per-try-timeout" not in dict(request.fields)
        count.append(1)
        if len(count) == 1:
            over.wait(10)
        return Response(200, [], b"good")

    manager = {"use_remote_address": True, "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}}
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route(timeout="0s", retry_policy=policy())], **manager))],
                                [b.cluster(serve.h1(answer).address)]))
    assert proxy.exchange(Request(fields=[("x-envoy-hedge-on-per-try-timeout", "true")])).body == b"good"
    over.set()
    assert proxy.stat("cluster.upstream.upstream_rq_per_try_timeout") == 0
    assert proxy.stat("cluster.upstream.upstream_rq_retry") == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_each_request_has_one_answer(pillion, serve, workers):
    """Some first attempts answer at once, some at the same time as the second, some never."""
    lock, over = threading.Lock(), threading.Event()
    seen, second = collections.Counter(), collections.defaultdict(threading.Event)

    def answer(request):
        number = int(request.path[1:])
        with lock:
            seen[number] += 1
            mine, event = seen[number], second[number]
        if mine > 1:
            event.set()
        elif number % 3 == 1:
            event.wait(10)
        elif number % 3 == 2:
            over.wait(10)
        return Response(200, [], b"%d:" % number + request.body)

    proxy = proxy_for(pillion, serve.h1(answer).address, concurrency=workers)

    def client(first):
        connection = proxy.connect("h1")
        for number in range(first, 120, 4):
            body = b"x" * (number * 37)
            response = connection.exchange(Request("POST", f"/{number}", body=body))
            assert (response.status, response.body) == (200, b"%d:" % number + body)
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(client, first) for first in range(4)]:
            future.result()
    over.set()
    assert set(seen) == set(range(120)) and max(seen.values()) <= 2
    assert proxy.stat("http.ingress.downstream_rq_2xx") == 120
    until(lambda: proxy.stat("cluster.upstream.upstream_rq_active") == 0, "all others are over")


def test_the_breaker_bounds_it(pillion, serve):
    """Of many late requests at the same time as many have a second attempt as there may be retries."""
    over, got = threading.Event(), []

    def answer(request):
        got.append(1)
        over.wait(10)
        return Response(200, [], b"late")

    breakers = {"thresholds": [{"max_retries": 2}]}
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route(**HEDGES, retry_policy=policy())]))],
                                [b.cluster(serve.h1(answer).address, circuit_breakers=breakers)]))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(proxy.exchange, Request()) for _ in range(6)]
        until(lambda: proxy.stat("cluster.upstream.upstream_rq_retry_overflow") == 4, "four are refused")
        until(lambda: len(got) == 8, "two are sent twice")
        over.set()
        assert [future.result().body for future in answers] == [b"late"] * 6
