"""Values that may be set while the process runs."""

import json
import os

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until


def layers(*given):
    return {"layers": [{"name": name, kind: value} for name, kind, value in given]}


def start(pillion, serve, runtime):
    """A proxy that answers 201 for the part of the requests that the key `part` says, of itself none."""
    server = serve.h1(lambda request: Response(200, []))
    routes = [{"match": {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}, "runtime_key": "part"}},
               "direct_response": {"status": 201}}, {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]
    return pillion(b.bootstrap([b.listener(b.http(routes))], [b.cluster(server.address)]) | {"layered_runtime": runtime})


def status(proxy):
    return proxy.exchange(Request()).status


def test_administration_sets_values(pillion, serve):
    proxy = start(pillion, serve, layers(("base", "static_layer", {"part": 0, "other": {"key": "text"}}), ("admin", "admin_layer", {})))
    assert status(proxy) == 200
    assert proxy.admin_response("/runtime_modify?part=100&new=1", "POST")[0] == 200
    assert status(proxy) == 201
    assert json.loads(proxy.admin("/runtime")) == {
        "layers": ["base", "admin"],
        "entries": {"part": {"layer_values": ["0", "100"], "final_value": "100"}, "new": {"layer_values": ["", "1"], "final_value": "1"},
                    "other.key": {"layer_values": ["text", ""], "final_value": "text"}}}
    stats = proxy.admin("/stats?filter=^runtime")
    assert "runtime.admin_overrides_active: 2\n" in stats and "runtime.num_keys: 3\n" in stats and "runtime.num_layers: 2\n" in stats
    assert proxy.admin_response("/runtime_modify?part=", "POST")[0] == 200
    assert status(proxy) == 200


def test_files_are_read_again_when_their_link_is_replaced(pillion, serve, tmp_path):
    for version, part in (("one", "0"), ("two", "{numerator: 1000000, denominator: MILLION}")):
        (tmp_path / version / "values").mkdir(parents=True)
        (tmp_path / version / "values" / "part").write_text(part)
    link = tmp_path / "current"
    link.symlink_to("one")
    proxy = start(pillion, serve, layers(("disk", "disk_layer", {"symlink_root": str(link), "subdirectory": "values"})))
    assert status(proxy) == 200
    (tmp_path / "next").symlink_to("two")
    os.rename(tmp_path / "next", link)
    until(lambda: status(proxy) == 201, "the values of the new version")
    assert "runtime.load_success: 2\n" in proxy.admin("/stats?filter=runtime.load")


def test_without_layers(pillion, serve):
    proxy = start(pillion, serve, {})
    assert json.loads(proxy.admin("/runtime")) == {"layers": [], "entries": {}}
    assert proxy.admin_response("/runtime_modify?a=1", "POST")[::2] == (503, "No admin layer specified")
    assert proxy.admin_response("/runtime_modify", "POST")[0] == 400
    assert proxy.admin_response("/runtime_modify?a=1")[0] == 405
