"""Layers of the runtime that a control plane or a file gives (RTDS)."""

import json
import os

import pytest

from peers import bootstrap as b
from peers import pushed as p
from peers.go_control_plane import TYPES
from peers.wait import until


def runtime(name="values", **values):
    return {"@type": TYPES["runtimes"], "name": name, "layer": values}


def layered(*named, how=p.DELTA, timeout=None):
    """A static layer below those that are pushed, and the administration's above them."""
    pushed = [{"name": f"pushed-{name}", "rtds_layer": {"name": name, "rtds_config": p.source(how, timeout)}} for name in named]
    return {"layers": [{"name": "fixed", "static_layer": {"part": 0, "kept": "text"}}, *pushed, {"name": "admin", "admin_layer": {}}]}


def listener():
    """Answers 201 for the part of the requests that the key `part` says, of itself none; else 200."""
    return p.listener(b.http([{"match": {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}, "runtime_key": "part"}},
                               "direct_response": {"status": 201}}, b.direct(200)]))


def shown(both):
    return json.loads(both.proxy.admin("/runtime"))


def final(both, key):
    return shown(both)["entries"].get(key, {}).get("final_value")


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_values_come_and_change_and_go(pushed, how):
    both = pushed(listener(), runtime(part=100, more={"deep": True, "text": "x"}), how=how, layered_runtime=layered("values", how=how))
    both.until_status(201)  # from the first request on: it was there before the listener
    assert shown(both) == {"layers": ["fixed", "pushed-values", "admin"], "entries": {
        "part": {"layer_values": ["0", "100", ""], "final_value": "100"}, "kept": {"layer_values": ["text", "", ""], "final_value": "text"},
        "more.deep": {"layer_values": ["", "true", ""], "final_value": "true"}, "more.text": {"layer_values": ["", "x", ""], "final_value": "x"}}}
    assert both.stat("runtime.num_keys") == 4 and both.stat("runtime.num_layers") == 3
    both.change(runtime(part=0))
    both.until_status(200)
    assert both.stat("runtime.num_keys") == 2 and both.stat("runtime.update_success") == 2
    both.change(runtime(part={"numerator": 1000000, "denominator": "MILLION"}))
    both.until_status(201)
    if how == p.DELTA:  # the state of the world removes none of those that are asked for by name
        both.push(remove=[("runtimes", "values")])
        both.until_status(200)
        assert final(both, "part") == "0" and both.stat("runtime.num_keys") == 2


@pytest.mark.parametrize("how", p.AGGREGATED)
def test_a_wrong_one_is_refused(pushed, how):
    both = pushed(listener(), runtime(part=100), how=how, layered_runtime=layered("values", how=how))
    both.until_status(201)
    text = both.refused(runtime(part=0, wrong=[1]))
    assert "wrong" in text
    assert both.get().status == 201 and final(both, "part") == "100"
    assert both.stat("runtime.update_rejected") >= 1  # a plane may say it again
    both.change(runtime(part=0))
    both.until_status(200)


def test_the_administration_is_above_it(pushed):
    both = pushed(listener(), runtime(part=0), layered_runtime=layered("values"))
    both.until_status(200)
    assert both.proxy.admin_response("/runtime_modify?part=100", "POST")[0] == 200
    both.until_status(201)
    both.change(runtime(part=50, other=1))
    until(lambda: final(both, "other") == "1", "the layer has changed")
    assert both.get().status == 201 and both.stat("runtime.admin_overrides_active") == 1


def test_the_later_layer_wins(pushed):
    both = pushed(listener(), runtime(part=100), runtime("second", part=0), layered_runtime=layered("values", "second"))
    both.until_status(200)
    both.change(runtime("second", other=1))
    both.until_status(201)


def test_what_does_not_come_is_waited_for_no_longer_than_that(pushed):
    both = pushed(listener(), layered_runtime=layered("values", timeout="0.3s"))
    both.until_status(200)
    assert both.stat("runtime.init_fetch_timeout") == 1
    both.change(runtime(part=100))
    both.until_status(201)


@p.ours
def test_what_the_start_waits_for(pillion, control_plane, tmp_path):
    """Clusters and listeners of the control plane come after it, and /init_dump names it."""
    from peers.proxy import Proxy  # pylint: disable=import-outside-toplevel
    plane = control_plane(listener()).start()
    config = p.bootstrap(plane.address, layered_runtime=layered("values", timeout="0s"))

    class Waiting(Proxy):
        def ready(self):
            try:
                return self.admin("/ready") != "LIVE\n" and "runtime layer values (RTDS)" in self.admin("/init_dump")
            except OSError:
                return False

    proxy = Waiting(config, tmp_path)
    try:
        plane.push(runtime(part=1))
        until(lambda: proxy.admin("/ready") == "LIVE\n", "it has all that it waits for")
    finally:
        proxy.kill()


def test_from_a_file(tmp_path, pillion):
    path = tmp_path / "runtime.json"

    def write(version, *resources):
        (tmp_path / "next").write_text(json.dumps({"version_info": version, "resources": list(resources)}), encoding="ascii")
        os.rename(tmp_path / "next", path)

    write("1", runtime(part=100))
    layers = {"layers": [{"name": "file", "rtds_layer": {"name": "values", "rtds_config": {"path_config_source": {"path": str(path)}}}}]}
    proxy = pillion(b.bootstrap([b.listener(listener()["filter_chains"][0]["filters"][0])], layered_runtime=layers,
                                node={"id": "me", "cluster": "us"}))
    both = p.Pushed(None, proxy, None)
    assert both.get().status == 201
    write("2", runtime(part=0))
    both.until_status(200)
    write("3", runtime(part=100, wrong=[1]))
    both.until_stat("runtime.update_rejected", 1)
    write("4")  # a file that has it no more is one that is being written
    both.until_stat("runtime.update_rejected", 2)
    assert both.get().status == 200 and final(both, "part") == "0"
    write("5", runtime(part=100))
    both.until_status(201)


@p.ours
def test_the_last_good_one_without_the_control_plane(pushed, tmp_path):
    path = tmp_path / "last-good"
    options = {"timeout": "2s", "layered_runtime": layered("values", timeout="2s"), "bootstrap_extensions": [{"name": "last_good", "typed_config": {
        "@type": "type.googleapis.com/pillion.bootstrap.last_good.v1.LastGood", "path": str(path)}}]}
    where = listener()
    both = pushed(where, runtime(part=100), **options)
    both.until_status(201)
    until(lambda: path.exists() and b"service.runtime.v3.Runtime" in path.read_bytes(), "the file has the layer")
    both.proxy.stop()
    both.plane.kill()
    alone = pushed(plane=both.plane, **options)
    alone.note(where)
    alone.until_status(201)
    assert final(alone, "part") == "100"
