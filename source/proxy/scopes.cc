#include "source/proxy/scopes.h"

#include <utility>

#include "source/proxy/worker_context.h"

namespace pillion::proxy {
namespace {

std::vector<std::vector<std::string>> KeysOf(const std::vector<Scopes::Scope>& scopes) {
  std::vector<std::vector<std::string>> keys;
  keys.reserve(scopes.size());
  for (const Scopes::Scope& scope : scopes) keys.push_back(scope.key);
  return keys;
}

}  // namespace

Scopes::Scopes(std::vector<Scope> scopes) : all_(std::move(scopes)), index_(KeysOf(all_)) {}

ScopesShard::ScopesShard(std::shared_ptr<const Scopes> scopes, WorkerContext& context, stats::Shard& shard)
    : event::Shared(context.worker), scopes_(std::move(scopes)) {
  tables_.reserve(scopes_->all().size());
  for (const Scopes::Scope& scope : scopes_->all()) {
    if (scope.own == nullptr) {
      tables_.push_back(context.RoutesAt(scope.id));
      continue;
    }
    auto own = std::make_shared<LiveRoutes>();
    own->now = event::Kept(new RoutesShard(scope.own, context.worker, shard));
    tables_.push_back(std::move(own));
  }
}

const LiveRoutes* ScopesShard::Find(const config::ScopeKeyBuilder& builder, const http::RequestHead& head) const {
  route::ScopeKey key;
  if (!route::ReadScopeKey(builder, head, key)) return nullptr;
  const std::optional<uint32_t> found = scopes_->Find(key);
  return found ? tables_[*found].get() : nullptr;
}

}  // namespace pillion::proxy
