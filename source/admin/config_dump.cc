#include "source/admin/config_dump.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/util/field_mask_util.h"
#include "source/admin/json_writer.h"
#include "source/config/dump.h"
#include "source/config/resources.h"
#include "source/telemetry/time_format.h"

namespace pillion::admin {
namespace {

using HttpConnectionManager =
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using google::protobuf::Message;

constexpr std::string_view kAdminTypes = "type.googleapis.com/envoy.admin.v3.";

constexpr std::string_view kScopes = "scoped_route_configs";

struct Resource {
  std::string name;
  const Message* message;  // null: none was taken
  std::string version = {};  // of what came while the process runs, as are these
  std::string updated = {};
  bool came = true;        // or was configured: it has a time
  std::string error = {};  // why the last one was not taken
  struct Failed {
    std::string version;
    std::string time;
    const google::protobuf::Any* body;  // null: it is not known
    const Message* message;             // of that; null: it can't be read
  };
  Failed failed = {};  // that one
  // The listeners that came stand in a state of their own within their wrapper: "active_state".
  std::string_view state = {};
  std::string_view client_status = {};  // as ClientResourceStatus names it
  std::shared_ptr<const Resource> serving = {};  // in another state, before this one; null: there is none
  std::vector<std::pair<std::string, const Message*>> elements = {};  // instead of one message: of what names
};

// One kind of resource: a message of envoy.admin.v3 with a repeated field of wrappers. Those of one message stand together.
struct Section {
  std::string_view dump;                                          // "ClustersConfigDump"
  std::string_view field;                                         // "static_clusters"
  std::string_view wrapper;                                       // "StaticCluster"
  std::string_view member;                                        // of the wrapper: "cluster"
  std::vector<Resource> resources;
  std::string version = {};  // of the answer that they came with

  // Its wrappers have a list each.
  bool has_lists() const { return member == kScopes; }
  bool has_names() const { return field == "dynamic_listeners" || field.ends_with("_secrets") || has_lists(); }
};

// Fields that a dump does not have unless it is asked for them in another way: known names, with nothing in them.
constexpr std::string_view kDynamicFields[] = {
    "dynamic_endpoint_configs", "static_secrets"};

// The fields that a dump is asked for.
class Mask {
 public:
  explicit Mask(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find(','), text.size());
      if (end > 0) paths_.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  bool all() const { return paths_.empty(); }

  // Whether `field` is wanted at all.
  bool Has(std::string_view field) const {
    return all() || std::any_of(paths_.begin(), paths_.end(), [field](std::string_view path) {
             return path == field || (path.starts_with(field) && path[field.size()] == '.');
           });
  }
  // Leaves of `message`, which is `field`, what is wanted. False when that has none of it.
  bool Trim(std::string_view field, Message& message) const {
    google::protobuf::FieldMask mask;
    for (const std::string& path : paths_) {
      if (path == field) return true;
      if (!path.starts_with(field) || path.size() <= field.size() || path[field.size()] != '.') continue;
      const std::string part = path.substr(field.size() + 1);
      if (google::protobuf::util::FieldMaskUtil::GetFieldDescriptors(message.GetDescriptor(), part, nullptr)) {
        mask.add_paths(part);
      }
    }
    if (all()) return true;
    if (mask.paths().empty()) return false;
    google::protobuf::util::FieldMaskUtil::TrimMessage(mask, &message);
    return true;
  }

 private:
  std::vector<std::string> paths_;
};

std::unique_ptr<Message> CopyOf(const Message& message) {
  std::unique_ptr<Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

// Calls visit(manager) for each of `listener`.
template <typename Visit>
void ForEachManager(const envoy::config::listener::v3::Listener& listener, const Visit& visit) {
  const auto add = [&visit](const envoy::config::listener::v3::FilterChain& chain) {
    for (const auto& filter : chain.filters()) {
      HttpConnectionManager manager;
      if (filter.typed_config().Is<HttpConnectionManager>() && filter.typed_config().UnpackTo(&manager)) visit(manager);
    }
  };
  for (const auto& chain : listener.filter_chains()) add(chain);
  if (listener.has_default_filter_chain()) add(listener.default_filter_chain());
}

// `message` as the JSON of an Any.
absl::StatusOr<std::string> AnyJson(const Message& message) {
  absl::StatusOr<std::string> json = config::DumpJson(message);
  if (!json.ok()) return json;
  std::string_view members = *json;
  while (!members.empty() && members.back() == '\n') members.remove_suffix(1);
  members.remove_prefix(1);  // its brace
  return fmt::format("{{\n \"@type\": \"type.googleapis.com/{}\"{}{}", message.GetTypeName(),
                     members == "}" ? "\n" : ",", members);
}

absl::Status WriteMessage(JsonWriter& json, std::string_view member, const Message& message) {
  const absl::StatusOr<std::string> text = AnyJson(message);
  if (!text.ok()) return text.status();
  json.Raw(member, *text);
  return absl::OkStatus();
}

void WriteError(JsonWriter& json, const Resource& resource) {
  json.BeginObject("error_state");
  // What nobody knows the type of may be what is wrong with it.
  if (resource.failed.body != nullptr &&
      (resource.failed.message == nullptr || !WriteMessage(json, "failed_configuration", *resource.failed.message).ok())) {
    json.BeginObject("failed_configuration");
    json.String("@type", resource.failed.body->type_url());
    json.String("name", resource.name);
    json.EndObject();
  }
  if (!resource.failed.time.empty()) json.String("last_update_attempt", resource.failed.time);
  json.String("details", resource.error);
  if (!resource.failed.version.empty()) json.String("version_info", resource.failed.version);
  json.EndObject();
}

absl::Status WriteElements(JsonWriter& json, const Section& section, const Resource& resource, const Mask& mask) {
  if (resource.elements.empty() || !mask.Has(section.member)) return absl::OkStatus();
  json.BeginArray(section.member);
  for (const auto& [name, message] : resource.elements) {
    const std::unique_ptr<Message> wanted = CopyOf(*message);
    if (!mask.Trim(section.member, *wanted)) continue;
    if (absl::Status status = WriteMessage(json, "", *wanted); !status.ok()) return status;
  }
  json.EndArray();
  return absl::OkStatus();
}

absl::Status WriteVersion(JsonWriter& json, const Section& section, const Resource& resource, const Mask& mask,
                          const std::string& updated) {
  if (!resource.state.empty()) json.BeginObject(resource.state);
  if (!resource.version.empty()) json.String("version_info", resource.version);
  if (section.has_lists()) {
    if (absl::Status status = WriteElements(json, section, resource, mask); !status.ok()) return status;
    if (mask.Has("last_updated") && !resource.updated.empty()) json.String("last_updated", resource.updated);
  } else if (resource.message != nullptr) {
    const std::unique_ptr<Message> wanted = CopyOf(*resource.message);
    if (mask.Trim(section.member, *wanted)) {
      if (absl::Status status = WriteMessage(json, section.member, *wanted); !status.ok()) return status;
    }
    if (mask.Has("last_updated") && resource.came) {
      json.String("last_updated", resource.updated.empty() ? updated : resource.updated);
    }
  }
  if (!resource.state.empty()) json.EndObject();
  return absl::OkStatus();
}

// The wrapper's members, as far as the mask wants them.
absl::Status WriteResource(JsonWriter& json, const Section& section, const Resource& resource, const Mask& mask,
                           const std::string& updated) {
  if (section.has_names()) json.String("name", resource.name);
  if (resource.serving != nullptr) {
    if (absl::Status status = WriteVersion(json, section, *resource.serving, mask, updated); !status.ok()) return status;
  }
  if (absl::Status status = WriteVersion(json, section, resource, mask, updated); !status.ok()) return status;
  if (!resource.error.empty()) WriteError(json, resource);
  if (!resource.client_status.empty()) json.String("client_status", resource.client_status);
  return absl::OkStatus();
}

// All of it, section by section; of a section that the mask does not want nothing. `written`: how many are.
absl::Status WriteAll(JsonWriter& json, const Message& bootstrap, const std::vector<Section>& sections, const Mask& mask,
                      const std::string& updated, size_t& written) {
  const std::unique_ptr<Message> wanted = CopyOf(bootstrap);
  if (mask.Trim("bootstrap", *wanted)) {
    const absl::StatusOr<std::string> text = config::DumpJson(*wanted);
    if (!text.ok()) return text.status();
    ++written;
    json.BeginElement();
    json.String("@type", fmt::format("{}BootstrapConfigDump", kAdminTypes));
    json.Raw("bootstrap", std::string_view(*text).substr(0, text->find_last_not_of('\n') + 1));
    if (mask.Has("last_updated")) json.String("last_updated", updated);
    json.EndObject();
  }
  std::string_view open;  // the message that is being written
  for (const Section& section : sections) {
    if (!mask.Has(section.field)) continue;
    ++written;
    if (section.dump != open) {
      if (!open.empty()) json.EndObject();
      json.BeginElement();
      json.String("@type", fmt::format("{}{}", kAdminTypes, section.dump));
      open = section.dump;
    }
    if (!section.version.empty()) json.String("version_info", section.version);
    if (section.resources.empty()) continue;
    json.BeginArray(section.field);
    for (const Resource& resource : section.resources) {
      json.BeginElement();
      const absl::Status status = WriteResource(json, section, resource, Mask(""), updated);
      if (!status.ok()) return status;
      json.EndObject();
    }
    json.EndArray();
  }
  if (!open.empty()) json.EndObject();
  return absl::OkStatus();
}

// The elements of one field.
absl::Status WriteField(JsonWriter& json, const Section& section, const Mask& mask, const std::string& updated,
                        size_t& written) {
  for (const Resource& resource : section.resources) {
    if (!mask.Has(section.member) && !mask.Has("last_updated")) continue;
    if (mask.Has(section.member) && resource.message != nullptr &&
        !mask.Trim(section.member, *CopyOf(*resource.message))) {
      continue;
    }
    ++written;
    json.BeginElement();
    json.String("@type", fmt::format("{}{}.{}", kAdminTypes, section.dump, section.wrapper));
    if (const absl::Status status = WriteResource(json, section, resource, mask, updated); !status.ok()) return status;
    json.EndObject();
  }
  return absl::OkStatus();
}

std::string TimeText(base::WallTime time) {
  std::string text;
  telemetry::TimeFormat().Append(time, text);
  return text;
}

// What came, as messages that live as long as this.
class PushedMessages {
 public:
  Resource Of(const PushedResource& from) {
    Resource to{.name = from.name, .message = Unpack(from.body), .version = from.version, .came = from.came};
    if (from.updated) to.updated = TimeText(*from.updated);
    if (from.refused) {
      to.error = from.refused->details;
      to.failed = {.version = from.refused->version,
                   .time = TimeText(from.refused->time),
                   .body = from.refused->body.get(),
                   .message = Unpack(from.refused->body)};
    }
    return to;
  }
  // Its scopes as elements.
  Resource Of(const PushedScopes& from) {
    Resource to{.name = from.name, .message = nullptr, .version = from.version};
    if (from.updated) to.updated = TimeText(*from.updated);
    for (const std::shared_ptr<const google::protobuf::Any>& body : from.scopes) {
      if (const Message* const scope = Unpack(body)) to.elements.emplace_back(config::NameOf(*body), scope);
    }
    if (from.refused) {
      to.error = from.refused->details;
      to.failed = {
          .version = from.refused->version, .time = TimeText(from.refused->time), .body = nullptr, .message = nullptr};
    }
    return to;
  }
  // What serves in its place.
  Resource OfServing(const PushedResource& from) {
    return {.name = from.name,
            .message = Unpack(from.serving->body),
            .version = from.serving->version,
            .updated = TimeText(from.serving->updated)};
  }

 private:
  // Null: there is none, or it is of no type that is known.
  const Message* Unpack(const std::shared_ptr<const google::protobuf::Any>& body) {
    if (body == nullptr) return nullptr;
    const std::string type = body->type_url().substr(body->type_url().rfind('/') + 1);
    const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
    if (descriptor == nullptr) return nullptr;
    std::unique_ptr<Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
    if (!message->ParseFromString(body->value())) return nullptr;
    return messages_.emplace_back(std::move(message)).get();
  }

  std::deque<std::unique_ptr<Message>> messages_;
};

}  // namespace

absl::StatusOr<std::string> DumpConfig(const config::Bootstrap& bootstrap, const Times& times, const Pushed& pushed,
                                       const ConfigDumpQuery& query) {
  const re2::RE2 name_regex(query.name_regex, re2::RE2::Quiet);
  if (!name_regex.ok())
    return absl::InvalidArgumentError(fmt::format("Invalid re2 regex: {}", name_regex.error()));
  const auto& source = dynamic_cast<const envoy::config::bootstrap::v3::Bootstrap&>(*bootstrap.source);
  using Kind = config::StaticPart::Kind;

  Section clusters{"ClustersConfigDump", "static_clusters", "StaticCluster", "cluster", {}};
  Section endpoints{
      "EndpointsConfigDump", "static_endpoint_configs", "StaticEndpointConfig", "endpoint_config", {}};
  Section listeners{"ListenersConfigDump", "static_listeners", "StaticListener", "listener", {}};
  Section route_configs{"RoutesConfigDump", "static_route_configs", "StaticRouteConfig", "route_config", {}};
  for (const auto& cluster : source.static_resources().clusters()) {
    const std::string at = TimeText(times.Of({Kind::kCluster, cluster.name()}));
    clusters.resources.push_back({.name = cluster.name(), .message = &cluster, .updated = at});
    endpoints.resources.push_back({.name = cluster.name(), .message = &cluster.load_assignment(), .updated = at});
  }
  Section inline_scopes{"ScopedRoutesConfigDump", "inline_scoped_route_configs", "InlineScopedRouteConfigs", kScopes, {}};
  Section scopes{"ScopedRoutesConfigDump", "dynamic_scoped_route_configs", "DynamicScopedRouteConfigs", kScopes, {}};
  std::deque<HttpConnectionManager> managers;
  for (int i = 0; i < source.static_resources().listeners_size(); ++i) {
    const auto& listener = source.static_resources().listeners(i);
    const std::string at = TimeText(times.Of({Kind::kListener, bootstrap.listeners[static_cast<size_t>(i)]->name}));
    listeners.resources.push_back({.name = listener.name(), .message = &listener, .updated = at});
    ForEachManager(listener, [&](HttpConnectionManager& manager) {
      const HttpConnectionManager& kept = managers.emplace_back(std::move(manager));
      if (kept.has_route_config()) {
        const auto& table = kept.route_config();
        route_configs.resources.push_back({.name = table.name(), .message = &table, .updated = at});
      }
      const auto& scoped = kept.scoped_routes();
      if (!scoped.has_scoped_route_configurations_list()) return;
      Resource& list = inline_scopes.resources.emplace_back(Resource{.name = scoped.name(), .message = nullptr});
      list.updated = at;
      for (const auto& scope : scoped.scoped_route_configurations_list().scoped_route_configurations()) {
        list.elements.emplace_back(scope.name(), &scope);
      }
    });
  }
  PushedMessages messages;
  clusters.version = pushed.clusters_version;
  listeners.version = pushed.listeners_version;
  Section serving{"ClustersConfigDump", "dynamic_active_clusters", "DynamicCluster", "cluster", {}};
  Section unready{"ClustersConfigDump", "dynamic_warming_clusters", "DynamicCluster", "cluster", {}};
  for (const PushedResource& cluster : pushed.clusters) {
    if (cluster.serving) serving.resources.push_back(messages.OfServing(cluster));
    (cluster.warming ? unready : serving).resources.push_back(messages.Of(cluster));
  }
  Section came{"ListenersConfigDump", "dynamic_listeners", "DynamicListener", "listener", {}};
  for (const PushedResource& listener : pushed.listeners) {
    Resource& resource = came.resources.emplace_back(messages.Of(listener));
    if (resource.message != nullptr) resource.state = listener.warming ? "warming_state" : "active_state";
    if (!listener.serving) continue;
    Resource former = messages.OfServing(listener);
    former.state = "active_state";
    resource.serving = std::make_shared<const Resource>(std::move(former));
  }
  Section tables{"RoutesConfigDump", "dynamic_route_configs", "DynamicRouteConfig", "route_config", {}};
  for (const PushedResource& table : pushed.routes) {
    Resource& resource = tables.resources.emplace_back(messages.Of(table));
    if (table.warming) resource.client_status = "REQUESTED";  // clients queue for it, as that says, behind the former one
  }
  for (const PushedScopes& all : pushed.scopes) scopes.resources.push_back(messages.Of(all));
  std::vector<Section> sections;
  sections.push_back(std::move(clusters));
  sections.push_back(std::move(serving));
  sections.push_back(std::move(unready));
  if (query.include_eds) {
    Section hosts{"EndpointsConfigDump", "dynamic_endpoint_configs", "DynamicEndpointConfig", "endpoint_config", {}};
    for (const PushedResource& assignment : pushed.endpoints) hosts.resources.push_back(messages.Of(assignment));
    sections.push_back(std::move(endpoints));
    sections.push_back(std::move(hosts));
  }
  if (!query.resource.empty() || pushed.filters_come) {
    Section filters{"EcdsConfigDump", "ecds_filters", "EcdsFilterConfig", "ecds_filter", {}};
    for (const PushedResource& filter : pushed.filters) filters.resources.push_back(messages.Of(filter));
    sections.push_back(std::move(filters));
  }
  sections.push_back(std::move(listeners));
  sections.push_back(std::move(came));
  if (!query.resource.empty() || !inline_scopes.resources.empty() || !scopes.resources.empty()) {
    sections.push_back(std::move(inline_scopes));
    sections.push_back(std::move(scopes));
  }
  sections.push_back(std::move(route_configs));
  sections.push_back(std::move(tables));
  // Of secrets that others give; where there are none, nobody looks for them.
  Section active{"SecretsConfigDump", "dynamic_active_secrets", "DynamicSecret", "secret", {}};
  Section warming{"SecretsConfigDump", "dynamic_warming_secrets", "DynamicSecret", "secret", {}};
  using envoy::extensions::transport_sockets::tls::v3::Secret;
  std::deque<Secret> secrets;  // with the names that they are asked for by, which an agent does not give
  for (const std::shared_ptr<config::RemoteSecret>& secret : bootstrap.remote_secrets->all()) {
    const auto* const current = static_cast<const Secret*>(secret->current());
    Secret& shown = current == nullptr ? secrets.emplace_back() : secrets.emplace_back(*current);
    shown.set_name(secret->name());
    Resource& resource = (current == nullptr ? warming : active).resources.emplace_back();
    resource.name = secret->name();
    resource.message = &shown;
    if (current != nullptr) {
      resource.version = secret->version();
      resource.updated = TimeText(secret->updated());
    }
    if (secret->error().empty()) continue;
    resource.error = secret->error();
    resource.failed.version = secret->failed_version();
    resource.failed.time = TimeText(secret->failed());
  }
  if (!query.resource.empty() || !bootstrap.remote_secrets->all().empty()) {
    sections.push_back(std::move(active));
    sections.push_back(std::move(warming));
  }
  if (!query.name_regex.empty()) {
    for (Section& section : sections) {
      const auto other = [&](const std::string& name) { return !re2::RE2::FullMatch(name, name_regex); };
      if (section.has_lists()) {
        for (Resource& resource : section.resources) {
          std::erase_if(resource.elements, [&](const auto& element) { return other(element.first); });
        }
        continue;
      }
      std::erase_if(section.resources, [&](const Resource& r) { return other(r.name); });
    }
  }

  const std::string updated_text = TimeText(times.Of({Kind::kBootstrap, ""}));
  JsonWriter json;
  json.BeginArray("configs");
  const Mask mask(query.mask);
  size_t written = 0;
  absl::Status status;
  if (query.resource.empty()) {
    status = WriteAll(json, source, sections, mask, updated_text, written);
  } else {
    const auto found = std::find_if(sections.begin(), sections.end(),
                                    [&](const Section& section) { return section.field == query.resource; });
    if (found != sections.end()) {
      status = WriteField(json, *found, mask, updated_text, written);
    } else if (std::find(std::begin(kDynamicFields), std::end(kDynamicFields), query.resource) ==
               std::end(kDynamicFields)) {
      status = absl::NotFoundError(fmt::format("{} not found in config dump", query.resource));
    }
  }
  if (!status.ok()) return status;
  if (!mask.all() && written == 0) {
    return absl::InvalidArgumentError(
        fmt::format("FieldMask {} could not be successfully applied to any configs.", query.mask));
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace pillion::admin
