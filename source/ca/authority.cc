#include "source/ca/authority.h"

#include <algorithm>
#include <utility>

#include "source/identity/text.h"

namespace pillion::ca {
namespace {

// Certificates begin a little before they are made: the clocks of peers differ.
Validity ValidityFrom(absl::Time now, absl::Duration ttl) {
  return {.begin = now - std::min(absl::Minutes(1), ttl / 4), .end = now + ttl};
}

absl::Time Half(X509* certificate) {
  const absl::Time begin = identity::NotBefore(certificate);
  return begin + (identity::NotAfter(certificate) - begin) / 2;
}

}  // namespace

Authority::Authority(std::string trust_domain, std::vector<Root> roots)
    : trust_domain_(std::move(trust_domain)), roots_(std::move(roots)) {}

size_t Authority::SignerIndex(absl::Time now) const {
  size_t index = roots_.size() - 1;
  while (index > 0 && roots_[index].signs_from > now) --index;
  return index;
}

absl::Status Authority::AddRoot(absl::Time now, absl::Time signs_from, const Terms& terms) {
  absl::StatusOr<identity::KeyPair> pair = MakeRoot(trust_domain_, ValidityFrom(now, terms.ca_ttl));
  if (!pair.ok()) return pair.status();
  roots_.push_back({.pair = *std::move(pair), .signs_from = signs_from});
  return absl::OkStatus();
}

absl::StatusOr<bool> Authority::Advance(absl::Time now, const Terms& terms) {
  bool changed = false;
  if (roots_.empty() || roots_.back().ends() <= now) {
    if (absl::Status status = AddRoot(now, now, terms); !status.ok()) return status;
    changed = true;
  }
  const size_t signer = SignerIndex(now);
  X509* const signing = roots_[signer].pair.leaf();
  if (const absl::Time begin = identity::NotBefore(signing); now < begin) {
    return absl::FailedPreconditionError(identity::Concat(
        "the clock says ", TimeText(now), ", but the root begins at ", TimeText(begin), ": one of them is wrong"));
  }
  if (signer + 1 == roots_.size() && now >= Half(signing)) {
    // What comes late, because nobody ran, has less time to get around; but no SVID is to outlive its root.
    const absl::Time latest = roots_[signer].ends() - terms.svid_ttl;
    const absl::Time signs_from = std::max(now, std::min(now + terms.ca_ttl / 6, latest));
    if (absl::Status status = AddRoot(now, signs_from, terms); !status.ok()) return status;
    changed = true;
  }
  for (size_t older = SignerIndex(now); older-- > 0;) {
    if (roots_[older].last_svid_ends > now) continue;
    roots_.erase(roots_.begin() + static_cast<ptrdiff_t>(older));
    changed = true;
  }
  return changed;
}

absl::StatusOr<identity::KeyPair> Authority::Issue(std::string_view spiffe_id, absl::Time now,
                                                   const Terms& terms) {
  Root& root = roots_[SignerIndex(now)];
  Validity validity = ValidityFrom(now, terms.svid_ttl);
  validity.begin = std::max(validity.begin, identity::NotBefore(root.pair.leaf()));
  validity.end = std::min(validity.end, root.ends());
  absl::StatusOr<identity::KeyPair> svid = MakeSvid(root.pair, spiffe_id, validity);
  if (svid.ok()) root.last_svid_ends = std::max(root.last_svid_ends, identity::NotAfter(svid->leaf()));
  return svid;
}

std::string Authority::BundlePem() const {
  std::string pem;
  for (const Root& root : roots_) pem += identity::PemText(root.pair.leaf());
  return pem;
}

std::string Authority::BundleDer() const {
  std::string der;
  for (const Root& root : roots_) der += CertificateDer(root.pair.leaf());
  return der;
}

absl::Time RenewalTime(X509* svid) {
  const absl::Duration life = identity::NotAfter(svid) - identity::NotBefore(svid);
  return Half(svid) - std::min(absl::Seconds(30), life / 10);
}

}  // namespace pillion::ca
