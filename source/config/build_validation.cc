// Whom a TLS context accepts as peer, by what it says itself and what a secret adds.

#include "absl/strings/numbers.h"
#include "source/config/build_tls.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;

constexpr std::string_view kInline = "<inline>";

// Where the configuration has what stands at `path` of the two in one: a list of both has the secret's elements behind the
// default's, of all else the secret's counts.
std::string PlaceOfMerged(const std::string& path, const v3::CertificateValidationContext& by_default,
                          const v3::CertificateValidationContext& by_secret, const std::string& default_place,
                          const std::string& secret_place) {
  const std::string_view name = std::string_view(path).substr(0, path.find_first_of(".["));
  const auto* const field = by_default.GetDescriptor()->FindFieldByName({name.data(), name.size()});
  if (field == nullptr) return default_place;
  if (!field->is_repeated()) {
    return FieldPath(by_secret.GetReflection()->HasField(by_secret, field) ? secret_place : default_place, path);
  }
  const size_t before = static_cast<size_t>(by_default.GetReflection()->FieldSize(by_default, field));
  const size_t end = path.find(']');
  size_t index = 0;
  if (end == path.npos) return FieldPath(before > 0 ? default_place : secret_place, path);
  if (!absl::SimpleAtoi(path.substr(name.size() + 1, end - name.size() - 1), &index) || index < before) {
    return FieldPath(default_place, path);
  }
  return ElementPath(FieldPath(secret_place, name), index - before) + path.substr(end + 1);
}

}  // namespace

std::shared_ptr<const identity::PeerPolicy> BuildValidation(BuildContext& context, const v3::CommonTlsContext& from,
                                                            const std::string& path, TlsBuild& built) {
  v3::CertificateValidationContext by_default;
  v3::CertificateValidationContext by_secret;
  std::string default_place;
  std::string secret_place;
  std::string origin;
  const auto take_secret = [&](const v3::SdsSecretConfig& named, const std::string& place) {
    const FoundSecret found = FindSecret(context, named, RemoteSecret::Kind::kValidationContext, place);
    built.waits |= found.awaited;
    built.withdrawn |= found.withdrawn;
    if (!found.secret) return false;
    origin = found.origin;
    built.files.trusted_name = named.name();
    secret_place = found.place;
    by_secret = found.secret->validation_context();
    return true;
  };
  switch (from.validation_context_type_case()) {
    case v3::CommonTlsContext::kValidationContext:
      return BuildPeerPolicy(context, from.validation_context(), FieldPath(path, "validation_context"), built.files);
    case v3::CommonTlsContext::kValidationContextSdsSecretConfig:
      if (!take_secret(from.validation_context_sds_secret_config(),
                       FieldPath(path, "validation_context_sds_secret_config"))) {
        return built.withdrawn ? PolicyOfNobody(built.files) : nullptr;
      }
      default_place = secret_place;
      break;
    case v3::CommonTlsContext::kCombinedValidationContext: {
      const std::string combined = FieldPath(path, "combined_validation_context");
      by_default = from.combined_validation_context().default_validation_context();
      default_place = FieldPath(combined, "default_validation_context");
      if (!take_secret(from.combined_validation_context().validation_context_sds_secret_config(),
                       FieldPath(combined, "validation_context_sds_secret_config"))) {
        return built.withdrawn ? PolicyOfNobody(built.files) : nullptr;
      }
      break;
    }
    case v3::CommonTlsContext::VALIDATION_CONTEXT_TYPE_NOT_SET:
      return nullptr;
  }
  v3::CertificateValidationContext merged = by_default;
  merged.MergeFrom(by_secret);
  ErrorList errors;
  BuildContext within{context.options, errors, context.node, {}};
  within.files_read = context.files_read;
  auto policy = BuildPeerPolicy(within, merged, "", built.files);
  for (ConfigError& error : errors.Take()) {
    context.errors.Add(PlaceOfMerged(error.path, by_default, by_secret, default_place, secret_place),
                       std::move(error.message));
  }
  built.broken |= context.errors.AnyBelow(secret_place) ||
                  context.errors.AnyBelow(FieldPath(path, "combined_validation_context"));
  if (!origin.empty()) {
    if (built.files.trusted == kInline) built.files.trusted = origin;
    for (auto& [domain, from_where] : built.files.bundles) {
      if (from_where == kInline) from_where = origin;
    }
  }
  return policy;
}

}  // namespace pillion::config
