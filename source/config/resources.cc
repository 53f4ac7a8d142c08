#include "source/config/resources.h"

#include <limits>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/service/runtime/v3/rtds.pb.h"
#include "source/access/condition.h"
#include "source/config/build.h"
#include "source/config/check.h"
#include "source/config/check_regexes.h"
#include "source/config/judge_resource.h"
#include "source/config/text.h"
#include "source/config/typed_struct.h"
#include "source/config/wire.h"

namespace pillion::config {

bool ParseAndJudge(const UnknownRule& unknown, std::string_view bytes, const std::string& path,
                   google::protobuf::Message& message, ErrorList& errors, std::vector<ConfigError>& notes) {
  ErrorList own;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    own.Add(path, Concat("bytes that are no ", message.GetDescriptor()->full_name()));
  } else {
    if (MayHaveTypedStructs(bytes)) ResolveTypedStructs(unknown, message, path, own, notes);
    if (own.empty()) {
      JudgeUnknownFields(unknown, message, path, own, notes);
      CheckConstraints(message, own, path);
      if (!own.empty()) CheckRegexes(message, own, path);
    }
  }
  const bool good = own.empty();
  errors.Append(std::move(own));
  return good;
}

bool IsOfType(const google::protobuf::Any& resource, const google::protobuf::Descriptor& type, ErrorList& errors) {
  const std::string& url = resource.type_url();
  if (std::string_view(url).substr(url.rfind('/') + 1) == type.full_name()) return true;
  errors.Add("", Concat("a resource of type ", Quote(url), ", expected ", type.full_name()));
  return false;
}

std::string NameOf(const google::protobuf::Any& resource) {
  static const google::protobuf::Descriptor* const kTypes[] = {
      envoy::config::cluster::v3::Cluster::descriptor(),
      envoy::config::core::v3::TypedExtensionConfig::descriptor(),
      envoy::config::endpoint::v3::ClusterLoadAssignment::descriptor(),
      envoy::config::listener::v3::Listener::descriptor(),
      envoy::config::route::v3::RouteConfiguration::descriptor(),
      envoy::config::route::v3::ScopedRouteConfiguration::descriptor(),
      envoy::extensions::transport_sockets::tls::v3::Secret::descriptor(),
      envoy::service::runtime::v3::Runtime::descriptor(),
  };
  constexpr uint32_t kName = 1;  // of each of them
  const std::string& url = resource.type_url();
  const std::string_view type = std::string_view(url).substr(url.rfind('/') + 1);
  for (const google::protobuf::Descriptor* each : kTypes) {
    if (type != each->full_name()) continue;
    const std::string_view name = TextField(resource.value(), kName);
    return access::IsUtf8(name) ? std::string(name) : "";  // else it is none, as parsing it would say
  }
  return "";
}

Resources::Resources(std::shared_ptr<const Bootstrap> bootstrap, LoadOptions options)
    : options_(std::move(options)) {
  Follow(std::move(bootstrap));
  ErrorList none;
  BuildContext context = MakeContext(none);
  bind_ = BuildBindOptions(context, source().cluster_manager().upstream_bind_config(), "");
}

Resources::~Resources() = default;

void Resources::Follow(std::shared_ptr<const Bootstrap> bootstrap) {
  bootstrap_ = std::move(bootstrap);
  clusters_.clear();
  for (const std::shared_ptr<const Cluster>& cluster : bootstrap_->clusters) clusters_.insert(cluster->name);
}

const envoy::config::bootstrap::v3::Bootstrap& Resources::source() const {
  return static_cast<const envoy::config::bootstrap::v3::Bootstrap&>(*bootstrap_->source);
}

BuildContext Resources::MakeContext(ErrorList& errors) const {
  BuildContext context{options_, errors, source().node(), {}};
  context.clusters_may_come = true;
  context.pushed = true;
  context.check_route_clusters = false;
  if (bootstrap_->dynamic) context.ads = bootstrap_->dynamic->ads;
  context.runtime_keys = bootstrap_->runtime_keys;
  return context;
}

template <typename Message, typename Build>
auto Resources::BuildOwner(const google::protobuf::Any& resource, const ConfigSource& sender, const Build& build) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  BuildContext context = MakeContext(errors);
  Message message;
  decltype(build(context, message)) part;
  if (IsOfType(resource, *Message::descriptor(), errors) &&
      ParseAndJudge(options_.unknown, resource.value(), "", message, errors, notes)) {
    context.notes = &notes;
    context.sender = sender;
    context.clusters = clusters_;
    context.secrets = bootstrap_->secrets->by_name;
    context.later_secrets = bootstrap_->secrets;
    context.remote_secrets = bootstrap_->remote_secrets;
    context.workload_api = bootstrap_->workload_api;
    context.default_bind = bind_;
    context.local_cluster = source().cluster_manager().local_cluster_name();
    context.default_lanes = bootstrap_->default_lanes;
    context.internal_listeners = bootstrap_->internal_pipe_bytes.has_value();
    context.name_resolution = bootstrap_->name_resolution;
    part = build(context, message);
    CheckControlPlanes(context, bootstrap_->clusters);
  }
  return Conclude(std::move(part), errors, std::move(notes));
}

Judged<Cluster> Resources::BuildCluster(const google::protobuf::Any& resource, const ConfigSource& sender) const {
  using Message = envoy::config::cluster::v3::Cluster;
  return BuildOwner<Message>(resource, sender, [](BuildContext& context, const Message& from) {
    return config::BuildCluster(context, from, "");
  });
}

Judged<Listener> Resources::BuildListener(const google::protobuf::Any& resource, const ConfigSource& sender) const {
  using Message = envoy::config::listener::v3::Listener;
  return BuildOwner<Message>(resource, sender, [](BuildContext& context, const Message& from) {
    if (from.name().empty()) context.errors.Add("name", "empty, but it is what the listener goes by");
    return config::BuildListener(context, from, "");
  });
}

}  // namespace pillion::config
