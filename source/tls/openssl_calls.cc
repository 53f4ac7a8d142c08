// What OpenSSL calls of a transport: its bytes, its peer, its sessions.

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "absl/time/clock.h"
#include "source/tls/stream.h"
#include "source/tls/transport.h"

namespace pillion::tls {

bool TlsTransport::HasTransport(const SSL* ssl) { return SSL_get_app_data(ssl) != nullptr; }

TlsTransport& TlsTransport::Of(const SSL* ssl) { return *static_cast<TlsTransport*>(SSL_get_app_data(ssl)); }

int TlsTransport::BioRead(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  TlsTransport& self = *static_cast<TlsTransport*>(BIO_get_data(bio));
  const size_t bytes = std::min<size_t>(self.input_.size(), static_cast<size_t>(size));
  if (bytes == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(to, self.input_.data(), bytes);
  self.input_.RemovePrefix(bytes);
  if (self.input_.empty()) self.input_ = base::Slice();
  return static_cast<int>(bytes);
}

int TlsTransport::BioWrite(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  static_cast<TlsTransport*>(BIO_get_data(bio))->output_.Append({from, static_cast<size_t>(size)});
  return size;
}

long TlsTransport::BioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO* TlsTransport::NewBio(TlsTransport& self) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pillion");
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  BIO* const bio = BIO_new(method);
  BIO_set_data(bio, &self);
  BIO_set_init(bio, 1);
  return bio;
}

int TlsTransport::OnVerify(X509_STORE_CTX* store, void*) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (!HasTransport(ssl)) return VerifyOfStream(ssl, store);
  TlsTransport& self = Of(ssl);
  const Context& context = *self.options_.context;
  const std::optional<std::string>& name = self.options_.expected_name;
  if (name && name->empty()) {
    self.refusal_ = identity::NoNameExpected();
  } else if (context.policy() != nullptr) {
    self.refusal_ = context.policy()->Check(
        store, context.server() ? identity::PeerRole::kClient : identity::PeerRole::kServer, name.value_or(""));
  }
  if (!self.refusal_ && !self.options_.expected_any.empty()) [[unlikely]] {
    X509* const leaf = X509_STORE_CTX_get0_cert(store);
    self.refusal_ = leaf == nullptr ? identity::NoNameExpected() : identity::CheckAnyName(leaf, self.options_.expected_any);
  }
  if (!self.refusal_) return 1;
  X509_STORE_CTX_set_error(store, self.refusal_->x509_error);
  return 0;
}

absl::Time TlsTransport::TimeOf(const SSL* ssl) {
  return HasTransport(ssl) ? absl::FromChrono(Of(ssl).worker_.wall_now()) : absl::Now();
}

void TlsTransport::Count(const SSL* ssl, Counter counter) {
  if (HasTransport(ssl) && Of(ssl).options_.stats != nullptr) Of(ssl).options_.stats->Count(counter);
}

const Context& TlsTransport::ContextOf(const SSL* ssl) { return *Of(ssl).options_.context; }

int TlsTransport::OnNewSession(SSL* ssl, SSL_SESSION* session) {
  TlsTransport& self = Of(ssl);
  if (self.options_.sessions == nullptr) return 0;
  self.options_.sessions->Put(self.options_.context, self.options_.server_name, session);
  return 1;  // the reference is the store's
}

}  // namespace pillion::tls
