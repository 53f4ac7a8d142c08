// Whom TLS accepts as peer.

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "source/config/build_tls.h"
#include "source/config/text.h"
#include "source/identity/spiffe_id.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using Validation = v3::CertificateValidationContext;
using DataSource = envoy::config::core::v3::DataSource;
using identity::NameType;

constexpr size_t kMaxPem = 16 * 1024 * 1024;

// Who shows it.
std::string PathOf(const DataSource& from) { return from.has_filename() ? from.filename() : "<inline>"; }

// With its length: what goes from one text to the next makes another digest.
void AppendTo(std::string& digest, const std::string& pem) { digest += Concat(pem.size(), "\n", pem); }

// Null, with an error, where there is no certificate: an empty bundle accepts nobody, and is never what was meant.
identity::CertificateStack BuildBundle(BuildContext& context, const DataSource& from, const std::string& path,
                                       std::string& digest) {
  const std::string pem = ReadSource(context, from, kMaxPem, path);
  if (context.errors.AnyBelow(path)) return nullptr;
  AppendTo(digest, pem);
  absl::StatusOr<identity::CertificateStack> bundle = identity::ReadCertificates(pem);
  if (bundle.ok()) return *std::move(bundle);
  context.errors.Add(path, Concat(Quote(PathOf(from)), ": ",
                                  std::string(bundle.status().message()), ", expected certificates of CAs"));
  return nullptr;
}

void BuildSpiffe(BuildContext& context, const envoy::config::core::v3::TypedExtensionConfig& from,
                 const std::string& path, identity::PeerPolicyParts& parts, CertificateFiles& files) {
  v3::SPIFFECertValidatorConfig spiffe;
  if (!from.typed_config().UnpackTo(&spiffe)) {
    context.errors.AddMissing(path, FieldPath(path, "typed_config"),
                              WrongType(from.typed_config(), "SPIFFECertValidatorConfig"));
    return;
  }
  const std::string list = FieldPath(FieldPath(path, "typed_config"), "trust_domains");
  for (int i = 0; i < spiffe.trust_domains_size(); ++i) {
    const auto& domain = spiffe.trust_domains(i);
    const std::string place = ElementPath(list, i);
    const std::string name = FieldPath(place, "name");
    if (const std::string error = identity::TrustDomainError(domain.name()); !error.empty() && !domain.name().empty()) {
      context.errors.Add(name, Concat(Quote(domain.name()), " ", error));
    }
    files.bundles[domain.name()] = PathOf(domain.trust_bundle());
    auto bundle = BuildBundle(context, domain.trust_bundle(), FieldPath(place, "trust_bundle"), parts.digest_text);
    if (!parts.bundles.emplace(domain.name(), std::move(bundle)).second) {
      context.errors.Add(name, Concat("duplicate trust domain ", Quote(domain.name())));
    }
  }
}

void BuildTypedName(BuildContext& context, const v3::SubjectAltNameMatcher& from, const std::string& path,
                    std::vector<identity::SanMatcher>& names) {
  constexpr NameType kTypes[] = {NameType::kOther, NameType::kEmail, NameType::kDns,
                                 NameType::kUri,   NameType::kIp,    NameType::kOther};
  if (from.san_type() == v3::SubjectAltNameMatcher::SAN_TYPE_UNSPECIFIED) {
    context.errors.Add(FieldPath(path, "san_type"), "missing, expected EMAIL, DNS, URI, IP_ADDRESS or OTHER_NAME");
    return;
  }
  const bool other = from.san_type() == v3::SubjectAltNameMatcher::OTHER_NAME;
  const std::string& oid = from.oid();
  if (other && (oid.empty() || oid.find_first_not_of("0123456789.") != oid.npos)) {
    context.errors.Add(FieldPath(path, "oid"), Concat(Quote(oid), ", expected one in dotted form, for OTHER_NAME"));
  }
  if (!other && !oid.empty()) context.errors.Add(FieldPath(path, "oid"), "set, but the type is not OTHER_NAME");
  const bool dns = from.san_type() == v3::SubjectAltNameMatcher::DNS;
  names.emplace_back(kTypes[from.san_type()], BuildStringMatcher(context, from.matcher(), FieldPath(path, "matcher")), oid,
                     dns ? from.matcher().exact() : "");
}

void BuildNames(BuildContext& context, const Validation& from, const std::string& path,
                std::vector<identity::SanMatcher>& names) {
  const std::string typed = FieldPath(path, "match_typed_subject_alt_names");
  for (int i = 0; i < from.match_typed_subject_alt_names_size(); ++i) {
    BuildTypedName(context, from.match_typed_subject_alt_names(i), ElementPath(typed, i), names);
  }
  const std::string plain = FieldPath(path, "match_subject_alt_names");
  for (int i = 0; i < from.match_subject_alt_names_size(); ++i) {
    const auto& matcher = from.match_subject_alt_names(i);
    const match::StringMatcher built = BuildStringMatcher(context, matcher, ElementPath(plain, i));
    for (const NameType type : {NameType::kDns, NameType::kUri, NameType::kEmail, NameType::kIp}) {
      names.emplace_back(type, built, "", type == NameType::kDns ? matcher.exact() : "");
    }
  }
}

void BuildPins(BuildContext& context, const Validation& from, const std::string& path,
               identity::PeerPolicyParts& parts) {
  for (int i = 0; i < from.verify_certificate_hash_size(); ++i) {
    const std::string pin = absl::AsciiStrToLower(absl::StrReplaceAll(from.verify_certificate_hash(i), {{":", ""}}));
    if (pin.size() != 64 || pin.find_first_not_of("0123456789abcdef") != pin.npos) {
      context.errors.Add(ElementPath(FieldPath(path, "verify_certificate_hash"), i),
                         Concat(Quote(from.verify_certificate_hash(i)), ", expected a SHA-256 of 64 hexadecimal digits"));
    }
    parts.certificate_pins.push_back(pin);
  }
  for (int i = 0; i < from.verify_certificate_spki_size(); ++i) {
    const std::string& pin = from.verify_certificate_spki(i);
    if (pin.size() != 44 || !pin.ends_with('=')) {
      context.errors.Add(ElementPath(FieldPath(path, "verify_certificate_spki"), i),
                         Concat(Quote(pin), ", expected a SHA-256 of 44 digits in base64"));
    }
    parts.spki_pins.push_back(pin);
  }
}

// What must hold between the fields.
void CheckTogether(BuildContext& context, const Validation& from, const std::string& path) {
  const bool spiffe = from.has_custom_validator_config();
  const auto needs_ca = [&](std::string_view field) {
    if (from.has_trusted_ca() || spiffe) return;
    context.errors.Add(FieldPath(path, field), "needs trusted_ca: a certificate that nobody vouches for says nothing");
  };
  const auto not_with_spiffe = [&](std::string_view field) {
    if (spiffe) context.errors.Add(FieldPath(path, field), "set, but custom_validator_config does without it");
  };
  if (from.match_typed_subject_alt_names_size() > 0) needs_ca("match_typed_subject_alt_names");
  if (from.match_subject_alt_names_size() > 0) needs_ca("match_subject_alt_names");
  if (from.has_trusted_ca()) not_with_spiffe("trusted_ca");
  if (from.verify_certificate_hash_size() > 0) not_with_spiffe("verify_certificate_hash");
  if (from.verify_certificate_spki_size() > 0) not_with_spiffe("verify_certificate_spki");
  if (from.has_crl()) needs_ca("crl");
  if (from.trust_chain_verification() == Validation::ACCEPT_UNTRUSTED) {
    context.errors.Add(FieldPath(path, "trust_chain_verification"),
                       "ACCEPT_UNTRUSTED, expected VERIFY_TRUST_CHAIN; without trusted_ca no chain is looked at");
  }
}

}  // namespace

std::shared_ptr<const identity::PeerPolicy> BuildPeerPolicy(BuildContext& context, const Validation& from,
                                                            const std::string& path, CertificateFiles& files) {
  identity::PeerPolicyParts parts;
  parts.digest_text = from.SerializeAsString();
  if (context.files_read != nullptr && !from.watched_directory().path().empty()) {
    context.files_read->AddDirectory(from.watched_directory().path());
  }
  CheckTogether(context, from, path);
  if (from.has_trusted_ca()) {
    parts.trusted = BuildBundle(context, from.trusted_ca(), FieldPath(path, "trusted_ca"), parts.digest_text);
    files.trusted = PathOf(from.trusted_ca());
  }
  if (from.has_custom_validator_config()) {
    BuildSpiffe(context, from.custom_validator_config(), FieldPath(path, "custom_validator_config"), parts, files);
  }
  if (from.has_crl()) {
    const std::string field = FieldPath(path, "crl");
    const std::string pem = ReadSource(context, from.crl(), kMaxPem, field);
    AppendTo(parts.digest_text, pem);
    if (!context.errors.AnyBelow(field)) {
      absl::StatusOr<identity::RevocationStack> lists = identity::ReadRevocations(pem);
      if (lists.ok()) {
        parts.revocations = *std::move(lists);
      } else {
        context.errors.Add(field, Concat(std::string(lists.status().message()), ", expected revocation lists"));
      }
    }
  }
  parts.only_leaf_revocation = from.only_verify_leaf_cert_crl();
  parts.allow_expired = from.allow_expired_certificate();
  if (from.has_max_verify_depth()) parts.max_depth = static_cast<int>(from.max_verify_depth().value());
  BuildNames(context, from, path, parts.names);
  BuildPins(context, from, path, parts);
  return std::make_shared<identity::PeerPolicy>(std::move(parts));
}

// The rules of SVIDs hold, and no trust domain has this name.
std::shared_ptr<const identity::PeerPolicy> PolicyOfNobody(CertificateFiles& files) {
  identity::PeerPolicyParts parts;
  parts.bundles.emplace("", identity::CertificateStack());
  parts.digest_text = "nobody";
  files.bundles.emplace("", "");
  return std::make_shared<identity::PeerPolicy>(std::move(parts));
}

}  // namespace pillion::config
