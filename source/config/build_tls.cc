// TLS contexts of filter chains and clusters.

#include <algorithm>

#include "absl/time/clock.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "pillion/transport_sockets/peer_authentication/v1/peer_authentication.pb.h"
#include "source/config/build.h"
#include "source/config/build_tls.h"
#include "source/config/own_certificates.h"
#include "source/config/text.h"
#include "source/config/tls.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using pillion::transport_sockets::peer_authentication::v1::PeerAuthentication;
using RawBuffer = envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;

constexpr size_t kMaxPem = 4 * 1024 * 1024;
constexpr std::string_view kInline = "<inline>";

void Watch(BuildContext& context, const envoy::config::core::v3::WatchedDirectory& directory) {
  if (context.files_read != nullptr && !directory.path().empty()) context.files_read->AddDirectory(directory.path());
}

// Its file, or that it has none.
std::string FileOf(const envoy::config::core::v3::DataSource& from) {
  return from.has_filename() ? from.filename() : std::string(kInline);
}

void BuildCommon(BuildContext& context, const v3::CommonTlsContext& from, const std::string& path,
                 tls::ContextParts& parts, TlsBuild& built) {
  BuildTlsParameters(context, from.tls_params(), FieldPath(path, "tls_params"), parts);
  for (int i = 0; i < from.tls_certificates_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "tls_certificates"), i);
    BuildPair(context, from.tls_certificates(i), place, "", parts, built.files);
    built.files.names.resize(built.files.chains.size());
  }
  for (int i = 0; i < from.tls_certificate_sds_secret_configs_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "tls_certificate_sds_secret_configs"), i);
    const FoundSecret found =
        FindSecret(context, from.tls_certificate_sds_secret_configs(i), RemoteSecret::Kind::kTlsCertificate, place);
    built.waits |= found.awaited;
    if (!found.secret) continue;
    BuildPair(context, found.secret->tls_certificate(), found.place, found.origin, parts, built.files);
    built.files.names.resize(built.files.chains.size(), from.tls_certificate_sds_secret_configs(i).name());
    built.broken |= context.errors.AnyBelow(found.place);
  }
  const int pairs = from.tls_certificates_size() + from.tls_certificate_sds_secret_configs_size();
  if (parts.server && pairs == 0) {
    context.errors.AddMissing(path, FieldPath(path, "tls_certificates"), "empty, but a server needs a certificate");
  }
  if (!parts.server && pairs > 1) {
    context.errors.Add(FieldPath(path, "tls_certificates"), Concat(pairs, " certificates, expected at most one upstream"));
  }
  CheckCompliance(context, from.tls_params(), FieldPath(path, "tls_params"), parts, built.files);
  parts.policy = BuildValidation(context, from, path, built);
  for (int i = 0; i < from.alpn_protocols_size(); ++i) {
    const std::string& protocol = from.alpn_protocols(i);
    if (protocol.empty() || protocol.size() > 255) {
      context.errors.Add(ElementPath(FieldPath(path, "alpn_protocols"), i),
                         Concat(protocol.size(), " bytes, expected 1 to 255"));
    } else {
      parts.alpn.push_back(protocol);
    }
  }
}

// Null, with an error, where something is wrong.
std::shared_ptr<const tls::Context> BuildContextOf(BuildContext& context, tls::ContextParts parts, const TlsBuild& built,
                                                   const std::string& path) {
  if (built.waits || built.broken || context.errors.AnyBelow(path)) return nullptr;
  absl::StatusOr<std::shared_ptr<const tls::Context>> made = tls::Context::Build(std::move(parts));
  if (made.ok()) return *std::move(made);
  context.errors.Add(path, Concat("OpenSSL does not take it: ", std::string(made.status().message())));
  return nullptr;
}

// Who clients have to be.
enum class Clients : uint8_t { kAsConfigured, kWithSvids };

// Of a chain that asks clients for certificates.
void CheckSomebodyVerifies(BuildContext& context, const tls::ContextParts& parts, Clients clients, const std::string& path) {
  const std::string common = FieldPath(path, "common_tls_context");
  if (clients == Clients::kWithSvids) {
    for (const std::string_view field :
         {"validation_context", "validation_context_sds_secret_config", "combined_validation_context"}) {
      if (context.errors.AnyBelow(FieldPath(common, field))) return;
    }
    if (parts.policy != nullptr && !parts.policy->bundles().empty()) return;
    context.errors.Add(common, "expected a custom_validator_config with SPIFFECertValidatorConfig, which says who is who");
  } else if (parts.policy == nullptr || !parts.policy->verifies()) {
    context.errors.AddMissing(common, FieldPath(path, "require_client_certificate"),
                              "true, but a certificate that nobody vouches for says nothing: expected a validation context "
                              "with trusted_ca, pins or a custom_validator_config");
  }
}

tls::StaplePolicy BuildStaplePolicy(v3::DownstreamTlsContext::OcspStaplePolicy from) {
  switch (from) {
    case v3::DownstreamTlsContext::STRICT_STAPLING:
      return tls::StaplePolicy::kStrict;
    case v3::DownstreamTlsContext::MUST_STAPLE:
      return tls::StaplePolicy::kMust;
    default:
      return tls::StaplePolicy::kLenient;
  }
}

// Where a response must be there, one has to be configured; whether it has ended is seen when a client asks.
void CheckStaples(BuildContext& context, v3::DownstreamTlsContext::OcspStaplePolicy policy, const tls::ContextParts& parts,
                  const CertificateFiles& files, const std::string& path) {
  for (size_t i = 0; i < parts.pairs.size(); ++i) {
    const identity::KeyPair& pair = parts.pairs[i];
    if (pair.ocsp || (policy != v3::DownstreamTlsContext::MUST_STAPLE && !pair.must_staple)) continue;
    const std::string whose = Concat(Quote(files.chains[i]), ", of ", Quote(identity::OwnerText(pair.leaf())));
    if (pair.must_staple) {
      context.errors.Add(FieldPath(path, "common_tls_context"),
                         Concat("clients take the certificate ", whose,
                                ", with an OCSP response only, expected ocsp_staple beside it"));
    } else {
      context.errors.Add(FieldPath(path, "ocsp_staple_policy"),
                         Concat("MUST_STAPLE, but the certificate ", whose, ", has no ocsp_staple"));
    }
  }
}

TlsBuild BuildServer(BuildContext& context, const v3::DownstreamTlsContext& from, Clients clients, const std::string& path) {
  TlsBuild built;
  tls::ContextParts parts{.server = true};
  BuildCommon(context, from.common_tls_context(), FieldPath(path, "common_tls_context"), parts, built);
  parts.require_peer_certificate = clients == Clients::kWithSvids || from.require_client_certificate().value();
  if (!built.waits && !built.broken && parts.require_peer_certificate) CheckSomebodyVerifies(context, parts, clients, path);
  parts.require_server_name = from.require_sni().value();
  parts.tickets = !from.disable_stateless_session_resumption();
  for (int i = 0; i < from.session_ticket_keys().keys_size(); ++i) {
    const std::string key_path = ElementPath(FieldPath(path, "session_ticket_keys.keys"), i);
    parts.ticket_keys.push_back(ReadSource(context, from.session_ticket_keys().keys(i), kMaxPem, key_path));
    const size_t size = parts.ticket_keys.back().size();
    if (size != tls::TicketKeys::kBytes && !context.errors.AnyBelow(key_path)) {
      context.errors.Add(key_path, Concat(size, " bytes, expected ", tls::TicketKeys::kBytes));
    }
  }
  parts.prefer_client_ciphers = from.prefer_client_ciphers();
  parts.staple_policy = BuildStaplePolicy(from.ocsp_staple_policy());
  CheckStaples(context, from.ocsp_staple_policy(), parts, built.files, path);
  if (from.has_session_timeout()) {
    parts.session_timeout = std::chrono::duration_cast<std::chrono::seconds>(ToDuration(from.session_timeout()));
  }
  built.context = BuildContextOf(context, std::move(parts), built, path);
  return built;
}

TlsBuild BuildClient(BuildContext& context, const v3::UpstreamTlsContext& from, const std::string& path) {
  TlsBuild built;
  tls::ContextParts parts;
  BuildCommon(context, from.common_tls_context(), FieldPath(path, "common_tls_context"), parts, built);
  built.context = BuildContextOf(context, std::move(parts), built, path);
  return built;
}

PeerModes BuildPeerModes(BuildContext& context, const PeerAuthentication& from, const std::string& path) {
  const auto mode_of = [](PeerAuthentication::Mode mode) {
    return mode == PeerAuthentication::PERMISSIVE ? PeerMode::kPermissive
           : mode == PeerAuthentication::DISABLE  ? PeerMode::kDisable
                                                  : PeerMode::kStrict;
  };
  PeerModes modes{.mode = mode_of(from.mode()), .ports = {}};
  for (const auto& [port, mode] : from.port_modes()) {
    if (port == 0 || port > 65535) {
      context.errors.Add(FieldPath(path, "port_modes"), Concat(port, ", expected ports from 1 to 65535"));
    }
    modes.ports[static_cast<uint16_t>(port)] = mode_of(static_cast<PeerAuthentication::Mode>(mode));
  }
  return modes;
}

bool VerifiesChain(const tls::Context& context) {
  return context.policy() != nullptr && context.policy()->verifies_chain();
}

// `current` may be null: it waits.
bool WillVerify(const tls::Context* current, const v3::CommonTlsContext& from) {
  if (current != nullptr) return current->policy() != nullptr && current->policy()->verifies();
  return from.validation_context_type_case() != v3::CommonTlsContext::VALIDATION_CONTEXT_TYPE_NOT_SET;
}

// Of one that waits, what it will have to.
bool WillVerifyChain(const TlsBuild& built, const v3::CommonTlsContext& from) {
  if (built.context != nullptr) return VerifiesChain(*built.context);
  switch (from.validation_context_type_case()) {
    case v3::CommonTlsContext::kValidationContextSdsSecretConfig:
    case v3::CommonTlsContext::kCombinedValidationContext:
      return true;
    default:
      return from.validation_context().has_trusted_ca() || from.validation_context().has_custom_validator_config();
  }
}

void NoteOwnCertificates(BuildContext& context, const TlsBuild& built, const std::string& path) {
  for (std::string& text : WhyRefused(*built.context, built.files, absl::Now())) context.Note(path, std::move(text));
  for (std::string& text : StrangersToThemselves(*built.context, built.files)) context.Note(path, std::move(text));
}

// By `build`(context, path): now, and whenever it is asked for later. Null, with errors, where something is wrong.
template <typename Build>
std::shared_ptr<RenewableContext> MakeRenewable(BuildContext& context, const v3::CommonTlsContext& common,
                                                const std::string& path, Build build) {
  FilesRead* const outer = context.files_read;
  FilesRead files;
  context.files_read = &files;
  TlsBuild first = build(context, path);
  context.files_read = outer;
  if (first.context == nullptr && (!first.waits || first.broken || context.errors.AnyBelow(path))) return nullptr;
  if (first.context != nullptr) NoteOwnCertificates(context, first, FieldPath(path, "common_tls_context"));
  first.directories = std::move(files.directories);
  first.digest = files.digest;
  first.secrets = std::move(files.secrets);
  first.named = std::move(files.named);
  // What the context refers to, and what is gone when it is built anew.
  struct Kept {
    LoadOptions options;
    PassedOver passed_over;
    envoy::config::core::v3::Node node;
    std::shared_ptr<NamedSecrets> secrets;
    std::shared_ptr<RemoteSecrets> remote_secrets;
    std::optional<WorkloadApi> workload_api;
    std::optional<ConfigSource> sender;
    std::optional<ApiSource> ads;
  };
  auto kept = std::make_shared<Kept>();
  kept->options.unknown = context.options.unknown;
  kept->options.unknown.passed_over = &kept->passed_over;
  kept->secrets = context.later_secrets;
  kept->remote_secrets = context.remote_secrets;
  kept->workload_api = context.workload_api;
  kept->sender = context.sender;
  kept->ads = context.ads;
  const bool verifies_chain = WillVerifyChain(first, common);
  return std::make_shared<RenewableContext>(std::move(first), [kept, path, build, verifies_chain] {
    ErrorList errors;
    BuildContext again{kept->options, errors, kept->node, {}};
    again.secrets = kept->secrets->by_name;
    again.remote_secrets = kept->remote_secrets;
    again.workload_api = kept->workload_api;
    again.sender = kept->sender;
    again.ads = kept->ads;
    FilesRead read;
    again.files_read = &read;
    TlsBuild built = build(again, path);
    if (built.context != nullptr && verifies_chain && !VerifiesChain(*built.context)) {
      errors.Add(path, "nobody vouches for peers, expected trusted_ca or a custom_validator_config");
      built.context = nullptr;
    }
    built.directories = std::move(read.directories);
    built.digest = read.digest;
    built.errors = errors.Take();
    return built;
  });
}

}  // namespace

namespace {

// False, with an error: it is none for the certificate.
bool BuildStaple(BuildContext& context, const envoy::config::core::v3::DataSource& from, const std::string& path,
                 bool server, identity::KeyPair& pair) {
  if (from.has_inline_string()) {
    context.errors.Add(FieldPath(path, "inline_string"),
                       "an OCSP response is bytes (DER), expected filename or inline_bytes");
    return false;
  }
  const std::string der = ReadSource(context, from, kMaxPem, path);
  if (context.errors.AnyBelow(path)) return false;
  absl::StatusOr<identity::OcspResponse> read = identity::ReadOcspResponse(der, pair.chain.get());
  if (!read.ok()) {
    context.errors.Add(path, Concat(Quote(FileOf(from)), ": ", std::string(read.status().message())));
    return false;
  }
  if (!server) {  // a secret may be a listener's as well
    context.Note(path, "is passed over: only servers send it");
    return true;
  }
  if (!read->good) context.Note(path, "does not say that the certificate is good: clients that ask will refuse it");
  if (read->HasEnded(absl::Now())) {
    context.Note(path, Concat("has ended ", UtcText(read->ends),
                              ": it is not sent, and ocsp_staple_policy says what happens"));
  }
  pair.ocsp = *std::move(read);
  return true;
}

}  // namespace

void BuildPair(BuildContext& context, const v3::TlsCertificate& from, const std::string& path, const std::string& origin,
               tls::ContextParts& parts, CertificateFiles& files) {
  Watch(context, from.watched_directory());
  const std::string chain_path = FieldPath(path, "certificate_chain");
  const std::string key_path = FieldPath(path, "private_key");
  const std::string chain = ReadSource(context, from.certificate_chain(), kMaxPem, chain_path);
  const std::string key = ReadSource(context, from.private_key(), kMaxPem, key_path);
  std::string password;
  if (from.has_password()) password = ReadSource(context, from.password(), kMaxPem, FieldPath(path, "password"));
  if (context.errors.AnyBelow(path)) return;
  auto pair = identity::ReadKeyPair(chain, key, password);
  if (const auto* error = std::get_if<identity::KeyPairError>(&pair)) {
    switch (error->part) {
      case identity::KeyPairPart::kChain:
        context.errors.Add(chain_path, Concat(Quote(FileOf(from.certificate_chain())), ": ", error->text,
                                              ", expected a certificate and what it was issued by, in PEM form"));
        return;
      case identity::KeyPairPart::kKey:
        context.errors.Add(key_path, Concat(Quote(FileOf(from.private_key())), ": ", error->text,
                                            ", expected the certificate's key in PEM form"));
        return;
      case identity::KeyPairPart::kBoth:
        context.errors.Add(key_path, Concat(Quote(FileOf(from.private_key())), ": ", error->text));
        return;
    }
  }
  auto& made = std::get<identity::KeyPair>(pair);
  const std::string staple_path = FieldPath(path, "ocsp_staple");
  if (from.has_ocsp_staple() && !BuildStaple(context, from.ocsp_staple(), staple_path, parts.server, made)) return;
  parts.pairs.push_back(std::move(made));
  const bool inlined = !from.certificate_chain().has_filename();
  files.chains.push_back(inlined && !origin.empty() ? origin : FileOf(from.certificate_chain()));
}

namespace {

// Modes need to know who is who, which the Workload API's plain bundles do not say.
void CheckBundleForModes(BuildContext& context, const v3::CommonTlsContext& from, const std::string& path) {
  const bool combined = from.has_combined_validation_context();
  const v3::SdsSecretConfig& secret = combined ? from.combined_validation_context().validation_context_sds_secret_config()
                                               : from.validation_context_sds_secret_config();
  const bool of_agent = context.workload_api && !secret.has_sds_config() && !context.secrets.contains(secret.name());
  if (!of_agent || (secret.name() != "ROOTCA" && !secret.name().starts_with("spiffe://"))) return;
  const std::string place = FieldPath(path, combined ? "combined_validation_context.validation_context_sds_secret_config"
                                                     : "validation_context_sds_secret_config");
  context.errors.Add(FieldPath(place, "name"), Concat(Quote(secret.name()), " is a plain bundle, expected \"ALL\", which "
                                                      "says of each trust domain whom it vouches for"));
}

}  // namespace

std::shared_ptr<const DownstreamTls> BuildDownstreamTls(BuildContext& context,
                                                        const envoy::config::core::v3::TransportSocket& from,
                                                        const std::string& path) {
  const google::protobuf::Any& config = from.typed_config();
  std::string config_path = FieldPath(path, "typed_config");
  if (config.Is<RawBuffer>()) return nullptr;
  auto built = std::make_shared<DownstreamTls>();
  v3::DownstreamTlsContext message;
  if (PeerAuthentication peers; config.UnpackTo(&peers)) {
    built->modes = BuildPeerModes(context, peers, config_path);
    if (!peers.has_tls()) {
      context.errors.AddMissing(config_path, FieldPath(config_path, "tls"), "missing, but required");
      return nullptr;
    }
    message = std::move(*peers.mutable_tls());
    config_path = FieldPath(config_path, "tls");
    CheckBundleForModes(context, message.common_tls_context(), FieldPath(config_path, "common_tls_context"));
  } else if (!config.UnpackTo(&message)) {
    context.errors.AddMissing(path, config_path,
                              WrongType(config, "DownstreamTlsContext, PeerAuthentication or RawBuffer"));
    return nullptr;
  }
  const Clients clients = built->modes ? Clients::kWithSvids : Clients::kAsConfigured;
  const auto build = [message, clients](BuildContext& again, const std::string& place) {
    return BuildServer(again, message, clients, place);
  };
  built->context = MakeRenewable(context, message.common_tls_context(), config_path, build);
  return built;
}

std::shared_ptr<RenewableContext> BuildServerContext(BuildContext& context, const v3::DownstreamTlsContext& from,
                                                     const std::string& path) {
  return MakeRenewable(context, from.common_tls_context(), path, [from](BuildContext& again, const std::string& place) {
    return BuildServer(again, from, Clients::kAsConfigured, place);
  });
}

std::shared_ptr<const UpstreamTls> BuildUpstreamTls(BuildContext& context,
                                                    const envoy::config::core::v3::TransportSocket& from,
                                                    const std::string& path) {
  const google::protobuf::Any& config = from.typed_config();
  const std::string config_path = FieldPath(path, "typed_config");
  if (config.Is<RawBuffer>()) return nullptr;
  v3::UpstreamTlsContext message;
  if (!config.UnpackTo(&message)) {
    context.errors.AddMissing(path, config_path, WrongType(config, "UpstreamTlsContext or RawBuffer"));
    return nullptr;
  }
  if (message.allow_renegotiation()) {
    context.errors.Add(FieldPath(config_path, "allow_renegotiation"), "true, but nobody may renegotiate");
  }
  if (message.sni().size() > 255) {
    context.errors.Add(FieldPath(config_path, "sni"), Concat(message.sni().size(), " bytes, expected at most 255"));
  }
  auto built = std::make_shared<UpstreamTls>();
  built->sni = message.sni();
  built->auto_host_sni = message.auto_host_sni();
  built->auto_sni_san_validation = message.auto_sni_san_validation();
  if (message.has_max_session_keys()) built->max_session_keys = message.max_session_keys().value();
  const auto build = [message](BuildContext& again, const std::string& place) { return BuildClient(again, message, place); };
  built->context = MakeRenewable(context, message.common_tls_context(), config_path, build);
  if (built->context != nullptr) {
    const std::shared_ptr<const tls::Context> current = built->context->current();
    built->verifies_chain = WillVerifyChain({.context = current}, message.common_tls_context());
  }
  if (built->context != nullptr && !WillVerify(built->context->current().get(), message.common_tls_context())) {
    context.Note(FieldPath(config_path, "common_tls_context"),
                 "has no validation context that verifies: whoever answers in the place of a host is taken for it");
  }
  if (built->context != nullptr && built->auto_sni_san_validation && !built->verifies_chain) {
    context.errors.Add(FieldPath(config_path, "auto_sni_san_validation"),
                       "needs trusted_ca: a name in a certificate that nobody vouches for says nothing");
  }
  return built;
}

}  // namespace pillion::config
