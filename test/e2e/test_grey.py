"""The filter of grey rules through the program: what only real peers have, lanes that are chosen, and what is told of it. Rules one by
one: test/unit/filters/grey_test.cc; along a chain: test_lane_chain.py."""

import pytest

from peers import bootstrap as b
from peers import tls
from peers import context_filter, http1
from peers.context import PAYMENT, of
from peers.context_filter import ask, filters, full, lines, made
from peers.lanes import grey, header, labelled, policy, rule
from peers.message import Request, Response
from peers.wait import until

app = context_filter.app
ca = tls.ca

GREY = "http.ingress.grey."
LOG = "%DYNAMIC_METADATA(pillion.grey:source)% %DYNAMIC_METADATA(pillion.grey:rule)% %DYNAMIC_METADATA(pillion.grey:colour)%\n"


def colour(app):
    """Of what came last."""
    return {name: value for name, value in of(app.last.fields).baggage.items() if name in ("env", "version", "release")}


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_what_a_context_has(pillion, app, protocol):
    """Bits of its flags, and its tenant."""
    rules = (rule("payment", {"flags": PAYMENT}, {"tenant": {"exact": "acme"}}), rule("named", {"baggage": {"name": "user"}}))
    proxy = pillion(made(app.address, chain=filters(grey(*rules))))
    for context, expected in [({"biz_flags": PAYMENT | 8, "tenant": "acme", "baggage": {}}, {"env": "gray"}),
                              ({"biz_flags": PAYMENT, "tenant": "other", "baggage": {}}, {}),
                              ({"biz_flags": 8, "tenant": "acme", "baggage": {}}, {}),
                              ({"biz_flags": 0, "tenant": "", "baggage": {"user": "7"}}, {"env": "gray"})]:
        assert ask(proxy, full(**context).vctx(), protocol=protocol).status == 200
        assert colour(app) == expected, context
    assert proxy.stat(GREY + "rule.payment.coloured") == 1 and proxy.stat(GREY + "rule.named.coloured") == 1


def test_who_it_is(pillion, ca, app):
    """By the URI of a verified certificate; the same peers are trusted, others are not."""
    chain = filters(grey(rule("client", {"principal": {"suffix": "/sa/client"}}), rule("env", header("x-env", "gray"))), trust={})
    listener = tls.listener(b.http(http_filters=chain), tls.downstream(ca, validation=tls.validation(ca), required=False))
    proxy = pillion(b.bootstrap([listener], [b.cluster(app.address)]))
    for name, fields, expected in [("client", [], {"env": "gray"}), ("other", [], {}), (None, [], {}),
                                   ("client", [("baggage", "env=theirs")], {"env": "theirs"}),
                                   (None, [("baggage", "env=theirs")], {}), (None, [("x-env", "gray")], {"env": "gray"})]:
        with tls.connect(proxy, tls.context(ca, name)) as sock:
            assert http1.Connection(sock).exchange(Request(fields=fields)).status == 200
        assert colour(app) == expected, (name, fields)


def test_hosts_of_the_lane(pillion, serve):
    """One cluster with three hosts: by header, else the baseline; each answer says which it was."""
    hosts = {name: serve.http("h1", lambda request, name=name: Response(200, [("x-host", name)])).address for name in ("plain", "gray", "v2")}
    assignment = labelled("upstream", [(hosts["plain"], {}), (hosts["gray"], {"env": "gray"}), (hosts["v2"], {"version": "v2"})])
    rules = rule("env", header("x-env", "gray")), rule("users", {"header_range": {"name": "X-User-Id", "from": 1001, "to": 2000}}, colour={"version": "v2"})
    proxy = pillion(made(hosts["plain"], chain=filters(grey(*rules)), cluster={"load_assignment": assignment, "load_balancing_policy": policy()}),
                    concurrency=2)
    for _ in range(10):
        assert ask(proxy).get("x-host") == "plain"
        assert ask(proxy, ("x-env", "gray"), ("x-user-id", "1500")).get("x-host") == "gray"
        assert ask(proxy, ("x-user-id", "2000")).get("x-host") == "v2"
        assert ask(proxy, ("x-user-id", "2001")).get("x-host") == "plain"
    assert proxy.stat(GREY + "from_rule") == 20 and proxy.stat(GREY + "no_colour") == 20


def test_a_colour_that_nothing_carries_is_said_once(pillion, app):
    """Of the listener as it begins to serve, and of the first request."""
    chain = [grey(rule("env", header("x-env", "gray"))), filters()[-1]]
    proxy = pillion(made(app.address, chain=chain))
    until(lambda: 'listeners "' in proxy.log() and "have the filter without a context filter" in proxy.log(), "it is said of the listener")
    for _ in range(20):
        ask(proxy, ("x-env", "gray"))
    said = 'filter "grey": the colour env=gray of a request holds for this hop only'
    until(lambda: said in proxy.log(), "it is said of the request")
    assert proxy.stat(GREY + "not_carried") == 20
    assert proxy.log().count(said) == 1
    proxy = pillion(made(app.address, chain=filters(grey(rule("env", header("x-env", "gray"))))))
    ask(proxy, ("x-env", "gray"))
    proxy.terminate()
    assert "context filter" not in proxy.log()


def test_the_log_says_why(pillion, app, tmp_path):
    log = tmp_path / "access.log"
    chain = filters(grey(rule("env", header("x-env", "gray")), rule("none", header("x-none", "1"), colour={})))
    proxy = pillion(made(app.address, chain=chain, manager={"access_log": b.file_log(log, LOG)}))
    ask(proxy, ("x-env", "gray"))
    ask(proxy, ("x-none", "1"))
    ask(proxy, ("baggage", "version=v9,env=green,user=7"))
    ask(proxy)
    assert lines(log, 4) == ["rule env env=gray", "rule none ", "context - env=green,version=v9", "- - -"]
