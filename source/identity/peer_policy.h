#pragma once

// Whom a TLS connection accepts as its peer. Built once, then immutable and shared between threads.

#include <openssl/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "source/identity/certificate.h"
#include "source/identity/san_matcher.h"
#include "source/identity/svid.h"

namespace pillion::identity {

enum class RefusalKind : uint8_t {
  kChain,  // the chain, the dates, a revocation, an SVID's rules
  kName,   // none of the names that are asked for
  kPin,    // neither key nor certificate is pinned
};

// Why a peer is refused.
struct Refusal {
  RefusalKind kind;
  int x509_error;    // X509_V_ERR_*, which chooses the alert
  std::string text;  // the rule, and the value that breaks it
};

// Somebody is expected, and nobody can say who.
Refusal NoNameExpected();
// One of `expected`, as it stands there, must be among the certificate's DNS names (where `*` stands for a label), URIs and
// addresses. Of nothing else of it.
std::optional<Refusal> CheckAnyName(X509* leaf, const std::vector<std::string>& expected);

struct PeerPolicyParts {
  CertificateStack trusted;  // whom chains may end in; null: chains are not looked at
  // SPIFFE, instead of `trusted`: by trust domain. Not empty: the rules of SVIDs hold.
  std::map<std::string, CertificateStack, std::less<>> bundles;
  RevocationStack revocations;  // null: none
  bool only_leaf_revocation = false;
  bool allow_expired = false;
  int max_depth = 10;           // of intermediate certificates
  std::vector<SanMatcher> names;              // one must match; empty: any
  std::vector<std::string> spki_pins;         // base64
  std::vector<std::string> certificate_pins;  // hexadecimal, in lower case
  std::string digest_text;  // what all of this was made of
};

class PeerPolicy {
 public:
  explicit PeerPolicy(PeerPolicyParts parts);

  // Whether any of it needs the peer's certificate.
  bool verifies() const { return verifies_chain() || !parts_.spki_pins.empty() || !parts_.certificate_pins.empty(); }
  bool verifies_chain() const { return parts_.trusted != nullptr || !parts_.bundles.empty(); }
  bool allows_expired() const { return parts_.allow_expired; }
  // Peers may be asked for certificates of these.
  const CertificateStack& trusted() const { return parts_.trusted; }
  const std::map<std::string, CertificateStack, std::less<>>& bundles() const { return parts_.bundles; }
  // SHA-256 of what it was made of: equal policies are equal in it.
  const std::string& digest() const { return digest_; }

  // Of a handshake: the chain in `context`, which has the purpose set already. `expected_dns`: that name must be the
  // certificate's as well; empty: none.
  std::optional<Refusal> Check(X509_STORE_CTX* context, PeerRole role, std::string_view expected_dns) const;
  // Of a chain of whose leaf nothing is known but the names: what they alone would have it refused for.
  std::optional<Refusal> CheckNames(const std::vector<SubjectName>& names, PeerRole role) const;
  // Of a resumed session, whose chain was checked when it began, under a policy of the same digest: what may have changed
  // since.
  std::optional<Refusal> CheckAgain(X509* leaf, PeerRole role, std::string_view expected_dns, absl::Time now) const;
  // Of a chain that `earlier` accepted, of which there is only `leaf` now: whoever it may have ended in is trusted still,
  // nothing is asked for that was not then, nobody has been revoked since, and `leaf` is who is expected.
  bool AcceptsStill(const PeerPolicy& earlier, X509* leaf, PeerRole role, absl::Time now) const;

 private:
  // Whether its lists say of `leaf`, and of CAs that nobody knows any more, no more than those of `earlier`.
  bool RevokesNoMoreThan(const PeerPolicy& earlier, X509* leaf) const;
  // Whom chains from `leaf` may end in; null: nobody.
  STACK_OF(X509) * AnchorsOf(X509* leaf, PeerRole role) const;
  std::optional<Refusal> CheckExpected(const std::vector<SubjectName>& names) const;
  std::optional<Refusal> CheckLeaf(X509* leaf, const std::vector<SubjectName>& names,
                                   std::string_view expected_dns) const;
  std::optional<Refusal> CheckChain(X509_STORE_CTX* context, STACK_OF(X509) * trusted) const;
  // Of a chain that is good but for that.
  std::optional<Refusal> CheckRevocation(X509_STORE_CTX* verified, STACK_OF(X509) * trusted) const;
  // Those that the SVID's trust domain has; null, and why, where it is none or has none. `leaf` as for CheckSvid().
  STACK_OF(X509) * BundleOf(X509* leaf, const std::vector<SubjectName>& names, PeerRole role,
                            std::optional<Refusal>& refusal) const;

  const PeerPolicyParts parts_;
  const std::string digest_;
};

}  // namespace pillion::identity
