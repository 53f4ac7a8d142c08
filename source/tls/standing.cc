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

bool Verify(Facts& facts, const Context& current, absl::Time now) {
  const identity::OwnedCertificate leaf = facts.peer()->Parsed();
  const identity::CertificateStack intermediates = facts.PeerIntermediates();
  const std::unique_ptr<X509_STORE_CTX, FreeStoreContext> chain(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(chain.get(), SSL_CTX_get_cert_store(current.openssl()), leaf.get(), intermediates.get()) != 1) {
    ERR_clear_error();
    return false;
  }
  X509_STORE_CTX_set_default(chain.get(), current.server() ? "ssl_client" : "ssl_server");
  const identity::PeerRole role = current.server() ? identity::PeerRole::kClient : identity::PeerRole::kServer;
  if (!current.policy()->Check(chain.get(), role, "")) return true;
  // A resumed session does not have its chain.
  const identity::PeerPolicy* const before = facts.context().policy();
  return facts.resumed() && sk_X509_num(intermediates.get()) == 0 && before != nullptr &&
         current.policy()->AcceptsStill(*before, leaf.get(), role, now);
}

}  // namespace

Standing Verdicts::Of(Facts& facts, const Context& current, absl::Time now) {
  if (!facts.complete()) return Standing::kGood;
  CertificateFacts* const peer = facts.peer();
  if (facts.local() != nullptr && facts.local()->not_after() < now) return Standing::kExpired;
  const identity::PeerPolicy* const policy = current.policy();
  if (peer == nullptr || policy == nullptr || !policy->verifies()) return Standing::kGood;
  if (policy->verifies_chain() && !policy->allows_expired() && peer->not_after() < now) return Standing::kExpired;
  const identity::PeerPolicy* const before = facts.context().policy();
  const bool same = before != nullptr && before->digest() == policy->digest();
  return same || Vouched(facts, current, now) ? Standing::kGood : Standing::kWithdrawn;
}

bool Verdicts::Vouched(Facts& facts, const Context& current, absl::Time now) {
  if (const int64_t second = absl::ToUnixSeconds(now); second != second_) {
    second_ = second;
    vouched_.clear();
  }
  // All of a fixed size: no two of them make the same text.
  std::string key = facts.PeerDigest();
  key += current.policy()->digest();
  key += current.server() ? 's' : 'c';
  key += facts.resumed() ? 'r' : 'f';
  if (const identity::PeerPolicy* const before = facts.context().policy()) key += before->digest();
  if (const auto found = vouched_.find(key); found != vouched_.end()) return found->second;
  ++verified_;
  const bool vouched = Verify(facts, current, now);
  if (vouched_.size() < kMost) vouched_.emplace(std::move(key), vouched);
  return vouched;
}

bool IdentityChecks::Stands(Facts& facts, const Context* current) {
  if (current == nullptr) return !facts.complete();
  const uint64_t verified = verdicts_.verified();
  const Standing standing = verdicts_.Of(facts, *current, absl::FromChrono(worker_.wall_now()));
  if (verdicts_.verified() != verified) looks_left_ = 0;
  return standing == Standing::kGood;
}

void IdentityChecks::Turn() {
  looks_left_ = kLooksPerTurn;
  while (looks_left_ > 0 && !walks_.empty()) walks_.PopFront()->Run();
  if (walks_.empty()) {
    verdicts_ = {};
  } else {
    worker_.Step(turn_);
  }
}

}  // namespace pillion::tls
