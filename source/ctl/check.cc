#include "source/ctl/check.h"

#include <algorithm>
#include <set>
#include <variant>

#include "absl/strings/strip.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/service/runtime/v3/rtds.pb.h"
#include "pillion/guard/v1/guard.pb.h"
#include "source/config/judge_secret.h"
#include "source/config/load.h"
#include "source/config/read_file.h"
#include "source/config/resource_file.h"
#include "source/config/resources.h"
#include "source/config/text.h"
#include "source/config/tree.h"
#include "source/filters/load_options.h"

namespace pillion::ctl {
namespace {

using config::ConfigError;
using envoy::extensions::transport_sockets::tls::v3::Secret;

// One, or none where it can't be read as such.
std::vector<config::Tree> ReadTree(const std::string& path) {
  std::vector<config::Tree> trees;
  const absl::StatusOr<std::string> text = config::ReadFile(path, config::Tree::kMaxBytes);
  if (!text.ok()) return trees;
  std::variant<config::Tree, ConfigError> parsed = config::Tree::Parse(*text);
  if (!std::holds_alternative<config::Tree>(parsed)) return trees;
  config::Tree tree = std::get<config::Tree>(std::move(parsed));
  const bool list = tree.root().kind == config::TreeNode::Kind::kList;
  trees.push_back(list ? config::Tree::Under("resources", std::move(tree)) : std::move(tree));
  return trees;
}

bool EndsAsProtobuf(const std::string& path) {
  return path.ends_with(".pb") || path.ends_with(".pb_text") || path.ends_with(".textproto");
}

config::RemoteSecret::Kind KindOf(const Secret& secret) {
  using Kind = config::RemoteSecret::Kind;
  return secret.has_validation_context() ? Kind::kValidationContext : Kind::kTlsCertificate;
}

template <typename Judged>
void Take(Judged judged, std::vector<ConfigError>& errors, std::vector<ConfigError>& notes) {
  errors = std::move(judged.errors);
  notes = std::move(judged.notes);
}

// Builds one resource, as when it had come.
void Judge(const google::protobuf::Any& resource, const config::Resources& resources, const config::ConfigSource& sender,
           std::vector<ConfigError>& errors, std::vector<ConfigError>& notes) {
  if (resource.Is<envoy::config::cluster::v3::Cluster>()) {
    return Take(resources.BuildCluster(resource, sender), errors, notes);
  }
  if (resource.Is<envoy::config::listener::v3::Listener>()) {
    return Take(resources.BuildListener(resource, sender), errors, notes);
  }
  if (resource.Is<envoy::config::route::v3::RouteConfiguration>()) {
    return Take(resources.BuildRoutes(resource), errors, notes);
  }
  if (resource.Is<envoy::config::route::v3::ScopedRouteConfiguration>()) {
    return Take(resources.BuildScope(resource), errors, notes);
  }
  if (resource.Is<envoy::config::endpoint::v3::ClusterLoadAssignment>()) {
    return Take(resources.BuildAssignment(resource), errors, notes);
  }
  envoy::config::core::v3::TypedExtensionConfig extension;
  if (resource.Is<envoy::config::core::v3::TypedExtensionConfig>() && resource.UnpackTo(&extension)) {
    if (extension.typed_config().Is<pillion::guard::v1::Guard>()) return Take(resources.BuildGuard(resource), errors, notes);
    return Take(resources.BuildFilter(resource), errors, notes);
  }
  if (resource.Is<envoy::service::runtime::v3::Runtime>()) {
    return Take(resources.BuildRuntimeLayer(resource), errors, notes);
  }
  Secret secret;
  if (resource.Is<Secret>() && resource.UnpackTo(&secret)) {
    errors = config::JudgeSecret(secret, KindOf(secret), {}, notes);
    return;
  }
  errors.push_back({"", 0, config::Concat("a resource of type ", config::Quote(resource.type_url()),
          ", expected a Listener, RouteConfiguration, ScopedRouteConfiguration, Cluster, ClusterLoadAssignment, "
          "TypedExtensionConfig, Runtime or Secret")});
}

Checked CheckBootstrap(const std::string& path) {
  Checked checked;
  absl::StatusOr<config::Source> source = config::ReadSourceFile(path);
  if (!source.ok()) {
    const absl::string_view said = source.status().message();
    checked.errors.push_back({"", 0, std::string(absl::StripPrefix(said, path + ": "))});  // it is named with each error
    return checked;
  }
  config::Loaded loaded = config::LoadSources({*std::move(source)}, filters::LoadOptions());
  checked.errors = std::move(loaded.errors);
  checked.notes = std::move(loaded.notes);
  if (loaded.bootstrap == nullptr) return checked;
  const auto count = [](size_t number, const char* noun) {
    return config::Concat(number, " ", noun, number == 1 ? "" : "s");
  };
  checked.what = config::Concat("bootstrap: ", count(loaded.bootstrap->listeners.size(), "listener"), ", ",
                                count(loaded.bootstrap->clusters.size(), "cluster"));
  return checked;
}

// With the resource's place before the path, and its line.
void Place(const std::string& path, size_t index, const std::string& name, const std::vector<config::Tree>& tree,
           std::vector<ConfigError>& errors) {
  const std::string place = config::ElementPath("resources", index);
  for (ConfigError& error : errors) {
    const bool nested = !error.path.empty() && error.path.front() != '[';
    const std::string whole = place + (nested ? "." : "") + error.path;
    if (error.line == 0 && !tree.empty()) error.line = config::PlaceOf(tree, whole).line;
    error.file = path;
    error.path = name.empty() ? whole : config::Concat(whole, " (", config::Quote(name), ")");
  }
}

Checked CheckResources(const std::string& path, std::shared_ptr<const config::Bootstrap> bootstrap) {
  Checked checked;
  config::LoadOptions options = filters::LoadOptions();
  if (bootstrap == nullptr) bootstrap = config::LoadText("{}", options).bootstrap;
  config::ResourceFile file = config::ReadResourceFile(path, options.unknown);
  checked.errors = std::move(file.errors);
  checked.notes = std::move(file.notes);
  const std::vector<config::Tree> tree = EndsAsProtobuf(path) ? std::vector<config::Tree>() : ReadTree(path);
  const config::Resources resources(std::move(bootstrap), options);
  std::set<std::pair<std::string, std::string>> names;  // with their types
  for (size_t i = 0; i < file.items.size(); ++i) {
    config::ResourceFile::Item& item = file.items[i];
    const std::string name = config::NameOf(item.resource);
    std::vector<ConfigError> notes;
    if (item.errors.empty()) Judge(item.resource, resources, config::PathSource{path, ""}, item.errors, notes);
    if (!name.empty() && !names.emplace(item.resource.type_url(), name).second) {
      item.errors.push_back({"", 0, "a second one of this name, expected each once"});
    }
    Place(path, i, name, tree, item.errors);
    Place(path, i, name, tree, notes);
    checked.errors.insert(checked.errors.end(), item.errors.begin(), item.errors.end());
    checked.notes.insert(checked.notes.end(), notes.begin(), notes.end());
  }
  checked.what = config::Concat(file.items.size(), file.items.size() == 1 ? " resource" : " resources");
  return checked;
}

}  // namespace

bool IsResourceFile(const std::string& path) {
  if (EndsAsProtobuf(path)) return true;
  const std::vector<config::Tree> tree = ReadTree(path);
  return !tree.empty() &&
         std::ranges::any_of(tree[0].root().members, [](const auto& member) { return member.key == "resources"; });
}

Checked CheckFile(const std::string& path, std::shared_ptr<const config::Bootstrap> bootstrap) {
  return IsResourceFile(path) ? CheckResources(path, std::move(bootstrap)) : CheckBootstrap(path);
}

}  // namespace pillion::ctl
