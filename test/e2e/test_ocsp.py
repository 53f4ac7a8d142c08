"""OCSP responses that a listener passes on to clients that ask for them: openssl is the CA and the client. PILLION=path runs another
binary, such as Envoy."""

import json
import os
import subprocess

import pytest

from peers import bootstrap as b
from peers.certificates import Authority, pair, source
from peers.wait import until

_TLS = "extensions.transport_sockets.tls.v3."
ENVOY = "envoy" in os.environ.get("PILLION", "")


@pytest.fixture
def ca(tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server", "DNS:a.test")
    return authority


def certificate(ca, staple=None, name="server"):
    return {**pair(ca, name), **({"ocsp_staple": source(staple)} if staple else {})}


def bootstrap(*certificates, params=None, policy="LENIENT_STAPLING"):
    common = {"tls_certificates": list(certificates), **({"tls_params": params} if params else {})}
    made = b.listener(b.http([b.direct(200, "hello")]))
    made["filter_chains"][0]["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": b.any_of(
        _TLS + "DownstreamTlsContext", common_tls_context=common, ocsp_staple_policy=policy)}
    return b.bootstrap([made])


def client(proxy, *arguments):
    """What openssl says of a handshake."""
    run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.address[1]}", *map(str, arguments)], input="", capture_output=True,
                         text=True, timeout=20)
    return run.stdout + run.stderr


def staple(proxy, ca, *arguments):
    """What the client is told of the certificate: "good", "revoked", "nothing", or that there is no connection."""
    said = client(proxy, "-status", "-CAfile", ca.pem, *arguments)
    if "Cert Status:" in said:
        return said.split("Cert Status: ")[1].split()[0]
    return "nothing" if "OCSP response: no response sent" in said and "Verify return code: 0 (ok)" in said else "refused"


def counted(proxy):
    stat = f"listener.127.0.0.1_{proxy.address[1]}.ssl.ocsp_staple_"
    return {name: proxy.stat(stat + name) for name in ("requests", "responses", "omitted", "failed")}


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("policy,has,told", [
    ("LENIENT_STAPLING", "good", "good"), ("LENIENT_STAPLING", "ended", "nothing"), ("LENIENT_STAPLING", None, "nothing"),
    ("STRICT_STAPLING", "good", "good"), ("STRICT_STAPLING", "ended", "refused"), ("STRICT_STAPLING", None, "nothing"),
    ("MUST_STAPLE", "good", "good"), ("MUST_STAPLE", "ended", "refused"), ("LENIENT_STAPLING", "revoked", "revoked")])
def test_policies(pillion, ca, policy, has, told, version):
    response = has and ca.respond("server", ended=has == "ended", revoked=has == "revoked")
    proxy = pillion(bootstrap(certificate(ca, response), policy=policy, params={"tls_minimum_protocol_version": "TLSv1_2",
                                                                                "tls_maximum_protocol_version": "TLSv1_3"}))
    assert staple(proxy, ca, version) == told
    counter = {"nothing": "omitted", "refused": "failed"}.get(told, "responses")
    until(lambda: counted(proxy)[counter] == 1, "it is counted")
    assert counted(proxy) == {"requests": 1, "responses": 0, "omitted": 0, "failed": 0, counter: 1}
    assert "Verification error" not in client(proxy, "-CAfile", ca.pem, version)  # who does not ask is served
    assert counted(proxy)["requests"] == 1


def test_a_response_that_is_replaced(pillion, ca):
    proxy = pillion(bootstrap(certificate(ca, ca.respond("server"))))
    assert staple(proxy, ca) == "good"
    details = json.loads(proxy.admin("/certs"))["certificates"][0]["cert_chain"][0]["ocsp_details"]
    assert details["valid_from"] < details["expiration"]
    if ENVOY:
        return  # it reads such files again only with the certificate's
    newer = Authority.respond(ca, "server", revoked=True)
    moved = newer.with_suffix(".new")
    newer.rename(moved)
    moved.rename(newer)
    until(lambda: staple(proxy, ca) == "revoked", "clients get the newer one")


def test_a_certificate_that_must_be_stapled(pillion, ca):
    ca.issue("must", "DNS:a.test", must_staple=True)
    proxy = pillion(bootstrap(certificate(ca, ca.respond("must"), "must")))
    assert staple(proxy, ca) == "good"


@pytest.mark.parametrize("how", ["missing", "must", "other", "no response", pytest.param("key", marks=pytest.mark.skipif(
    ENVOY, reason="Envoy takes it"))])
def test_what_is_refused(pillion, ca, how):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=test", "-days", "2", "-keyout", ca.folder / "ed.key",
                    "-out", ca.folder / "ed.pem"], check=True, capture_output=True, timeout=60)
    ca.issue("other", "DNS:b.test")
    ca.issue("must", "DNS:a.test", must_staple=True)
    wrong = {"missing": lambda: bootstrap(certificate(ca), policy="MUST_STAPLE"), "must": lambda: bootstrap(certificate(ca, name="must")),
             "other": lambda: bootstrap(certificate(ca, ca.respond("other"))), "no response": lambda: bootstrap(certificate(ca, ca.pem)),
             "key": lambda: bootstrap(certificate(ca, name="ed"), params={"compliance_policies": ["FIPS_202205"]})}[how]()
    with pytest.raises(AssertionError, match="not ready|exit status"):
        pillion(wrong)


def test_fips_202205(pillion, ca):
    proxy = pillion(bootstrap(certificate(ca), params={"compliance_policies": ["FIPS_202205"]}))
    assert "Cipher is TLS_AES_128_GCM_SHA256" in client(proxy, "-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256")
    assert "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in client(proxy, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")
    assert "handshake failure" in client(proxy, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
    assert "handshake failure" in client(proxy, "-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305")
    assert "handshake failure" in client(proxy, "-tls1_3", "-groups", "X25519")
    assert "Server Temp Key: ECDH, prime256v1" in client(proxy, "-tls1_3", "-groups", "X25519:P-256")
    assert "alert" in client(proxy, "-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-sigalgs", "ECDSA+SHA1:RSA+SHA1")
    certs = json.loads(proxy.admin("/config_dump"))
    assert "FIPS_202205" in json.dumps(certs)
