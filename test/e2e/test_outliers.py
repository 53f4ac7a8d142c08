"""Hosts that answer badly, or not at all, are left out for a while."""

import json

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def proxy_for(pillion, *addresses, policy=None, concurrency=1, detection=None, top=None):
    action = {"retry_policy": policy} if policy else {}
    detection = {"consecutive_5xx": 3, "interval": "0.2s", "base_ejection_time": "0.4s", "max_ejection_percent": 100, **(detection or {})}
    return pillion(b.bootstrap([b.listener(b.http([b.route(**action)]))],
                               [b.cluster(*addresses, outlier_detection=detection)], **(top or {})), concurrency=concurrency)


def flags(proxy):
    """{host: its health_flags}"""
    lines = [line.split("::") for line in proxy.admin("/clusters").splitlines()]
    return {line[1]: line[3] for line in lines if len(line) == 4 and line[2] == "health_flags"}


def name(server):
    return "%s:%d" % server.address


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_ejected_and_returned(pillion, serve, workers):
    status = {"bad": 503}
    bad = serve.h1(lambda request: Response(status["bad"], [], b"bad"))
    good = serve.h1(lambda request: Response(200, [], b"good"))
    proxy = proxy_for(pillion, bad.address, good.address, concurrency=workers)
    until(lambda: proxy.exchange(Request()) and flags(proxy)[name(bad)] == "/failed_outlier_check", "the bad one is ejected")
    until(lambda: proxy.stat("cluster.upstream.membership_healthy") == 1 or proxy.exchange(Request()) is None, "one is left")
    assert proxy.stat("cluster.upstream.outlier_detection.ejections_enforced_consecutive_5xx") >= 1
    assert proxy.stat("cluster.upstream.membership_total") == 2
    status["bad"] = 200
    until(lambda: proxy.exchange(Request()).body == b"bad", "it is back")
    until(lambda: flags(proxy)[name(bad)] == "healthy", "it is healthy again")


def test_none_gets_through_to_the_ejected(pillion, serve):
    got = []
    bad = serve.h1(lambda request: got.append(1) or Response(500, [], b"bad"))
    good = serve.h1(lambda request: Response(200, [], b"good"))
    proxy = proxy_for(pillion, bad.address, good.address, detection={"base_ejection_time": "60s"})
    until(lambda: proxy.exchange(Request()) and flags(proxy)[name(bad)] == "/failed_outlier_check", "the bad one is ejected")
    until(lambda: all(proxy.exchange(Request()).body == b"good" for _ in range(4)), "the worker knows")
    before = len(got)
    assert [proxy.exchange(Request()).body for _ in range(20)] == [b"good"] * 20
    assert len(got) == before


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_host_that_dies_costs_no_request(pillion, serve, workers):
    """Retries cover the failures; ejection ends them."""
    good = serve.h1(lambda request: Response(200, [], b"good"))
    dead = ("127.0.0.1", b.free_port())
    proxy = proxy_for(pillion, dead, good.address, policy={"retry_on": "connect-failure,reset,5xx", "num_retries": 3},
                      detection={"split_external_local_origin_errors": True, "consecutive_local_origin_failure": 2,
                                 "base_ejection_time": "60s"}, concurrency=workers)
    assert [proxy.exchange(Request()).status for _ in range(30)] == [200] * 30
    until(lambda: flags(proxy)["%s:%d" % dead] == "/failed_outlier_check", "the dead one is ejected")
    assert proxy.stat("cluster.upstream.outlier_detection.ejections_enforced_consecutive_local_origin_failure") == 1


def test_event_log(pillion, serve, tmp_path):
    path = tmp_path / "events.log"
    bad = serve.h1(lambda request: Response(500, [], b"bad"))
    proxy = proxy_for(pillion, bad.address, top={"cluster_manager": {"outlier_detection": {"event_log_path": str(path)}}},
                      detection={"base_ejection_time": "0.2s"})

    def events():
        proxy.exchange(Request())
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    until(lambda: {event["action"] for event in events()} == {"EJECT", "UNEJECT"}, "both events are there")
    first = events()[0]
    assert (first["type"], first["cluster_name"], first["upstream_url"]) == ("CONSECUTIVE_5XX", "upstream", name(bad))
    assert first["enforced"] is True and first["num_ejections"] == 1


def test_admin_shows_rates(pillion, serve):
    good = serve.h1(lambda request: Response(200, [], b"good"))
    proxy = proxy_for(pillion, good.address, detection={"success_rate_minimum_hosts": 1, "success_rate_request_volume": 5,
                                                        "failure_percentage_request_volume": 5, "interval": "1s"})
    line = "upstream::%s::success_rate::-1" % name(good)
    assert line in proxy.admin("/clusters").splitlines()
    assert "upstream::outlier::success_rate_average::-1" in proxy.admin("/clusters").splitlines()

    def known():
        for _ in range(10):
            proxy.exchange(Request())
        return "upstream::%s::success_rate::100" % name(good) in proxy.admin("/clusters").splitlines()

    until(known, "the rate is known")
    shown = json.loads(proxy.admin("/clusters?format=json"))["cluster_statuses"][0]
    assert shown["host_statuses"][0]["health_status"]["eds_health_status"] == "HEALTHY"


def test_answers_to_copies_count(pillion, serve):
    """A mirrored request that fails says as much of its host as any other."""
    good = serve.h1(lambda request: Response(200, [], b"good"))
    bad = serve.h1(lambda request: Response(503, [], b"bad"))
    outliers = {"consecutive_5xx": 3, "base_ejection_time": "60s", "max_ejection_percent": 100}
    copies = b.cluster(bad.address, name="copies", outlier_detection=outliers)
    routes = [b.route(request_mirror_policies=[{"cluster": "copies"}])]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes))], [b.cluster(good.address), copies]))
    for _ in range(3):
        assert proxy.exchange(Request()).body == b"good"
    proxy.until_stat("cluster.copies.outlier_detection.ejections_active", 1)


def test_what_an_error_is(pillion, serve):
    """Of answers of 404 a host may be known to be broken, and 503 may be its business."""
    status = {"bad": 404}
    bad = serve.h1(lambda request: Response(status["bad"], [], b"bad"))
    good = serve.h1(lambda request: Response(503, [], b"good"))
    matcher = {"http_response_headers_match": {"headers": [{"name": ":status", "string_match": {"exact": "404"}}]}}
    detection = {"consecutive_5xx": 3, "interval": "0.2s", "base_ejection_time": "0.4s", "max_ejection_percent": 100}
    proxy = pillion(b.bootstrap([b.listener(b.http([b.route()]))],
                                [b.cluster(bad.address, good.address, outlier_detection=detection,
                                           http_options={"outlier_detection": {"error_matcher": matcher}})]))
    until(lambda: proxy.exchange(Request()) and flags(proxy)[name(bad)] == "/failed_outlier_check", "the bad one is ejected")
    assert flags(proxy)[name(good)] == "healthy"
    status["bad"] = 500
    until(lambda: proxy.exchange(Request()).body == b"bad", "it is back")
    assert [proxy.exchange(Request()).status in (500, 503) for _ in range(20)] == [True] * 20
    assert flags(proxy) == {name(bad): "healthy", name(good): "healthy"}
