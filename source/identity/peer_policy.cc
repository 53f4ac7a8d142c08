#include "source/identity/peer_policy.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "source/identity/text.h"
#include "source/identity/spiffe_id.h"

namespace pillion::identity {
namespace {

constexpr std::string_view kPrefix = "verify cert failed: ";  // as Envoy's begin

std::string Sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

std::string Describe(X509* leaf) { return Quote(OwnerText(leaf)); }

std::string NamesText(const std::vector<SubjectName>& names) {
  std::string text;
  constexpr size_t kMost = 5;
  for (size_t i = 0; i < names.size() && i < kMost; ++i) text += Concat(i == 0 ? "" : ", ", Quote(names[i].text));
  if (names.size() > kMost) text += Concat(" and ", names.size() - kMost, " more");
  return text.empty() ? "none" : text;
}

std::string ExpectedText(const std::vector<SanMatcher>& matchers) {
  std::string text;
  constexpr size_t kMost = 5;
  for (size_t i = 0; i < matchers.size() && i < kMost; ++i) text += Concat(i == 0 ? "" : " or ", matchers[i].Text());
  if (matchers.size() > kMost) text += Concat(" or one of ", matchers.size() - kMost, " more");
  return text;
}

Refusal Rejected(RefusalKind kind, std::string text) {
  return {.kind = kind, .x509_error = X509_V_ERR_CERT_REJECTED, .text = Concat(kPrefix, text)};
}

struct FreeStoreContext {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

// Those of `lists` that a certificate of `chain` has issued; null: none.
RevocationStack ListsOf(STACK_OF(X509) * chain, STACK_OF(X509_CRL) * lists) {
  RevocationStack found;
  for (int i = 0; i < sk_X509_CRL_num(lists); ++i) {
    X509_CRL* const list = sk_X509_CRL_value(lists, i);
    for (int j = 0; j < sk_X509_num(chain); ++j) {
      if (!HasIssued(sk_X509_value(chain, j), list)) continue;
      if (found == nullptr) found.reset(sk_X509_CRL_new_null());
      X509_CRL_up_ref(list);
      sk_X509_CRL_push(found.get(), list);
      break;
    }
  }
  return found;
}

// What was wrong in `context`, with the certificate it is about.
Refusal ChainRefusal(X509_STORE_CTX* context) {
  const int error = X509_STORE_CTX_get_error(context);
  return Refusal{.kind = RefusalKind::kChain,
                 .x509_error = error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error,
                 .text = Concat(kPrefix, "X509_verify_cert: certificate verification error at depth ",
                                      X509_STORE_CTX_get_error_depth(context), ": ",
                                      X509_verify_cert_error_string(error), ": the peer's certificate, of ",
                                      Describe(X509_STORE_CTX_get0_cert(context)))};
}

bool Has(STACK_OF(X509) * stack, const X509* certificate) {
  for (int i = 0; i < sk_X509_num(stack); ++i) {
    if (X509_cmp(sk_X509_value(stack, i), certificate) == 0) return true;
  }
  return false;
}

bool Has(STACK_OF(X509_CRL) * stack, const X509_CRL* list) {
  for (int i = 0; i < sk_X509_CRL_num(stack); ++i) {
    if (X509_CRL_match(sk_X509_CRL_value(stack, i), list) == 0) return true;
  }
  return false;
}

bool Verifies(X509_STORE_CTX* context) {
  const bool valid = X509_verify_cert(context) == 1;
  ERR_clear_error();  // it leaves what it tried
  return valid;
}

}  // namespace

PeerPolicy::PeerPolicy(PeerPolicyParts parts) : parts_(std::move(parts)), digest_(Sha256(parts_.digest_text)) {}

std::optional<Refusal> PeerPolicy::Check(X509_STORE_CTX* context, PeerRole role, std::string_view expected_dns) const {
  X509* const leaf = X509_STORE_CTX_get0_cert(context);
  if (leaf == nullptr) return Rejected(RefusalKind::kChain, "the peer has no certificate");
  const absl::StatusOr<std::vector<SubjectName>> names = SubjectNames(leaf);
  if (!names.ok()) return Rejected(RefusalKind::kName, std::string(names.status().message()));
  STACK_OF(X509)* trusted = parts_.trusted.get();
  if (!parts_.bundles.empty()) {
    std::optional<Refusal> refusal;
    trusted = BundleOf(leaf, *names, role, refusal);
    if (refusal) return refusal;
  }
  if (trusted != nullptr) {
    if (std::optional<Refusal> refusal = CheckChain(context, trusted)) return refusal;
  }
  return CheckLeaf(leaf, *names, expected_dns);
}

Refusal NoNameExpected() {
  return Rejected(RefusalKind::kName, "verify SAN list: a name is to be verified, but there is none to ask for");
}

std::optional<Refusal> CheckAnyName(X509* leaf, const std::vector<std::string>& expected) {
  const absl::StatusOr<std::vector<SubjectName>> names = SubjectNames(leaf);
  if (!names.ok()) return Rejected(RefusalKind::kName, std::string(names.status().message()));
  std::vector<SanMatcher> any;
  for (const std::string& name : expected) {
    any.emplace_back(NameType::kDns, match::StringMatcher{match::StringMatcher::Kind::kExact, name, true}, "", name);
    for (const NameType type : {NameType::kUri, NameType::kIp}) {
      any.emplace_back(type, match::StringMatcher{match::StringMatcher::Kind::kExact, name});
    }
  }
  if (AnyMatches(any, *names)) return std::nullopt;
  std::string text;
  for (const std::string& name : expected) text += (text.empty() ? "" : ", ") + Quote(name);
  return Rejected(RefusalKind::kName, Concat("verify SAN list: nobody is expected by the peer's names ", NamesText(*names),
                                             ", expected ", text));
}

std::optional<Refusal> PeerPolicy::CheckAgain(X509* leaf, PeerRole role, std::string_view expected_dns,
                                              absl::Time now) const {
  const absl::StatusOr<std::vector<SubjectName>> names = SubjectNames(leaf);
  if (!names.ok()) return Rejected(RefusalKind::kName, std::string(names.status().message()));
  if (verifies_chain() && !parts_.allow_expired && NotAfter(leaf) < now) {
    return Refusal{.kind = RefusalKind::kChain,
                   .x509_error = X509_V_ERR_CERT_HAS_EXPIRED,
                   .text = Concat(kPrefix, "the peer's certificate, of ", Describe(leaf), ", has expired")};
  }
  if (!parts_.bundles.empty()) {
    std::optional<Refusal> refusal;
    BundleOf(leaf, *names, role, refusal);
    if (refusal) return refusal;
  }
  return CheckLeaf(leaf, *names, expected_dns);
}

bool PeerPolicy::AcceptsStill(const PeerPolicy& earlier, X509* leaf, PeerRole role, absl::Time now) const {
  STACK_OF(X509)* const before = earlier.AnchorsOf(leaf, role);
  STACK_OF(X509)* const anchors = AnchorsOf(leaf, role);
  if (before == nullptr || anchors == nullptr) return false;
  for (int i = 0; i < sk_X509_num(before); ++i) {
    if (!Has(anchors, sk_X509_value(before, i))) return false;
  }
  if (parts_.max_depth < earlier.parts_.max_depth || (earlier.parts_.allow_expired && !parts_.allow_expired)) return false;
  return RevokesNoMoreThan(earlier, leaf) && !CheckAgain(leaf, role, "", now);
}

bool PeerPolicy::RevokesNoMoreThan(const PeerPolicy& earlier, X509* leaf) const {
  STACK_OF(X509_CRL)* const lists = parts_.revocations.get();
  const bool of_leaves = parts_.only_leaf_revocation;
  if (lists != nullptr && !of_leaves && earlier.parts_.only_leaf_revocation) return false;
  for (int i = 0; i < sk_X509_CRL_num(lists); ++i) {
    X509_CRL* const list = sk_X509_CRL_value(lists, i);
    X509_REVOKED* entry = nullptr;
    if (X509_CRL_get0_by_cert(list, &entry, leaf) == 1) return false;
    // One that is new may name a CA that stood between.
    if (!of_leaves && !Has(earlier.parts_.revocations.get(), list)) return false;
  }
  return true;
}

STACK_OF(X509) * PeerPolicy::AnchorsOf(X509* leaf, PeerRole role) const {
  if (parts_.bundles.empty()) return parts_.trusted.get();
  const absl::StatusOr<std::vector<SubjectName>> names = SubjectNames(leaf);
  std::optional<Refusal> refusal;
  return names.ok() ? BundleOf(leaf, *names, role, refusal) : nullptr;
}

std::optional<Refusal> PeerPolicy::CheckExpected(const std::vector<SubjectName>& names) const {
  if (parts_.names.empty() || AnyMatches(parts_.names, names)) return std::nullopt;
  return Rejected(RefusalKind::kName, Concat("verify SAN list: nobody is expected by the peer's names ", NamesText(names),
                                             ", expected ", ExpectedText(parts_.names)));
}

std::optional<Refusal> PeerPolicy::CheckNames(const std::vector<SubjectName>& names, PeerRole role) const {
  std::optional<Refusal> refusal;
  if (!parts_.bundles.empty()) BundleOf(nullptr, names, role, refusal);
  return refusal ? refusal : CheckExpected(names);
}

std::optional<Refusal> PeerPolicy::CheckLeaf(X509* leaf, const std::vector<SubjectName>& names,
                                             std::string_view expected_dns) const {
  if (std::optional<Refusal> refusal = CheckExpected(names)) return refusal;
  if (!expected_dns.empty()) {
    const SanMatcher expected(NameType::kDns, {match::StringMatcher::Kind::kExact, std::string(expected_dns), true}, "",
                              std::string(expected_dns));
    const SanMatcher address(NameType::kIp, {match::StringMatcher::Kind::kExact, std::string(expected_dns)});
    if (!AnyMatches({expected, address}, names)) {
      return Rejected(RefusalKind::kName, Concat("verify SAN list: ", Quote(expected_dns), " is not among the peer's names ",
                                                       NamesText(names)));
    }
  }
  if (parts_.spki_pins.empty() && parts_.certificate_pins.empty()) return std::nullopt;
  const auto among = [](const std::vector<std::string>& pins, const std::string& pin) {
    return std::find(pins.begin(), pins.end(), pin) != pins.end();
  };
  if (among(parts_.certificate_pins, Sha256Fingerprint(leaf)) || among(parts_.spki_pins, SpkiPin(leaf))) {
    return std::nullopt;
  }
  return Rejected(RefusalKind::kPin, Concat("cert hash and spki: the peer's certificate has ", Sha256Fingerprint(leaf),
                                                  " and ", SpkiPin(leaf)));
}

std::optional<Refusal> PeerPolicy::CheckChain(X509_STORE_CTX* context, STACK_OF(X509) * trusted) const {
  X509_STORE_CTX_set0_trusted_stack(context, trusted);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (parts_.allow_expired) flags |= X509_V_FLAG_NO_CHECK_TIME;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_VERIFY_PARAM_set_depth(parameters, parts_.max_depth);
  if (!Verifies(context)) return ChainRefusal(context);
  return parts_.revocations == nullptr ? std::nullopt : CheckRevocation(context, trusted);
}

std::optional<Refusal> PeerPolicy::CheckRevocation(X509_STORE_CTX* verified, STACK_OF(X509) * trusted) const {
  // Which CA a list is of, only its key says: two may share a name. Lists of CAs elsewhere are of other chains.
  const RevocationStack lists = ListsOf(X509_STORE_CTX_get0_chain(verified), parts_.revocations.get());
  // A plain policy asks for the list of each issuer; of trust domains the chains whose CAs have none do without.
  if (lists == nullptr && !parts_.bundles.empty()) return std::nullopt;
  // The same chain once more: a context is good for one verification.
  const std::unique_ptr<X509_STORE_CTX, FreeStoreContext> again(X509_STORE_CTX_new());
  X509_VERIFY_PARAM* parameters = nullptr;
  if (again == nullptr ||
      X509_STORE_CTX_init(again.get(), X509_STORE_CTX_get0_store(verified), X509_STORE_CTX_get0_cert(verified),
                          X509_STORE_CTX_get0_untrusted(verified)) != 1 ||
      (parameters = X509_STORE_CTX_get0_param(again.get())) == nullptr ||
      X509_VERIFY_PARAM_set1(parameters, X509_STORE_CTX_get0_param(verified)) != 1) {
    ERR_clear_error();
    X509_STORE_CTX_set_error(verified, X509_V_ERR_OUT_OF_MEM);
    return ChainRefusal(verified);
  }
  X509_STORE_CTX_set0_trusted_stack(again.get(), trusted);
  if (lists != nullptr) X509_STORE_CTX_set0_crls(again.get(), lists.get());
  unsigned long flags = X509_V_FLAG_CRL_CHECK;
  if (!parts_.only_leaf_revocation) flags |= X509_V_FLAG_CRL_CHECK_ALL;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  if (Verifies(again.get())) return std::nullopt;
  return ChainRefusal(again.get());
}

STACK_OF(X509) * PeerPolicy::BundleOf(X509* leaf, const std::vector<SubjectName>& names, PeerRole role,
                                      std::optional<Refusal>& refusal) const {
  const std::variant<std::string, SvidError> id = CheckSvid(leaf, names, role);
  if (const auto* error = std::get_if<SvidError>(&id)) {
    refusal = Rejected(RefusalKind::kChain, Concat("the peer's certificate: ", error->text));
    return nullptr;
  }
  const auto parsed = ParseSpiffeId(std::get<std::string>(id));
  const auto bundle = parts_.bundles.find(std::get<SpiffeId>(parsed).trust_domain);
  if (bundle != parts_.bundles.end()) return bundle->second.get();
  refusal = Refusal{.kind = RefusalKind::kChain,
                    .x509_error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                    .text = Concat(kPrefix, "no trust bundle for the peer's trust domain, of ",
                                   Quote(std::get<std::string>(id)))};
  return nullptr;
}

}  // namespace pillion::identity
