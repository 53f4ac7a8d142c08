"""Access log lines, in files and on standard output."""

import json
import re

import pytest

from peers import bootstrap as b
from peers.message import Broken, Request, Response
from peers.wait import until


def lines(path, count):
    """The first `count` lines, once they are there."""
    def complete():
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        found = text.splitlines()
        return found if len(found) >= count and text.endswith("\n") else None
    found = until(complete, f"{count} lines in {path.name}")
    assert len(found) == count, found
    return found


@pytest.fixture
def logged(pillion, tmp_path):
    """logged(clusters, routes, text or json) starts a pillion with an access log; gives (proxy, function that returns its lines)."""
    def start(clusters, routes=None, text=None, json_format=None, **manager):
        path = tmp_path / "access.log"
        log = b.file_log(path, text, json_format)
        proxy = pillion(b.bootstrap([b.listener(b.http(routes, access_log=log, **manager))], clusters))
        return proxy, lambda count=1: lines(path, count)
    return start


def test_default_line(logged, serve):
    server = serve.h1(lambda request: Response(200, [], b"hello"))
    proxy, read = logged([b.cluster(server.address)])
    proxy.exchange(Request("POST", "/path?q=1", [("user-agent", "the test"), ("x-forwarded-for", "10.0.0.1"), ("x-request-id", "me")], b"abc"))
    line, = read()
    match = re.fullmatch(r'\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\] "POST /path\?q=1 HTTP/1.1" 200 - 3 5 (\d+) (\d+) "10.0.0.1" '
                         r'"the test" "me" "test.example" "127.0.0.1:(\d+)"', line)
    assert match and int(match[4]) == server.port, line


@pytest.mark.parametrize("downstream,protocol", [("h1", "HTTP/1.1"), ("h2", "HTTP/2")])
def test_text(logged, serve, downstream, protocol):
    server = serve.h1(lambda request: Response(207, [("x-made-by", "upstream")], b"12345678"))
    text = ("%REQ(:METHOD)% %REQ(X-NONE?:PATH)% %REQ(:AUTHORITY)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% "
            "%BYTES_RECEIVED% %BYTES_SENT% %RESP(X-MADE-BY)% %REQ(X-LONG):4% %REQ(X-NONE)% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% "
            "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS% 100%%\n")
    proxy, read = logged([b.cluster(server.address)], text=text)
    proxy.exchange(Request("PUT", "/p", [("x-long", "abcdefgh")], b"abc"), downstream)
    host, port = proxy.address
    assert read() == [f"PUT /p test.example {protocol} 207 - via_upstream 3 8 upstream abcd - upstream 127.0.0.1:{server.port} "
                      f"127.0.0.1 {host}:{port} 100%"]


def test_json(logged, serve):
    server = serve.h1(lambda request: Response(200, [], b"12345678"))
    proxy, read = logged([b.cluster(server.address)], json_format={
        "code": "%RESPONSE_CODE%", "path": "%REQ(:PATH)%", "sent": "%BYTES_SENT%", "flags": "%RESPONSE_FLAGS%", "none": "%REQ(X-NONE)%",
        "mixed": "%PROTOCOL% %RESPONSE_CODE%", "quoted": "%REQ(X-QUOTE)%", "nested": {"method": "%REQ(:METHOD)%"}})
    proxy.exchange(Request(path='/"p"', fields=[("x-quote", 'say "hi" \\ now')]))
    line, = read()
    assert json.loads(line) == {"code": 200, "path": '/"p"', "sent": 8, "flags": "-", "none": None, "mixed": "HTTP/1.1 200",
                                "quoted": 'say "hi" \\ now', "nested": {"method": "GET"}}


def flags_of(logged, clusters, routes=None, request=None, **manager):
    """Status, flags and details of one request."""
    proxy, read = logged(clusters, routes, text="%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n", **manager)
    try:
        proxy.exchange(request or Request())
    except (Broken, ConnectionResetError):
        pass
    return read()[0]


def test_flag_of_no_route(logged):
    assert flags_of(logged, [], [b.direct(200, prefix="/other")]) == "404 NR route_not_found"


def test_flag_of_direct_response(logged):
    assert flags_of(logged, [], [b.direct(418)]) == "418 - direct_response"


def test_flag_of_no_host(logged):
    assert flags_of(logged, [b.cluster()]) == "503 UH no_healthy_upstream"


def test_flag_of_a_failed_connection(logged):
    line = flags_of(logged, [b.cluster(("127.0.0.1", b.free_port()))])
    assert line.startswith("503 UF upstream_reset_before_response_started{remote_connection_failure"), line


def test_flag_of_a_hang_up(logged, serve):
    server = serve(lambda sock: sock.recv(65536))
    assert flags_of(logged, [b.cluster(server.address)]) == "503 UC upstream_reset_before_response_started{connection_termination}"


def test_flag_of_a_timeout(logged, serve):
    server = serve(lambda sock: [None for _ in iter(lambda: sock.recv(65536), b"")])
    assert flags_of(logged, [b.cluster(server.address)], [b.route(timeout="0.2s")]) == "504 UT response_timeout"


def test_flag_of_a_bad_answer(logged, serve):
    def script(sock):
        sock.recv(65536)
        sock.sendall(b"what?\r\n\r\n")
        sock.recv(65536)
    assert flags_of(logged, [b.cluster(serve(script).address)]).startswith("502 UPE upstream_reset_before_response_started{protocol_error")


def test_flag_of_used_up_tries(logged, serve):
    server = serve.h1(lambda request: Response(503))
    assert flags_of(logged, [b.cluster(server.address)], [b.route(retry_policy={"retry_on": "5xx"})]) == "503 URX via_upstream"


def test_flag_of_a_client_that_goes_away(logged, serve):
    server = serve(lambda sock: [None for _ in iter(lambda: sock.recv(65536), b"")])
    proxy, read = logged([b.cluster(server.address)], text="%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n")
    connection = proxy.connect()
    connection.send_request(Request())
    proxy.until_stat("cluster.upstream.upstream_rq_active", 1)
    connection.abort()
    assert read()[0].startswith("0 DC downstream_remote_disconnect")


def test_flag_of_a_bad_request(logged):
    proxy, read = logged([], [b.direct(200)], text="%RESPONSE_CODE% %RESPONSE_FLAGS%\n")
    connection = proxy.connect()
    connection.send(b"GET / HTTP/1.1\r\nhost : a\r\n\r\n")
    assert connection.read_response().status == 400
    connection.close()
    assert read() == ["400 DPE"]


def test_standard_output(pillion, serve):
    server = serve.h1(lambda request: Response(200, [], b"x"))
    log = [{"name": "envoy.access_loggers.stdout",
            "typed_config": b.any_of("extensions.access_loggers.stream.v3.StdoutAccessLog",
                                     log_format={"text_format_source": {"inline_string": "LINE %REQ(:PATH)% %RESPONSE_CODE%\n"}})}]
    proxy = pillion(b.bootstrap([b.listener(b.http(access_log=log))], [b.cluster(server.address)]))
    proxy.exchange(Request(path="/out"))
    until(lambda: "LINE /out 200\n" in proxy.log(), "the line on standard output")


def test_lines_of_several_workers_are_whole(pillion, serve, tmp_path):
    path = tmp_path / "access.log"
    server = serve.h1(lambda request: Response(200, [], b"x"))
    log = b.file_log(path, text="<%REQ(:PATH)% %REQ(X-PAD)%>\n")
    proxy = pillion(b.bootstrap([b.listener(b.http(access_log=log))], [b.cluster(server.address)]), concurrency=4)
    pad = "p" * 500
    for number in range(200):
        proxy.exchange(Request(path=f"/{number}", fields=[("x-pad", pad)]))
    assert sorted(lines(path, 200)) == sorted(f"</{number} {pad}>" for number in range(200))


def test_file_is_opened_again_after_sigusr1(pillion, serve, tmp_path):
    """What a log rotation does: rename, then signal."""
    import signal
    path = tmp_path / "access.log"
    server = serve.h1(lambda request: Response(200, [], b"x"))
    proxy = pillion(b.bootstrap([b.listener(b.http(access_log=b.file_log(path, text="%REQ(:PATH)%\n")))], [b.cluster(server.address)]))
    proxy.exchange(Request(path="/before"))
    assert lines(path, 1) == ["/before"]
    path.rename(tmp_path / "access.log.1")
    proxy.process.send_signal(signal.SIGUSR1)
    until(lambda: proxy.exchange(Request(path="/after")) and path.exists(), "a new file")
    assert set(lines(tmp_path / "access.log.1", len((tmp_path / "access.log.1").read_text().splitlines()))) <= {"/before", "/after"}


def test_filters(pillion, serve, tmp_path):
    """Each log has the lines that its filter is for: of all requests, of failures, of one header, of a part."""
    server = serve.h1(lambda request: Response(503 if request.path == "/bad" else 200, []))
    wanted = {"all": None,
              "failed": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 500, "runtime_key": "log.failed"}}}},
              "flagged": {"response_flag_filter": {}},
              "no route": {"response_flag_filter": {"flags": ["NR"]}},
              "marked": {"and_filter": {"filters": [{"header_filter": {"header": {"name": "x-log"}}},
                                                    {"not_health_check_filter": {}}]}},
              "none": {"runtime_filter": {"runtime_key": "log.none", "percent_sampled": {"numerator": 0}}}}
    logs = []
    for name, condition in wanted.items():
        log, = b.file_log(tmp_path / name, "%REQ(:PATH)%\n")
        logs.append(log | ({"filter": condition} if condition else {}))
    routes = [{"match": {"prefix": path}, "route": {"cluster": "upstream"}} for path in ("/good", "/bad")]
    proxy = pillion(b.bootstrap([b.listener(b.http(routes, access_log=logs))], [b.cluster(server.address)]))
    for path, fields in [("/good", []), ("/bad", []), ("/else", []), ("/good", [("x-log", "1")])]:
        proxy.exchange(Request(path=path, fields=fields))
    assert lines(tmp_path / "all", 4) == ["/good", "/bad", "/else", "/good"]
    proxy.stop()
    assert {name: (tmp_path / name).read_text().split() for name in wanted if name != "all"} == {
        "failed": ["/bad"], "flagged": ["/else"], "no route": ["/else"], "marked": ["/good"], "none": []}
