"""Who may do what, by certificate: principals in HTTP requests and in plain bytes."""

import re

import pytest
import yaml

from peers import bootstrap as b
from peers import tls
from peers.certificates import Authority
from peers.message import Request, Response
from peers.proxy import ROOT
from peers.wait import until

ca = tls.ca
_HTTP = "extensions.filters.http.rbac.v3.RBAC"
_NETWORK = "extensions.filters.network.rbac.v3.RBAC"
_ID = "spiffe://td.test/ns/prod/sa/"


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A client whose certificate has names of all kinds."""
    authority = Authority(tmp_path_factory.mktemp("several"))
    authority.issue("server")
    authority.issue("client", "URI:spiffe://td.test/a,DNS:dns.test,URI:spiffe://td.test/b")
    return authority


def policy(**principal):
    return {"permissions": [{"any": True}], "principals": [principal]}


def named(**matcher):
    return policy(authenticated={"principal_name": matcher})


def rules(action="ALLOW", **policies):
    return {"action": action, "policies": policies}


def filters(**fields):
    return [{"name": "rbac", "typed_config": b.any_of(_HTTP, **fields)},
            {"name": "router", "typed_config": b.any_of("extensions.filters.http.router.v3.Router")}]


def serving(pillion, authority, required=True, log=None, **fields):
    socket_ = tls.downstream(authority, validation=tls.validation(authority), required=required)
    more = {"access_log": b.file_log(log, "%RESPONSE_CODE_DETAILS%\n")} if log else {}
    return tls.serving(pillion, socket_, http_filters=filters(**fields), **more)


def status(proxy, authority, name="client"):
    with tls.connect(proxy, tls.context(authority, name)) as sock:
        return tls.get(sock).status


def test_by_principal(pillion, ca, tmp_path):
    log = tmp_path / "log"
    proxy = serving(pillion, ca, log=log, rules=rules(
        "DENY", **{"no one else": policy(not_id={"authenticated": {"principal_name": {"exact": _ID + "client"}}})}))
    assert status(proxy, ca) == 200
    assert status(proxy, ca, "other") == 403
    until(lambda: log.exists() and log.read_text().count("\n") == 2, "the log has two lines")
    assert log.read_text().splitlines() == ["direct_response", "rbac_access_denied_matched_policy[no_one_else]"]
    assert proxy.stat("http.ingress.rbac.allowed") == proxy.stat("http.ingress.rbac.denied") == 1


def test_denials_in_the_log(pillion, ca):
    """For who debugs it: which policy, whom, what. Others are not told."""
    others = policy(not_id={"authenticated": {"principal_name": {"exact": _ID + "client"}}})
    proxy = serving(pillion, ca, rules=rules("DENY", **{"no one else": others}))
    assert status(proxy, ca, "other") == 403
    assert "denied by" not in proxy.log()
    proxy.admin("/logging?rbac=debug", "POST")
    assert status(proxy, ca) == 200 and status(proxy, ca, "other") == 403
    until(lambda: "denied by" in proxy.log(), "the log has a line")
    line, = [line for line in proxy.log().splitlines() if "denied by" in line]
    assert f'[debug][rbac] denied by policy "no one else": GET / of "{_ID}other" from 127.0.0.1 port ' in line


@pytest.mark.parametrize(("matcher", "fits"), [
    ({"exact": "spiffe://td.test/b"}, True), ({"exact": "dns.test"}, True), ({"exact": "CN=client,O=test"}, True),
    ({"safe_regex": {"regex": "spiffe://td.test/[ab]"}}, True), ({"suffix": "TEST", "ignore_case": True}, True),
    ({"exact": "spiffe://td.test/c"}, False), ({"prefix": "spiffe://other"}, False)])
def test_names_of_all_kinds(pillion, several, matcher, fits):
    proxy = serving(pillion, several, rules=rules(p=named(**matcher)))
    assert status(proxy, several) == (200 if fits else 403)


def test_a_client_without_a_certificate_is_nobody(pillion, ca):
    proxy = serving(pillion, ca, required=False, rules=rules(p=policy(authenticated={})))
    assert status(proxy, ca) == 200
    assert status(proxy, ca, None) == 403


def test_a_header_names_the_rule(pillion, ca, tmp_path):
    """Where it is configured, as the filter's page has it; the log and the notes name it in any case."""
    page = (ROOT / "source/filters/rbac/README.md").read_text(encoding="utf-8")
    example, = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.S) if "local_reply_config" in text]
    log = tmp_path / "log"
    line = "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%\n"
    proxy = tls.serving(pillion, tls.downstream(ca, validation=tls.validation(ca)), access_log=b.file_log(log, line),
                        http_filters=filters(rules=rules("DENY", others=named(exact=_ID + "other"))), **example)
    with tls.connect(proxy, tls.context(ca, "other")) as sock:
        answer = tls.get(sock)
    assert (answer.status, answer.get("x-denied-by")) == (403, "rbac_access_denied_matched_policy[others]")
    with tls.connect(proxy, tls.context(ca, "client")) as sock:
        assert tls.get(sock).get("x-denied-by") is None
    until(lambda: log.exists() and log.read_text().count("\n") == 2, "the log has two lines")
    assert log.read_text().splitlines()[0] == "403 rbac_access_denied_matched_policy[others] others"


@pytest.mark.parametrize("kind", ["exact", "prefix", "regex"])
@pytest.mark.parametrize("form", ["policies", "tree"])
def test_thousand_principals(pillion, ca, kind, form):
    """In whatever form they come, the one that fits is found, and nobody else gets in."""
    def matcher(name):
        return {"safe_regex": {"regex": f"{re.escape(_ID)}{name}(-v[0-9]+)?"}} if kind == "regex" else {kind: _ID + name}

    names = [f"n{i}" for i in range(999)] + ["client"]
    if form == "policies":
        fields = {"rules": rules(**{name: named(**matcher(name)) for name in names})}
    else:
        extension = lambda message, **fields: {"name": "n", "typed_config": b.any_of(message, **fields)}  # noqa: E731
        uri = extension("extensions.matching.common_inputs.ssl.v3.UriSanInput")
        action = {"name": "n", "typed_config": {"@type": "type.googleapis.com/envoy.config.rbac.v3.Action", "name": "allowed"}}
        fields = {"matcher": {"matcher_list": {"matchers": [
            {"predicate": {"single_predicate": {"input": uri, "value_match": matcher(name)}}, "on_match": {"action": action}}
            for name in names]}}}
    proxy = serving(pillion, ca, **fields)
    assert status(proxy, ca) == 200
    assert status(proxy, ca, "other") == 403


def test_thousand_policies(pillion, ca):
    others = {f"p{i}": named(exact=f"{_ID}{i}") for i in range(1000)}
    proxy = serving(pillion, ca, rules=rules(**others, last=named(exact=_ID + "client")))
    assert status(proxy, ca) == 200
    assert status(proxy, ca, "other") == 403


def test_matcher_tree(pillion, ca):
    """As Kuma sends it."""
    extension = lambda message, **fields: {"name": "n", "typed_config": b.any_of(message, **fields)}  # noqa: E731
    act = lambda name, action: {"action": {"name": "n", "typed_config": {  # noqa: E731
        "@type": "type.googleapis.com/envoy.config.rbac.v3.Action", "name": name, "action": action}}}
    uri = extension("extensions.matching.common_inputs.ssl.v3.UriSanInput")
    proxy = serving(pillion, ca, matcher={
        "matcher_list": {"matchers": [{"predicate": {"single_predicate": {"input": uri, "value_match": {"exact": _ID + "client"}}},
                                       "on_match": act("client", "ALLOW")}]},
        "on_no_match": act("default", "DENY")})
    assert status(proxy, ca) == 200
    assert status(proxy, ca, "other") == 403


def test_plain_bytes(pillion, ca, tmp_path):
    """The network filter, behind TLS; the listener's log names the policy."""
    log = tmp_path / "log"
    made = tls.listener(b.http([b.direct(200, "hello")]), tls.downstream(ca, validation=tls.validation(ca)),
                        access_log=b.file_log(log, "%CONNECTION_TERMINATION_DETAILS%\n"))
    made["filter_chains"][0]["filters"].insert(0, {"name": "rbac", "typed_config": b.any_of(
        _NETWORK, stat_prefix="guard", rules=rules("DENY", other=named(exact=_ID + "other")))})
    proxy = pillion(b.bootstrap([made]))
    assert status(proxy, ca) == 200
    with tls.connect(proxy, tls.context(ca, "other")) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert sock.recv(1) == b""
    until(lambda: log.exists() and "policy[other]" in log.read_text(), "the log says why")
    assert proxy.stat("guard.rbac.allowed") == proxy.stat("guard.rbac.denied") == 1


def test_example_of_the_page(pillion, tmp_path):
    """The filter's page: who may read, by certificate, may read what it says and nothing else."""
    text = (ROOT / "source/filters/rbac/README.md").read_text(encoding="utf-8")
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.S)[1])["http_filters"]
    authority = Authority(tmp_path, trust_domain="example.org")
    for name in ("server", "client"):
        authority.issue(name, "URI:spiffe://example.org/ns/prod/sa/web" if name == "client" else None)
    proxy = tls.serving(pillion, tls.downstream(authority, validation=tls.validation(authority)), http_filters=example + filters()[1:])
    with tls.connect(proxy, tls.context(authority, "client")) as sock:
        assert tls.get(sock, "/docs/a").status == 200
        assert tls.get(sock, "/other").status == 403
    assert status(proxy, authority, "server") == 403


# What is another path than /admin or /admin/...: those that are let through, as the upstream sees them.
_OTHER_PATHS = {"/ADMIN": "/ADMIN", "/public/%252e%252e/admin": "/public/%252e%252e/admin", "/public?x=/../admin": "/public?x=/../admin",
                "/public%3f/admin": "/public%3f/admin", "/public//..//admin": "/public/admin"}
_SLIPPING = ["/admin", "/admin/", "/admin?x", "/public/../admin", "/public/%2e%2e/admin", "/public/%2E%2e/admin", "/public/.%2e/admin", "//admin",
             "/./admin", "/%61dmin", "/%61%64min", "/../../admin", "/public\\..\\admin", "/public/..%2fadmin", "/public%5c..%5cadmin",
             "/admin%2f", "/public/..;/admin", "/admin/.", "/admin/../admin"]


@pytest.mark.parametrize("path", _SLIPPING + list(_OTHER_PATHS))
def test_paths_that_try_to_slip_by(pillion, serve, path):
    """F1 to F8, F12, F14, F17. Rules see what the upstream would: it never gets to see what is denied."""
    seen = []

    def answer(request):
        seen.append(request.path)
        return Response(200, [], b"hello")

    denied = {"permissions": [{"url_path": {"path": {"exact": "/admin"}}}, {"url_path": {"path": {"prefix": "/admin/"}}}], "principals": [{"any": True}]}
    manager = {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}
    proxy = pillion(b.bootstrap([b.listener(b.http(http_filters=filters(rules=rules("DENY", admin=denied)), **manager))],
                                [b.cluster(serve.h1(answer).address)]))
    code = proxy.exchange(Request("GET", path)).status
    if path in _OTHER_PATHS:
        assert (code, seen) == (200, [_OTHER_PATHS[path]])
    else:
        assert code in (400, 403) and not seen


@pytest.mark.parametrize(("action", "negated", "let_in"), [("ALLOW", False, ["user"]), ("DENY", True, ["user"]), ("DENY", False, ["admin"]), ("ALLOW", True, ["admin"])])
@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_a_value_that_is_divided(pillion, action, negated, let_in, protocol):
    """G1. Which of two values the upstream takes nobody knows here, so they open nothing."""
    header = {"header": {"name": "x-role", "string_match": {"exact": "user"}}}
    one = {"permissions": [{"not_rule": header} if negated else header], "principals": [{"any": True}]}
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)], http_filters=filters(rules=rules(action, p=one))))]))
    for said in (["user"], ["admin"], ["user", "admin"], ["admin", "user"]):
        code = proxy.exchange(Request("GET", "/", [("x-role", value) for value in said]), protocol).status
        assert code == (200 if said == let_in else 403), said


def test_a_name_of_another_trust_domain(pillion, ca, tmp_path):
    """J13. Who may vouch for b.test only makes nobody of td.test, whatever is written into a DNS name."""
    other = Authority(tmp_path, "other", "b.test")
    other.issue("evil", f"URI:spiffe://b.test/x,DNS:{_ID}client,DNS:good.b.test")
    both = tls.downstream(ca, validation=tls.spiffe(td_test=ca.pem, b_test=other.pem))
    for matcher, fits in (({"exact": _ID + "client"}, False), ({"prefix": "spiffe://td.test/"}, False),
                          ({"safe_regex": {"regex": "spiffe://td.test/.*"}}, False), ({"exact": "good.b.test"}, True)):
        proxy = tls.serving(pillion, both, http_filters=filters(rules=rules(p=named(**matcher))))
        with tls.connect(proxy, tls.context(ca, "evil", authority=other)) as sock:
            assert tls.get(sock).status == (200 if fits else 403), matcher


@pytest.mark.parametrize(("action", "path", "code"), [
    ("DENY", "/admin", 403), ("DENY", "/admin;x=1", 403), ("DENY", "/admin;", 403), ("DENY", "/other;admin", 200), ("DENY", "/a;b/c;d", 200),
    ("ALLOW", "/admin", 200), ("ALLOW", "/admin;x=1", 403), ("ALLOW", "/other;x", 403)])
@pytest.mark.parametrize("ignored", [True, False])
def test_parameters_of_a_path(pillion, action, path, code, ignored):
    """F7. Where routes are chosen without them, a rule holds with and without them."""
    one = {"permissions": [{"url_path": {"path": {"exact": "/admin"}}}], "principals": [{"any": True}]}
    manager = b.http([b.direct(200)], http_filters=filters(rules=rules(action, p=one)))
    manager["typed_config"]["route_config"]["ignore_path_parameters_in_path_matching"] = ignored
    proxy = pillion(b.bootstrap([b.listener(manager)]))
    if not ignored and path.startswith("/admin;"):
        code = 200 if action == "DENY" else 403
    assert proxy.exchange(Request("GET", path)).status == code


def test_denied_calls_of_grpc(pillion):
    """I10."""
    proxy = pillion(b.bootstrap([b.listener(b.http([b.direct(200)], http_filters=filters(rules=rules())))]))
    answer = proxy.exchange(Request("POST", "/s/M", [("host", "a"), ("content-type", "application/grpc"), ("te", "trailers")], b""))
    assert (answer.status, answer.get("grpc-status"), answer.get("grpc-message")) == (200, "7", "RBAC: access denied")
    assert proxy.exchange(Request("POST", "/s/M")).status == 403
