#include "source/tls/facts.h"

#include <openssl/ssl.h>

#include <utility>

#include "source/tls/context.h"

namespace pillion::tls {
namespace {

template <typename Make>
const std::string& Lazy(std::string& text, const Make& make) {
  if (text.empty()) text = make();
  return text;
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

CertificateFacts::CertificateFacts(X509* certificate) : certificate_(certificate) {}
CertificateFacts::~CertificateFacts() = default;

const std::string& CertificateFacts::subject() {
  return Lazy(subject_, [this] { return identity::SubjectText(certificate_.get()); });
}
const std::string& CertificateFacts::issuer() {
  return Lazy(issuer_, [this] { return identity::IssuerText(certificate_.get()); });
}
const std::string& CertificateFacts::serial() {
  return Lazy(serial_, [this] { return identity::SerialText(certificate_.get()); });
}
const std::string& CertificateFacts::sha256() {
  return Lazy(sha256_, [this] { return identity::Sha256Fingerprint(certificate_.get()); });
}
const std::string& CertificateFacts::sha1() {
  return Lazy(sha1_, [this] { return identity::Sha1Fingerprint(certificate_.get()); });
}
const std::string& CertificateFacts::pem() {
  return Lazy(pem_, [this] { return identity::PemText(certificate_.get()); });
}

const std::string& CertificateFacts::url_pem() {
  return Lazy(url_pem_, [this] { return UrlEncoded(pem()); });
}

const std::vector<identity::SubjectName>& CertificateFacts::names() {
  if (!names_read_) {
    names_read_ = true;
    if (auto names = identity::SubjectNames(certificate_.get()); names.ok()) names_ = *std::move(names);
  }
  return names_;
}

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

std::string_view Facts::version() const { return SSL_get_version(ssl_); }

std::string_view Facts::cipher() const {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
  return cipher == nullptr ? std::string_view() : SSL_CIPHER_get_name(cipher);
}

std::string_view Facts::curve() const {
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
    if (SSL_get0_session(ssl_) == nullptr) return std::string();
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
  const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string_view() : name;
}

std::string_view Facts::alpn() const {
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  return {reinterpret_cast<const char*>(protocol), size};
}

bool Facts::resumed() const { return SSL_session_reused(ssl_) == 1; }

bool Facts::peer_verified() {
  return context_->policy() != nullptr && context_->policy()->verifies() && peer() != nullptr;
}

CertificateFacts* Facts::peer() {
  if (peer_ == nullptr) {
    X509* const certificate = SSL_get1_peer_certificate(ssl_);
    if (certificate != nullptr) peer_ = std::make_unique<CertificateFacts>(certificate);
  }
  return peer_.get();
}

std::string Facts::PeerChainPem() const {
  std::string pem;
  // On a server's side OpenSSL leaves the peer's own out.
  X509* const leaf = SSL_get0_peer_certificate(ssl_);
  if (leaf != nullptr && SSL_is_server(ssl_) == 1) pem = identity::PemText(leaf);
  const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(ssl_);
  for (int i = 0; i < sk_X509_num(chain); ++i) pem += identity::PemText(sk_X509_value(chain, i));
  return pem;
}

CertificateFacts* Facts::local() {
  if (local_ == nullptr) {
    X509* const certificate = SSL_get_certificate(ssl_);
    if (certificate != nullptr) {
      X509_up_ref(certificate);
      local_ = std::make_unique<CertificateFacts>(certificate);
    }
  }
  return local_.get();
}

}  // namespace pillion::tls
