#include "source/tls/standing.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>

namespace pillion::tls {
namespace {

struct FreeStoreContext {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

bool Vouched(SSL* ssl, const Context& current) {
  X509* const leaf = SSL_get0_peer_certificate(ssl);
  const std::unique_ptr<X509_STORE_CTX, FreeStoreContext> chain(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(chain.get(), SSL_CTX_get_cert_store(current.openssl()), leaf, SSL_get_peer_cert_chain(ssl)) != 1) {
    ERR_clear_error();
    return false;
  }
  X509_STORE_CTX_set_default(chain.get(), current.server() ? "ssl_client" : "ssl_server");
  const identity::PeerRole role = current.server() ? identity::PeerRole::kClient : identity::PeerRole::kServer;
  return !current.policy()->Check(chain.get(), role, "");
}

}  // namespace

Standing StandingOf(Facts& facts, const Context& current, absl::Time now) {
  SSL* const ssl = facts.openssl();
  if (SSL_is_init_finished(ssl) != 1) return Standing::kGood;
  CertificateFacts* const peer = facts.peer();
  if (facts.local() != nullptr && facts.local()->not_after() < now) return Standing::kExpired;
  const identity::PeerPolicy* const policy = current.policy();
  if (peer == nullptr || policy == nullptr || !policy->verifies()) return Standing::kGood;
  if (policy->verifies_chain() && !policy->allows_expired() && peer->not_after() < now) return Standing::kExpired;
  const identity::PeerPolicy* const before = facts.context().policy();
  const bool same = before != nullptr && before->digest() == policy->digest();
  return same || Vouched(ssl, current) ? Standing::kGood : Standing::kWithdrawn;
}

}  // namespace pillion::tls
