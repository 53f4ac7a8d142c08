// What TLS agrees to: versions, ciphers, curves, signatures.

#include <algorithm>

#include "source/config/build.h"
#include "source/config/build_tls.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;

std::optional<tls::Version> BuildVersion(BuildContext& context, v3::TlsParameters::TlsProtocol from,
                                         const std::string& path) {
  switch (from) {
    case v3::TlsParameters::TLSv1_2:
      return tls::Version::kTls12;
    case v3::TlsParameters::TLSv1_3:
      return tls::Version::kTls13;
    case v3::TlsParameters::TLS_AUTO:
      return std::nullopt;
    default:
      context.errors.Add(path, Concat(v3::TlsParameters::TlsProtocol_Name(from), ", expected TLSv1_2 or TLSv1_3"));
      return std::nullopt;
  }
}

// Suites of TLS 1.2 that people ask for and that nobody should be given.
bool IsWeakCipher(std::string_view name) {
  constexpr std::string_view kWeak[] = {"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA",
                                        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA",
                                        "ECDHE-RSA-AES256-SHA", "ECDHE-PSK-AES128-CBC-SHA", "ECDHE-PSK-AES256-CBC-SHA",
                                        "PSK-AES128-CBC-SHA", "PSK-AES256-CBC-SHA", "DES-CBC3-SHA"};
  return std::find(std::begin(kWeak), std::end(kWeak), name) != std::end(kWeak);
}

// A list of names, of which some may be of equal liking: "[A|B]".
void BuildCiphers(BuildContext& context, const v3::TlsParameters& from, const std::string& path,
                  tls::ContextParts& parts) {
  for (int i = 0; i < from.cipher_suites_size(); ++i) {
    std::string_view rest = from.cipher_suites(i);
    if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
    while (true) {
      const std::string_view name = rest.substr(0, rest.find_first_of("|:"));
      if (tls::IsGoodCipher(name)) {
        parts.ciphers.emplace_back(name);
      } else if (!IsWeakCipher(name)) {
        context.errors.Add(ElementPath(path, i), Concat("unknown cipher suite ", Quote(name)));
      }
      if (name.size() == rest.size()) break;
      rest.remove_prefix(name.size() + 1);
    }
  }
  if (from.cipher_suites_size() > 0 && parts.ciphers.empty() && !context.errors.AnyBelow(path)) {
    context.errors.Add(path, "none has ephemeral keys and authenticated encryption, expected at least one such as "
                             "ECDHE-ECDSA-AES128-GCM-SHA256");
  }
}

// What FIPS_202205 lets be agreed to: AES in GCM, ephemeral keys on the curves of NIST, signatures with SHA-2.
constexpr std::string_view kFipsCiphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                                             "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"};
constexpr std::string_view kFipsCiphers13[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"};
constexpr std::string_view kFipsCurves[] = {"P-256", "P-384"};
constexpr std::string_view kFipsSignatures[] = {
    "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",    "rsa_pkcs1_sha256",       "rsa_pkcs1_sha384",    "rsa_pkcs1_sha512"};

// What `asked` has of `allowed`, which is all where nothing is asked for. Where nothing is left, an error.
template <typename Allowed>
void Keep(BuildContext& context, const Allowed& allowed, const std::string& path, std::vector<std::string>& asked) {
  if (asked.empty()) {
    asked.assign(std::begin(allowed), std::end(allowed));
    return;
  }
  std::erase_if(asked, [&](const std::string& name) {
    return std::find(std::begin(allowed), std::end(allowed), name) == std::end(allowed);
  });
  if (!asked.empty() || context.errors.AnyBelow(path)) return;
  context.errors.Add(path, Concat("nothing of it is in FIPS_202205 of compliance_policies, expected one such as ",
                                  *std::begin(allowed)));
}

void Narrow(BuildContext& context, const std::string& path, tls::ContextParts& parts) {
  Keep(context, kFipsCiphers, FieldPath(path, "cipher_suites"), parts.ciphers);
  parts.ciphers13.assign(std::begin(kFipsCiphers13), std::end(kFipsCiphers13));
  Keep(context, kFipsCurves, FieldPath(path, "ecdh_curves"), parts.curves);
  Keep(context, kFipsSignatures, FieldPath(path, "signature_algorithms"), parts.signature_algorithms);
}

}  // namespace

void BuildTlsParameters(BuildContext& context, const v3::TlsParameters& from, const std::string& path,
                     tls::ContextParts& parts) {
  const std::string least_path = FieldPath(path, "tls_minimum_protocol_version");
  const auto least = BuildVersion(context, from.tls_minimum_protocol_version(), least_path);
  const auto most =
      BuildVersion(context, from.tls_maximum_protocol_version(), FieldPath(path, "tls_maximum_protocol_version"));
  if (least) parts.least = *least;
  if (most) {
    parts.most = *most;
  } else if (!parts.server && from.compliance_policies_size() == 0) {
    parts.most = std::max(parts.least, tls::Version::kTls12);
  }
  if (parts.least > parts.most) context.errors.Add(least_path, "TLSv1_3, more than tls_maximum_protocol_version");
  BuildCiphers(context, from, FieldPath(path, "cipher_suites"), parts);
  for (int i = 0; i < from.ecdh_curves_size(); ++i) {
    if (!tls::IsCurve(from.ecdh_curves(i))) {
      context.errors.Add(ElementPath(FieldPath(path, "ecdh_curves"), i),
                         Concat(Quote(from.ecdh_curves(i)), ", expected X25519, P-256, P-384 or P-521"));
    }
    parts.curves.push_back(from.ecdh_curves(i));
  }
  parts.signature_algorithms.assign(from.signature_algorithms().begin(), from.signature_algorithms().end());
  if (from.compliance_policies_size() > 1) {
    context.errors.Add(FieldPath(path, "compliance_policies"),
                       Concat(from.compliance_policies_size(), " policies, expected at most one"));
  }
  if (from.compliance_policies_size() > 0) Narrow(context, path, parts);
}

void CheckCompliance(BuildContext& context, const v3::TlsParameters& from, const std::string& path,
                     const tls::ContextParts& parts, const CertificateFiles& files) {
  if (from.compliance_policies_size() == 0) return;
  for (size_t i = 0; i < parts.pairs.size(); ++i) {
    if (tls::IsFipsKey(parts.pairs[i])) continue;
    context.errors.Add(FieldPath(path, "compliance_policies"),
                       Concat("FIPS_202205 has no signatures by the key of the certificate ", Quote(files.chains[i]),
                              ", expected RSA, or ECDSA with P-256 or P-384"));
  }
}

}  // namespace pillion::config
