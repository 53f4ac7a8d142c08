#include "source/tls/certificate_choice.h"

#include <algorithm>

#include "source/identity/text.h"

namespace pillion::tls {
namespace {

int KindOf(const identity::KeyPair& pair) { return EVP_PKEY_get_base_id(pair.key.get()); }

enum class Fit : uint8_t { kNone, kWildcard, kExact };

// `name` is in lower case.
Fit FitOf(const identity::KeyPair& pair, std::string_view name) {
  const auto names = identity::SubjectNames(pair.leaf());
  Fit fit = Fit::kNone;
  if (!names.ok()) return fit;
  for (const identity::SubjectName& own : *names) {
    if (own.type != identity::NameType::kDns) continue;
    const std::string text = identity::Lowered(own.text);
    if (text == name) return Fit::kExact;
    const size_t dot = name.find('.');
    if (text.starts_with("*.") && dot != name.npos && dot > 0 && name.substr(dot) == std::string_view(text).substr(1)) {
      fit = Fit::kWildcard;
    }
  }
  return fit;
}

}  // namespace

PairReferences ChosenPairs(const std::vector<identity::KeyPair>& pairs, std::string_view server_name) {
  const std::string name = identity::Lowered(server_name);
  std::vector<Fit> fits(pairs.size(), Fit::kNone);
  Fit best = Fit::kNone;
  for (size_t i = 0; i < pairs.size() && !name.empty(); ++i) best = std::max(best, fits[i] = FitOf(pairs[i], name));
  PairReferences chosen;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const bool has_kind = std::any_of(chosen.begin(), chosen.end(), [&](const identity::KeyPair& pair) {
      return KindOf(pair) == KindOf(pairs[i]);
    });
    if (fits[i] == best && !has_kind) chosen.push_back(pairs[i]);
  }
  return chosen;
}

bool NeedsChoice(const std::vector<identity::KeyPair>& pairs) { return pairs.size() > 1; }

identity::CertificateStack IntermediatesOf(const identity::KeyPair& pair) {
  identity::CertificateStack rest(sk_X509_new_null());
  for (int i = 1; i < sk_X509_num(pair.chain.get()); ++i) {
    X509* const certificate = sk_X509_value(pair.chain.get(), i);
    X509_up_ref(certificate);
    sk_X509_push(rest.get(), certificate);
  }
  return rest;
}

}  // namespace pillion::tls
