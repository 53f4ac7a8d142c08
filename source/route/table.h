#pragma once

// A compiled route table: which route a request takes. Immutable; any thread.
//
// The virtual host is the one whose domain fits the authority best: exact, then the longest suffix (*.example.com),
// then the longest prefix (example.*), then any (*). Within it the first route that matches counts. Neither takes
// longer because there are many of them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/config/route.h"
#include "source/route/path_index.h"
#include "source/route/prefix_tree.h"

namespace pillion::route {

// One route. Lives as long as its table.
struct Entry {
  static constexpr uint32_t kNoCluster = UINT32_MAX;

  const config::VirtualHost* virtual_host;
  const config::Route* route;
  // One of the three.
  const config::RouteAction* forward;
  const config::Redirect* redirect;
  const config::DirectResponse* direct;
  const config::RetryPolicy* retry_policy;  // of the route, or of its virtual host; may be null
  std::optional<config::HeldBody> held_body;  // the same
  // Of `forward`: what `clusters` said of the one that it names, or of each choice; kNoCluster: there is none of that
  // name, or a field of the request names it.
  std::vector<uint32_t> clusters;
  // Of its levels, in the order in which they apply; without empty ones.
  std::vector<const config::HeaderEdits*> request_edits;
  std::vector<const config::HeaderEdits*> response_edits;
  // The copies that are made: by the most specific level that says so, and the cluster of each, as above.
  std::span<const config::MirrorPolicy> mirrors;
  std::vector<uint32_t> mirror_clusters;
  bool choice_edits_last = false;  // those of a weighted cluster's choice
};

class Table {
 public:
  // The index of a cluster by name, or Entry::kNoCluster.
  using ClusterIndex = std::function<uint32_t(const std::string& name)>;

  Table(std::shared_ptr<const config::RouteConfig> config, const ClusterIndex& clusters);

  // `random` is the request's own. Null: no route. A request that has to come over TLS and does not gets a route that
  // says so.
  const Entry* Match(const http::RequestHead& head, uint64_t random) const;

  const config::RouteConfig& config() const { return *config_; }

 private:
  struct Host {
    explicit Host(const config::VirtualHost& config) : paths(config.routes), require_tls(config.require_tls) {}

    PathIndex paths;
    std::vector<Entry> entries;  // in the order of the configuration
    const config::TlsRequirement require_tls;
    std::optional<Entry> to_tls;  // of requests that should have come over it
  };

  // Domains that begin or end with a star. A text is read backwards where the star is in front.
  struct Wildcards {
    PrefixTree texts;
    std::vector<const Host*> hosts;  // in the order of the texts

    // Null where there are none.
    static std::unique_ptr<const Wildcards> Make(std::map<std::string, const Host*> domains);
    // The one with the longest text that `name`, in lower case, begins with.
    const Host* Find(std::string_view name) const;
  };

  const Host* FindHost(std::string_view authority) const;

  const std::shared_ptr<const config::RouteConfig> config_;
  const config::Route to_tls_;
  std::vector<Host> hosts_;  // never changes after construction: the pointers below stay good
  absl::flat_hash_map<std::string, const Host*> exact_;
  std::unique_ptr<const Wildcards> suffixes_;
  std::unique_ptr<const Wildcards> prefixes_;
  const Host* any_ = nullptr;
  bool only_any_ = false;
};

}  // namespace pillion::route
