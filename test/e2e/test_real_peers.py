"""Servers and clients that people use: nginx, nghttpd, curl, h2load."""

import hashlib
import os

import pytest

from peers import bootstrap as b
from peers.programs import curl, h2load, nghttpd, nginx, url

SIZES = [0, 1, 1000, 65536, 1 << 20, 10 << 20]
CURL = {"h1": ["--http1.1"], "h2": ["--http2-prior-knowledge"]}


@pytest.fixture(scope="module")
def www(tmp_path_factory):
    """A folder with a file of each size."""
    folder = tmp_path_factory.mktemp("files")
    for size in SIZES:
        (folder / f"{size}").write_bytes(os.urandom(size))
    return folder


@pytest.fixture(params=["nginx", "nghttpd"])
def proxy(request, pillion, program, tmp_path, www):
    """Before a real server that serves `www`: nginx over HTTP/1.1, nghttpd over HTTP/2."""
    (tmp_path / "www").symlink_to(www)
    server = program(nginx if request.param == "nginx" else nghttpd, tmp_path)
    return pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h1" if request.param == "nginx" else "h2")]))


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_curl_gets_files(proxy, www, downstream):
    for size in SIZES:
        report, body = curl(*CURL[downstream], url(proxy.address, f"/{size}"))
        assert (report["exitcode"], report["http_code"], report["http_version"]) == (0, 200, "1.1" if downstream == "h1" else "2")
        assert hashlib.sha256(body).digest() == hashlib.sha256((www / f"{size}").read_bytes()).digest()


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_curl_head_and_missing(proxy, downstream):
    report, body = curl(*CURL[downstream], "--head", url(proxy.address, "/65536"))
    assert report["http_code"] == 200 and b"content-length: 65536" in body.lower()
    report, _ = curl(*CURL[downstream], url(proxy.address, "/missing"))
    assert report["http_code"] == 404


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_curl_asks_whether_a_file_is_new(proxy, downstream):
    _, head = curl(*CURL[downstream], "--head", url(proxy.address, "/1000"))
    since, = [line.partition(":")[2].strip() for line in head.decode().splitlines() if line.lower().startswith("last-modified:")]
    report, body = curl(*CURL[downstream], "--header", f"if-modified-since: {since}", url(proxy.address, "/1000"))
    assert (report["http_code"], body) == (304, b"")


@pytest.mark.parametrize("downstream", ["h1", "h2"])
@pytest.mark.parametrize("size", SIZES)
def test_curl_uploads(pillion, program, tmp_path, downstream, size):
    """nghttpd sends back what it gets."""
    server = program(nghttpd, tmp_path, "--echo-upload")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h2")]))
    data = os.urandom(size)
    for framing in ([], ["--header", "transfer-encoding: chunked"] if downstream == "h1" else []):
        report, body = curl(*CURL[downstream], *framing, "--data-binary", "@-", url(proxy.address), data=data)
        assert (report["exitcode"], report["http_code"]) == (0, 200)
        assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("downstream", ["h1", "h2"])
def test_curl_uploads_to_nginx(pillion, program, tmp_path, downstream):
    """nginx answers behind a body that it has read whole; by --expect100 curl waits for the word to go on."""
    server = program(nginx, tmp_path, "location /up { client_body_in_file_only clean; proxy_pass http://127.0.0.1:1; error_page 502 =201 /done; } "
                                     "location /done { return 201 $content_length; }")
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address)]))
    for extra in ([], ["--header", "expect: 100-continue"]):
        report, body = curl(*CURL[downstream], *extra, "--data-binary", "@-", url(proxy.address, "/up"), data=os.urandom(3_000_000))
        assert (report["exitcode"], report["http_code"], body) == (0, 201, b"3000000")


@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("options", [["--h1"], []], ids=["h1", "h2"])
@pytest.mark.parametrize("upstream", [nginx, nghttpd], ids=["nginx", "nghttpd"])
def test_h2load(pillion, program, tmp_path, upstream, options, concurrency):
    (tmp_path / "www").mkdir()
    (tmp_path / "www/index.html").write_text("hello\n" * 6, encoding="utf-8")
    server = program(upstream, tmp_path)
    proxy = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(server.address, protocol="h1" if upstream is nginx else "h2")]),
                    concurrency=concurrency)
    report = h2load(proxy.address, *options, "-n2000", "-c16", "-m8", path="/index.html")
    assert (report["succeeded"], report["2xx"], report["failed"], report["errored"]) == (2000, 2000, 0, 0)
    assert proxy.stat("cluster.upstream.upstream_rq_200") == 2000
    assert proxy.stat("http.ingress.downstream_cx_total") == 16
