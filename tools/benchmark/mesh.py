"""A hop of a mesh: plain in, mutual TLS 1.3 between two listeners of one process, plain out. One request pays for both ends."""
import json
import ssl
import subprocess
from pathlib import Path

_TYPE = "type.googleapis.com/envoy.extensions."


def replace(directory: Path) -> bytes:
    """As a rotation does: another root beside the one that is there, and another SVID of the callee by it. What the
    callee shows from then on, in DER."""
    made = directory / "next"
    made.mkdir(exist_ok=True)
    certificates(made)
    bundle = (directory / "ca.pem").read_text() + (made / "ca.pem").read_text()
    (made / "ca.pem").write_text(bundle)
    for name in ("ca.pem", "callee.key", "callee.pem"):
        (made / name).rename(directory / name)
    return ssl.PEM_cert_to_DER_cert((directory / "callee.pem").read_text())


def certificates(directory: Path) -> None:
    """A CA, and SVIDs of a caller and a callee, of ECDSA P-256."""
    def openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    for name in ("ca", "caller", "callee"):
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", directory / f"{name}.key")
    openssl("req", "-x509", "-new", "-key", directory / "ca.key", "-days", 2, "-subj", "/O=bench", "-out", directory / "ca.pem",
            "-addext", "subjectAltName=URI:spiffe://bench.test")
    for name in ("caller", "callee"):
        extensions = directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName=URI:spiffe://bench.test/{name},DNS:bench\nextendedKeyUsage=serverAuth,clientAuth\n"
                              "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n")
        openssl("req", "-new", "-key", directory / f"{name}.key", "-subj", "/O=bench", "-out", directory / f"{name}.csr")
        openssl("x509", "-req", "-in", directory / f"{name}.csr", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
                "-CAcreateserial", "-days", 2, "-extfile", extensions, "-out", directory / f"{name}.pem")
        both = directory / f"{name}.both"
        both.write_text((directory / f"{name}.pem").read_text() + (directory / f"{name}.key").read_text())


def client_context(directory: Path) -> ssl.SSLContext:
    """The caller, for a load that speaks mutual TLS itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.load_verify_locations(directory / "ca.pem")
    context.load_cert_chain(directory / "caller.pem", directory / "caller.key")
    context.set_alpn_protocols(["http/1.1"])
    return context


def haproxy(hop, directory: Path) -> str:
    """Frontends and backends of haproxy.cfg."""
    h2 = " alpn h2" if hop.mesh == "h2" else ""
    return f"""frontend out
  bind 127.0.0.1:{hop.port}{" proto h2" if hop.down == "h2" else ""}
  default_backend peer
frontend in
  bind 127.0.0.1:{hop.between} ssl crt {directory}/callee.both ca-file {directory}/ca.pem verify required ssl-min-ver TLSv1.3{h2}
  default_backend up
backend peer
  server peer 127.0.0.1:{hop.between} ssl crt {directory}/caller.both ca-file {directory}/ca.pem{h2}
backend up
  server upstream 127.0.0.1:{hop.upstream_port}{" proto h2" if hop.up == "h2" else ""}
"""


def nginx(hop, directory: Path) -> str:
    """Servers of nginx.conf; between them HTTP/1.1, its only choice."""
    forward = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off;'
    return f"""
  upstream up {{ server 127.0.0.1:{hop.upstream_port}; keepalive 256; keepalive_requests 1000000000; }}
  upstream peer {{ server 127.0.0.1:{hop.between}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{hop.port} reuseport; location / {{ proxy_pass https://peer; {forward}
    proxy_ssl_certificate {directory}/caller.pem; proxy_ssl_certificate_key {directory}/caller.key;
    proxy_ssl_trusted_certificate {directory}/ca.pem; proxy_ssl_verify on; proxy_ssl_name bench; proxy_ssl_protocols TLSv1.3; }} }}
  server {{ listen 127.0.0.1:{hop.between} ssl reuseport; ssl_certificate {directory}/callee.pem;
    ssl_certificate_key {directory}/callee.key; ssl_client_certificate {directory}/ca.pem; ssl_verify_client on;
    ssl_protocols TLSv1.3; location / {{ proxy_pass http://up; {forward} }} }}"""


def _socket(side: str, name: str, carried: str, directory: Path) -> dict:
    pair = {"certificate_chain": {"filename": f"{directory}/{name}.pem"}, "private_key": {"filename": f"{directory}/{name}.key"}}
    config = {"@type": _TYPE + f"transport_sockets.tls.v3.{side}", "common_tls_context": {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [pair], "validation_context": {"trusted_ca": {"filename": f"{directory}/ca.pem"}},
        "alpn_protocols": ["h2" if carried == "h2" else "http/1.1"]}}
    if side == "DownstreamTlsContext":
        config["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def bootstrap(hop, plain: dict, directory: Path, listener, cluster) -> dict:
    """`plain`: of one hop without TLS. `listener(port, codec, cluster)` and `cluster(name, port, protocol)` make its parts."""
    resources = plain["static_resources"]
    (outer,) = resources["listeners"]
    manager = outer["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] = "peer"
    inner = listener(hop.between, hop.mesh, "up")
    inner["filter_chains"][0]["transport_socket"] = _socket("DownstreamTlsContext", "callee", hop.mesh, directory)
    peer = cluster("peer", hop.between, hop.mesh)
    peer["transport_socket"] = _socket("UpstreamTlsContext", "caller", hop.mesh, directory)
    resources["listeners"].append(inner)
    resources["clusters"].append(peer)
    return json.loads(json.dumps(plain))
