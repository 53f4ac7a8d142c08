"""What only HTTP/2 has: conformance by h2spec, and what becomes of connections on either side."""

import re
import subprocess

import pytest

from peers import bootstrap as b
from peers import http2
from peers.message import Request, Response
from peers.programs import CACHE, nghttpd, nginx


@pytest.mark.timeout(240)
@pytest.mark.parametrize("upstream", ["h2"])
@pytest.mark.parametrize("codec", ["AUTO", "HTTP2"])
def test_h2spec(pillion, program, tmp_path, upstream, codec):
    """Each and every one of its cases. The upstream answers when the request has ended: an answer that comes before, as nginx gives to
    a POST, may be out before the frames that are wrong come in."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www/index.html").write_text("hello\n", encoding="utf-8")
    server = program(nginx if upstream == "h1" else nghttpd, tmp_path)
    proxy = pillion(b.bootstrap([b.listener(b.http(codec=codec))], [b.cluster(server.address, protocol=upstream)]))
    result = subprocess.run([str(CACHE / "h2spec"), "-h", proxy.address[0], "-p", str(proxy.address[1]), "-o", "2"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200, check=False)
    totals = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", result.stdout)
    assert totals, result.stdout
    failures = result.stdout.partition("Failures:")[2]
    if codec == "HTTP2":
        assert totals.groups() == ("145", "145", "0", "0"), failures
    else:  # what does not begin with the preface is HTTP/1, and is answered as such
        assert totals.groups() == ("145", "144", "0", "1") and "Sends invalid connection preface" in failures, failures
    proxy.until_stat("http.ingress.downstream_rq_active", 0)


def test_streams_beyond_what_the_upstream_allows_wait(pillion, serve):
    """Its SETTINGS_MAX_CONCURRENT_STREAMS is kept."""
    server = serve.h2(lambda request: Response(200, [], request.path.encode()), settings={http2.h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 5})
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h2")]))
    connection = proxy.connect("h2")
    streams = [connection.send_request(Request(path=f"/{number}")) for number in range(50)]
    assert [connection.response(stream).body for stream in streams] == [b"/%d" % number for number in range(50)]
    connection.close()


def test_upstream_goaway_moves_on(pillion, serve):
    """A connection that said GOAWAY takes no new stream; nobody notices."""
    def script(sock):
        connection = http2.Connection(sock, client=False)
        connection.until(lambda: [stream for stream in connection.streams.values() if stream.ended], "a request")
        (stream_id, _), = connection.streams.items()
        connection.h2.close_connection(last_stream_id=stream_id)
        connection.flush()
        connection.h2.state_machine.state = http2.h2.connection.ConnectionState.SERVER_OPEN  # the library would send nothing more
        connection.send_response(stream_id, Response(200, [], b"last"))
        connection.closed()

    server = serve(script)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h2")]))
    for _ in range(5):
        assert proxy.exchange(Request()).body == b"last"
    assert server.accepted == 5


def test_refused_stream_is_tried_again(pillion, serve):
    """REFUSED_STREAM: the upstream has not looked at it."""
    refused = []

    def script(sock):
        connection = http2.Connection(sock, client=False)
        while not connection.ended:
            connection.pump()
            for stream_id, stream in list(connection.streams.items()):
                if stream.ended:
                    del connection.streams[stream_id]
                    if not refused:
                        refused.append(stream_id)
                        connection.reset(stream_id, http2.h2.errors.ErrorCodes.REFUSED_STREAM)
                    else:
                        connection.send_response(stream_id, Response(200, [], b"second"))

    route = b.route(retry_policy={"retry_on": "refused-stream"})
    proxy = pillion(b.bootstrap([b.listener(b.http([route]))], [b.cluster(serve(script).address, protocol="h2")]))
    assert proxy.exchange(Request()).body == b"second"
    assert len(refused) == 1


def test_slow_stream_does_not_hold_the_others_up(pillion, serve):
    """A client that takes nothing of one response still gets the others, on the same connection."""
    body = b"b" * (1 << 20)
    server = serve.h1(lambda request: Response(200, [], body if request.path == "/slow" else b"quick"))
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    connection = http2.connect(proxy.address, settings={http2.h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 65535})
    connection.auto_credit = False
    slow = connection.send_request(Request(path="/slow"))
    connection.until(lambda: len(connection.streams[slow].body) == 65535, "a window full")
    for _ in range(10):
        assert connection.exchange(Request()).body == b"quick"
    connection.auto_credit = True
    connection.h2.increment_flow_control_window(len(body), slow)
    connection.flush()
    assert connection.response(slow).body == body
    connection.close()


@pytest.mark.parametrize("upstream", [nginx, nghttpd], ids=["h1", "h2"])
def test_client_that_reads_nothing_costs_no_memory(pillion, program, tmp_path, upstream):
    """Large responses wait at the upstream."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www/large").write_bytes(b"b" * (32 << 20))
    server = program(upstream, tmp_path)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h1" if upstream is nginx else "h2")]))
    before = proxy.rss_kib()
    connection = http2.connect(proxy.address, settings={http2.h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 65535})
    connection.auto_credit = False
    streams = [connection.send_request(Request(path="/large")) for _ in range(4)]
    connection.until(lambda: all(len(connection.streams[stream].body) == 65535 for stream in streams), "four windows full")
    assert proxy.rss_kib() - before < 16 * 1024
    connection.close()
