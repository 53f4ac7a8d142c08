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
  for (auto& [name, running] : serving_) {
    // What warms first with what came for the same filters follows in its place.
    const auto next = warming_.find(name);
    if (next == warming_.end() || next->second->running.filters != running.filters) look(running, nullptr);
  }
  for (auto& [name, warming] : warming_) look(warming->running, warming.get());
  if (!errors.empty()) return errors;
  following_ = true;
  for (Change& change : changes) {
    Running& now = *change.running;
    if (change.warming == nullptr && WarmsFirst(now, change.next)) continue;
    Retire(now.listener);
    now.config = std::move(change.next.config);
    now.listener = std::move(change.next.listener);
    former_routes.push_back(std::exchange(now.routes, std::move(change.next.routes)));
    former_scopes.push_back(std::exchange(now.scopes, std::move(change.next.scopes)));
    if (change.warming != nullptr) {
      // It may name others than before, of which one may not be there, even where it waited for an address alone.
      Warming& warming = *change.warming;
      warming.tables = std::make_unique<Awaited>(with_.timers);
      warming.has_tables = false;
      AwaitTables(now, *warming.tables);
      WaitForTables(warming);
      continue;
    }
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) {
      worker->UpdateListener(now.id, now.listener, with_.drain_time);
    }
  }
  following_ = false;
  if (std::ranges::any_of(changes, [](const Change& change) { return change.warming != nullptr; })) ServeReady();
  if (!changes.empty()) with_.settled();
  return {};
}

bool ListenerSet::WarmsFirst(Running& now, Running& next) {
  const std::string& name = next.config->name;
  if (next.routes == nullptr && next.scopes == nullptr) return false;
  if (!first_needs_.open().empty()) AwaitTables(next, first_needs_);
  auto warming = std::make_unique<Warming>(Warming{.running = {},
                                                   .needs = std::make_unique<Awaited>(with_.timers),
                                                   .tables = std::make_unique<Awaited>(with_.timers),
                                                   .has_needs = true});
  AwaitTables(next, *warming->tables);
  WaitForTables(*warming);
  if (warming->ready()) return false;
  if (warming_.contains(name)) return true;  // that one follows, too; requests would find no route until then
  next.id = now.id;
  next.filters = now.filters;
  next.certificates = now.certificates;
  next.pushed = now.pushed;
  warming->running = std::move(next);
  warming_[name] = std::move(warming);
  return true;
}

void ListenerSet::AwaitTables(const Running& running, Awaited& tables) {
  const auto await = [&tables](const auto& use, absl::string_view what) {
    if (use == nullptr) return;
    use->WhenReady([&tables, what](const std::string& name) { return tables.One(absl::StrCat(what, " \"", name, "\"")); });
  };
  await(running.routes, "route table");
  await(running.scopes, "scoped routes");
}

void ListenerSet::WaitForTables(Warming& warming) {
  warming.tables->Wait(base::Duration::zero(), [this, &warming] {
    warming.has_tables = true;
    if (warming.ready() && !following_) ServeReady();
  });
}

}  // namespace pillion::server
