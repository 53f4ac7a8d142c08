#pragma once

// Certificates as a test wants them, good or bad, made when it runs.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/identity/certificate.h"
#include "source/identity/key_pair.h"

namespace pillion::test {

// What a certificate says. As it stands: a leaf by the rules of X509-SVIDs.
struct CertificateSpec {
  std::string common_name = "leaf";
  std::vector<std::string> uris = {};
  std::vector<std::string> dns = {};
  std::vector<std::string> ips = {};
  std::vector<std::string> other_names = {};  // "1.2.3.4;text"
  bool ca = false;
  std::string key_usage = "critical,digitalSignature";  // empty: no such extension
  std::string extended_key_usage = "serverAuth,clientAuth";
  std::string name_constraints = "";  // "permitted;DNS:example.com"
  int64_t begins_s = -3600;  // from now
  int64_t ends_s = 3600;
  bool rsa = false;
  bool must_staple = false;
};

// What a CA says of a certificate (OCSP).
struct OcspSpec {
  int64_t begins_s = -60;  // from now
  std::optional<int64_t> ends_s = 3600;
  bool revoked = false;
};

inline CertificateSpec CaSpec(std::string name) {
  return {.common_name = std::move(name), .ca = true, .key_usage = "critical,keyCertSign,cRLSign", .extended_key_usage = ""};
}

// A certificate and its key.
class Issued {
 public:
  Issued(identity::OwnedCertificate certificate, identity::OwnedKey key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  std::string pem() const { return identity::PemText(certificate_.get()); }
  std::string key_pem(const std::string& password = "") const;
  // A list of this CA that names `revoked`, or nobody.
  std::string RevocationsPem(const std::vector<const Issued*>& revoked) const;
  // This CA's response about each of `about`, in DER form, signed.
  std::string OcspResponse(const std::vector<const Issued*>& about, const OcspSpec& spec = {}) const;

 private:
  identity::OwnedCertificate certificate_;
  identity::OwnedKey key_;
};

Issued IssueCertificate(const CertificateSpec& spec, const Issued* issuer = nullptr);  // null: self-signed

// A leaf with that one URI.
inline Issued IssueSvid(const Issued& ca, std::string uri) { return IssueCertificate({.uris = {std::move(uri)}}, &ca); }

}  // namespace pillion::test
