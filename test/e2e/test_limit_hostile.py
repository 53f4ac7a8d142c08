"""Limits under those who mean no good: clients that wait and go as they like, a service of limits that says what it should not."""

import concurrent.futures
import random
import struct

import pytest

import test_limit as limits
from peers import bootstrap as b
from peers.message import Request, Response


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_lost_where_clients_come_and_go(pillion, workers):
    """Streams that wait are reset and connections aborted while the rules change: what was admitted and refused adds up in the end."""
    first = limits.window(100000, name="first", key=limits.TENANT)
    queue = {"most": 40, "longest_wait": "0.2s", "priority": "int(request.headers['x-p'])"}
    config = limits.made(first, limits.bucket(5, rate=300, per="1s", key=limits.TENANT, queue=queue))
    proxy = pillion(config, concurrency=workers)

    def fields(chance):
        return [("x-tenant", chance.choice("abc")), ("x-p", str(chance.randrange(4)))]

    def client(seed):
        chance = random.Random(seed)
        for _ in range(12):
            if chance.random() < 0.5:
                connection = proxy.connect("h2")
                for stream in [connection.send_request(Request(fields=fields(chance))) for _ in range(20)]:
                    if chance.random() < 0.5:
                        connection.reset(stream)
                connection.close()
                continue
            connection = proxy.connect()
            for _ in range(5):
                connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in fields(chance)) + b"\r\n")
                if chance.random() < 0.4:
                    connection.abort()
                    break
                assert connection.read_response("GET").status in (200, 429)

    def change():
        rule = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]["rules"][1]
        for turn in range(8):
            rule["queue"]["most"] = 40 + turn % 3
            rule["bucket"]["burst"] = 5 + turn // 4
            proxy.configure(config)
            assert proxy.admin_response("/api/reload", "POST")[0] == 200

    with concurrent.futures.ThreadPoolExecutor(7) as pool:
        for done in [pool.submit(client, seed) for seed in range(6)] + [pool.submit(change)]:
            done.result()
    # Clients that have gone may still be noticed.
    proxy.until_stat("http.ingress.downstream_rq_active", 0)
    proxy.until_stat("http.ingress.limit.b.queue_waiting", 0)
    stats = {name: proxy.stat(f"http.ingress.limit.{name}") for name in ("first.admitted", "first.given_back", "b.admitted", "b.queued", "b.queue_full")}
    ended = sum(proxy.stat(f"http.ingress.limit.b.{how}") for how in ("queue_granted", "queue_timed_out", "queue_left"))
    assert stats["first.admitted"] - stats["first.given_back"] == stats["b.admitted"], stats
    assert 0 < ended <= stats["b.queued"] <= ended + stats["b.queue_full"], (stats, ended)


# The service's messages, as far as they are needed.

def part(number, value):
    def varint(of):
        return bytes([of & 127 | 128]) + varint(of >> 7) if of > 127 else bytes([of])
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def added(place, key, value):
    """A field that it wants to have added: 3 to the answer, 4 to the request."""
    return part(place, part(1, key) + part(2, value))


def nested(depth):
    value = part(4, 1)
    for _ in range(depth):
        value = part(5, part(1, part(1, "k") + part(2, value)))
    return part(6, part(1, part(1, "k") + part(2, value)))


OK, OVER = part(1, 1), part(1, 2)
ANSWERS = {
    # (what it says, the answer's status, whether it counts as an error)
    "lines within fields": (OK + added(4, "x-a", "b\r\nx-evil: 1") + added(4, "x-a\r\nx-evil", "1") + added(3, "x-a", "b\nx-evil: 1"), 200, False),
    "what frames": (OK + added(4, "Content-Length", "7") + added(4, "transfer-encoding", "chunked") + added(4, "host", "evil") + added(4, ":path", "/evil"), 200, False),
    "what frames the answer": (OVER + added(3, "content-length", "999") + added(3, "transfer-encoding", "chunked") + part(5, "too much"), 429, False),
    "many fields": (OK + added(4, "x-evil-not", "") * 3000, 200, False),
    "too large": (OK + added(4, "x-large", "v" * 70000), 200, True),
    "notes that are deep": (OK + nested(90), 200, True),
    "no message": (b"\xff" * 50, 200, True),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_service(pillion, serve, name):
    message, status, error = ANSWERS[name]
    frame = b"\0" + struct.pack(">I", len(message)) + message
    service = serve.http("h2", lambda request: Response(200, [("content-type", "application/grpc")], frame, [("grpc-status", "0")]))
    seen = []

    def answer(request):
        seen.append(request)
        return Response(200, [], b"here")
    server = serve.h1(answer)
    filters = [{"name": "ratelimit", "typed_config": b.any_of(
        "extensions.filters.http.ratelimit.v3.RateLimit", domain="d", timeout="20s",
        rate_limit_service={"transport_api_version": "V3", "grpc_service": {"envoy_grpc": {"cluster_name": "limits"}}})},
        {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]
    host = {"name": "all", "domains": ["*"], "rate_limits": [{"actions": [{"generic_key": {"descriptor_value": "x"}}]}], "routes": [b.route()]}
    proxy = pillion(b.bootstrap([b.listener(b.http(route_config={"virtual_hosts": [host]}, http_filters=filters))],
                                [b.cluster(server.address), b.cluster(service.address, protocol="h2", name="limits")]))
    connection = proxy.connect()
    for _ in range(2):  # the connection stays good
        got = connection.exchange(Request(path="/mine"))
        assert (got.status, got.body) == (status, b"here" if status == 200 else b"too much")
        assert not [field for field in got.fields if field[0] == "x-evil"]
    connection.close()
    assert proxy.stat("cluster.upstream.ratelimit.error") == (2 if error else 0)
    for request in seen:
        assert request.path == "/mine" and request.get("host") == "test.example" and request.get("content-length") is None
        assert not [field for field in request.fields if field[0] in ("x-evil", "transfer-encoding", "x-a")]
    assert len(seen) == (2 if status == 200 else 0)
