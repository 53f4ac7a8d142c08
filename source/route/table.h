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
#include "source/route/named_cluster.h"
#include "source/route/path_index.h"
#include "source/route/prefix_tree.h"

namespace pillion::route {

// One route. Lives as long as its table.
//
// What each request asks of its route is in front, in one cache line, so that a table of thousands costs a request
// hardly more than one of a few; the rest, and the configuration, is looked at by those that have a trait.
struct alignas(64) Entry {
  static constexpr uint32_t kNoCluster = UINT32_MAX;

  // Where a route is more than a path, a cluster and its timeout.
  enum Trait : uint32_t {
    kMatchesMore = 1 << 0,        // than a path
    kConnects = 1 << 1,           // matches CONNECT
    kOneCluster = 1 << 2,         // `cluster` is it; else the configuration says how one is chosen
    kEditsRequest = 1 << 3,       // its fields; or makes a path or host from a format
    kEditsResponse = 1 << 4,
    kRewrites = 1 << 5,           // the path or the host
    kUsesEndpointHost = 1 << 6,
    kHashes = 1 << 7,
    kHasCriteria = 1 << 8,        // of hosts
    kLimitsDuration = 1 << 9,     // by max_stream_duration
    kIdleTimeout = 1 << 10,
    kGrpcTimeout = 1 << 11,       // grpc-timeout may be its timeout
    kCountsAttempts = 1 << 12,    // and tells the upstream
    kTellsAttempts = 1 << 13,     // and tells the client
    kMirrors = 1 << 14,
    kHoldsBody = 1 << 15,         // as `held_body` says
    kFollowsRedirects = 1 << 16,
    kEndsConnect = 1 << 17,       // a CONNECT, or a POST, becomes raw bytes
    kHedges = 1 << 18,            // an attempt that takes too long goes on, beside the next one
    kOverridesFilters = 1 << 19,  // the route or its virtual host has words on filters
  };

  bool Has(Trait trait) const { return (traits & trait) != 0; }

  const config::Redirect* redirect() const { return std::get_if<config::Redirect>(&route->action); }
  const config::DirectResponse* direct() const { return std::get_if<config::DirectResponse>(&route->action); }

  const config::Route* route = nullptr;
  const config::VirtualHost* virtual_host = nullptr;
  const config::RouteAction* forward = nullptr;       // null: it redirects or answers
  const config::RetryPolicy* retry_policy = nullptr;  // of the route, or of its virtual host; may be null
  base::Duration timeout{0};                          // of `forward`, as is
  config::Priority priority = config::Priority::kDefault;
  uint32_t traits = 0;
  uint32_t cluster = kNoCluster;  // the index of the only one

  struct More;
  std::unique_ptr<const More> more;  // of those that have traits which ask for it, and of weighted clusters
};

struct Entry::More {
  // The copies that are made: by the most specific level that says so, and the cluster of each, as above.
  std::span<const config::MirrorPolicy> mirrors;
  std::vector<uint32_t> mirror_clusters;
  // Of weighted clusters, that of each choice; kNoCluster also where a field of the request names it.
  std::vector<uint32_t> choice_clusters;
  // Of its levels, in the order in which they apply; without empty ones.
  std::vector<const config::HeaderEdits*> request_edits;
  std::vector<const config::HeaderEdits*> response_edits;
  bool choice_edits_last = false;  // those of a weighted cluster's choice
  std::optional<config::HeldBody> held_body;  // of the route, or of its virtual host
};

class Table {
 public:
  // What `former` has made of a virtual host that both have is not made again; null: there is none. `clusters` says the same
  // of a name as it did then.
  Table(std::shared_ptr<const config::RouteConfig> config, const ClusterIndex& clusters, const Table* former = nullptr);

  // `random` is the request's own, `facts` what is known of it beside its head. Null: no route. A request that
  // has to come over TLS and does not gets a route that says so.
  const Entry* Match(const http::RequestHead& head, uint64_t random,
                     const match::StreamFacts& facts = {}) const;

  const config::RouteConfig& config() const { return *config_; }
  // Some of its routes match by what filters note.
  bool matches_notes() const { return matches_notes_; }

  // For who explains a choice. The virtual host that Match() looks into; null: there is none.
  const config::VirtualHost* FindVirtualHost(const http::RequestHead& head) const;
  // What the paths of routes are compared with.
  std::string_view ComparedPath(const http::RequestHead& head) const;

 private:
  // A virtual host, shared by tables that have it. What a request looks at lies together. None of it changes after
  // construction: pointers into it stay good.
  struct Host {
    Host(const config::RouteConfig& table, std::shared_ptr<const config::VirtualHost> virtual_host,
         const config::Route& to_tls_route, const ClusterIndex& index_of);

    const std::shared_ptr<const config::VirtualHost> config;
    Words words;
    const PathIndex paths;
    std::vector<Entry> entries;           // of its routes, in the order of the configuration
    std::unique_ptr<const Entry> to_tls;  // of requests that should have come over TLS; null: of none
    bool matches_notes = false;
    HeldClusters clusters;  // of the routes
  };

  // Domains that begin or end with a star. A text is read backwards where the star is in front.
  struct Wildcards {
    PrefixTree texts;
    std::vector<const Host*> hosts;  // in the order of the texts

    // Nothing where there are none.
    static std::optional<Wildcards> Make(const std::map<std::string, const Host*>& domains, Words& words);
    // The one with the longest text that `name`, in lower case, begins with.
    const Host* Find(const uint32_t* words, std::string_view name) const;
  };

  const Host* HostOf(const http::RequestHead& head) const;
  const Host* FindHost(std::string_view authority) const;

  // Its hosts hold nothing of the table's own.
  static bool HostsStandAlone(const config::RouteConfig& table);

  const std::shared_ptr<const config::RouteConfig> config_;
  Words words_;  // of the domains
  std::vector<std::shared_ptr<const Host>> hosts_;
  absl::flat_hash_map<std::string, const Host*> exact_;
  std::optional<Wildcards> suffixes_;
  std::optional<Wildcards> prefixes_;
  const Host* any_ = nullptr;
  bool only_any_ = false;
  bool matches_notes_ = false;
};

}  // namespace pillion::route
