#include "source/tls/context.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "source/identity/text.h"
#include "source/tls/certificate_choice.h"
#include "source/tls/transport.h"

namespace pillion::tls {
namespace {

using identity::Concat;

// In the order of our liking; with the most common client hardware AES is the cheaper one.
constexpr std::string_view kCiphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                                         "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
                                         "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"};
constexpr char kCiphers13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr std::string_view kCurves[] = {"X25519", "P-256", "P-384", "P-521"};

template <typename Texts>
std::string Joined(const Texts& texts) {
  std::string joined;
  for (const auto& text : texts) {
    if (!joined.empty()) joined += ':';
    joined += text;
  }
  return joined;
}

int NumberOf(Version version) { return version == Version::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION; }

absl::Status Refused(std::string_view what) {
  return absl::InvalidArgumentError(Concat(what, ": ", identity::TakeOpenSslError()));
}

void FreeNames(STACK_OF(X509_NAME) * names) { sk_X509_NAME_pop_free(names, X509_NAME_free); }
using NameStack = std::unique_ptr<STACK_OF(X509_NAME), identity::FreeWith<FreeNames>>;

// Of whom clients may show certificates: those who have several choose by that. Each name once. Where all of them are too
// much for each handshake, none: a client that finds its own missing shows nothing, one that is told of none what it has.
NameStack NamesOfAuthorities(const identity::PeerPolicy& policy) {
  constexpr size_t kMostBytes = 16 * 1024;
  size_t bytes = 0;
  std::set<std::string> seen;
  NameStack names(sk_X509_NAME_new_null());
  const auto add = [&](const identity::CertificateStack& authorities) {
    for (int i = 0; i < sk_X509_num(authorities.get()); ++i) {
      X509_NAME* const name = X509_get_subject_name(sk_X509_value(authorities.get(), i));
      const unsigned char* der = nullptr;
      size_t size = 0;
      if (X509_NAME_get0_der(name, &der, &size) != 1) continue;
      if (!seen.emplace(reinterpret_cast<const char*>(der), size).second) continue;
      bytes += size;
      sk_X509_NAME_push(names.get(), X509_NAME_dup(name));
    }
  };
  add(policy.trusted());
  for (const auto& [domain, bundle] : policy.bundles()) add(bundle);
  return bytes <= kMostBytes ? std::move(names) : NameStack(sk_X509_NAME_new_null());
}

}  // namespace

bool IsGoodCipher(std::string_view name) {
  return std::find(std::begin(kCiphers), std::end(kCiphers), name) != std::end(kCiphers);
}

bool IsCurve(std::string_view name) {
  return std::find(std::begin(kCurves), std::end(kCurves), name) != std::end(kCurves);
}

bool IsFipsKey(const identity::KeyPair& pair) {
  const int type = EVP_PKEY_get_base_id(pair.key.get());
  return type == EVP_PKEY_RSA || (type == EVP_PKEY_EC && EVP_PKEY_get_bits(pair.key.get()) <= 384);
}

absl::StatusOr<std::shared_ptr<const Context>> Context::Build(ContextParts parts) {
  SSL_CTX* const made = SSL_CTX_new(parts.server ? TLS_server_method() : TLS_client_method());
  if (made == nullptr) return Refused("no TLS context can be made");
  std::shared_ptr<Context> context(new Context(std::move(parts), made));
  if (absl::Status status = context->Set(); !status.ok()) return status;
  return context;
}

Context::Context(ContextParts parts, SSL_CTX* context)
    : parts_(std::move(parts)),
      context_(context),
      ticket_keys_(parts_.ticket_keys.empty() ? std::make_unique<TicketKeys>()
                                              : std::make_unique<TicketKeys>(parts_.ticket_keys)) {}

Context::~Context() { SSL_CTX_free(context_); }

absl::Status Context::Set() {
  SSL_CTX_set_min_proto_version(context_, NumberOf(parts_.least));
  SSL_CTX_set_max_proto_version(context_, NumberOf(parts_.most));
  SSL_CTX_set_security_level(context_, 2);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A record is written as a whole or not at all: what our BIO is given, it takes.
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_msg_callback(context_, TlsTransport::OnMessage);
  SSL_CTX_set_keylog_callback(context_, TlsTransport::OnSecret);
  if (absl::Status status = SetAlgorithms(); !status.ok()) return status;
  if (absl::Status status = SetPairs(); !status.ok()) return status;
  const bool verifies = parts_.policy != nullptr && parts_.policy->verifies();
  int mode = verifies || (parts_.server && parts_.require_peer_certificate) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
  if (parts_.server && parts_.require_peer_certificate) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context_, mode, nullptr);
  SSL_CTX_set_cert_verify_callback(context_, TlsTransport::OnVerify, nullptr);
  for (const std::string& protocol : parts_.alpn) {
    alpn_ += static_cast<char>(protocol.size());
    alpn_ += protocol;
  }
  if (parts_.server) {
    SetServer();
    return absl::OkStatus();
  }
  SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(alpn_.data()),
                          static_cast<unsigned int>(alpn_.size()));
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, TlsTransport::OnNewSession);
  return absl::OkStatus();
}

absl::Status Context::SetAlgorithms() {
  const std::string ciphers = parts_.ciphers.empty() ? Joined(kCiphers) : Joined(parts_.ciphers);
  if (SSL_CTX_set_cipher_list(context_, ciphers.c_str()) != 1) return Refused(Concat("the ciphers ", ciphers));
  const std::string ciphers13 = parts_.ciphers13.empty() ? std::string(kCiphers13) : Joined(parts_.ciphers13);
  if (SSL_CTX_set_ciphersuites(context_, ciphers13.c_str()) != 1) return Refused(Concat("the ciphers ", ciphers13));
  const std::string curves = parts_.curves.empty() ? "X25519:P-256:P-384" : Joined(parts_.curves);
  if (SSL_CTX_set1_groups_list(context_, curves.c_str()) != 1) return Refused(Concat("the curves ", curves));
  if (parts_.signature_algorithms.empty()) return absl::OkStatus();
  const std::string algorithms = Joined(parts_.signature_algorithms);
  if (SSL_CTX_set1_sigalgs_list(context_, algorithms.c_str()) != 1) {
    return Refused(Concat("the signature algorithms ", algorithms));
  }
  return absl::OkStatus();
}

absl::Status Context::SetPairs() {
  for (const identity::KeyPair& pair : ChosenPairs(parts_.pairs, "")) {
    if (SSL_CTX_use_cert_and_key(context_, pair.leaf(), pair.key.get(), IntermediatesOf(pair).get(), 1) != 1) {
      return Refused(Concat("the certificate of ", identity::SubjectText(pair.leaf())));
    }
  }
  return absl::OkStatus();
}

void Context::SetServer() {
  SSL_CTX_set_options(context_, SSL_OP_PRIORITIZE_CHACHA);
  if (!parts_.prefer_client_ciphers) SSL_CTX_set_options(context_, SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context_, OnAlpn, this);
  if (NeedsChoice(parts_.pairs)) SSL_CTX_set_cert_cb(context_, OnCertificateWanted, this);
  if (parts_.require_server_name) {
    SSL_CTX_set_tlsext_servername_callback(context_, OnServerName);
    SSL_CTX_set_tlsext_servername_arg(context_, this);
  }
  SSL_CTX_set_tlsext_status_cb(context_, OnStatusRequest);
  SSL_CTX_set_tlsext_status_arg(context_, this);
  if (parts_.policy != nullptr) SSL_CTX_set_client_CA_list(context_, NamesOfAuthorities(*parts_.policy).release());
  SetTickets();
}

void Context::SetTickets() {
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);  // clients keep sessions, as tickets
  SSL_CTX_set_max_early_data(context_, 0);
  // A session begun under another policy is none of ours.
  const std::string id = parts_.policy == nullptr ? std::string(32, '\0') : parts_.policy->digest();
  SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>(id.data()),
                                 static_cast<unsigned int>(id.size()));
  if (parts_.session_timeout) SSL_CTX_set_timeout(context_, parts_.session_timeout->count());
  if (!parts_.tickets) {
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context_, 0);
    return;
  }
  SSL_CTX_set_num_tickets(context_, 1);
  SSL_CTX_set_session_ticket_cb(context_, nullptr, OnTicket, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context_, OnTicketKey);
}

int Context::OnCertificateWanted(SSL* ssl, void* context) {
  const Context& self = *static_cast<const Context*>(context);
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return 1;  // what the context has
  SSL_certs_clear(ssl);
  for (const identity::KeyPair& pair : ChosenPairs(self.parts_.pairs, name)) {
    if (SSL_use_cert_and_key(ssl, pair.leaf(), pair.key.get(), IntermediatesOf(pair).get(), 1) != 1) return 0;
  }
  return 1;
}

int Context::OnAlpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void* context) {
  const std::string& ours = static_cast<const Context*>(context)->alpn_;
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                           static_cast<unsigned int>(ours.size()), in, in_size);
  *out = chosen;
  // As Envoy: without one in common none is agreed on, and the bytes will tell.
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int Context::OnServerName(SSL* ssl, int* alert, void*) {
  if (SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != nullptr) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int Context::OnTicketKey(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                         int seal) {
  const absl::Time now = TlsTransport::TimeOf(ssl);
  TicketKeys& keys = *TlsTransport::ContextOf(ssl).ticket_keys_;
  if (seal == 1) return keys.Seal(now, name, iv, cipher, mac) ? 1 : -1;
  switch (keys.Open(now, name, iv, cipher, mac)) {
    case TicketKeys::Opening::kUnknown:
      return 0;
    case TicketKeys::Opening::kGood:
      return SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;  // a client uses each but once (RFC 8446, C.4), so it gets another
    case TicketKeys::Opening::kOld:
      return 2;
  }
  return 0;
}

SSL_TICKET_RETURN Context::OnTicket(SSL*, SSL_SESSION* session, const unsigned char*, size_t, SSL_TICKET_STATUS status,
                                    void* context) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const Context& self = *static_cast<const Context*>(context);
  X509* const leaf = SSL_SESSION_get0_peer(session);
  if (leaf == nullptr) {
    if (self.parts_.require_peer_certificate) return SSL_TICKET_RETURN_IGNORE_RENEW;
  } else if (self.parts_.policy != nullptr &&
             self.parts_.policy->CheckAgain(leaf, identity::PeerRole::kClient, "", absl::Now())) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;  // a full handshake will say what is wrong
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace pillion::tls
