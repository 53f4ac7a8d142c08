#include "source/ctl/configuration.h"

#include <array>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "source/config/decode.h"
#include "source/config/load.h"
#include "source/config/resource_file.h"
#include "source/config/text.h"
#include "source/config/tree.h"
#include "source/ctl/check.h"

namespace pillion::ctl {
namespace {

using envoy::config::bootstrap::v3::Bootstrap;
using envoy::extensions::transport_sockets::tls::v3::Secret;
using google::protobuf::Any;
using google::protobuf::Message;
using google::protobuf::Struct;
using google::protobuf::Value;
using Kind = Configuration::Kind;

struct KindOfMessage {
  Kind kind;
  const Message* prototype;
  const char* name_field;
};

const std::array<KindOfMessage, 7>& Kinds() {
  static const std::array<KindOfMessage, 7> kKinds = {{
      {Kind::kListener, &envoy::config::listener::v3::Listener::default_instance(), "name"},
      {Kind::kScope, &envoy::config::route::v3::ScopedRouteConfiguration::default_instance(), "name"},
      {Kind::kRoutes, &envoy::config::route::v3::RouteConfiguration::default_instance(), "name"},
      {Kind::kCluster, &envoy::config::cluster::v3::Cluster::default_instance(), "name"},
      {Kind::kEndpoints, &envoy::config::endpoint::v3::ClusterLoadAssignment::default_instance(), "cluster_name"},
      {Kind::kSecret, &Secret::default_instance(), "name"},
      {Kind::kFilter, &envoy::config::core::v3::TypedExtensionConfig::default_instance(), "name"},
  }};
  return kKinds;
}

// Nothing: it is none of the kinds.
std::optional<Configuration::Name> Add(std::unique_ptr<Message> message, Configuration& configuration) {
  for (const KindOfMessage& kind : Kinds()) {
    if (kind.prototype->GetDescriptor() != message->GetDescriptor()) continue;
    const auto* const field = message->GetDescriptor()->FindFieldByName(kind.name_field);
    const std::string name = message->GetReflection()->GetString(*message, field);
    configuration.kinds.insert(kind.kind);
    configuration.parts[{kind.kind, name}] = std::move(message);
    return Configuration::Name{kind.kind, name};
  }
  return std::nullopt;
}

// Null: of no kind, or not a message of it.
std::unique_ptr<Message> Unpack(const Any& any) {
  for (const KindOfMessage& kind : Kinds()) {
    const std::string& url = any.type_url();
    if (std::string_view(url).substr(url.rfind('/') + 1) != kind.prototype->GetDescriptor()->full_name()) continue;
    std::unique_ptr<Message> message(kind.prototype->New());
    return message->ParseFromString(any.value()) ? std::move(message) : nullptr;
  }
  return nullptr;
}

template <typename Part>
void AddAll(const google::protobuf::RepeatedPtrField<Part>& parts, Configuration& configuration) {
  for (const Part& part : parts) Add(std::make_unique<Part>(part), configuration);
}

void AddBootstrap(Bootstrap bootstrap, Configuration& configuration) {
  const auto& resources = bootstrap.static_resources();
  AddAll(resources.listeners(), configuration);
  AddAll(resources.clusters(), configuration);
  AddAll(resources.secrets(), configuration);
  bootstrap.clear_static_resources();
  configuration.kinds.insert({Kind::kBootstrap, Kind::kListener, Kind::kCluster, Kind::kSecret});
  configuration.parts[{Kind::kBootstrap, ""}] = std::make_unique<Bootstrap>(std::move(bootstrap));
}

absl::Status ErrorOf(const std::string& path, std::vector<config::ConfigError> errors) {
  std::string text;
  for (const config::ConfigError& error : errors) text += (text.empty() ? "" : "\n") + config::ErrorText(path, error);
  return absl::InvalidArgumentError(text);
}

absl::StatusOr<Configuration> ReadBootstrap(const std::string& path) {
  const absl::StatusOr<config::Source> source = config::ReadSourceFile(path);
  if (!source.ok()) return source.status();
  std::variant<config::Tree, config::ConfigError> tree = config::Tree::Parse(source->text);
  if (const auto* error = std::get_if<config::ConfigError>(&tree)) return ErrorOf(path, {*error});
  config::ErrorList errors;
  std::vector<config::ConfigError> notes;
  Bootstrap bootstrap;
  config::Decode(std::get<config::Tree>(tree), {}, bootstrap, errors, notes);
  if (!errors.empty()) return ErrorOf(path, errors.Take());
  Configuration configuration;
  AddBootstrap(std::move(bootstrap), configuration);
  return configuration;
}

absl::StatusOr<Configuration> ReadResources(const std::string& path) {
  config::ResourceFile file = config::ReadResourceFile(path, {});
  if (!file.errors.empty()) return ErrorOf(path, file.errors);
  Configuration configuration;
  configuration.from = Configuration::From::kResources;
  std::vector<config::ConfigError> errors;
  for (size_t i = 0; i < file.items.size(); ++i) {
    config::ResourceFile::Item& item = file.items[i];
    const std::string place = config::ElementPath("resources", i);
    for (config::ConfigError& error : item.errors) {
      errors.push_back(error);
      errors.back().path = error.path.empty() ? place : config::FieldPath(place, error.path);
    }
    if (!item.errors.empty()) continue;
    std::unique_ptr<Message> message = Unpack(item.resource);
    if (message != nullptr && Add(std::move(message), configuration)) continue;
    errors.push_back({place, 0, config::Concat("a resource of type ", config::Quote(item.resource.type_url()),
          ", expected a Listener, RouteConfiguration, ScopedRouteConfiguration, Cluster, ClusterLoadAssignment, "
          "TypedExtensionConfig or Secret")});
  }
  if (!errors.empty()) return ErrorOf(path, errors);
  return configuration;
}

// Members of a dump's sections that hold a resource, each as an Any.
constexpr std::string_view kMembers[] = {"listener", "cluster", "route_config", "endpoint_config", "secret",
                                         "ecds_filter"};

bool FromJson(const Message& json, Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // of a newer pillion
  std::string text;
  return google::protobuf::util::MessageToJsonString(json, &text).ok() &&
         google::protobuf::util::JsonStringToMessage(text, &message, options).ok();
}

const Value* Find(const Struct& object, std::string_view name) {
  const auto found = object.fields().find(std::string(name));
  return found == object.fields().end() ? nullptr : &found->second;
}

// One of a section's elements: the resource stands in it, or in its active_state. One with a client_status waits to serve.
absl::Status AddElement(const Struct& element, Configuration& configuration) {
  if (Find(element, "client_status") != nullptr) return absl::OkStatus();
  // The hosts that a cluster has by itself: they stand in the cluster, too.
  if (Find(element, "endpoint_config") != nullptr && Find(element, "last_updated") == nullptr) return absl::OkStatus();
  if (const Value* active = Find(element, "active_state")) return AddElement(active->struct_value(), configuration);
  const auto add = [&](std::string_view member, const Struct& held) {
    Any any;
    std::unique_ptr<Message> message = FromJson(held, any) ? Unpack(any) : nullptr;
    const std::optional<Configuration::Name> name =
        message == nullptr ? std::nullopt : Add(std::move(message), configuration);
    if (!name) return absl::InvalidArgumentError(config::Concat("/config_dump: a ", member, " that can't be read"));
    configuration.given.insert(*name);
    return absl::OkStatus();
  };
  for (const std::string_view member : kMembers) {
    const Value* const held = Find(element, member);
    if (held == nullptr) continue;
    if (absl::Status status = add(member, held->struct_value()); !status.ok()) return status;
  }
  constexpr std::string_view kScopes = "scoped_route_configs";  // a list
  if (const Value* const scopes = Find(element, kScopes)) {
    for (const Value& scope : scopes->list_value().values()) {
      if (absl::Status status = add(kScopes, scope.struct_value()); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// What stands in the bootstrap, or within a listener, or does not serve yet, is not looked at a second time.
bool IsCompared(std::string_view field) {
  return field == "ecds_filters" || (field.starts_with("dynamic_") && field.find("warming") == field.npos);
}

constexpr std::pair<std::string_view, Kind> kSections[] = {{"ListenersConfigDump", Kind::kListener},
                                                           {"ScopedRoutesConfigDump", Kind::kScope},
                                                           {"RoutesConfigDump", Kind::kRoutes},
                                                           {"ClustersConfigDump", Kind::kCluster},
                                                           {"EndpointsConfigDump", Kind::kEndpoints},
                                                           {"SecretsConfigDump", Kind::kSecret},
                                                           {"EcdsConfigDump", Kind::kFilter}};

absl::Status AddSection(const Struct& section, Configuration& configuration) {
  const Value* const type = Find(section, "@type");
  const std::string_view name = type == nullptr ? std::string_view() : type->string_value();
  if (name.ends_with("BootstrapConfigDump")) {
    Bootstrap bootstrap;
    const Value* const held = Find(section, "bootstrap");
    if (held == nullptr || !FromJson(held->struct_value(), bootstrap)) {
      return absl::InvalidArgumentError("/config_dump: a bootstrap that can't be read");
    }
    AddBootstrap(std::move(bootstrap), configuration);
    return absl::OkStatus();
  }
  for (const auto& [dump, kind] : kSections) {
    if (name.ends_with(config::Concat(".", dump))) configuration.kinds.insert(kind);
  }
  for (const auto& [field, elements] : section.fields()) {
    if (!IsCompared(field)) continue;
    for (const Value& element : elements.list_value().values()) {
      if (absl::Status status = AddElement(element.struct_value(), configuration); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string PartText(const Configuration::Name& name) {
  switch (name.kind) {
    case Kind::kBootstrap:
      return "bootstrap";
    case Kind::kListener:
      return "listener " + name.name;
    case Kind::kScope:
      return "scope " + name.name;
    case Kind::kRoutes:
      return "route table " + name.name;
    case Kind::kCluster:
      return "cluster " + name.name;
    case Kind::kEndpoints:
      return "endpoints of " + name.name;
    case Kind::kSecret:
      return "secret " + name.name;
    case Kind::kFilter:
      return "filter configuration " + name.name;
  }
  return name.name;
}

absl::StatusOr<Configuration> ReadConfiguration(const std::string& path) {
  return IsResourceFile(path) ? ReadResources(path) : ReadBootstrap(path);
}

absl::StatusOr<Configuration> ReadConfigDump(const std::string& json) {
  Struct dump;
  if (!google::protobuf::util::JsonStringToMessage(json, &dump).ok() || Find(dump, "configs") == nullptr) {
    return absl::InvalidArgumentError("/config_dump: expected an object of JSON with \"configs\"");
  }
  Configuration configuration;
  configuration.from = Configuration::From::kProcess;
  for (const Value& section : Find(dump, "configs")->list_value().values()) {
    if (absl::Status status = AddSection(section.struct_value(), configuration); !status.ok()) return status;
  }
  return configuration;
}

}  // namespace pillion::ctl
