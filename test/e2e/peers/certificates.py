"""A CA and what it issues, made by openssl when a test runs."""

import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """In `folder`, which is made where it is not there: NAME.pem and NAME.key of the CA and of each certificate that it issued."""

    def __init__(self, folder, name="ca", trust_domain="td.test"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.trust_domain = trust_domain
        self.pem, self.key = self._paths(name)
        self._make_key(self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-days", 2, "-subj", f"/O={name}", "-out", self.pem,
                 "-addext", f"subjectAltName=URI:spiffe://{trust_domain}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def having(self, *names):
        """Itself, once it has issued these."""
        for name in names:
            self.issue(name)
        return self

    def issue(self, name, san=None, days=1, usage="serverAuth,clientAuth", rsa=False, must_staple=False):
        """(certificate, key) as paths; with its SPIFFE ID unless `san` says otherwise."""
        pem, key = self._paths(name)
        self._make_key(key, rsa)
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        san = san or f"URI:spiffe://{self.trust_domain}/ns/prod/sa/{name}"
        extensions.write_text(f"subjectAltName={san}\nextendedKeyUsage={usage}\nkeyUsage=critical,digitalSignature\n"
                              "basicConstraints=critical,CA:FALSE\n" + ("tlsfeature=status_request\n" if must_staple else ""), encoding="ascii")
        _openssl("req", "-new", "-key", key, "-subj", f"/O=test/CN={name}", "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                 "-extfile", extensions, "-out", pem)
        return pem, key

    def respond(self, name, ended=False, revoked=False):
        """The path of an OCSP response about a certificate; `ended`: one that says no time until which it holds, and so has ended."""
        pem, _ = self._paths(name)
        request, response, index = (self.folder / f"{name}.{suffix}" for suffix in ("request", "ocsp", "index"))
        serial = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", pem], check=True, capture_output=True, text=True).stdout.strip()
        said = "R\t400101000000Z\t200101000000Z" if revoked else "V\t400101000000Z\t"
        index.write_text(f"{said}\t{serial.removeprefix('serial=')}\tunknown\t/CN={name}\n", encoding="ascii")
        _openssl("ocsp", "-issuer", self.pem, "-cert", pem, "-no_nonce", "-reqout", request)
        _openssl("ocsp", "-index", index, "-CA", self.pem, "-rsigner", self.pem, "-rkey", self.key, "-reqin", request, "-respout", response,
                 *(() if ended else ("-ndays", 1)))
        return response

    def _paths(self, name):
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    @staticmethod
    def _make_key(path, rsa=False):
        if rsa:
            _openssl("genrsa", "-out", path, 2048)
        else:
            _openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", path)


def source(path):
    """A file, as configurations name it."""
    return {"filename": str(path)}


def pair(authority, name):
    """A TlsCertificate of what `authority` issued."""
    return {"certificate_chain": source(authority.folder / f"{name}.pem"), "private_key": source(authority.folder / f"{name}.key")}
