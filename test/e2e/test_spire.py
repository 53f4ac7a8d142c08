"""Two proxies whose identities come from a real SPIRE agent: certificates of 20 s, and a new CA, under load. `./tools/fetch spire` builds it."""

import json
import threading
import time

import pytest

from peers import bootstrap as b
from peers.message import Broken, Request
from peers.spire import AGENT, SERVER, Spire
from peers.wait import until
from test_sds import cluster as sds_cluster
from test_sds import sds
from test_workload_api import extension

_TLS = "extensions.transport_sockets.tls.v3."
TTL_S = 20

pytestmark = [pytest.mark.long, pytest.mark.skipif(not (AGENT.exists() and SERVER.exists()),
                                                   reason="there is no SPIRE: ./tools/fetch spire, which needs Go")]


@pytest.fixture
def spire(tmp_path):
    folder = tmp_path / "spire"
    folder.mkdir()
    made = Spire(folder, TTL_S)
    yield made
    made.stop()


def by_sds(spire):
    """As an Envoy that is new enough for bundles by trust domain."""
    node = {"id": "a", "user_agent_build_version": {"version": {"major_number": 1, "minor_number": 30}}}
    return {"tls_certificate_sds_secret_configs": [sds("default")], "validation_context_sds_secret_config": sds("ALL")}, \
        [sds_cluster(spire.socket)], {"node": node}


def by_workload_api(spire):
    return {"tls_certificate_sds_secret_configs": [{"name": "default"}], "validation_context_sds_secret_config": {"name": "ALL"}}, \
        [], {"bootstrap_extensions": extension(f"unix://{spire.socket}")}


@pytest.mark.parametrize("source", [by_sds, by_workload_api])
def test_rotations(pillion, spire, source):
    common, clusters, fields = source(spire)

    def socket_of(name, **more):
        return {"name": "tls", "typed_config": b.any_of(_TLS + name, common_tls_context=common, **more)}

    inner = b.listener(b.http([b.direct(200, "hello")]))
    inner["filter_chains"][0]["transport_socket"] = socket_of("DownstreamTlsContext", require_client_certificate=True)
    server = pillion(b.bootstrap([inner], clusters, **fields), concurrency=2)
    # A few requests a connection, so that there are handshakes all the time.
    upstream = b.cluster(server.address, transport_socket=socket_of("UpstreamTlsContext"), http_options={
        "common_http_protocol_options": {"max_requests_per_connection": 50}})
    client = pillion(b.bootstrap([b.listener(b.http([b.route(retry_policy={})]))], [upstream, *clusters], **fields), concurrency=2)
    stop, failed, count = threading.Event(), [], [0] * 4

    def ask(index):
        connection = client.connect()
        while not stop.is_set():
            try:
                assert connection.exchange(Request("GET", "/", [("host", "a")])).body == b"hello"
                count[index] += 1
            except (OSError, AssertionError, Broken) as error:
                failed.append(repr(error))
                connection = client.connect()
            time.sleep(0.002)

    def serials():
        certificates = json.loads(server.admin("/certs"))["certificates"][0]
        return certificates["cert_chain"][0]["serial_number"], {ca["serial_number"] for ca in certificates["ca_cert"]}

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(count))]
    for thread in threads:
        thread.start()
    seen, authorities = [serials()[0]], serials()[1]
    try:
        for rotation in range(5):
            if rotation == 2:
                spire.rotate_authority()
                until(lambda: serials()[1] - authorities, "the new CA is trusted", 60)
            until(lambda: serials()[0] not in seen, f"rotation {rotation + 1}", 2 * TTL_S)
            seen.append(serials()[0])
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert not failed and min(count) > 100, (failed[:3], count)
    for proxy in (server, client):
        assert proxy.stat("tls.context_rejected") == 0 and proxy.stat("tls.context_renewed") >= 5
    print(f"{source.__name__}: {sum(count)} requests, {len(seen) - 1} rotations, 0 failed")
