#pragma once

// The tables of a connection manager that chooses them by scope: Scopes is what all workers have, ScopesShard the part of
// one worker, LiveScopes what requests find their tables in from now on.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source/event/shared.h"
#include "source/proxy/routes.h"
#include "source/route/scope_key.h"
#include "source/stats/shard.h"

namespace pillion::proxy {

struct WorkerContext;

// Immutable; any thread.
class Scopes {
 public:
  struct Scope {
    std::string name;
    std::vector<std::string> key;  // of no other one
    std::shared_ptr<const Routes> own;  // the table; null: what workers have under `id`
    uint64_t id = 0;

    bool operator==(const Scope&) const = default;
  };

  explicit Scopes(std::vector<Scope> scopes);

  const std::vector<Scope>& all() const { return all_; }
  // The place of that with this key.
  std::optional<uint32_t> Find(const route::ScopeKey& key) const { return index_.Find(key); }

 private:
  const std::vector<Scope> all_;
  const route::ScopeIndex index_;
};

// A stream keeps it from its first scope to its end. On its worker only.
class ScopesShard final : public event::Shared {
 public:
  ScopesShard(std::shared_ptr<const Scopes> scopes, WorkerContext& context, stats::Shard& shard);

  // What the request goes by: the same as long as its key is. Null: no scope has its key, or it has none.
  const LiveRoutes* Find(const config::ScopeKeyBuilder& builder, const http::RequestHead& head) const;

 private:
  const std::shared_ptr<const Scopes> scopes_;
  std::vector<std::shared_ptr<LiveRoutes>> tables_;  // of each, none of them null
};

// Of one worker, on which it is used only.
struct LiveScopes {
  event::Kept<ScopesShard> now;  // null: they have not come yet
};

}  // namespace pillion::proxy
