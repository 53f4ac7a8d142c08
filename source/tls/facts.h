#pragma once

// What is known of a TLS connection and of the certificates on both ends, for logs and rules. Each is made when first asked
// for; the texts are good as long as this. Owned by its transport and by whoever
// tells of the connection later; on its worker.

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "source/identity/certificate.h"

namespace pillion::tls {

class Context;

// A PEM text without the bytes that fields, logs and URLs do not have.
std::string UrlEncoded(std::string_view pem);

class CertificateFacts {
 public:
  // Takes over one reference.
  explicit CertificateFacts(X509* certificate);
  ~CertificateFacts();

  const std::string& subject();
  const std::string& issuer();
  const std::string& serial();
  const std::string& sha256();
  const std::string& sha1();
  const std::string& pem();
  const std::string& url_pem();  // as it may stand in a field
  // Those that can't be read are none: no peer with such was accepted.
  const std::vector<identity::SubjectName>& names();
  // Of one kind, joined by commas.
  std::string Joined(identity::NameType type);
  absl::Time not_before() const { return identity::NotBefore(certificate_.get()); }
  absl::Time not_after() const { return identity::NotAfter(certificate_.get()); }

 private:
  const identity::OwnedCertificate certificate_;
  std::string subject_;
  std::string issuer_;
  std::string serial_;
  std::string sha256_;
  std::string sha1_;
  std::string pem_;
  std::string url_pem_;
  std::vector<identity::SubjectName> names_;
  bool names_read_ = false;
};

class Facts {
 public:
  // Keeps `ssl`, which began under `context`, as long as it lives.
  Facts(SSL* ssl, std::shared_ptr<const Context> context);
  Facts(const Facts&) = delete;
  Facts& operator=(const Facts&) = delete;
  ~Facts();

  std::string_view version() const;  // "TLSv1.3"
  std::string_view cipher() const;
  std::string_view curve() const;  // empty: a resumed TLS 1.2 session has none
  const std::string& session_id();   // hexadecimal; empty: none
  std::string_view server_name() const;  // that the client asked for
  std::string_view alpn() const;         // that was agreed on; empty: none
  bool resumed() const;
  // The handshake is over, and somebody who is trusted vouches for the peer.
  bool peer_verified();
  // Null: it sent none.
  CertificateFacts* peer();
  CertificateFacts* local();
  // Of all that the peer sent, its own first; empty: none.
  std::string PeerChainPem() const;
  const Context& context() const { return *context_; }
  SSL* openssl() const { return ssl_; }

 private:
  SSL* const ssl_;
  const std::shared_ptr<const Context> context_;
  std::unique_ptr<CertificateFacts> peer_;
  std::unique_ptr<CertificateFacts> local_;
  std::string session_id_;
};

}  // namespace pillion::tls
