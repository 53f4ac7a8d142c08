#include "source/tls/facts.h"

#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <utility>

#include "source/tls/context.h"

namespace pillion::tls {
namespace {

// Made when it is first asked for; it may be empty.
template <typename Value, typename Make>
const Value& Lazy(std::optional<Value>& value, const Make& make) {
  if (!value) value = make();
  return *value;
}

}  // namespace

std::string UrlEncoded(std::string_view pem) {
  std::string text;
  text.reserve(pem.size() + pem.size() / 8);
  for (const char c : pem) {
    switch (c) {
      case '\n':
        text += "%0A";
        break;
      case ' ':
        text += "%20";
        break;
      case '+':
        text += "%2B";
        break;
      case '/':
        text += "%2F";
        break;
      case '=':
        text += "%3D";
        break;
      default:
        text += c;
    }
  }
  return text;
}

CertificateFacts::CertificateFacts(X509* certificate)
    : certificate_(certificate),
      not_before_(identity::NotBefore(certificate)),
      not_after_(identity::NotAfter(certificate)) {}
CertificateFacts::~CertificateFacts() = default;

std::unique_ptr<CertificateFacts> CertificateFacts::OfPeer(X509* certificate) {
  X509_up_ref(certificate);
  auto facts = std::make_unique<CertificateFacts>(certificate);
  facts->names();
  facts->subject();
  facts->issuer();
  facts->serial();
  facts->der_ = identity::DerText(certificate);
  facts->certificate_.reset();
  return facts;
}

identity::OwnedCertificate CertificateFacts::Parsed() const {
  if (certificate_ == nullptr) return identity::FromDer(der_);
  X509_up_ref(certificate_.get());
  return identity::OwnedCertificate(certificate_.get());
}

const std::string& CertificateFacts::subject() {
  return Lazy(subject_, [this] { return identity::SubjectText(Parsed().get()); });
}
const std::string& CertificateFacts::issuer() {
  return Lazy(issuer_, [this] { return identity::IssuerText(Parsed().get()); });
}
const std::string& CertificateFacts::serial() {
  return Lazy(serial_, [this] { return identity::SerialText(Parsed().get()); });
}
const std::string& CertificateFacts::sha256() {
  return Lazy(sha256_, [this] { return identity::Sha256Fingerprint(Der()); });
}
const std::string& CertificateFacts::sha1() {
  return Lazy(sha1_, [this] { return identity::Sha1Fingerprint(Der()); });
}
const std::string& CertificateFacts::pem() {
  return Lazy(pem_, [this] { return identity::PemText(Der()); });
}

const std::string& CertificateFacts::url_pem() {
  return Lazy(url_pem_, [this] { return UrlEncoded(pem()); });
}

const std::vector<identity::SubjectName>& CertificateFacts::names() {
  return Lazy(names_, [this] {
    auto names = identity::SubjectNames(Parsed().get());
    return names.ok() ? *std::move(names) : std::vector<identity::SubjectName>();
  });
}

std::string CertificateFacts::Der() const { return certificate_ == nullptr ? der_ : identity::DerText(certificate_.get()); }

std::string CertificateFacts::Joined(identity::NameType type) {
  std::string text;
  for (const identity::SubjectName& name : names()) {
    if (name.type != type) continue;
    if (!text.empty()) text += ',';
    text += name.text;
  }
  return text;
}

Facts::Facts(SSL* ssl, std::shared_ptr<const Context> context) : ssl_(ssl), context_(std::move(context)) {
  SSL_up_ref(ssl);
}
Facts::~Facts() { SSL_free(ssl_); }

void Facts::Settle() {
  if (ssl_ == nullptr) return;
  complete_ = SSL_is_init_finished(ssl_) == 1;
  resumed_ = resumed();
  version_ = version();
  cipher_ = cipher();
  curve_ = curve();
  session_id_.reset();
  session_id();
  server_name_ = server_name();
  alpn_ = alpn();
  peer();
  local();
  ReadPeerIssuer();
  // On a server's side OpenSSL leaves the peer's own out.
  const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl_);
  for (int i = SSL_is_server(ssl_) == 1 ? 0 : 1; i < sk_X509_num(chain); ++i) {
    intermediates_.push_back(identity::DerText(sk_X509_value(chain, i)));
  }
  SSL_free(std::exchange(ssl_, nullptr));
}

void Facts::ReadPeerIssuer() {
  if (ssl_ == nullptr || !peer_issuer_serial_.empty()) return;
  const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl_);
  if (chain == nullptr || sk_X509_num(chain) < 2 || SSL_get_verify_result(ssl_) != X509_V_OK) return;
  peer_issuer_serial_ = identity::SerialText(sk_X509_value(chain, 1));
  peer_issuer_sha256_ = identity::Sha256Fingerprint(sk_X509_value(chain, 1));
}

const std::string& Facts::peer_issuer_serial() {
  ReadPeerIssuer();
  return peer_issuer_serial_;
}

const std::string& Facts::peer_issuer_sha256() {
  ReadPeerIssuer();
  return peer_issuer_sha256_;
}

std::string_view Facts::version() const { return ssl_ == nullptr ? version_ : SSL_get_version(ssl_); }

std::string_view Facts::cipher() const {
  if (ssl_ == nullptr) return cipher_;
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
  return cipher == nullptr ? std::string_view() : SSL_CIPHER_get_name(cipher);
}

std::string_view Facts::curve() const {
  if (ssl_ == nullptr) return curve_;
  if (SSL_get0_session(ssl_) == nullptr) return {};  // OpenSSL would look into it
  switch (SSL_get_negotiated_group(ssl_)) {
    case NID_X25519:
      return "X25519";
    case NID_X9_62_prime256v1:
      return "P-256";
    case NID_secp384r1:
      return "P-384";
    case NID_secp521r1:
      return "P-521";
    default:
      return {};
  }
}

const std::string& Facts::session_id() {
  return Lazy(session_id_, [this] {
    if (ssl_ == nullptr || SSL_get0_session(ssl_) == nullptr) return std::string();
    unsigned int size = 0;
    const unsigned char* const id = SSL_SESSION_get_id(SSL_get0_session(ssl_), &size);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += "0123456789abcdef"[id[i] >> 4];
      text += "0123456789abcdef"[id[i] & 15];
    }
    return text;
  });
}

std::string_view Facts::server_name() const {
  if (ssl_ == nullptr) return server_name_;
  const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view() : name;
}

std::string_view Facts::alpn() const {
  if (ssl_ == nullptr) return alpn_;
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  return {reinterpret_cast<const char*>(protocol), size};
}

bool Facts::resumed() const { return ssl_ == nullptr ? resumed_ : SSL_session_reused(ssl_) == 1; }

bool Facts::peer_verified() {
  return context_->policy() != nullptr && context_->policy()->verifies() && peer() != nullptr;
}

CertificateFacts* Facts::peer() {
  if (peer_ == nullptr && ssl_ != nullptr) {
    X509* const certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate != nullptr) peer_ = CertificateFacts::OfPeer(certificate);
  }
  return peer_.get();
}

std::string Facts::PeerChainPem() const {
  std::string pem;
  if (peer_ != nullptr) pem = peer_->pem();
  for (const std::string& der : intermediates_) pem += identity::PemText(der);
  return pem;
}

std::string Facts::PeerChain(std::string (*of)(const X509*)) const {
  std::string joined;
  if (peer_ != nullptr) joined = of(peer_->Parsed().get());
  for (const std::string& der : intermediates_) joined += "," + of(identity::FromDer(der).get());
  return joined;
}

std::string Facts::PeerDigest() const {
  std::string sent;
  if (peer_ != nullptr) sent = peer_->Der();
  for (const std::string& der : intermediates_) sent += der;
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(sent.data()), sent.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

identity::CertificateStack Facts::PeerIntermediates() const {
  identity::CertificateStack stack(sk_X509_new_null());
  for (const std::string& der : intermediates_) sk_X509_push(stack.get(), identity::FromDer(der).release());
  return stack;
}

CertificateFacts* Facts::local() {
  if (local_ == nullptr && ssl_ != nullptr) {
    X509* const certificate = SSL_get_certificate(ssl_);
    if (certificate != nullptr) {
      X509_up_ref(certificate);
      local_ = std::make_unique<CertificateFacts>(certificate);
    }
  }
  return local_.get();
}

}  // namespace pillion::tls
