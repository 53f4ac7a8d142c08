// The bootstrap, and what refers from one of its parts to another.

#include <map>

#include "envoy/extensions/regex_engines/v3/google_re2.pb.h"
#include "source/config/build.h"
#include "source/config/build_dns.h"
#include "source/config/build_bootstrap_extensions.h"
#include "source/config/build_overload.h"
#include "source/config/build_tls.h"
#include "source/config/extensions.h"
#include "source/config/nearest.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

constexpr std::string_view kListeners = "static_resources.listeners";
constexpr std::string_view kClusters = "static_resources.clusters";

void BuildListeners(BuildContext& context, const envoy::config::bootstrap::v3::Bootstrap::StaticResources& from,
                    Bootstrap& bootstrap) {
  std::set<std::string> names;
  std::map<std::string, std::string> addresses;  // text, name of the listener
  for (int i = 0; i < from.listeners_size(); ++i) {
    const std::string path = ElementPath(kListeners, i);
    auto listener = BuildListener(context, from.listeners(i), path);
    if (!from.listeners(i).name().empty() && !names.insert(listener->name).second) {
      context.errors.Add(FieldPath(path, "name"), Concat("duplicate name ", Quote(listener->name)));
    }
    std::vector<Address> own = {listener->address};
    own.insert(own.end(), listener->additional_addresses.begin(), listener->additional_addresses.end());
    for (size_t a = 0; a < own.size(); ++a) {
      // Port 0 is another port each time. An address that is empty was refused already.
      const auto* socket = std::get_if<SocketAddress>(&own[a]);
      if (socket != nullptr && (socket->port == 0 || socket->ip.empty())) continue;
      const auto [at, first] = addresses.emplace(AddressText(own[a]), listener->name);
      if (first) continue;
      const std::string field =
          a == 0 ? FieldPath(path, "address")
                 : FieldPath(ElementPath(FieldPath(path, "additional_addresses"), a - 1), "address");
      context.errors.Add(field, Concat(at->first, " is already the address of listener ", Quote(at->second)));
    }
    bootstrap.listeners.push_back(std::move(listener));
  }
}

void CollectSecrets(BuildContext& context, const envoy::config::bootstrap::v3::Bootstrap::StaticResources& from) {
  for (int i = 0; i < from.secrets_size(); ++i) {
    const std::string path = ElementPath("static_resources.secrets", i);
    const auto secret = std::make_shared<const envoy::extensions::transport_sockets::tls::v3::Secret>(from.secrets(i));
    if (!context.secrets.emplace(secret->name(), NamedSecret{secret, path}).second) {
      context.errors.Add(FieldPath(path, "name"),
                         Concat("duplicate name ", Quote(from.secrets(i).name())));
    }
  }
}

void BuildClusters(BuildContext& context, const envoy::config::bootstrap::v3::Bootstrap::StaticResources& from,
                   Bootstrap& bootstrap) {
  for (int i = 0; i < from.clusters_size(); ++i) {
    const std::string path = ElementPath(kClusters, i);
    if (!from.clusters(i).name().empty() && !context.clusters.insert(from.clusters(i).name()).second) {
      context.errors.Add(FieldPath(path, "name"), Concat("duplicate name ", Quote(from.clusters(i).name())));
    }
    bootstrap.clusters.push_back(BuildCluster(context, from.clusters(i), path));
  }
  CheckMembers(context, bootstrap.clusters, std::string(kClusters));
  CheckClusterExists(context, context.local_cluster, "cluster_manager.local_cluster_name");
}

// Some control planes give the same to everybody: they are served without.
void NoteMissingNode(BuildContext& context) {
  if (context.control_planes.empty()) return;
  const auto note = [&](const std::string& value, std::string_view field, std::string_view flag) {
    if (!value.empty()) return;
    context.Note(std::string(field),
                 Concat("missing: the control plane is not told who asks, and Envoy would not start; give it here or with ",
                        flag));
  };
  note(context.node.id(), "node.id", "--service-node");
  note(context.node.cluster(), "node.cluster", "--service-cluster");
}

}  // namespace

std::shared_ptr<Bootstrap> BuildBootstrap(const envoy::config::bootstrap::v3::Bootstrap& from,
                                          const LoadOptions& options, ErrorList& errors,
                                          std::vector<ConfigError>& notes, const Bootstrap* running) {
  BuildContext context{options, errors, from.node(), {}};
  context.notes = &notes;
  if (running != nullptr) {
    context.remote_secrets = running->remote_secrets;
    context.runtime_keys = running->runtime_keys;
    context.later_secrets = running->secrets;
  }
  auto bootstrap = std::make_shared<Bootstrap>();
  bootstrap->runtime_keys = context.runtime_keys;
  const auto& locality = from.node().locality();
  bootstrap->node.id = from.node().id();
  bootstrap->node.cluster = from.node().cluster();
  bootstrap->node.locality = {locality.region(), locality.zone(), locality.sub_zone()};
  if (!from.node().user_agent_name().empty()) bootstrap->node.user_agent_name = from.node().user_agent_name();
  bootstrap->node.user_agent_version = from.node().user_agent_version();
  if (from.node().has_user_agent_build_version()) {
    const auto& version = from.node().user_agent_build_version().version();
    bootstrap->node.build_version = Node::BuildVersion{version.major_number(), version.minor_number(), version.patch()};
  }
  if (from.admin().has_address()) {
    bootstrap->admin.address = BuildAddress(context, from.admin().address(), "admin.address");
  }
  bootstrap->admin.access_logs = BuildAccessLogs(context, from.admin().access_log(), "admin.access_log");
  bootstrap->outlier_event_log = from.cluster_manager().outlier_detection().event_log_path();
  context.default_bind = BuildBindOptions(context, from.cluster_manager().upstream_bind_config(),
                                          "cluster_manager.upstream_bind_config");
  context.local_cluster = from.cluster_manager().local_cluster_name();
  if (from.has_typed_dns_resolver_config()) {
    context.name_resolution = bootstrap->name_resolution =
        BuildNameResolution(context, from.typed_dns_resolver_config(), "typed_dns_resolver_config");
  }
  if (from.cluster_manager().has_load_stats_config()) {
    bootstrap->load_reports = BuildLoadReports(context, from.cluster_manager().load_stats_config(),
                                               "cluster_manager.load_stats_config");
  }
  if (!from.admin().access_log_path().empty()) {
    bootstrap->admin.access_logs.push_back({.sink = FileLogSink{from.admin().access_log_path()}});
  }
  for (int i = 0; i < from.admin().allow_paths_size(); ++i) {
    const std::string path = ElementPath("admin.allow_paths", i);
    bootstrap->admin.allow_paths.push_back(BuildStringMatcher(context, from.admin().allow_paths(i), path));
  }
  bootstrap->stats = BuildStats(context, from.stats_config(), "stats_config");
  if (from.has_stats_flush_interval()) bootstrap->stats.flush_interval = ToDuration(from.stats_flush_interval());
  if (from.has_stats_flush_on_admin()) {
    bootstrap->stats.flush_on_admin = from.stats_flush_on_admin();
    if (!from.stats_flush_on_admin()) context.errors.Add("stats_flush_on_admin", "false, expected true, or none");
    if (from.has_stats_flush_interval()) {
      context.errors.Add("stats_flush_on_admin", "there is stats_flush_interval already, expected one of them");
    }
  }
  BuildWatchdogs(context, from, *bootstrap);
  bootstrap->turn_stats = from.enable_dispatcher_stats();
  if (from.has_stats_eviction_interval() && !bootstrap->stats.flush_on_admin &&
      ToDuration(from.stats_eviction_interval()) % bootstrap->stats.flush_interval != base::Duration::zero()) {
    context.errors.Add("stats_eviction_interval", "expected a multiple of stats_flush_interval");
  }
  if (from.has_overload_manager()) {
    bootstrap->overload = BuildOverload(context, from.overload_manager(), "overload_manager");
  }
  bootstrap->flags_path = from.flags_path();
  if (from.has_stats_server_version_override()) {
    bootstrap->shown_version = from.stats_server_version_override().value();
  }
  if (from.has_default_regex_engine()) {
    const google::protobuf::Any& engine = from.default_regex_engine().typed_config();
    if (!engine.Is<envoy::extensions::regex_engines::v3::GoogleRE2>()) {
      context.errors.AddMissing("default_regex_engine", "default_regex_engine.typed_config", WrongType(engine, "GoogleRE2"));
    }
  }
  if (from.application_log_config().has_log_format()) {
    bootstrap->log_format =
        BuildLogFormat(context, from.application_log_config().log_format(), "application_log_config.log_format");
  }
  if (from.has_dynamic_resources()) {
    bootstrap->dynamic = BuildDynamicResources(context, from.dynamic_resources(), "dynamic_resources");
  }
  BuildRuntime(context, from.layered_runtime(), "layered_runtime", *bootstrap);
  CollectSecrets(context, from.static_resources());
  if (running == nullptr) context.later_secrets->by_name = context.secrets;
  bootstrap->secrets = context.later_secrets;
  BuildBootstrapExtensions(context, from, *bootstrap);
  context.default_lanes = bootstrap->default_lanes;
  bootstrap->remote_secrets = context.remote_secrets;
  BuildClusters(context, from.static_resources(), *bootstrap);  // before what refers to them
  bootstrap->stats.sinks = BuildStatsSinks(context, from.stats_sinks(), "stats_sinks");
  BuildListeners(context, from.static_resources(), *bootstrap);
  CheckControlPlanes(context, bootstrap->clusters);
  NoteMissingNode(context);
  return bootstrap;
}

void CheckClusterExists(BuildContext& context, const std::string& name, const std::string& path) {
  if (name.empty() || context.clusters.contains(name)) return;
  const std::vector<std::string_view> known(context.clusters.begin(), context.clusters.end());
  context.errors.Add(path, Concat("unknown cluster '", name, "'", DidYouMean(name, known)));
}

void CheckRequestCluster(BuildContext& context, const std::string& name, const std::string& path) {
  if (!context.clusters_may_come) CheckClusterExists(context, name, path);
}

void CheckGrpcCluster(BuildContext& context, const std::string& name, const std::string& path) {
  CheckRequestCluster(context, name, path);
  context.grpc_services.push_back({name, true, path});
}

std::string WrongType(const google::protobuf::Any& any, std::string_view expected) {
  if (any.type_url().empty()) return Concat("missing, expected ", expected);
  const std::string name = any.type_url().substr(any.type_url().rfind('/') + 1);
  return Concat("a ", name, ", expected ", expected);
}

}  // namespace pillion::config
