// Listeners whose filters have their configurations from elsewhere: what becomes of them when something has come.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "source/server/listener_set.h"

namespace pillion::server {
namespace {

// Of versions of one listener: the same has come for its filters.
bool HaveSameFilters(const config::Listener& a, const config::Listener& b) {
  return std::ranges::equal(a.filter_chains, b.filter_chains, {}, &config::FilterChain::digest,
                            &config::FilterChain::digest) &&
         std::ranges::equal(a.listener_filters, b.listener_filters, {}, &config::ListenerFilter::came,
                            &config::ListenerFilter::came);
}

// What has come names tables and scopes that nobody may have yet.
template <typename Running>
void AwaitTables(const Running& running, Awaited& needs) {
  const auto await = [&needs](const auto& use, absl::string_view what) {
    if (use == nullptr) return;
    use->WhenReady([&needs, what](const std::string& name) { return needs.One(absl::StrCat(what, " \"", name, "\"")); });
  };
  await(running.routes, "route table");
  await(running.scopes, "scoped routes");
}

}  // namespace

std::vector<std::string> ListenerSet::FollowFilters() {
  struct Change {
    Running* running;
    Warming* warming;  // whose it is; null: it serves
    Running next;
  };
  // They end last: who waits for a table that goes with one of them is told.
  std::vector<std::unique_ptr<push::RouteTables::Use>> former_routes;
  std::vector<std::unique_ptr<push::ScopedRoutes::Use>> former_scopes;
  std::vector<Change> changes;
  std::vector<std::string> errors;
  const auto look = [&](Running& running, Warming* warming) {
    if (running.filters == nullptr) return;
    const push::FilterConfigs::Completed completed = running.filters->Complete();
    if (completed.listener == running.config) return;
    for (const std::string& error : completed.errors) {
      errors.push_back(absl::StrCat("listener \"", running.config->name, "\": ", error));
    }
    if (!completed.errors.empty() || HaveSameFilters(*completed.listener, *running.config)) return;
    Change change{.running = &running, .warming = warming, .next = {.config = completed.listener}};
    const absl::Status status = Fill(change.next, running.listener.get());
    if (!status.ok()) errors.emplace_back(status.message());
    changes.push_back(std::move(change));
  };
  for (auto& [name, running] : serving_) look(running, nullptr);
  for (auto& [name, warming] : warming_) look(warming->running, warming.get());
  if (!errors.empty()) return errors;
  for (Change& change : changes) {
    Running& now = *change.running;
    if (change.warming == nullptr && WarmsFirst(now, change.next)) continue;
    if (change.warming != nullptr) AwaitTables(change.next, *change.warming->needs);
    Retire(now.listener);
    now.config = std::move(change.next.config);
    now.listener = std::move(change.next.listener);
    former_routes.push_back(std::exchange(now.routes, std::move(change.next.routes)));
    former_scopes.push_back(std::exchange(now.scopes, std::move(change.next.scopes)));
    if (change.warming != nullptr) continue;
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) {
      worker->UpdateListener(now.id, now.listener, with_.drain_time);
    }
  }
  if (!changes.empty()) with_.settled();
  return {};
}

bool ListenerSet::WarmsFirst(Running& now, Running& next) {
  const std::string& name = next.config->name;
  if ((next.routes == nullptr && next.scopes == nullptr) || warming_.contains(name)) return false;
  if (!first_needs_.open().empty()) AwaitTables(next, first_needs_);
  auto warming = std::make_unique<Warming>(Warming{.running = {}, .needs = std::make_unique<Awaited>(with_.timers)});
  AwaitTables(next, *warming->needs);
  warming->needs->Wait(base::Duration::zero(), [this, name, own = warming.get()] {
    own->ready = true;
    const auto found = warming_.find(name);
    if (found != warming_.end() && found->second.get() == own) ServeReady();
  });
  if (warming->ready) return false;
  next.id = now.id;
  next.filters = std::move(now.filters);
  next.certificates = std::move(now.certificates);
  next.pushed = now.pushed;
  warming->running = std::move(next);
  warming_[name] = std::move(warming);
  return true;
}

}  // namespace pillion::server
