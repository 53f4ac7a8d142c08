"""The same resources without a stream: from files that are replaced, and by REST."""

import json
import os

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.proxy import Proxy
from peers.wait import until


def write(path, *resources, version="1"):
    """As a file is replaced so that nobody sees half of it."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"version_info": version, "resources": resources}), encoding="ascii")
    os.rename(beside, path)


def file_source(path):
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


class Files:
    """A folder with a file for each type, and a proxy that reads them."""

    def __init__(self, folder):
        self.folder = folder
        self.proxy = None

    def __getitem__(self, kind):
        return self.folder / f"{kind}.json"

    def routed(self):
        made = p.routed()
        made["typed_config"]["rds"]["config_source"] = file_source(self["routes"])
        return made

    def start(self, folder, **more):
        dynamic = {"lds_config": file_source(self["listeners"]), "cds_config": file_source(self["clusters"])}
        config = {**b.bootstrap([]), "node": {"id": "me", "cluster": "us"}, "dynamic_resources": dynamic}
        self.proxy = p.Pushed(None, Proxy(config, folder, binary=p.binary(), **more), None)
        return self.proxy


@pytest.fixture
def files(tmp_path):
    made = Files(tmp_path)
    yield made
    if made.proxy and p.ENVOY:
        made.proxy.proxy.kill()
    elif made.proxy:
        made.proxy.proxy.stop()


def start(files, tmp_path, *listeners, clusters=(), routes=()):
    for kind, resources in (("listeners", listeners), ("clusters", clusters), ("routes", routes)):
        write(files[kind], *resources)
    (tmp_path / "proxy").mkdir()
    both = files.start(tmp_path / "proxy")
    for listener in listeners:
        both.note(listener)
    return both


def test_all_of_it(files, named, tmp_path):
    one, two = named("one", "two")
    both = start(files, tmp_path, p.listener(files.routed()), clusters=[p.whole_cluster(one)], routes=[p.routes()])
    live = both.connect()
    both.until_body(b"one", on=live)
    write(files["clusters"], p.whole_cluster(two), version="2")
    both.until_body(b"two", on=live)
    write(files["routes"], p.routes(b.direct(200, "three")), version="2")
    both.until_body(b"three", on=live)
    both.until_stat("listener_manager.lds.update_success", 1)
    both.until_stat("cluster_manager.cds.update_success", 2)
    both.until_stat("http.ingress.rds.routes.update_success", 2)


def test_what_is_not_in_it_is_gone(files, tmp_path):
    first, second = (p.listener(b.http([b.direct(200, name)]), name=name) for name in ("first", "second"))
    both = start(files, tmp_path, first, second)
    assert both.get(listener_="second").body == b"second"
    write(files["listeners"], first, version="2")
    both.until_stat("listener_manager.listener_removed", 1)
    assert both.get(listener_="first").body == b"first"
    write(files["listeners"], first, second, version="3")
    assert both.get(listener_="second").body == b"second"


@pytest.mark.parametrize("content", ["{", '{"resources": [{"@type": "type.googleapis.com/nobody.has.This"}]}', '{"resources": 1}', "\0"])
def test_what_is_no_answer(files, tmp_path, content):
    """It changes nothing, and is counted."""
    both = start(files, tmp_path, p.listener(b.http([b.direct(200, "one")])))
    assert both.get().body == b"one"
    beside = files["listeners"].with_suffix(".new")
    beside.write_text(content, encoding="ascii")
    os.rename(beside, files["listeners"])
    until(lambda: both.stat("listener_manager.lds.update_failure") + both.stat("listener_manager.lds.update_rejected") >= 1, "it is counted")
    assert both.get().body == b"one"
    write(files["listeners"], p.listener(b.http([b.direct(200, "two")]), where=both.proxy.listeners["ingress"]), version="2")
    both.until_body(b"two")


def test_one_bad_among_good_ones(files, tmp_path):
    first = p.listener(b.http([b.direct(200, "one")]))
    both = start(files, tmp_path, first)
    assert both.get().body == b"one"
    bad = p.listener(p.routed(), where=both.proxy.listeners["ingress"], filter_chains=[{"filters": [b.http([b.direct(200, "bad")])]}] * 2)
    good = p.listener(b.http([b.direct(200, "good")]), name="good")
    both.note(good)
    write(files["listeners"], bad, good, version="2")
    assert both.get(listener_="good").body == b"good"
    assert both.get().body == b"one"
    both.until_stat("listener_manager.lds.update_rejected", 1)


def test_by_rest(pushed, named):
    """Asked again and again; what did not change does nothing."""
    one, two = named("one", "two")
    both = pushed(p.listener(p.routed(how=p.REST)), p.routes(), p.cluster(how=p.REST), p.endpoints(one), how=p.REST)
    live = both.connect()
    both.until_body(b"one", on=live)
    both.push(p.endpoints(two))
    both.until_body(b"two", on=live)
    both.push(p.routes(b.direct(200, "three")))
    both.until_body(b"three", on=live)
    again = both.plane.until(lambda event: event.event == "fetch" and event.type == "endpoints" and event.version == "2")
    assert again.names == ["backend"] and again.node["id"] == "me"
    assert both.stat("listener_manager.listener_modified") == 0


def test_by_rest_from_nobody(pushed, named):
    """It is gone, and back; nothing happens to requests."""
    one, = named("one")
    both = pushed(p.listener(p.routed(how=p.REST)), p.routes(), p.whole_cluster(one), how=p.REST)
    both.until_body(b"one")
    both.plane.kill()
    until(lambda: both.stat("http.ingress.rds.routes.update_failure") >= 1, "it is missed")
    assert both.get().body == b"one"
    both.push(p.routes(b.direct(200, "two")), versions={"routes": "later"})
    both.plane.start()
    both.until_body(b"two")
