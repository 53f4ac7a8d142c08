// Route tables that come while the process runs, as their own resources. What is equal to the version before is not even
// parsed: a route that changes in a table of thousands costs little more than a look at the bytes of the others.

#include "envoy/config/route/v3/route.pb.h"
#include "source/config/build.h"
#include "source/config/judge_resource.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/config/wire.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;

constexpr uint32_t kVirtualHosts = v3::RouteConfiguration::kVirtualHostsFieldNumber;
constexpr uint32_t kRoutes = v3::VirtualHost::kRoutesFieldNumber;
constexpr uint32_t kHostName = v3::VirtualHost::kNameFieldNumber;

// A version that was taken before, taken apart as the new one is.
class EarlierTable {
 public:
  // None, where nothing can be shared: what stands in the table decides what its routes become.
  static std::unique_ptr<EarlierTable> Make(const Earlier<RouteConfig>& earlier, std::string_view rest, size_t max_body) {
    if (earlier.resource == nullptr || earlier.part == nullptr) return nullptr;
    std::optional<SplitMessage> split = SplitElements(earlier.resource->value(), kVirtualHosts);
    if (!split || split->elements.size() != earlier.part->virtual_hosts.size()) return nullptr;
    v3::RouteConfiguration table;
    if (split->rest != rest && (!table.ParseFromString(split->rest) || MaxDirectResponseBytes(table) != max_body)) {
      return nullptr;
    }
    return std::unique_ptr<EarlierTable>(new EarlierTable(*earlier.part, *std::move(split)));
  }

  std::shared_ptr<const VirtualHost> FindEqual(std::string_view host) {
    const std::optional<size_t> found = equal_.Find(host);
    return found ? table_.virtual_hosts[*found] : nullptr;
  }

  struct Host {
    const VirtualHost* host = nullptr;
    std::string_view bytes;
  };
  // That of the same name; null: there was none.
  Host FindNamed(std::string_view name) {
    if (named_.empty()) {
      for (size_t i = 0; i < table_.virtual_hosts.size(); ++i) named_.emplace(table_.virtual_hosts[i]->name, i);
    }
    const auto found = named_.find(absl::string_view(name.data(), name.size()));
    if (found == named_.end()) return {};
    return {table_.virtual_hosts[found->second].get(), split_.elements[found->second]};
  }

 private:
  EarlierTable(const RouteConfig& table, SplitMessage split)
      : table_(table), split_(std::move(split)), equal_(split_.elements) {}

  const RouteConfig& table_;
  const SplitMessage split_;
  EqualElements equal_;
  absl::flat_hash_map<absl::string_view, size_t> named_;  // made when one is looked for
};

class TableBuilder {
 public:
  explicit TableBuilder(Parts& parts) : parts_(parts) {}

  std::shared_ptr<const RouteConfig> Build(const google::protobuf::Any& resource, const Earlier<RouteConfig>& earlier) {
    const std::optional<SplitMessage> split = SplitElements(resource.value(), kVirtualHosts);
    if (!split) {
      parts_.errors().Add("", "bytes that are no envoy.config.route.v3.RouteConfiguration");
      return nullptr;
    }
    const auto table = std::make_shared<RouteConfig>();
    v3::RouteConfiguration from;
    parts_.Take(split->rest, "", from, [&](BuildContext& context) {
      name_ = from.name();
      const AtHome home(context, "table", name_, "");
      if (from.name().empty()) context.errors.Add("name", "empty, but it is what the table goes by");
      BuildTable(context, from, "", *table);
    });
    max_body_ = MaxDirectResponseBytes(from);
    const std::unique_ptr<EarlierTable> before = EarlierTable::Make(earlier, split->rest, max_body_);
    for (size_t v = 0; v < split->elements.size(); ++v) {
      std::shared_ptr<const VirtualHost> host = before == nullptr ? nullptr : before->FindEqual(split->elements[v]);
      if (host == nullptr) host = BuildHost(split->elements[v], ElementPath("virtual_hosts", v), before.get());
      table->virtual_hosts.push_back(std::move(host));
    }
    CheckVirtualHosts(*table, "", parts_.errors());
    return table;
  }

 private:
  std::shared_ptr<const VirtualHost> BuildHost(std::string_view bytes, const std::string& path, EarlierTable* before) {
    const auto host = std::make_shared<VirtualHost>();
    const std::optional<SplitMessage> split = SplitElements(bytes, kRoutes);
    if (!split) {
      parts_.errors().Add(path, "bytes that are no envoy.config.route.v3.VirtualHost");
      return host;
    }
    v3::VirtualHost from;
    parts_.Take(split->rest, path, from, [&](BuildContext& context) {
      const AtHome home(context, "table", name_, "");
      BuildVirtualHost(context, from, path, *host);
    });

    EarlierTable::Host was;
    if (before != nullptr) was = before->FindNamed(TextField(bytes, kHostName));
    std::optional<SplitMessage> was_split;
    if (was.host != nullptr) was_split = SplitElements(was.bytes, kRoutes);
    if (was_split && was_split->elements.size() != was.host->routes.size()) was_split.reset();
    std::optional<EqualElements> equal;
    if (was_split) equal.emplace(was_split->elements);
    for (size_t r = 0; r < split->elements.size(); ++r) {
      const std::optional<size_t> same = equal ? equal->Find(split->elements[r]) : std::nullopt;
      if (same) {
        host->routes.push_back(was.host->routes[*same]);
        continue;
      }
      const std::string place = ElementPath(FieldPath(path, "routes"), r);
      v3::Route route;
      parts_.Take(split->elements[r], place, route, [&](BuildContext& context) {
        const AtHome table_home(context, "table", name_, "");
        const AtHome host_home(context, "host", from.name(), path);
        host->routes.push_back(BuildRoute(context, route, max_body_, place));
      });
    }
    return host;
  }

  Parts& parts_;
  size_t max_body_ = 0;
  std::string name_;
};

}  // namespace

Judged<RouteConfig> Resources::BuildRoutes(const google::protobuf::Any& resource,
                                           const Earlier<RouteConfig>& earlier) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  std::shared_ptr<const RouteConfig> table;
  if (IsOfType(resource, *v3::RouteConfiguration::descriptor(), errors)) {
    Parts parts(options_.unknown, [this](ErrorList& own) { return MakeContext(own); }, errors, notes);
    table = TableBuilder(parts).Build(resource, earlier);
  }
  return Conclude(std::move(table), errors, std::move(notes));
}

}  // namespace pillion::config
