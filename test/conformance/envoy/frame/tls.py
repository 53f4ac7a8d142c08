"""TLS in cases: certificates of the module, settings of the proxies, and the two ends by Python's ssl."""

import base64
import functools
import hashlib
import socket
import ssl
import subprocess

from peers.bootstrap import any_of
from peers.certificates import Authority

_TLS = "extensions.transport_sockets.tls.v3."


@functools.cache
def certificates(folder):
    """Made once for each module: what our CA issued, and one of another CA."""
    home = folder / "certificates"
    home.mkdir()
    ca = Authority(home)
    ca.issue("server", "DNS:server.test,DNS:*.wild.test,URI:spiffe://td.test/server")
    ca.issue("client", "URI:spiffe://td.test/client,DNS:client.test,email:client@test")
    ca.issue("other", "URI:spiffe://td.test/other")
    ca.issue("expired", "URI:spiffe://td.test/client,DNS:server.test", days=-1)
    ca.issue("second", "DNS:second.test,DNS:*.second.test")
    ca.issue("clientonly", "DNS:server.test", usage="clientAuth")
    Authority(home, "stranger").issue("foreign", "URI:spiffe://td.test/client,DNS:server.test")
    return home


def _pair(home, name):
    return {"certificate_chain": {"filename": str(home / f"{name}.pem")}, "private_key": {"filename": str(home / f"{name}.key")}}


def trusted(folder, **fields):
    """A validation context."""
    return {"trusted_ca": {"filename": str(certificates(folder) / "ca.pem")}, **fields}


def _socket(message, common, fields):
    return {"name": "envoy.transport_sockets.tls", "typed_config": any_of(_TLS + message, common_tls_context=common, **fields)}


def downstream(folder, *names, alpn=(), validation=None, params=None, **fields):
    """A listener's transport socket; `validation`: fields beside the CA, {} for none."""
    common = {"tls_certificates": [_pair(certificates(folder), name) for name in names or ("server",)], "alpn_protocols": list(alpn),
              **({"tls_params": params} if params else {})}
    if validation is not None:
        common["validation_context"] = trusted(folder, **validation)
    return _socket("DownstreamTlsContext", common, fields)


def upstream(folder, name=None, alpn=(), validation=None, params=None, **fields):
    """A cluster's transport socket."""
    common = {"alpn_protocols": list(alpn), **({"tls_params": params} if params else {})}
    if name:
        common["tls_certificates"] = [_pair(certificates(folder), name)]
    if validation is not None:
        common["validation_context"] = trusted(folder, **validation)
    return _socket("UpstreamTlsContext", common, fields)


def _context(folder, side, name, alpn, version, authority="ca"):
    home = certificates(folder)
    made = ssl.SSLContext(side)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if name:
        made.load_cert_chain(home / f"{name}.pem", home / f"{name}.key")
    if alpn:
        made.set_alpn_protocols(alpn)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def over_tls(server_name=None, alpn=None, name=None, version=None):
    """For Case.over: a handshake with this certificate."""
    def wrap(sock, folder):
        return _context(folder, ssl.PROTOCOL_TLS_CLIENT, name, alpn, version).wrap_socket(sock, server_hostname=server_name)
    return wrap


def again_over_tls(version):
    """For Case.over: two handshakes, the second one with what the first one left. TLS 1.2, where that is known when the handshake is over."""
    def wrap(sock, folder):
        made = _context(folder, ssl.PROTOCOL_TLS_CLIENT, None, None, version)
        with socket.create_connection(sock.getpeername(), 10, (sock.getsockname()[0], 0)) as first:
            with made.wrap_socket(first) as secured:
                session = secured.session
                secured.unwrap()
        return made.wrap_socket(sock, session=session)
    return wrap


def digest(folder, name, what):
    """The fingerprint of a certificate ("hash"), or of its key as base64 ("spki")."""
    pem = (certificates(folder) / f"{name}.pem").read_text(encoding="ascii")
    if what == "hash":
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    key = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=pem, capture_output=True, text=True, check=True).stdout
    return base64.b64encode(hashlib.sha256(base64.b64decode("".join(key.splitlines()[1:-1]))).digest()).decode()


def serves_tls(name="server", alpn=None, verifies=False, version=None, asked_for=None):
    """For Cluster.over. `asked_for`: the only server name that there is."""
    def wrap(sock, folder):
        made = _context(folder, ssl.PROTOCOL_TLS_SERVER, name, alpn, version)
        if asked_for:
            made.sni_callback = lambda sock, found, context: None if found == asked_for else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if verifies:
            made.load_verify_locations(certificates(folder) / "ca.pem")
            made.verify_mode = ssl.CERT_REQUIRED
        return made.wrap_socket(sock, server_side=True)
    return wrap
