#include "source/config/static_text.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "source/config/build.h"
#include "source/config/decode.h"
#include "source/config/resources.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using BootstrapMessage = envoy::config::bootstrap::v3::Bootstrap;
using ClusterMessage = envoy::config::cluster::v3::Cluster;
using ListenerMessage = envoy::config::listener::v3::Listener;
using SecretMessage = envoy::extensions::transport_sockets::tls::v3::Secret;
using google::protobuf::Any;
using Kind = StaticPart::Kind;

const TreeNode::Member* FindMember(const TreeNode& node, std::string_view name) {
  const auto found = std::ranges::find(node.members, name, [](const auto& member) { return SnakeCase(member.key); });
  return found == node.members.end() ? nullptr : &*found;
}

bool IsList(const TreeNode& root) {
  return root.kind == TreeNode::Kind::kList || FindMember(root, "resources") != nullptr;
}

class Reader {
 public:
  Reader(const LoadOptions& options, StaticText& text) : options_(options), text_(text) {}

  void ReadBootstrap(size_t source) {
    const TreeNode::Member* const resources = FindMember(text_.trees[source].root(), "static_resources");
    text_.has_resources |= resources != nullptr && resources->value->kind != TreeNode::Kind::kNull;
    BootstrapMessage part;
    ErrorList errors;
    DecodeTree(source, part, errors);
    const auto& from = part.static_resources();
    AddAll(Kind::kCluster, from.clusters(), "static_resources.clusters");
    AddAll(Kind::kListener, from.listeners(), "static_resources.listeners");
    AddAll(Kind::kSecret, from.secrets(), "static_resources.secrets");
    part.clear_static_resources();
    text_.rest.MergeFrom(part);
    Assign(errors, source);
  }

  void ReadList() {
    text_.is_list = true;
    if (text_.trees[0].root().kind == TreeNode::Kind::kList) {
      text_.trees[0] = Tree::Under("resources", std::move(text_.trees[0]));
    }
    envoy::service::discovery::v3::DiscoveryResponse response;
    ErrorList errors;
    DecodeTree(0, response, errors);
    text_.has_resources = response.resources_size() > 0;
    for (int i = 0; i < response.resources_size(); ++i) AddAny(response.resources(i), ElementPath("resources", i));
    Assign(errors, 0);
  }

 private:
  void DecodeTree(size_t source, google::protobuf::Message& message, ErrorList& errors) {
    const size_t before = text_.notes.size();
    Decode(text_.trees[source], options_.unknown, message, errors, text_.notes);
    for (size_t i = before; i < text_.notes.size(); ++i) text_.notes[i].file = text_.names[source];
    places_.clear();
  }

  // Without a name a listener goes by its address.
  std::string NameOf(const ListenerMessage& from) const {
    if (!from.name().empty()) return from.name();
    ErrorList ignored;
    const envoy::config::core::v3::Node node;
    BuildContext context{options_, ignored, node, {}};
    return AddressText(BuildAddress(context, from.address(), "").value_or(Address()));
  }
  template <typename Message>
  static std::string NameOf(const Message& from) {
    return from.name();
  }

  template <typename Message>
  void Add(Kind kind, const Message& message, std::string path) {
    text_.items.push_back({.part = {kind, NameOf(message)},
                           .message = std::make_shared<const Message>(message),
                           .path = std::move(path),
                           .errors = {}});
  }

  template <typename Message>
  void AddAll(Kind kind, const google::protobuf::RepeatedPtrField<Message>& from, std::string_view list) {
    const auto same_kind = [kind](const StaticText::Item& item) { return item.part.kind == kind; };
    const auto before = static_cast<size_t>(std::ranges::count_if(text_.items, same_kind));
    for (int i = 0; i < from.size(); ++i) {
      places_.emplace(ElementPath(list, static_cast<size_t>(i)), text_.items.size());
      Add(kind, from[i], ElementPath(list, before + static_cast<size_t>(i)));
    }
  }

  template <typename Message>
  bool Unpack(Kind kind, const Any& from, const std::string& path) {
    Message message;
    if (!from.UnpackTo(&message)) return false;
    Add(kind, message, path);
    return true;
  }

  void AddAny(const Any& from, const std::string& path) {
    places_.emplace(path, text_.items.size());
    if (Unpack<ClusterMessage>(Kind::kCluster, from, path) || Unpack<ListenerMessage>(Kind::kListener, from, path) ||
        Unpack<SecretMessage>(Kind::kSecret, from, path)) {
      return;
    }
    StaticText::Item& item = text_.items.emplace_back();
    item.part = {Kind::kOther, config::NameOf(from)};
    item.path = path;
    if (from.type_url().empty()) return;  // which was said
    std::string error = Concat("a resource of type ", Quote(from.type_url()), ", expected a Cluster, Listener or Secret");
    if (from.Is<envoy::config::route::v3::RouteConfiguration>()) {
      error = "a RouteConfiguration, expected it within its listener: route_config";
    } else if (from.Is<envoy::config::endpoint::v3::ClusterLoadAssignment>()) {
      error = "a ClusterLoadAssignment, expected it within its cluster: load_assignment";
    }
    item.errors.push_back({path, 0, std::move(error)});
    text_.Place(item.errors.back());
  }

  // To the items, or to nobody. Paths are those within this text.
  void Assign(ErrorList& errors, size_t source) {
    for (ConfigError& error : errors.Take()) {
      error.file = text_.names[source];
      const auto found = places_.find(PartOf(error.path));
      (found == places_.end() ? text_.outside : text_.items[found->second].errors).push_back(std::move(error));
    }
    size_t elsewhere = 0;
    for (const auto& [part, count] : errors.dropped_in()) {
      const auto found = places_.find(part);
      if (found == places_.end()) {
        elsewhere += count;
        continue;
      }
      StaticText::Item& item = text_.items[found->second];
      item.errors.push_back({item.path, 0, MoreErrors(count)});
      text_.Place(item.errors.back());
    }
    if (elsewhere > 0) text_.outside.push_back({"", 0, MoreErrors(elsewhere), text_.names[source]});
  }

  const LoadOptions& options_;
  StaticText& text_;
  std::map<std::string, size_t, std::less<>> places_;  // of items, by their paths within the text that is read
};

}  // namespace

void StaticText::Place(ConfigError& error) const {
  const TreePlace place = PlaceOf(trees, error.path);
  error.line = place.line;
  error.file = names[place.tree];
}

StaticText ReadStatic(const std::vector<Source>& sources, const LoadOptions& options, bool list_too) {
  StaticText text;
  for (const Source& source : sources) {
    std::variant<Tree, ConfigError> parsed = Tree::Parse(source.text);
    if (auto* error = std::get_if<ConfigError>(&parsed)) {
      error->file = source.name;
      text.errors.push_back(*std::move(error));
      return text;
    }
    text.trees.push_back(std::get<Tree>(std::move(parsed)));
    text.names.push_back(source.name);
    const TreeNode& root = text.trees.back().root();
    if (root.kind == TreeNode::Kind::kMap || (list_too && root.kind == TreeNode::Kind::kList)) continue;
    constexpr char kBootstrap[] = "expected an object with static_resources";
    constexpr char kBoth[] = "expected an object with static_resources or resources, or a list of resources";
    text.errors.push_back({"", root.line, list_too ? kBoth : kBootstrap, source.name});
    return text;
  }
  Reader reader(options, text);
  if (list_too && IsList(text.trees[0].root())) {
    reader.ReadList();
    return text;
  }
  for (size_t i = 0; i < sources.size(); ++i) reader.ReadBootstrap(i);
  if (!list_too || text.rest.has_node()) SetNode(options.node, text.rest);
  return text;
}

}  // namespace pillion::config
