// Secrets that a TLS context names: where they come from, and what they hold now.

#include <cstdlib>

#include "pillion/bootstrap/workload_api/v1/workload_api.pb.h"
#include "source/base/xxhash64.h"
#include "source/config/build.h"
#include "source/config/build_tls.h"
#include "source/config/discovery_response.h"
#include "source/config/nearest.h"
#include "source/config/text.h"
#include "source/identity/spiffe_id.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using WorkloadApiMessage = pillion::bootstrap::workload_api::v1::WorkloadApi;

std::string_view KindText(RemoteSecret::Kind kind) {
  return kind == RemoteSecret::Kind::kTlsCertificate ? "tls_certificate" : "validation_context";
}

bool IsOfKind(const v3::Secret& secret, RemoteSecret::Kind kind) {
  return kind == RemoteSecret::Kind::kTlsCertificate ? secret.has_tls_certificate() : secret.has_validation_context();
}

// The one of that name in a file of a subscription; none, with errors, where there is none.
std::optional<v3::Secret> ReadSecret(BuildContext& context, const std::string& secret_name, const PathSource& source,
                                     const std::string& place) {
  envoy::service::discovery::v3::DiscoveryResponse response;
  ErrorList errors;
  std::vector<ConfigError> notes;
  const bool read = ReadDiscoveryResponse(source.path, context.options.unknown, response, errors, notes);
  for (const ConfigError& error : errors.Take()) context.errors.Add(place, ErrorText(source.path, error));
  if (!read || context.errors.AnyBelow(place)) return std::nullopt;
  if (context.files_read != nullptr) {
    context.files_read->Add(source.path, response.SerializeAsString());
    if (!source.watched_directory.empty()) context.files_read->AddDirectory(source.watched_directory);
  }
  for (const google::protobuf::Any& resource : response.resources()) {
    v3::Secret secret;
    if (resource.UnpackTo(&secret) && secret.name() == secret_name) return secret;
  }
  context.errors.Add(place, Concat(Quote(source.path), " has no Secret with the name ", Quote(secret_name)));
  return std::nullopt;
}

// What the Workload API gives under a name.
bool IsWorkloadName(const std::string& name, RemoteSecret::Kind kind) {
  const auto id = identity::ParseSpiffeId(name);
  const bool is_id = std::holds_alternative<identity::SpiffeId>(id);
  if (kind == RemoteSecret::Kind::kTlsCertificate) {
    return name == "default" || name.starts_with("hint:") || (is_id && !std::get<identity::SpiffeId>(id).path.empty());
  }
  return name == "ROOTCA" || name == "ALL" || (is_id && std::get<identity::SpiffeId>(id).path.empty());
}

std::string NoSuchSecret(const BuildContext& context, const std::string& name, RemoteSecret::Kind kind) {
  const bool certificate = kind == RemoteSecret::Kind::kTlsCertificate;
  std::string text = Concat(Quote(name), ", but static_resources.secrets has no such name");
  std::vector<std::string_view> names;
  for (const auto& [known, secret] : context.secrets) names.push_back(known);
  if (context.workload_api) {
    text += Concat(", nor has the Workload API such a ", KindText(kind), ": it has ",
                   certificate ? "\"default\", SPIFFE IDs and \"hint:\" with a hint"
                               : "\"ALL\", \"ROOTCA\" and \"spiffe://DOMAIN\"");
    for (const char* const own : {"default", "ALL", "ROOTCA"}) {
      if (IsWorkloadName(own, kind)) names.emplace_back(own);
    }
  } else if (IsWorkloadName(name, kind)) {
    text += "; the Workload API would, but bootstrap_extensions has no WorkloadApi";
  }
  return text + DidYouMean(name, names);
}

FoundSecret FindRemote(BuildContext& context, const Feed& feed, const std::string& name, RemoteSecret::Kind kind,
                       const std::string& path) {
  const std::shared_ptr<RemoteSecret> remote =
      context.remote_secrets->Get(feed.source, name, kind, feed.initial_fetch_timeout);
  if (remote == nullptr) {
    context.errors.Add(FieldPath(path, "name"), Concat(Quote(name), " is no ", KindText(kind), " elsewhere"));
    return {};
  }
  if (context.files_read != nullptr) context.files_read->secrets.push_back(remote);
  if (remote->withdrawn()) {
    if (context.files_read != nullptr) context.files_read->digest = context.files_read->digest * 31 + 1;
    return {.secret = std::nullopt, .origin = remote->origin(), .withdrawn = true};
  }
  if (remote->current() == nullptr) return {.secret = std::nullopt, .origin = remote->origin(), .awaited = true};
  FoundSecret found{.secret = static_cast<const v3::Secret&>(*remote->current()),
                    .origin = Concat(remote->origin(), "/", name),
                    .place = path};
  if (context.files_read != nullptr) {
    FilesRead& read = *context.files_read;
    read.digest = read.digest * 31 + base::XxHash64(found.secret->SerializeAsString());
  }
  return found;
}

}  // namespace

FoundSecret FindSecret(BuildContext& context, const v3::SdsSecretConfig& from, RemoteSecret::Kind kind,
                       const std::string& path) {
  FoundSecret found{.secret = std::nullopt, .place = path};
  if (from.has_sds_config()) {
    const std::string place = FieldPath(path, "sds_config");
    const Feed feed = BuildFeed(context, from.sds_config(), place);
    if (from.name().empty() || context.errors.AnyBelow(place)) return found;
    const auto* file = std::get_if<PathSource>(&feed.source);
    if (file == nullptr) return FindRemote(context, feed, from.name(), kind, path);
    if (!file->path.empty()) found.secret = ReadSecret(context, from.name(), *file, place);
  } else if (const auto known = context.secrets.find(from.name()); known != context.secrets.end()) {
    found.secret = *known->second.secret;
    found.place = FieldPath(known->second.path, KindText(kind));
    if (context.files_read != nullptr) {
      FilesRead& read = *context.files_read;
      read.named.insert(from.name());
      read.digest = read.digest * 31 + base::XxHash64(found.secret->SerializeAsString());
    }
  } else if (context.workload_api && IsWorkloadName(from.name(), kind)) {
    const Feed agent{WorkloadApiSource(), context.workload_api->initial_fetch_timeout};
    return FindRemote(context, agent, from.name(), kind, path);
  } else if (!from.name().empty()) {
    context.errors.Add(FieldPath(path, "name"), NoSuchSecret(context, from.name(), kind));
  }
  if (found.secret && !IsOfKind(*found.secret, kind)) {
    context.errors.Add(FieldPath(path, "name"), Concat("the secret ", Quote(from.name()), " is no ", KindText(kind)));
    found.secret.reset();
  }
  return found;
}

void BuildWorkloadApi(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                      Bootstrap& bootstrap) {
  constexpr char kVariable[] = "SPIFFE_ENDPOINT_SOCKET";
  WorkloadApiMessage message;
  from.UnpackTo(&message);
  WorkloadApi& api = context.workload_api.emplace();
  api.initial_fetch_timeout =
      message.has_initial_fetch_timeout() ? ToDuration(message.initial_fetch_timeout()) : Feed().initial_fetch_timeout;
  const std::string field = FieldPath(path, "endpoint");
  std::string endpoint = message.endpoint();
  if (endpoint.empty()) {
    const char* const value = std::getenv(kVariable);
    if (value == nullptr || *value == '\0') {
      context.errors.Add(field, Concat("missing, and there is no environment variable ", kVariable));
      return;
    }
    endpoint = value;
  }
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kTcp = "tcp://";
  std::optional<net::Address> address;
  if (endpoint.starts_with(kUnix) && endpoint.size() > kUnix.size() && endpoint[kUnix.size()] == '/') {
    address = net::Address::Unix(std::string_view(endpoint).substr(kUnix.size()));
  } else if (endpoint.starts_with(kTcp)) {
    address = net::Address::IpAndPort(std::string_view(endpoint).substr(kTcp.size()));
  }
  if (!address) {
    context.errors.Add(field, Concat(Quote(endpoint), ", expected unix:///PATH or tcp://IP:PORT"));
    return;
  }
  api.endpoint = *address;
  bootstrap.workload_api = api;
}

}  // namespace pillion::config
