#pragma once

// What is known of a TLS connection and of the certificates on both ends, for logs and rules. Each is made when first asked
// for; the texts are good as long as this. Owned by its transport and by whoever
// tells of the connection later; on its worker.

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "source/identity/certificate.h"

namespace pillion::tls {

class Context;

// A PEM text without the bytes that fields, logs and URLs do not have.
std::string UrlEncoded(std::string_view pem);

// A certificate takes some 10 KB as OpenSSL has it, and 600 bytes as it came: one of many is kept as the latter. To parse it
// again costs 0.1 ms, so what rules and logs ask for is taken from it before.
class CertificateFacts {
 public:
  // Of a peer's, which others do not have: kept as it came.
  static std::unique_ptr<CertificateFacts> OfPeer(X509* certificate);
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
  absl::Time not_before() const { return not_before_; }
  absl::Time not_after() const { return not_after_; }
  // As OpenSSL has it.
  identity::OwnedCertificate Parsed() const;
  std::string Der() const;

 private:
  identity::OwnedCertificate certificate_;  // null: of a peer's
  std::string der_;                         // of a peer's
  absl::Time not_before_;
  absl::Time not_after_;
  std::optional<std::string> subject_;
  std::optional<std::string> issuer_;
  std::optional<std::string> serial_;
  std::optional<std::string> sha256_;
  std::optional<std::string> sha1_;
  std::optional<std::string> pem_;
  std::optional<std::string> url_pem_;
  std::optional<std::vector<identity::SubjectName>> names_;
};

class Facts {
 public:
  // Looks at `ssl`, which begins under `context`, until Settle().
  Facts(SSL* ssl, std::shared_ptr<const Context> context);
  Facts(const Facts&) = delete;
  Facts& operator=(const Facts&) = delete;
  ~Facts();

  // The handshake has ended, well or not: what is known now is all, and `ssl` is let go. Texts that were given before are
  // not good any more.
  void Settle();
  // By its end: nothing went wrong.
  bool complete() const { return complete_; }

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
  // What `of` says of each, joined by commas.
  std::string PeerChain(std::string (*of)(const X509*)) const;
  // Of the certificate that vouches for the peer's, in the chain that was found good: whether the peer sent it or we had it.
  // Empty: nobody vouches, or the session was resumed.
  const std::string& peer_issuer_serial();
  const std::string& peer_issuer_sha256();
  // SHA-256 of all that the peer sent.
  std::string PeerDigest() const;
  // The same as OpenSSL has it, for who builds a chain from it; without its own.
  identity::CertificateStack PeerIntermediates() const;
  const Context& context() const { return *context_; }

 private:
  void ReadPeerIssuer();

  SSL* ssl_;  // null: settled
  std::string peer_issuer_serial_;
  std::string peer_issuer_sha256_;
  bool complete_ = false;
  bool resumed_ = false;
  std::string_view version_;
  std::string_view cipher_;
  std::string_view curve_;
  std::string server_name_;
  std::string alpn_;
  std::vector<std::string> intermediates_;  // DER
  const std::shared_ptr<const Context> context_;
  std::unique_ptr<CertificateFacts> peer_;
  std::unique_ptr<CertificateFacts> local_;
  std::optional<std::string> session_id_;
};

}  // namespace pillion::tls
