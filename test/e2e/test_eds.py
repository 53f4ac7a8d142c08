"""Hosts from files that are replaced while the proxy runs."""

import json
import os

import pytest

from peers import bootstrap as b
from peers.message import Request, Response
from peers.wait import until

RESOURCE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def named(serve, count):
    return [serve.h1(lambda request, name=b"%d" % i: Response(200, [], name)).address for i in range(count)]


def assignment(*addresses, name="service", **fields):
    hosts = [{"endpoint": {"address": b.address(address)}} for address in addresses]
    return {"@type": RESOURCE, "cluster_name": name, "endpoints": [{"lb_endpoints": hosts}], **fields}


def response(*resources, version="1"):
    return json.dumps({"version_info": version, "resources": list(resources)})


def replace(path, text):
    """As a file is replaced so that nobody sees half of it."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    os.rename(beside, path)


def proxy_for(pillion, source, **options):
    eds = {"eds_config": {"resource_api_version": "V3", "initial_fetch_timeout": "1s", **source}, "service_name": "service"}
    cluster = b.cluster(type="EDS", eds_cluster_config=eds)
    del cluster["load_assignment"]
    return pillion(b.bootstrap([b.listener(b.http())], [cluster]), **options)


def by_path(path, **fields):
    return {"path_config_source": {"path": str(path), **fields}}


@pytest.mark.parametrize("older", [False, True])
def test_a_file_that_is_replaced(pillion, serve, tmp_path, older):
    one, two = named(serve, 2)
    path = tmp_path / "eds.json"
    replace(path, response(assignment(one), version="a"))
    proxy = proxy_for(pillion, {"path": str(path)} if older else by_path(path))
    assert proxy.exchange(Request()).body == b"0"
    assert proxy.stat("cluster.upstream.version") == 15154266338359012955  # xxHash64 of "a", as Envoy shows it
    assert "upstream::eds_service_name::service\n" in proxy.admin("/clusters")

    replace(path, response(assignment(two), version="b"))
    proxy.until_stat("cluster.upstream.update_success", 2)
    until(lambda: proxy.exchange(Request()).body == b"1", "the workers have the new host")
    assert 'cluster.upstream.version_text: "b"' in proxy.admin("/stats?filter=version_text")
    assert proxy.stat("cluster.upstream.update_attempt") == 2
    assert proxy.stat("cluster.upstream.update_time") > 1_600_000_000_000
    assert proxy.stat("cluster.upstream.init_fetch_timeout") == 0


def test_what_is_broken_changes_nothing(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    path = tmp_path / "eds.yaml"
    replace(path, response(assignment(address)))
    proxy = proxy_for(pillion, by_path(path))
    for count, (text, said) in enumerate([("{", "yaml"), ("[]", "expected a map")], 1):
        replace(path, text)
        proxy.until_stat("cluster.upstream.update_failure", count)
        assert proxy.exchange(Request()).body == b"0", said
        assert said in proxy.log().lower()
    broken = [(response(assignment(name="other")), 'resources[0].cluster_name: "other", expected "service"'),
              (response(assignment(), assignment()), "2 resources, expected the one"),
              (response(assignment(("not.an.ip", 80))), '"not.an.ip", expected an IP address'),
              (response(assignment(policy={"drop_overloads": [{"category": "a"}, {"category": "b"}]})), "2 categories, expected one")]
    for count, (text, said) in enumerate(broken, 1):
        replace(path, text)
        proxy.until_stat("cluster.upstream.update_rejected", count)
        assert proxy.exchange(Request()).body == b"0", said
        assert said in proxy.log()
        assert f"{path}:" in proxy.log() and "what was taken stays" in proxy.log()
    replace(path, response())
    proxy.until_stat("cluster.upstream.update_empty", 1)
    assert proxy.exchange(Request()).body == b"0"
    os.remove(path)  # of that nobody is told; what is there stays
    replace(path, response(assignment(address, nonsense=1), version="late"))
    proxy.until_stat("cluster.upstream.update_success", 3)
    assert proxy.stat("server.dynamic_unknown_fields") == 1
    assert 'unknown field "nonsense"' in proxy.log()


def test_unknown_fields_can_be_refused(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    path = tmp_path / "eds.json"
    replace(path, response(assignment(address, nonsense=1)))
    proxy = proxy_for(pillion, by_path(path), arguments=["--reject-unknown-dynamic-fields"])
    assert proxy.stat("cluster.upstream.update_rejected") == 1
    assert proxy.exchange(Request()).status == 503


def test_a_mounted_volume(pillion, serve, tmp_path):
    """Kubernetes: the file is a link into a link, ..data, which is renamed over the old one."""
    one, two = named(serve, 2)

    def publish(number, text):
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        (folder / "eds.json").write_text(text, encoding="utf-8")
        os.symlink(folder.name, tmp_path / "..data_tmp")
        os.rename(tmp_path / "..data_tmp", tmp_path / "..data")

    publish(1, response(assignment(one)))
    os.symlink("..data/eds.json", tmp_path / "eds.json")
    proxy = proxy_for(pillion, by_path(tmp_path / "eds.json", watched_directory={"path": str(tmp_path)}))
    assert proxy.exchange(Request()).body == b"0"
    publish(2, response(assignment(two)))
    until(lambda: proxy.exchange(Request()).body == b"1", "the new hosts are there")


def test_formats(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    text = f'''resources {{ [{RESOURCE}] {{ cluster_name: "service" endpoints {{ lb_endpoints {{ endpoint {{ address {{
        socket_address {{ address: "127.0.0.1" port_value: {address[1]} }} }} }} }} }} }} }}'''
    path = tmp_path / "eds.pb_text"
    path.write_text(text, encoding="utf-8")
    proxy = proxy_for(pillion, by_path(path))
    assert proxy.exchange(Request()).body == b"0"
    replace(path, "resources {")
    proxy.until_stat("cluster.upstream.update_failure", 1)


@pytest.mark.parametrize("kind", ["h1", "tcp"])
def test_a_host_with_several_addresses(pillion, serve, tmp_path, kind):
    """Nobody listens at the first: the connection goes to the second, which is the same host."""
    [one] = named(serve, 1)
    path, log, first = tmp_path / "eds.json", tmp_path / "log", ("127.0.0.1", b.free_port())
    made = assignment(first)
    made["endpoints"][0]["lb_endpoints"][0]["endpoint"]["additional_addresses"] = [{"address": b.address(one)}]
    replace(path, response(made))
    cluster = b.cluster(type="EDS", eds_cluster_config={"eds_config": {"resource_api_version": "V3", **by_path(path)}, "service_name": "service"})
    del cluster["load_assignment"]
    access_log = b.file_log(log, "%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS%\n")
    filter_ = b.http(access_log=access_log) if kind == "h1" else b.tcp(access_log=access_log)
    proxy = pillion(b.bootstrap([b.listener(filter_)], [cluster]))
    assert proxy.exchange(Request(fields=[("connection", "close")])).body == b"0"
    until(lambda: log.exists() and log.read_text(encoding="utf-8"), "the line is written")
    assert log.read_text(encoding="utf-8") == "127.0.0.1:%d %s:%d\n" % (first[1], *one)
    assert (proxy.stat("cluster.upstream.upstream_cx_total"), proxy.stat("cluster.upstream.upstream_cx_connect_fail")) == (1, 0)
    assert f"upstream::127.0.0.1:{first[1]}::cx_total::1\n" in proxy.admin("/clusters")


def test_drop_overload(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    path = tmp_path / "eds.json"

    def drop(percent):
        overloads = [{"category": "all", "drop_percentage": {"numerator": percent}}]
        return response(assignment(address, policy={"drop_overloads": overloads}))

    replace(path, drop(100))
    proxy = proxy_for(pillion, by_path(path))
    answer = proxy.exchange(Request())
    assert (answer.status, answer.body) == (503, b"unconditional drop overload")
    assert answer.get("x-envoy-unconditional-drop-overload") == "true"
    replace(path, drop(50))
    proxy.until_stat("cluster.upstream.update_success", 2)
    until(lambda: proxy.exchange(Request()).status == 200, "some are not dropped any more")
    answers = [proxy.exchange(Request()) for _ in range(200)]
    dropped = [answer for answer in answers if answer.status == 503]
    assert 50 < len(dropped) < 150
    assert dropped[0].body == b"drop overload" and dropped[0].get("x-envoy-drop-overload") == "true"


def test_an_assignment_that_is_forgotten(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    path = tmp_path / "eds.json"
    replace(path, response(assignment(address, policy={"endpoint_stale_after": "0.3s"})))
    proxy = proxy_for(pillion, by_path(path))
    assert proxy.stat("cluster.upstream.assignment_timeout_received") == 1
    proxy.until_stat("cluster.upstream.assignment_stale", 1)
    until(lambda: proxy.exchange(Request()).status == 503, "there is no host")


def test_named_endpoints(pillion, serve, tmp_path):
    (address,) = named(serve, 1)
    path = tmp_path / "eds.json"
    named_one = {"@type": RESOURCE, "cluster_name": "service", "named_endpoints": {"one": {"address": b.address(address)}},
                 "endpoints": [{"lb_endpoints": [{"endpoint_name": "one"}], "proximity": 7}]}
    replace(path, response(named_one))
    proxy = proxy_for(pillion, by_path(path))
    assert proxy.exchange(Request()).body == b"0"
    named_one["endpoints"][0]["lb_endpoints"][0]["endpoint_name"] = "two"
    replace(path, response(named_one))
    proxy.until_stat("cluster.upstream.update_rejected", 1)
    assert '"two", expected a name of named_endpoints' in proxy.log()


@pytest.mark.parametrize("close", [False, True])
def test_connections_end_when_hosts_change(pillion, serve, tmp_path, close):
    one, two = named(serve, 2)
    path = tmp_path / "eds.json"
    replace(path, response(assignment(one)))
    eds = {"eds_config": by_path(path), "service_name": "service"}
    cluster = b.cluster(type="EDS", eds_cluster_config=eds, common_lb_config={"close_connections_on_host_set_change": close})
    del cluster["load_assignment"]
    proxy = pillion(b.bootstrap([b.listener(b.http())], [cluster]))
    assert proxy.exchange(Request()).body == b"0"
    assert proxy.stat("cluster.upstream.upstream_cx_active") == 1
    replace(path, response(assignment(one, two)))
    if close:
        proxy.until_stat("cluster.upstream.upstream_cx_active", 0)
    until(lambda: proxy.exchange(Request()).body == b"1", "the new host is there")
    until(lambda: proxy.exchange(Request()).body == b"0", "and the old one")
    assert proxy.stat("cluster.upstream.upstream_cx_total") == (3 if close else 2)
