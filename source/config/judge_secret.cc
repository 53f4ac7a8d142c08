#include "source/config/judge_secret.h"

#include "source/config/build.h"
#include "source/config/build_tls.h"
#include "source/config/check.h"
#include "source/config/text.h"

namespace pillion::config {

std::vector<ConfigError> JudgeSecret(const envoy::extensions::transport_sockets::tls::v3::Secret& secret,
                                     RemoteSecret::Kind kind, const UnknownRule& unknown, std::vector<ConfigError>& notes) {
  ErrorList errors;
  JudgeUnknownFields(unknown, secret, "", errors, notes);
  CheckConstraints(secret, errors);
  const LoadOptions options;
  const envoy::config::core::v3::Node node;
  BuildContext context{options, errors, node, {}};
  CertificateFiles files;
  if (kind == RemoteSecret::Kind::kTlsCertificate) {
    if (!secret.has_tls_certificate()) {
      errors.Add("tls_certificate", "missing, expected a certificate and its key");
    } else if (errors.empty()) {
      tls::ContextParts parts;
      BuildPair(context, secret.tls_certificate(), "tls_certificate", "", parts, files);
    }
  } else if (!secret.has_validation_context()) {
    errors.Add("validation_context", "missing, expected trusted_ca or a custom_validator_config");
  } else if (errors.empty()) {
    const auto policy = BuildPeerPolicy(context, secret.validation_context(), "validation_context", files);
    // Who would be accepted by it is anybody.
    if (errors.empty() && !policy->verifies()) {
      errors.Add("validation_context", "nobody is vouched for, expected trusted_ca or a custom_validator_config");
    }
  }
  return errors.Take();
}

}  // namespace pillion::config
