#pragma once

// What the TLS connections of a filter chain or of a cluster have in common: certificates, whom they accept, what they
// agree to. Built on the main thread from bytes, then immutable and shared between the workers. A newer one takes its place
// for what begins later; connections keep the one that they began with.

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "source/identity/key_pair.h"
#include "source/identity/peer_policy.h"
#include "source/tls/stapling.h"
#include "source/tls/ticket_keys.h"

namespace pillion::tls {

enum class Version : uint8_t { kTls12, kTls13 };

struct ContextParts {
  bool server = false;
  std::vector<identity::KeyPair> pairs;                   // none: a client without a certificate
  std::shared_ptr<const identity::PeerPolicy> policy;     // null: the peer may be anybody
  bool require_peer_certificate = false;                  // of a server: else clients may come without
  Version least = Version::kTls12;
  Version most = Version::kTls13;
  std::vector<std::string> ciphers;  // of TLS 1.2, by OpenSSL's names; empty: the usual ones
  std::vector<std::string> ciphers13;  // of TLS 1.3, by their names in RFC 8446; empty: the usual ones
  std::vector<std::string> curves;   // empty: X25519, P-256, P-384
  std::vector<std::string> signature_algorithms;  // empty: OpenSSL's
  std::vector<std::string> alpn;                  // a server's in the order of its liking
  // Of a server.
  bool tickets = true;
  std::vector<std::string> ticket_keys;  // of TicketKeys::kBytes each, the first one seals; empty: own ones, that change
  std::optional<std::chrono::seconds> session_timeout;
  bool prefer_client_ciphers = false;
  bool require_server_name = false;
  StaplePolicy staple_policy = StaplePolicy::kLenient;
};

// What TLS 1.2 may use: ephemeral keys and authenticated encryption.
bool IsGoodCipher(std::string_view name);
bool IsCurve(std::string_view name);
// FIPS_202205 has signatures by it.
bool IsFipsKey(const identity::KeyPair& pair);

class Context {
 public:
  // An error says what OpenSSL does not take of it.
  static absl::StatusOr<std::shared_ptr<const Context>> Build(ContextParts parts);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  bool server() const { return parts_.server; }
  SSL_CTX* openssl() const { return context_; }
  const ContextParts& parts() const { return parts_; }
  const identity::PeerPolicy* policy() const { return parts_.policy.get(); }

 private:
  Context(ContextParts parts, SSL_CTX* context);

  absl::Status Set();
  absl::Status SetPairs();
  absl::Status SetAlgorithms();
  void SetServer();
  void SetTickets();

  // Called by OpenSSL, on a worker.
  static int OnCertificateWanted(SSL* ssl, void* context);
  static int OnAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void* context);
  static int OnServerName(SSL* ssl, int* alert, void* context);
  static int OnStatusRequest(SSL* ssl, void* context);
  static int OnTicketKey(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                         int seal);
  static SSL_TICKET_RETURN OnTicket(SSL* ssl, SSL_SESSION* session, const unsigned char*, size_t,
                                    SSL_TICKET_STATUS status, void* context);

  const ContextParts parts_;
  SSL_CTX* const context_;
  std::string alpn_;  // on the wire
  const std::unique_ptr<TicketKeys> ticket_keys_;
};

}  // namespace pillion::tls
