#include "source/config/own_certificates.h"

#include <algorithm>
#include <variant>

#include "source/base/escape.h"
#include "source/config/text.h"
#include "source/identity/spiffe_id.h"
#include "source/identity/svid.h"

namespace pillion::config {
namespace {

std::vector<identity::SubjectName> UrisOf(const X509* certificate) {
  absl::StatusOr<std::vector<identity::SubjectName>> names = identity::SubjectNames(certificate);
  if (!names.ok()) return {};
  std::erase_if(*names, [](const identity::SubjectName& name) { return name.type != identity::NameType::kUri; });
  return *std::move(names);
}

// Who is to verify others as SVIDs will be verified as one.
bool AsksForSvids(const tls::Context& context) {
  return context.policy() != nullptr && !context.policy()->bundles().empty();
}

// Empty: it is one.
std::string WhyNoSvid(X509* leaf, identity::PeerRole role) {
  const std::vector<identity::SubjectName> uris = UrisOf(leaf);
  if (uris.size() != 1) return Concat("has ", uris.size(), " URI SANs, expected one");
  const auto checked = identity::CheckSvid(leaf, uris, role);
  const auto* error = std::get_if<identity::SvidError>(&checked);
  return error == nullptr ? "" : "is no SVID (" + error->text + ")";
}

}  // namespace

std::string UtcText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

std::string OwnCertificateText(const tls::Context& context, const CertificateFiles& files, size_t pair) {
  const X509* const leaf = context.parts().pairs[pair].leaf();
  std::string text = Concat("certificate ", identity::SerialText(leaf), " of ");
  base::AppendPrintable(text, identity::OwnerText(leaf));
  text += " (";
  base::AppendPrintable(text, files.chains[pair]);
  return text + ")";
}

std::vector<std::string> WhyRefused(const tls::Context& context, const CertificateFiles& files, absl::Time now) {
  std::vector<std::string> texts;
  const identity::PeerRole role = context.server() ? identity::PeerRole::kServer : identity::PeerRole::kClient;
  for (size_t i = 0; i < context.parts().pairs.size(); ++i) {
    X509* const leaf = context.parts().pairs[i].leaf();
    const auto add = [&](const std::string& why) {
      texts.push_back(Concat("the ", OwnCertificateText(context, files, i), " ", why, ": peers will refuse it"));
    };
    if (now < identity::NotBefore(leaf)) add("is not valid before " + UtcText(identity::NotBefore(leaf)));
    if (now > identity::NotAfter(leaf)) add("has ended " + UtcText(identity::NotAfter(leaf)));
    if (!AsksForSvids(context)) continue;
    if (const std::string why = WhyNoSvid(leaf, role); !why.empty()) add(why);
  }
  return texts;
}

std::vector<std::string> StrangersToThemselves(const tls::Context& context, const CertificateFiles& files) {
  std::vector<std::string> texts;
  if (!AsksForSvids(context)) return texts;
  const auto& bundles = context.policy()->bundles();
  std::string domains;
  for (const auto& [domain, bundle] : bundles) domains += (domains.empty() ? "" : ", ") + domain;
  for (size_t i = 0; i < context.parts().pairs.size(); ++i) {
    const std::vector<identity::SubjectName> uris = UrisOf(context.parts().pairs[i].leaf());
    if (uris.size() != 1) continue;
    const auto parsed = identity::ParseSpiffeId(uris[0].text);
    const auto* id = std::get_if<identity::SpiffeId>(&parsed);
    if (id == nullptr || bundles.contains(id->trust_domain)) continue;
    texts.push_back(Concat("the trust domain of the ", OwnCertificateText(context, files, i),
                           " is none of those that it accepts: ", domains));
  }
  return texts;
}

}  // namespace pillion::config
