"""Names in TLS: which certificate a client is shown, and whom upstream is asked for and has to be."""

import ssl
import subprocess

import pytest

from peers import bootstrap as b
from peers.message import Request
from peers.tls import ca, connect, context, downstream, listener, serving, upstream, validation  # noqa: F401
from peers.wait import until


def test_certificates_by_server_name(pillion, ca):
    proxy = serving(pillion, downstream(ca, "server", "dns", "rsa"))
    made = context(ca)
    def subject(name):
        with connect(proxy, made, name) as sock:
            return dict(field[0] for field in sock.getpeercert()["subject"])["commonName"]
    assert subject("a.example.test") == "dns" and subject("b.test") == "server"


def test_names_of_requests(pillion, ca):
    """auto_sni and auto_san_validation: the request's host is asked for, and the certificate must be of it."""
    inner = pillion(b.bootstrap([listener(b.http([{"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": [
        {"header": {"key": "x-sni", "value": "%REQUESTED_SERVER_NAME%"}}]}]), downstream(ca, "dns"))]))
    outer = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(
        inner.address, transport_socket=upstream(ca, None, validation(ca)),
        http_options={"upstream_http_protocol_options": {"auto_sni": True, "auto_san_validation": True}})]))
    for name in ("a.example.test", "b.example.test"):
        answer = outer.exchange(Request("GET", "/", [("host", f"{name}:80")]))
        assert answer.status == 200 and answer.get("x-sni") == name
    assert outer.exchange(Request("GET", "/", [("host", "evil.test")])).status == 503
    assert outer.stat("cluster.upstream.ssl.fail_verify_san") >= 1


def test_transport_that_filters_noted(pillion, ca, serve):
    """Filter state under Envoy's names: what is asked for and offered, and whose the certificate must be. Each has connections of its own."""
    def script(sock):
        made, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
        made.load_cert_chain(ca.folder / "dns.pem", ca.folder / "dns.key")
        made.set_alpn_protocols(["one", "two"])
        made.sni_callback = lambda _, name, __: asked.append(name)
        try:
            with made.wrap_socket(sock, server_side=True) as secured:
                while secured.recv(65536):
                    body = f"{asked[0] if asked else None} {secured.selected_alpn_protocol()}".encode()
                    secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        except OSError:
            pass  # who is not believed is told so

    def noted(field, name, **more):
        text = {"omit_empty_values": True, "text_format_source": {"inline_string": f"%REQ({field})%"}}
        return {"object_key": f"envoy.network.{name}", "format_string": text, "skip_if_empty": True, **more}
    objects = [noted("x-name", "upstream_server_name", shared_with_upstream="ONCE"), noted("x-sans", "upstream_subject_alt_names"),
               noted("x-alpn", "application_protocols")]
    filters = [{"name": "state", "typed_config": b.any_of("extensions.filters.http.set_filter_state.v3.Config", on_request_headers=objects)},
               {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters))], [b.cluster(serve(script).address, transport_socket=upstream(
        ca, None, validation(ca), sni="of.cluster"))]))

    def ask(**fields):
        answer = proxy.exchange(Request(fields=[(f"x-{name}", value) for name, value in fields.items()]))
        return answer.body.decode() if answer.status == 200 else answer.status
    assert ask() == "of.cluster None"
    assert ask(name="of.request") == "of.request None"
    assert ask(alpn="nobody,two") == "of.cluster two"
    assert ask(sans="a.example.test") == ask(sans="nobody.test,localhost") == "of.cluster None"
    assert ask(sans="nobody.test") == ask(sans=",") == 503
    assert proxy.stat("cluster.upstream.ssl.fail_verify_san") >= 2
    assert ask(name="a.example.test", sans="a.example.test", alpn="one") == "a.example.test one"
    assert proxy.stat("cluster.upstream.upstream_cx_active") == 6  # one of each kind that was good


def test_server_names(pillion, ca):
    """sni, and the host's own name instead; the certificate has to be of it where that is asked for."""
    inner = pillion(b.bootstrap([listener(b.http([{"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": [
        {"header": {"key": "x-sni", "value": "%REQUESTED_SERVER_NAME%"}}]}]), downstream(ca, "dns"))]))

    def outer(hostname="", **fields):
        where = b.cluster(inner.address, transport_socket=upstream(ca, None, validation(ca), **fields))
        where["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = hostname
        return pillion(b.bootstrap([b.listener(b.http())], [where])).exchange(Request("GET", "/"))

    assert outer(sni="any.test").get("x-sni") == "any.test"
    assert outer("own.example.test", sni="any.test", auto_host_sni=True).get("x-sni") == "own.example.test"
    assert outer("own.example.test", auto_host_sni=True, auto_sni_san_validation=True).status == 200
    assert outer("own.evil.test", auto_host_sni=True, auto_sni_san_validation=True).status == 503


def test_the_field_that_names_the_server(pillion, ca):
    inner = pillion(b.bootstrap([listener(b.http([{"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": [
        {"header": {"key": "x-sni", "value": "%REQUESTED_SERVER_NAME%"}}]}]), downstream(ca, "dns"))]))
    outer = pillion(b.bootstrap([b.listener(b.http())], [b.cluster(
        inner.address, transport_socket=upstream(ca, None, validation(ca)),
        http_options={"upstream_http_protocol_options": {"auto_sni": True, "override_auto_sni_header": "x-name"}})]))
    assert outer.exchange(Request("GET", "/", [("host", "a.test"), ("x-name", "b.test")])).get("x-sni") == "b.test"
    assert outer.exchange(Request("GET", "/", [("host", "a.test")])).get("x-sni") == "a.test"


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_a_host_of_another_chain(pillion, ca, tmp_path, alpn):
    """J20. 421 where another chain is for that host; not where it is the same chain, or one that names none."""
    def chain(text, *names):
        made = {"filters": [b.http([b.direct(200, text)], name=text, access_log=b.file_log(log, "%RESPONSE_CODE_DETAILS%\\n"))],
                "transport_socket": downstream(ca), "name": text}
        return made | ({"filter_chain_match": {"server_names": list(names)}} if names else {})

    log = tmp_path / "log"
    made = b.listener(b.http())
    made["filter_chains"] = [chain("one", "one.test", "*.wide.test"), chain("two", "two.test"), chain("all")]
    made["listener_filters"] = [{"name": "tls", "typed_config": b.any_of("extensions.filters.listener.tls_inspector.v3.TlsInspector")}]
    proxy = pillion(b.bootstrap([made]))

    def ask(name, host):
        command = ["curl", "-sk", "--max-time", "20", "--http1.1" if alpn == "http/1.1" else "--http2", "--noproxy", "*", "-w", " %{http_code}",
                   "-H", f"host: {host}"]
        if name:
            command += ["--connect-to", f"{name}:{proxy.address[1]}:127.0.0.1:{proxy.address[1]}", f"https://{name}:{proxy.address[1]}/"]
        else:
            command += [f"https://127.0.0.1:{proxy.address[1]}/"]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    for name, host in (("one.test", "one.test"), ("one.test", "ONE.test:443"), ("one.test", "a.wide.test"), ("b.wide.test", "one.test."),
                       ("one.test", "other.test")):
        assert ask(name, host) == "one 200", (name, host)
    for name, host in (("one.test", "two.test"), ("one.test", "Two.Test:8443"), ("a.wide.test", "two.test."), ("two.test", "c.wide.test"),
                       ("other.test", "one.test")):
        assert ask(name, host) == " 421", (name, host)
    assert ask(None, "two.test") == "all 200"  # a client that names nobody is for who takes such
    until(lambda: log.read_text().count("misdirected_request") == 5, "the log says why")
