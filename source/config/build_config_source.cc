// Where parts of the configuration come from.

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "source/config/build.h"
#include "source/config/initial_metadata.h"
#include "source/config/text.h"
#include "source/http/field_name.h"

namespace pillion::config {
namespace {

namespace core = envoy::config::core::v3;
using Protocol = ApiSource::Protocol;

PathSource BuildPathSource(BuildContext& context, const core::ConfigSource& from, const std::string& path) {
  PathSource source;
  std::string place = FieldPath(path, "path");
  if (from.has_path_config_source()) {
    source.path = from.path_config_source().path();
    source.watched_directory = from.path_config_source().watched_directory().path();
    place = FieldPath(path, "path_config_source.path");
  } else {
    source.path = from.path();
  }
  // What is missing from the start is a mistake; what goes later is not.
  const auto check = [&](const std::string& file, const std::string& at, bool good, std::string_view expected) {
    if (!file.empty() && !good) context.errors.Add(at, Concat(Quote(file), ", expected ", expected));
  };
  std::error_code ignored;
  check(source.path, place, std::filesystem::exists(source.path, ignored), "a file that is there");
  check(source.watched_directory, FieldPath(path, "path_config_source.watched_directory.path"),
        std::filesystem::is_directory(source.watched_directory, ignored), "a directory that is there");
  return source;
}

// A name of gRPC's metadata, of a value that is a text.
bool IsMetadataName(const std::string& name) {
  return http::FieldName::IsFieldName(name) && name.front() != ':' && !name.ends_with("-bin") && !name.starts_with("grpc-");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> BuildInitialMetadata(BuildContext& context, const core::GrpcService& from,
                                                                      const std::string& path) {
  std::vector<std::pair<std::string, std::string>> metadata;
  for (int i = 0; i < from.initial_metadata_size(); ++i) {
    const std::string field = ElementPath(FieldPath(path, "initial_metadata"), i);
    const auto& header = from.initial_metadata(i);
    const std::string key = absl::AsciiStrToLower(header.key());
    if (!IsMetadataName(key)) {
      context.errors.Add(FieldPath(field, "key"), Concat(Quote(header.key()), ", expected the name of a field with a text"));
    }
    if (header.value().find('%') != std::string::npos) {
      context.errors.Add(FieldPath(field, "value"), "has a %, but there is no request that an operator could speak of");
    }
    metadata.emplace_back(key, header.value());
  }
  return metadata;
}

namespace {

void BuildGrpc(BuildContext& context, const core::ApiConfigSource& from, const std::string& path, ApiSource& source) {
  const std::string list = FieldPath(path, "grpc_services");
  if (from.cluster_names_size() > 0) {
    context.errors.Add(FieldPath(path, "cluster_names"), "is of REST, expected grpc_services");
  }
  if (from.grpc_services_size() != 1) {
    context.errors.AddMissing(path, list, Concat(from.grpc_services_size(), " services, expected one"));
    return;
  }
  const auto& service = from.grpc_services(0);
  const std::string place = ElementPath(list, 0);
  const auto& grpc = service.envoy_grpc();
  source.cluster = grpc.cluster_name();
  context.control_planes.push_back({source.cluster, true, FieldPath(place, "envoy_grpc.cluster_name")});
  source.authority = grpc.authority().empty() ? source.cluster : grpc.authority();
  if (grpc.has_max_receive_message_length()) {
    const size_t most = grpc.max_receive_message_length().value();
    source.max_message = most == 0 ? ApiSource::kLongestMessage : std::min(most, ApiSource::kLongestMessage);
  }
  source.metadata = BuildInitialMetadata(context, service, place);
  source.node_once = from.set_node_on_first_message_only();
}

void BuildRest(BuildContext& context, const core::ApiConfigSource& from, const std::string& path, ApiSource& source) {
  const std::string list = FieldPath(path, "cluster_names");
  if (from.grpc_services_size() > 0) {
    context.errors.Add(FieldPath(path, "grpc_services"), "is of gRPC, expected cluster_names");
  }
  if (!from.has_refresh_delay()) {
    context.errors.AddMissing(path, FieldPath(path, "refresh_delay"), "missing, but REST is asked again and again");
  }
  source.refresh_delay = ToDuration(from.refresh_delay());
  if (from.has_refresh_delay() && source.refresh_delay < std::chrono::milliseconds(1)) {
    context.errors.Add(FieldPath(path, "refresh_delay"), "expected at least 0.001s");
  }
  if (from.has_request_timeout()) source.request_timeout = ToDuration(from.request_timeout());
  if (from.cluster_names_size() != 1) {
    context.errors.AddMissing(path, list, Concat(from.cluster_names_size(), " names, expected one"));
    return;
  }
  source.cluster = from.cluster_names(0);
  if (source.cluster.empty()) context.errors.Add(ElementPath(list, 0), "empty, expected the name of a cluster");
  context.control_planes.push_back({source.cluster, false, ElementPath(list, 0)});
}

ApiSource BuildApiSource(BuildContext& context, const core::ApiConfigSource& from, const std::string& path) {
  using From = core::ApiConfigSource;
  ApiSource source;
  if (from.transport_api_version() != core::V3) {
    context.errors.AddMissing(path, FieldPath(path, "transport_api_version"), "AUTO, expected V3");
  }
  if (from.has_rate_limit_settings()) {
    const auto& limit = from.rate_limit_settings();
    RateLimit& to = source.rate_limit.emplace();
    if (limit.has_max_tokens()) to.max_tokens = limit.max_tokens().value();
    if (limit.has_fill_rate()) to.fill_rate = limit.fill_rate().value();
  }
  switch (from.api_type()) {
    case From::REST:
      source.protocol = Protocol::kRest;
      BuildRest(context, from, path, source);
      return source;
    case From::GRPC:
    case From::AGGREGATED_GRPC:
      break;
    case From::DELTA_GRPC:
    case From::AGGREGATED_DELTA_GRPC:
      source.protocol = Protocol::kDelta;
      break;
    default:
      context.errors.AddMissing(path, FieldPath(path, "api_type"), "missing, expected DELTA_GRPC, GRPC or REST");
      return source;
  }
  source.aggregated = from.api_type() == From::AGGREGATED_GRPC || from.api_type() == From::AGGREGATED_DELTA_GRPC;
  BuildGrpc(context, from, path, source);
  return source;
}

}  // namespace

Feed BuildFeed(BuildContext& context, const core::ConfigSource& from, const std::string& path) {
  Feed feed;
  if (from.has_initial_fetch_timeout()) feed.initial_fetch_timeout = ToDuration(from.initial_fetch_timeout());
  switch (from.config_source_specifier_case()) {
    case core::ConfigSource::kAds:
      if (context.ads) {
        feed.source = *context.ads;
      } else {
        context.errors.Add(FieldPath(path, "ads"), "there is no dynamic_resources.ads_config");
      }
      break;
    case core::ConfigSource::kSelf:
      if (context.sender) {
        feed.source = *context.sender;
      } else {
        context.errors.Add(FieldPath(path, "self"), "this came from no control plane, expected another source");
      }
      break;
    case core::ConfigSource::kApiConfigSource:
      feed.source = BuildApiSource(context, from.api_config_source(), FieldPath(path, "api_config_source"));
      break;
    case core::ConfigSource::kPath:
    case core::ConfigSource::kPathConfigSource:
      feed.source = BuildPathSource(context, from, path);
      break;
    case core::ConfigSource::CONFIG_SOURCE_SPECIFIER_NOT_SET:
      break;
  }
  return feed;
}

DynamicResources BuildDynamicResources(BuildContext& context,
                                       const envoy::config::bootstrap::v3::Bootstrap::DynamicResources& from,
                                       const std::string& path) {
  DynamicResources dynamic;
  if (from.has_ads_config()) {
    const std::string place = FieldPath(path, "ads_config");
    ApiSource ads = BuildApiSource(context, from.ads_config(), place);
    if (ads.protocol == Protocol::kRest) {
      context.errors.Add(FieldPath(place, "api_type"), "REST, expected DELTA_GRPC or GRPC");
    }
    ads.aggregated = true;
    context.ads = ads;
    dynamic.ads = std::move(ads);
  }
  if (from.has_lds_config()) dynamic.listeners = BuildFeed(context, from.lds_config(), FieldPath(path, "lds_config"));
  if (from.has_cds_config()) dynamic.clusters = BuildFeed(context, from.cds_config(), FieldPath(path, "cds_config"));
  context.clusters_may_come = dynamic.clusters.has_value();
  return dynamic;
}

ApiSource BuildLoadReports(BuildContext& context, const core::ApiConfigSource& from, const std::string& path) {
  ApiSource source = BuildApiSource(context, from, path);
  if (source.protocol == Protocol::kRest) context.errors.Add(FieldPath(path, "api_type"), "REST, expected GRPC");
  if (source.rate_limit) {
    context.errors.Add(FieldPath(path, "rate_limit_settings"), "the control plane says how often, expected none");
  }
  return source;
}

namespace {

// Connections of our own are not made on the workers, which have the internal listeners.
void CheckReachable(BuildContext& context, const Cluster& cluster, const std::string& path) {
  const auto is_internal = [](const Endpoint& endpoint) {
    const auto* const address = std::get_if<Address>(&endpoint.target);
    return address != nullptr && std::holds_alternative<InternalAddress>(*address);
  };
  if (!std::any_of(cluster.endpoints.begin(), cluster.endpoints.end(), is_internal)) return;
  context.errors.Add(path, Concat(Quote(cluster.name), ", whose hosts are internal listeners: expected one with addresses "
                                                       "that this process can connect to by itself"));
}

}  // namespace

void CheckControlPlanes(BuildContext& context, const std::vector<std::shared_ptr<const Cluster>>& clusters) {
  for (const BuildContext::ControlPlane& control_plane : context.control_planes) {
    const std::string& name = control_plane.cluster;
    CheckClusterExists(context, name, control_plane.path);
    for (const std::shared_ptr<const Cluster>& cluster : clusters) {
      if (cluster->name != name) continue;
      if (control_plane.grpc && cluster->http.protocol != UpstreamHttp::Protocol::kHttp2) {
        context.errors.Add(control_plane.path,
                           Concat(Quote(name), ", which does not speak HTTP/2: expected one with http2_protocol_options"));
      }
      CheckReachable(context, *cluster, control_plane.path);
      if (cluster->discovery == Cluster::Discovery::kEds && !std::holds_alternative<PathSource>(cluster->eds.source)) {
        context.errors.Add(control_plane.path,
                           Concat(Quote(name), ", whose hosts a control plane gives: expected one that can be had without"));
      }
    }
  }
  for (const BuildContext::ControlPlane& sink : context.stats_sinks) {
    for (const std::shared_ptr<const Cluster>& cluster : clusters) {
      if (cluster->name == sink.cluster) CheckReachable(context, *cluster, sink.path);
    }
  }
  for (const BuildContext::ControlPlane& service : context.grpc_services) {
    for (const std::shared_ptr<const Cluster>& cluster : clusters) {
      if (cluster->name != service.cluster || cluster->http.protocol != UpstreamHttp::Protocol::kHttp1) continue;
      context.errors.Add(service.path, Concat(Quote(service.cluster),
                                              ", which speaks HTTP/1: gRPC needs one with http2_protocol_options"));
    }
  }
}

}  // namespace pillion::config
