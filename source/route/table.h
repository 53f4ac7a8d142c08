#pragma once

// A compiled route table: which route a request takes. Immutable; any thread.
//
// The virtual host is the one whose domain fits the authority best: exact, then the longest suffix (*.example.com),
// then the longest prefix (example.*), then any (*). Within it the first route that matches counts.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/config/route.h"

namespace pillion::route {

// One route. Lives as long as its table.
struct Entry {
  static constexpr uint32_t kNoCluster = UINT32_MAX;

  const config::VirtualHost* virtual_host;
  const config::Route* route;
  const config::RouteAction* forward;    // null for a direct response
  const config::DirectResponse* direct;  // null when it forwards
  uint32_t cluster;                      // of `forward`: what `clusters` said; kNoCluster: there is none of that name
};

class Table {
 public:
  // The index of a cluster by name, or Entry::kNoCluster.
  using ClusterIndex = std::function<uint32_t(const std::string& name)>;

  Table(std::shared_ptr<const config::RouteConfig> config, const ClusterIndex& clusters);

  // `path` is a request's path with its query. Null: no route.
  const Entry* Match(std::string_view authority, std::string_view path) const;

  const config::RouteConfig& config() const { return *config_; }

 private:
  using Routes = std::vector<Entry>;

  const Routes* FindHost(std::string_view authority) const;

  const std::shared_ptr<const config::RouteConfig> config_;
  std::vector<Routes> hosts_;  // never changes after construction: the pointers below stay good
  absl::flat_hash_map<std::string, const Routes*> exact_;
  std::vector<std::pair<std::string, const Routes*>> suffixes_;  // longest first
  std::vector<std::pair<std::string, const Routes*>> prefixes_;  // longest first
  const Routes* any_ = nullptr;
  bool only_any_ = false;
};

}  // namespace pillion::route
