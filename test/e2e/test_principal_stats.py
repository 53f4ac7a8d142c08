"""Requests counted by who has sent them."""

import re

import pytest
import yaml

from peers import bootstrap as b
from peers import tls
from peers.proxy import ROOT, run

ca = tls.ca
_ID = "td.test/ns/prod/sa/"


def filters(*before, **fields):
    return [*before, {"name": "principals", "typed_config": {
        "@type": "type.googleapis.com/pillion.filters.http.principal_stats.v1.PrincipalStats", **fields}},
            {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def serving(pillion, ca, chain, concurrency=1):
    socket_ = tls.downstream(ca, validation=tls.validation(ca), required=False)
    made = tls.listener(b.http([b.direct(404, prefix="/missing"), b.direct(200)], http_filters=chain), socket_)
    return pillion(b.bootstrap([made]), concurrency=concurrency)


def ask(proxy, ca, name, path="/", times=1):
    for _ in range(times):
        with tls.connect(proxy, tls.context(ca, name)) as sock:
            tls.get(sock, path)


def test_by_principal(pillion, ca):
    proxy = serving(pillion, ca, filters(), concurrency=2)
    ask(proxy, ca, "client", times=3)
    ask(proxy, ca, "client", "/missing")
    ask(proxy, ca, "other")
    ask(proxy, ca, None, times=2)
    ask(proxy, ca, "dns")  # a certificate without a URI
    stats = {(name, kind): proxy.stat(f"http.ingress.principal.{name}.downstream_rq_{kind}") for name, kind in (
        (f"{_ID}client", "total"), (f"{_ID}client", "2xx"), (f"{_ID}client", "4xx"), (f"{_ID}other", "total"), ("unknown", "2xx"),
        ("other", "total"))}
    assert list(stats.values()) == [4, 3, 1, 1, 3, 0], stats
    text = proxy.admin("/stats/prometheus")
    assert (f'envoy_http_principal_downstream_rq_xx{{envoy_response_code_class="2",source_principal="{_ID}client",'
            'envoy_http_conn_manager_prefix="ingress"} 3\n') in text
    assert f'envoy_http_principal_downstream_rq_total{{source_principal="{_ID}other",envoy_http_conn_manager_prefix="ingress"}} 1\n' in text


def test_only_so_many(pillion, ca):
    """The bound holds for all workers together; who came too late is one of the others for ever."""
    proxy = serving(pillion, ca, filters(max_principals=1), concurrency=3)
    ask(proxy, ca, "client")
    for _ in range(4):
        ask(proxy, ca, "other")
        ask(proxy, ca, "server")
        ask(proxy, ca, "client")
    assert proxy.stat(f"http.ingress.principal.{_ID}client.downstream_rq_total") == 5
    assert proxy.stat("http.ingress.principal.other.downstream_rq_total") == 8
    names = set(re.findall(r"principal\.(\S+)\.downstream_rq_total", proxy.admin("/stats")))
    assert names == {f"{_ID}client", "other", "unknown"}


def test_what_other_filters_answer(pillion, ca):
    """Denied ones count, on whichever side of the filter that denies."""
    deny = {"name": "rbac", "typed_config": b.any_of("extensions.filters.http.rbac.v3.RBAC", rules={"action": "ALLOW"})}
    for chain in (filters(deny), [filters()[0], deny, filters()[1]]):
        proxy = serving(pillion, ca, chain)
        ask(proxy, ca, "client")
        assert proxy.stat(f"http.ingress.principal.{_ID}client.downstream_rq_4xx") == 1


@pytest.mark.parametrize("most", [0, 10001])
def test_bounds_are_refused(tmp_path, most):
    made = b.bootstrap([b.listener(b.http([b.direct(200)], http_filters=filters(max_principals=most)))])
    config = tmp_path / "bootstrap.yaml"
    config.write_text(yaml.safe_dump(made), encoding="utf-8")
    result = run(["--mode", "validate", "-c", str(config)])
    assert result.returncode == 1 and "max_principals" in result.stdout


def test_page(pillion, ca):
    page = (ROOT / "source/filters/principal_stats/README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.S)[1])["http_filters"]
    proxy = serving(pillion, ca, example + filters()[1:])
    ask(proxy, ca, "client")
    assert proxy.stat(f"http.ingress.principal.{_ID}client.downstream_rq_2xx") == 1
