"""`pillionctl ca`: what it issues, by openssl and by a Workload API client of gRPC's own; what it renews; what it refuses."""

import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import threading

import grpc
import pytest
import yaml

import test_examples as examples
from peers import bootstrap as b
from peers.ca import PILLIONCTL, Ca, WorkloadApi, ctl
from peers.message import Request, Response
from peers.ports import free_port
from peers.proxy import ROOT
from peers.wait import until


@pytest.fixture
def run(tmp_path):
    """run(*arguments, workloads=("web",)) starts a CA in tmp_path/ca; each has to end well."""
    started = []

    def start(*arguments, **options):
        started.append(Ca(tmp_path / "ca", *arguments, **options))
        return started[-1]

    yield start
    for ca in started:
        ca.stop()


def openssl(*arguments, data=None):
    result = subprocess.run(["openssl", *map(str, arguments)], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.returncode, result.stdout.decode(errors="replace")


def certificates(der):
    """DER certificates, one behind the other, one by one."""
    found = []
    while der:
        assert der[:2] == b"\x30\x82"
        size = 4 + int.from_bytes(der[2:4], "big")
        found.append(der[:size])
        der = der[size:]
    return found


def pem(*ders):
    return "".join(ssl.DER_cert_to_PEM_cert(der) for der in ders)


def vouches(folder, bundle, leaf):
    """Whether openssl finds a chain from a leaf to one of the bundle."""
    (folder / "bundle.pem").write_text(pem(*certificates(bundle)), encoding="ascii")
    (folder / "leaf.pem").write_text(pem(leaf), encoding="ascii")
    return openssl("verify", "-x509_strict", "-CAfile", folder / "bundle.pem", folder / "leaf.pem")[0] == 0


def test_svids_in_files(run):
    ca = run(workloads=("web", "pay=ns/prod/sa/pay"))
    for workload, uri in ("web", "spiffe://demo.test/web"), ("pay", "spiffe://demo.test/ns/prod/sa/pay"):
        svid, key, bundle = (ca.file(name, workload) for name in ("svid.pem", "key.pem", "bundle.pem"))
        for purpose in "sslclient", "sslserver":
            assert openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", bundle, svid) == (0, f"{svid}: OK\n")
        text = openssl("x509", "-in", svid, "-noout", "-text")[1]
        assert re.findall(r"URI:(\S+)", text) == [uri]
        assert "CA:FALSE" in text and "Digital Signature\n" in text and "prime256v1" in text
        assert "TLS Web Server Authentication, TLS Web Client Authentication" in text
        assert openssl("x509", "-in", svid, "-noout", "-pubkey")[1] == openssl("pkey", "-in", key, "-pubout")[1]
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(ca.file("api.sock", workload).stat().st_mode) == 0o600
    root = openssl("x509", "-in", ca.file("bundle.pem"), "-noout", "-text")[1]
    assert "CA:TRUE, pathlen:0" in root and "URI:spiffe://demo.test\n" in root
    assert ca.file("bundle.pem").read_text() == ca.file("bundle.pem", "pay").read_text()
    assert stat.S_IMODE((ca.folder / "state.pem").stat().st_mode) == 0o600


def test_workload_api(run, tmp_path):
    api = run(workloads=("web", "pay")).api("pay")
    message = next(api.svids())
    assert [svid.spiffe_id for svid in message.svids] == ["spiffe://demo.test/pay"]
    svid = message.svids[0]
    leaf, = certificates(svid.x509_svid)
    assert vouches(tmp_path, svid.bundle, leaf)
    assert "URI:spiffe://demo.test/pay" in openssl("x509", "-inform", "DER", "-noout", "-text", data=leaf)[1]
    key = openssl("pkcs8", "-inform", "DER", "-nocrypt", data=svid.x509_svid_key)[1]
    assert openssl("pkey", "-pubout", data=key.encode())[1] == openssl("x509", "-inform", "DER", "-noout", "-pubkey", data=leaf)[1]
    assert not message.federated_bundles and not message.crl
    assert dict(next(api.bundles()).bundles) == {"spiffe://demo.test": svid.bundle}
    assert pem(*certificates(svid.bundle)).split() == (tmp_path / "ca/svids/pay/bundle.pem").read_text().split()


@pytest.mark.parametrize("metadata", [(), (("workload.spiffe.io", "false"),), (("workload.spiffe.io", "true"), ("workload.spiffe.io", "true"))])
@pytest.mark.parametrize("method", ["svids", "bundles"])
def test_without_the_security_header(run, method, metadata):
    api = run().api(metadata=metadata)
    with pytest.raises(grpc.RpcError) as error:
        next(getattr(api, method)())
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "workload.spiffe.io" in error.value.details()


def test_there_are_no_tokens(run):
    with pytest.raises(grpc.RpcError) as error:
        next(run().api().stream("JWTBundles", "JWTBundles"))
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_renewals(run):
    """Files are never mixed, and a stream tells of each renewal before half of the old one's life has passed."""
    ca = run("--svid-ttl", "4s", workloads=("web", "pay"))
    stop, seen, failed = threading.Event(), set(), []

    def read():
        while not stop.is_set():
            folder = ca.file(os.readlink(ca.file("..data")))
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "svid.pem", folder / "key.pem")
                seen.add((folder / "svid.pem").read_bytes())
            except FileNotFoundError:
                continue  # it was replaced meanwhile, all of it
            except ssl.SSLError as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    stream, told = ca.api().svids(), []
    for _ in range(4):
        told.append(next(stream).svids[0])
    stop.set()
    reader.join()
    assert not failed and len(seen) >= 3
    assert len({svid.x509_svid for svid in told}) == 4 == len({svid.x509_svid_key for svid in told})
    assert len({svid.bundle for svid in told}) == 1
    assert [name for name in os.listdir(ca.file("")) if name.startswith("..20")] == [os.readlink(ca.file("..data"))]


def test_the_ca_is_renewed(run, tmp_path):
    """Each SVID is one that the bundle before it vouches for: nobody meets a root that he has not heard of."""
    ca = run("--svid-ttl", "4s", "--ca-ttl", "12s")
    before, roots, issuers = None, set(), set()
    for message in ca.api().svids():
        svid = message.svids[0]
        assert vouches(tmp_path, before or svid.bundle, svid.x509_svid), "its root was in the bundle before"
        assert vouches(tmp_path, svid.bundle, svid.x509_svid)
        before = svid.bundle
        present = certificates(svid.bundle)
        roots.update(present)
        issuers.add(openssl("x509", "-inform", "DER", "-noout", "-issuer", data=svid.x509_svid)[1])
        assert len(present) <= 3
        if len(issuers) == 3 and len(present) < len(roots):
            break
    bundles = next(ca.api().bundles()).bundles["spiffe://demo.test"]
    assert set(certificates(bundles)) < roots, "the first root is gone"


def test_a_mesh_through_a_new_root(run, pillion, serve, tmp_path):
    """Two sidecars under load while SVIDs come and go and the first root leaves: no request is lost."""
    ca = run("--svid-ttl", "4s", "--ca-ttl", "12s", workloads=("web", "pay"))
    application = serve.h1(lambda request: Response(200, [], b"charged"))
    examples.on_free_ports("mutual-tls", tmp_path, ca.folder)
    configs = [yaml.safe_load((tmp_path / name).read_text(encoding="utf-8")) for name in ("pay.yaml", "web.yaml")]
    for config in configs:
        app = next(cluster for cluster in config["static_resources"]["clusters"] if cluster["name"] == "app")
        app["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": b.address(application.address)}}]}]
    pay, web = (pillion(config, arguments=["--drain-time-s", "2"]) for config in configs)
    stop, statuses = threading.Event(), []

    def call():
        while not stop.is_set():
            try:
                statuses.append(web.connect(listener="outbound").exchange(Request("GET", "/", [("host", "pay")])).status)
            except Exception as error:  # whatever it is, it is none
                statuses.append(repr(error))

    first = ca.file("bundle.pem").read_text()
    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    until(lambda: first not in ca.file("bundle.pem").read_text(), "the first root has left", 30)
    until(lambda: pay.stat("tls.context_renewed") > 10, "pay has the last bundle")
    before = len(statuses)
    until(lambda: len(statuses) > before + 50, "more requests")
    stop.set()
    for caller in callers:
        caller.join()
    assert set(statuses) == {200}
    for proxy in pay, web:
        assert proxy.stat("tls.context_rejected") == 0
        assert proxy.stat("tls.certificates_overdue") == 0, "each was replaced before half of its life had passed"
    assert web.stat("cluster.pay.upstream_cx_total") > 1, "connections of identities that ended were replaced"
    assert web.stat("cluster.pay.ssl.fail_verify_error") == 0


def test_restart(run, tmp_path):
    """The CA is the one that it was; streams are told to come again, and do."""
    ca = run()
    stream = ca.api().svids()
    first = next(stream).svids[0]
    ca.stop()
    with pytest.raises(grpc.RpcError) as error:
        next(stream)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    again = next(run().api().svids()).svids[0]
    assert (again.spiffe_id, again.bundle) == (first.spiffe_id, first.bundle)
    assert vouches(tmp_path, first.bundle, again.x509_svid)


def test_after_it_was_killed(run):
    """What it leaves behind, its socket among it, is in nobody's way."""
    ca = run()
    bundle = ca.file("bundle.pem").read_text()
    ca.process.send_signal(signal.SIGKILL)
    ca.process.wait()
    assert ca.file("api.sock").is_socket()
    later = run()
    assert next(later.api().svids()).svids[0].spiffe_id == "spiffe://demo.test/web"
    assert later.file("bundle.pem").read_text() == bundle
    ca.process.returncode = 0  # what stop() asks for


def test_many_streams_that_end(run):
    ca = run("--svid-ttl", "4s")
    apis = [ca.api() for _ in range(20)]
    streams = [stream for api in apis for stream in (api.svids(), api.svids(), api.bundles())]
    for stream in streams:
        next(stream)
    for stream in streams[::2]:
        stream.cancel()
    for api in apis[:10]:
        api.close()
    assert next(streams[55]) and next(ca.api().svids())  # one that is left, and a new one


def test_over_tcp(run):
    port = free_port()
    run("--listen", f"web=127.0.0.1:{port}", workloads=("pay", "web"))
    assert next(WorkloadApi(f"127.0.0.1:{port}").svids()).svids[0].spiffe_id == "spiffe://demo.test/web"


def test_beyond_loopback_only_when_allowed(run, tmp_path):
    port = free_port()
    arguments = ["--listen", f"web=0.0.0.0:{port}"]
    result = ctl("ca", "run", "--dir", tmp_path / "ca", "--trust-domain", "demo.test", "--workload", "web", *arguments)
    assert result.returncode == 1 and "--allow-remote" in result.stderr and f'"web=0.0.0.0:{port}"' in result.stderr
    assert not (tmp_path / "ca").exists()
    run(*arguments, "--allow-remote")
    assert next(WorkloadApi(f"127.0.0.1:{port}").svids()).svids[0].spiffe_id == "spiffe://demo.test/web"


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"web=127.0.0.1:{taken.getsockname()[1]}"
        result = ctl("ca", "run", "--dir", tmp_path / "ca", "--trust-domain", "demo.test", "--workload", "web", "--listen", listen)
    assert result.returncode == 1
    assert result.stderr == f"pillionctl: can't listen on {listen.partition('=')[2]}\n"


def test_a_folder_whose_name_is_too_long_for_a_socket(tmp_path):
    result = ctl("ca", "run", "--dir", tmp_path / ("a" * 100), "--trust-domain", "demo.test", "--workload", "web")
    assert result.returncode == 1
    assert "api.sock: a unix socket's path has at most 107 bytes, this has " in result.stderr and "choose a shorter --dir" in result.stderr


def test_one_process_at_a_time(run, tmp_path):
    ca = run()
    for command in ("run", "--dir", tmp_path / "ca", "--workload", "web"), ("issue", "--dir", tmp_path / "ca", "web"):
        result = ctl("ca", *command)
        assert result.returncode == 1
        assert result.stderr == f"pillionctl: {tmp_path}/ca: another process uses it, process {ca.process.pid}\n"


def test_issue_and_show(run, tmp_path):
    folder = tmp_path / "ca"
    result = ctl("ca", "issue", "--dir", folder, "--trust-domain", "demo.test", "--svid-ttl", "1d", "job=batch/job")
    assert result.returncode == 0 and result.stdout.startswith("spiffe://demo.test/batch/job until "), result
    svid, bundle = folder / "svids/job/svid.pem", folder / "svids/job/bundle.pem"
    assert openssl("verify", "-CAfile", bundle, svid)[0] == 0
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(svid, folder / "svids/job/key.pem")
    assert run().file("bundle.pem").read_text() == bundle.read_text(), "it is the same CA"
    shown = ctl("ca", "show", "--dir", folder).stdout
    serial = openssl("x509", "-in", bundle, "-noout", "-serial")[1].strip().partition("=")[2].lower()
    time = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(f"trust domain demo.test\nroot {serial}  until {time}  signs\n"
                        f"svid job  spiffe://demo.test/batch/job  until {time}\nsvid web  spiffe://demo.test/web  until {time}\n", shown)


def test_the_page(tmp_path):
    """The commands of docs/pillionctl-ca.md, and what it says that they say."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", (ROOT / "docs/pillionctl-ca.md").read_text(encoding="utf-8"), re.M | re.S)
    run_, commands, said = blocks
    result = subprocess.run(["sh", "-ec", commands.replace("pillionctl ", f"{PILLIONCTL} ")], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
                            check=True)
    changing = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|[0-9a-f]{32}")
    assert changing.sub("...", result.stdout) == changing.sub("...", said)
    assert run_.startswith("pillionctl ca run --dir ca ")
    with Ca(tmp_path / "ca", *run_.split()[5:], workloads=()) as ca:
        assert next(ca.api("pay").svids()).svids[0].spiffe_id == "spiffe://demo.test/ns/prod/sa/pay"


def test_a_state_that_is_damaged(tmp_path):
    """It is refused by name, and left as it is."""
    folder, state = tmp_path / "ca", tmp_path / "ca/state.pem"
    assert ctl("ca", "issue", "--dir", folder, "--trust-domain", "demo.test", "web").returncode == 0
    damaged = state.read_text().replace("-----END CERTIFICATE", "-----END CERTIFICAT")
    state.write_text(damaged)
    for command in ("run", "--dir", folder, "--workload", "web"), ("issue", "--dir", folder, "web"), ("show", "--dir", folder):
        result = ctl("ca", *command)
        assert result.returncode == 1
        assert re.fullmatch(f"pillionctl: {state}: line \\d+: .*; it is left as it is\n", result.stderr), result.stderr
    assert state.read_text() == damaged
    state.unlink()
    assert "state.pem: is missing" in ctl("ca", "issue", "--dir", folder, "--trust-domain", "demo.test", "web").stderr


@pytest.mark.parametrize("arguments,expected", [
    ([], "A subcommand is required"),
    (["cb"], '"cb" is not known: A subcommand is required'),
    (["ca", "start"], '"start" is not known: A subcommand is required'),
    (["ca", "show", "--dir", "DIR", "--other"], "--other"),
    (["ca"], "A subcommand is required"),
    (["ca", "run"], "--dir is required"),
    (["ca", "run", "--dir", "DIR"], "--workload is required"),
    (["ca", "run", "--dir", "DIR", "--workload", "web"], "--trust-domain says of what to make one"),
    (["ca", "run", "--dir", "DIR", "--workload", "web", "--trust-domain", "Demo"], '--trust-domain "Demo" is no trust domain'),
    (["ca", "run", "--dir", "DIR", "--workload", "../web", "--trust-domain", "a"], 'workload "../web": expected'),
    (["ca", "run", "--dir", "DIR", "--workload", "a", "--workload", "a=b", "--trust-domain", "a"], 'workload "a": is there twice'),
    (["ca", "run", "--dir", "DIR", "--workload", "a", "--trust-domain", "a", "--listen", "b=127.0.0.1:1"], '--listen of "b": there is no'),
    (["ca", "run", "--dir", "DIR", "--workload", "a", "--trust-domain", "a", "--listen", "127.0.0.1:1"], "expected WORKLOAD=IP:PORT"),
    (["ca", "run", "--dir", "DIR", "--workload", "a", "--trust-domain", "a", "--listen", "a=127.0.0.1:0"], "port 0 is one that nobody"),
    (["ca", "run", "--dir", "DIR", "--workload", "a", "--trust-domain", "a", "--svid-ttl", "1"], '--svid-ttl "1": expected a duration'),
    (["ca", "run", "--dir", "DIR", "--workload", "a", "--trust-domain", "a", "--ca-ttl", "2h"], '--ca-ttl "2h": expected at least three'),
    (["ca", "issue", "--dir", "DIR"], "workload is required"),
    (["ca", "show", "--dir", "DIR"], "there is no CA"),
])
def test_arguments_that_are_wrong(tmp_path, arguments, expected):
    result = ctl(*(str(tmp_path / "ca") if word == "DIR" else word for word in arguments))
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("pillionctl: ") and expected in result.stderr, result.stderr
    assert not (tmp_path / "ca/state.pem").exists()


def test_version():
    result = ctl("--version")
    assert result.returncode == 0 and re.fullmatch(r"pillionctl \d+\.\d+\.\d+\n", result.stdout) and result.stderr == ""


def test_help():
    for arguments in [], ["ca"], ["ca", "run"], ["ca", "issue"], ["ca", "show"]:
        result = ctl(*arguments, "--help")
        assert result.returncode == 0 and "Usage: pillionctl" in result.stdout and result.stderr == ""
