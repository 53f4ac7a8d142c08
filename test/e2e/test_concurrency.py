"""A service that can do only so much at once is asked for more: how much that is, is learned, and who matters least is refused."""

import signal
import threading
import time

from peers import bootstrap as b
from peers.message import Request, Response
from peers.traffic import meanwhile
from peers.wait import until

AT_ONCE = 4  # that the service does
TAKES = 0.02  # seconds

LIMIT = {"@type": "type.googleapis.com/pillion.filters.http.concurrency.v1.Concurrency", "name": "api",
         "priority": "request.headers['x-priority']", "retry_after": "1s"}


def manager(**fields):
    filters = [{"name": "concurrency", "typed_config": LIMIT},
               {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]
    return b.http(http_filters=filters, **fields)


class Client:
    """Asks again and again, over a connection of its own; who is refused waits a moment."""

    def __init__(self, proxy, priority):
        self.proxy = proxy
        self.request = Request("GET", "/", [("x-priority", priority)])
        self.served = self.refused = 0
        self.others = []

    def __call__(self, stop):
        connection = self.proxy.connect()
        while not stop.is_set():
            response = connection.exchange(self.request)
            if response.status == 200:
                self.served += 1
            elif response.status == 503 and response.get("retry-after") == "1" and response.body == b"too many requests are in flight":
                self.refused += 1
                stop.wait(TAKES / 4)
            else:
                self.others.append(response)
        connection.close()


def test_a_service_of_fixed_concurrency(pillion, serve, tmp_path):
    slots = threading.Semaphore(AT_ONCE)

    def answer(_):
        with slots:
            time.sleep(TAKES)  # what the service does
        return Response(200, [])

    log = tmp_path / "log"
    text = ("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.concurrency:name)% "
            "%DYNAMIC_METADATA(pillion.concurrency:priority)%\n")
    server = serve.h1(answer)
    proxy = pillion(b.bootstrap([b.listener(manager(access_log=b.file_log(log, text)))], [b.cluster(server.address)]), concurrency=2)
    many = [Client(proxy, "LOW") for _ in range(28)]
    few = [Client(proxy, "HIGH") for _ in range(2)]
    assert proxy.stat("concurrency.api.limit") == 20
    with meanwhile(*many, *few):
        until(lambda: 0 < proxy.stat("concurrency.api.limit") <= 16, "a limit near what the service can do", 30)
        before = [client.served for client in few], [client.refused for client in few]
        until(lambda: all(client.served - was >= 50 for client, was in zip(few, before[0])), "answers to those that matter", 30)
        assert proxy.stat("concurrency.api.limit") > AT_ONCE / 2
    assert not [client.others for client in (*many, *few) if client.others]
    served, refused = (sum(getattr(client, kind) - was for client, was in zip(few, then))
                       for kind, then in zip(("served", "refused"), before))
    assert refused <= served / 5
    assert sum(client.refused for client in many) > sum(client.served for client in few)
    assert proxy.stat("concurrency.api.refused_low") == sum(client.refused for client in many)
    assert proxy.stat("concurrency.api.in_flight") == 0
    assert proxy.stat("concurrency.api.unloaded_latency_us") >= TAKES * 1e6 * 0.9
    until(lambda: "503 UO concurrency_limit api LOW\n" in log.read_text(encoding="utf-8"), "the line of a request that was refused")


def test_what_was_learned_outlives_a_reload(pillion, serve):
    """Of the same name and bounds."""
    def answer(_):
        time.sleep(TAKES)
        return Response(200, [])

    config = b.bootstrap([b.listener(manager())], [b.cluster(serve.h1(answer).address)])
    proxy = pillion(config)

    def learned():
        assert proxy.exchange(Request()).status == 200
        return proxy.stat("concurrency.api.unloaded_latency_us")

    before = until(learned, "a latency that is learned", 20)
    assert before >= TAKES * 1e6 * 0.9
    config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"] = [manager(server_name="changed")]
    proxy.configure(config)
    proxy.process.send_signal(signal.SIGHUP)
    until(lambda: proxy.stat("server.reloads") == 1, "the file was read again")
    until(lambda: proxy.exchange(Request()).get("server") == "changed", "the other listener")
    assert proxy.stat("concurrency.api.unloaded_latency_us") >= TAKES * 1e6 * 0.9
