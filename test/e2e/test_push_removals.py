"""Clusters that a control plane takes away while a route table names them, and names that come and go for ever."""

import json

import pytest

import test_push_clusters
from peers import bootstrap as b
from peers import pushed as p
from peers.wait import until

pytestmark = p.ours  # Envoy's are gone at once


@pytest.mark.parametrize("how", p.AGGREGATED)
@pytest.mark.parametrize("apart", [False, True], ids=["whole", "hosts-apart"])
def test_gone_before_its_route_table(pushed, named, how, apart):
    """The end of a cluster, and its hosts', then a table that names another one, as control planes send it that begin with clusters."""
    one, = named("one")

    def numbered(name):
        return [p.cluster(name, how=how), p.endpoints(one, name=name)] if apart else [p.whole_cluster(one, name=name)]
    both = pushed(p.listener(p.routed(how=how)), *numbered("c0"), p.routes(b.route("c0")), how=how)
    both.until_body(b"one")
    with test_push_clusters.asking(both):
        for number in range(1, 5):
            name, before = f"c{number}", f"c{number - 1}"
            both.change(*numbered(name), remove=[("clusters", before), *([("endpoints", before)] if apart else [])])
            both.change(p.routes(b.route(name)))
            until(lambda: both.stat(f"cluster.{name}.upstream_rq_total") >= 10, "it is used")  # pylint: disable=cell-var-from-loop
    both.until_stat("cluster_manager.cluster_removed", 4)
    until(lambda: any("gone, as no route names them any more: " in line and "c3" in line for line in both.proxy.log().splitlines()), "the log says it")
    assert both.stat("cluster_manager.active_clusters") == 2


def test_it_is_shown(pushed, named):
    """And goes in the end, whatever names it."""
    one, = named("one")
    both = pushed(p.listener(p.routed()), p.whole_cluster(one), p.whole_cluster(one, name="unnamed"), p.routes())
    both.until_body(b"one")
    both.change(remove=[("clusters", "backend"), ("clusters", "unnamed")])
    page = both.proxy.admin("/clusters")
    assert "backend::leaving::true" in page and "unnamed::" not in page
    assert both.get().body == b"one"
    both.until_status(503)
    both.until_stat("cluster_manager.cluster_removed", 2)
    until(lambda: "gone, though routes still name them: clusters backend" in both.proxy.log(), "the log says it")
    assert "backend::" not in both.proxy.admin("/clusters")


def test_it_comes_again_meanwhile(pushed, named):
    """It is there all the time."""
    one, two = named("one", "two")
    both = pushed(p.listener(p.routed()), p.whole_cluster(one), p.routes())
    both.until_body(b"one")
    with test_push_clusters.asking(both):
        both.change(remove=[("clusters", "backend")])
        both.change(p.whole_cluster(two))
        both.until_body(b"two")
    assert "leaving" not in both.proxy.admin("/clusters")
    assert (both.stat("cluster_manager.cluster_modified"), both.stat("cluster_manager.cluster_removed")) == (1, 0)


def test_names_that_come_and_go(pushed, named):
    """What takes the place of names that nobody uses any more is not taken for them."""
    hosts = dict(zip((b"one", b"two"), named("one", "two")))
    both = pushed(p.listener(p.routed()), p.whole_cluster(hosts[b"one"], name="stays"), p.routes(b.route("stays")))
    before = []
    for turn in range(4):  # beyond 256 names those that are not used are forgotten
        names = [f"{turn}-{number}" for number in range(100)]
        body = b"two" if turn % 2 else b"one"
        both.change(*[p.whole_cluster(hosts[body], name=name) for name in names],
                    p.routes(b.route("stays", "/stays"), *[b.route(name, f"/{name}/") for name in names]),
                    remove=[("clusters", name) for name in before])
        for name in names[::33]:
            both.until_body(body, f"/{name}/")
            assert both.get("/stays").body == b"one"
        both.until_stat("cluster_manager.cluster_removed", len(before) * turn)
        before = names
    assert both.stat("cluster_manager.active_clusters") == 102


def test_passed_over_until_the_configured_one_is_gone(pushed, named):
    """A control plane's own takes the place of one of its name that is configured no more."""
    one, two = named("one", "two")
    both = pushed(p.listener(b.http([b.route("mine")])), clusters=[b.cluster(two, name="mine")])
    both.until_body(b"two")
    both.change(p.whole_cluster(one, name="mine"))
    until(lambda: "mine is passed over" in both.proxy.log(), "it is said")
    assert both.get().body == b"two"
    config = json.loads(both.proxy.config_path.read_text())
    clusters = config["static_resources"]["clusters"]
    config["static_resources"]["clusters"] = [each for each in clusters if each["name"] != "mine"]
    with test_push_clusters.asking(both):
        assert both.proxy.admin_response("/api/reload", "POST", body=json.dumps(config).encode())[0] == 200
        both.until_body(b"one")
    assert "mine::added_via_api::true" in both.proxy.admin("/clusters")
    both.change(remove=[("clusters", "mine")])
    both.until_status(503)
