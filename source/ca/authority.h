#pragma once

// The signing part of a trust domain: its roots, and when the next one takes over. It does no input or output, and time
// is what it is told: whoever owns it saves it (state.h) before anybody sees what it signed.
//
//   root 1   |-- signs ------------------------------|-- trusted until its last SVID has ended --|
//   root 2                         |-- is in bundles --|-- signs ---------------------------- ...
//            0                    1/2                 2/3 of the life of root 1

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "source/ca/certificates.h"

namespace pillion::ca {

// For how long what is made now holds.
struct Terms {
  absl::Duration svid_ttl;
  absl::Duration ca_ttl;  // at least three times svid_ttl: then no SVID is cut short by the end of its root
};

struct Root {
  identity::KeyPair pair;
  absl::Time signs_from;
  absl::Time last_svid_ends = absl::InfinitePast();  // of what it signed

  absl::Time ends() const { return identity::NotAfter(pair.leaf()); }
};

class Authority {
 public:
  // `roots` in the order in which they sign; none: the first Advance() makes one.
  explicit Authority(std::string trust_domain, std::vector<Root> roots = {});

  const std::string& trust_domain() const { return trust_domain_; }
  const std::vector<Root>& roots() const { return roots_; }

  // Makes the next root when it is time, and drops those that nothing depends on any more. True: the roots have changed.
  absl::StatusOr<bool> Advance(absl::Time now, const Terms& terms);
  // After Advance() of the same time.
  absl::StatusOr<identity::KeyPair> Issue(std::string_view spiffe_id, absl::Time now, const Terms& terms);

  // Which one signs at `now`; there must be one.
  const Root& SignerAt(absl::Time now) const { return roots_[SignerIndex(now)]; }
  // Whom peers are to trust: also a root that does not sign yet, or not any more.
  std::string BundlePem() const;
  std::string BundleDer() const;

 private:
  size_t SignerIndex(absl::Time now) const;
  absl::Status AddRoot(absl::Time now, absl::Time signs_from, const Terms& terms);

  std::string trust_domain_;
  std::vector<Root> roots_;
};

// When an SVID is to be replaced: somewhat before half of its life, at which its users raise an alarm.
absl::Time RenewalTime(X509* svid);

}  // namespace pillion::ca
