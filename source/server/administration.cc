#include "source/server/administration.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "source/admin/config_dump.h"
#include "source/admin/live_hosts.h"
#include "source/base/version.h"
#include "source/config/dump.h"
#include "source/config/priority.h"
#include "source/explain/explain.h"
#include "source/filters/degradation/state.h"
#include "source/filters/limit/waiting_room.h"
#include "source/filters/request_context/process.h"
#include "source/server/certificates.h"
#include "source/server/guard_control.h"
#include "source/server/last_good.h"
#include "source/server/log.h"
#include "source/server/pushed_view.h"
#include "source/server/server.h"
#include "source/upstream/lanes.h"

namespace pillion::server {
namespace {

config::Address ToConfigAddress(const net::Address& address) {
  if (address.is_internal()) {
    return config::InternalAddress{.listener = std::string(address.internal_listener()),
                                   .endpoint_id = std::string(address.internal_endpoint())};
  }
  if (address.family() == AF_UNIX) return config::UnixPath{.path = address.text(), .mode = {}};
  return config::SocketAddress{
      .ip = address.ip(), .is_ipv6 = address.family() == AF_INET6, .port = address.port(), .ipv4_compat = false};
}

// In the order in which Envoy names them.
std::vector<std::string> FailuresOf(uint32_t flags) {
  constexpr std::pair<upstream::HostFlag, const char*> kNames[] = {
      {upstream::kFailedActiveCheck, "failed_active_hc"},   {upstream::kFailedOutlierCheck, "failed_outlier_check"},
      {upstream::kFailedEds, "failed_eds_health"},          {upstream::kDegradedActiveCheck, "degraded_active_hc"},
      {upstream::kDegradedEds, "degraded_eds_health"},      {upstream::kPendingRemoval, "pending_dynamic_removal"},
      {upstream::kPendingActiveCheck, "pending_active_hc"}, {upstream::kExcludedAtOnce, "excluded_via_immediate_hc_fail"},
      {upstream::kActiveCheckTimeout, "active_hc_timeout"}, {upstream::kDrainingEds, "eds_status_draining"},
  };
  std::vector<std::string> result;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) result.emplace_back(name);
  }
  return result;
}

admin::HostView ViewOf(const upstream::Host& host) {
  using Figures = upstream::HostFigures;
  admin::HostView view;
  view.address = ToConfigAddress(host.address());
  if (const auto& more = host.additional_addresses()) view.additional_addresses = *more;
  view.hostname = host.hostname();
  view.cx_active = host.Sum(Figures::kCxActive);
  view.cx_connect_fail = host.Sum(Figures::kCxConnectFail);
  view.cx_total = host.Sum(Figures::kCxTotal);
  view.rq_active = host.Sum(Figures::kRqActive);
  view.rq_error = host.Sum(Figures::kRqError);
  view.rq_pending_active = host.Sum(Figures::kRqPending);
  view.rq_success = host.Sum(Figures::kRqSuccess);
  view.rq_timeout = host.Sum(Figures::kRqTimeout);
  view.rq_total = host.Sum(Figures::kRqTotal);
  view.failures = FailuresOf(host.flags());
  view.weight = host.weight();
  view.priority = host.priority();
  view.locality = host.locality();
  view.canary = host.canary();
  return view;
}

std::optional<admin::ContextView> ContextsAt(base::MonotonicTime now) {
  namespace contexts = filters::request_context;
  const std::optional<contexts::Active> active = contexts::Active::Read();
  if (!active) return std::nullopt;
  const auto milliseconds = [](base::Duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  admin::ContextView view{.in_flight = active->requests, .with_deadline = active->with_deadline};
  if (const auto& oldest = active->oldest) {
    view.oldest = {.age_ms = milliseconds(now - oldest->began), .time_left_ms = std::nullopt};
    if (oldest->deadline) view.oldest->time_left_ms = milliseconds(*oldest->deadline - now);
  }
  const context::CorrelationTable::Counts counts = contexts::InFlight().Read(now);
  view.correlation = {.size = counts.size,
                      .capacity = counts.capacity,
                      .remembered = counts.remembered,
                      .refused = counts.refused,
                      .forgotten = counts.forgotten,
                      .restored = counts.restored,
                      .partly = counts.partly,
                      .unclear = counts.unclear,
                      .unknown = counts.unknown};
  return view;
}

std::string LeftOf(const limit::Decision& decision) {
  const auto text = [](std::string_view stage, const limit::Figures& figures) {
    return figures.limit == 0 ? std::string() : fmt::format("{} {} of {}", stage, figures.remaining, figures.limit);
  };
  const std::string window = text("window", decision.window), bucket = text("bucket", decision.bucket);
  return window + (window.empty() || bucket.empty() ? "" : ", ") + bucket;
}

std::vector<admin::LimitView::Key> RefusedKeysOf(const filters::limit_rules::State& state, base::MonotonicTime now) {
  std::vector<admin::LimitView::Key> keys;
  for (const limit::RefusedKeys::Row& row : state.refused.Read(now)) {
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(std::max(now - row.last, base::Duration::zero()));
    keys.push_back({.name = row.text.empty() ? fmt::format("#{:08x}", row.key.high >> 32) : row.text,
                    .refused = row.refused - row.error,
                    .seconds = static_cast<uint64_t>(since.count()),
                    .left = LeftOf(state.limit.Ask(row.key, 0, now))});
  }
  std::ranges::stable_sort(keys, std::greater(), &admin::LimitView::Key::refused);
  return keys;
}

std::vector<admin::LimitView> LimitsAt(base::MonotonicTime now) {
  namespace rules = filters::limit_rules;
  std::vector<admin::LimitView> views;
  for (const std::shared_ptr<const rules::State>& state : rules::AllStates()) {
    const limit::KeyedLimit::Counts counts = state->limit.Read();
    views.push_back({.name = state->name,
                     .terms = state->TermsText(),
                     .keys = counts.keys,
                     .capacity = counts.capacity,
                     .expired = counts.expired,
                     .evicted = counts.evicted,
                     .without_room = counts.refused,
                     .waiting = rules::WaitingFor(*state),
                     .refused = RefusedKeysOf(*state, now)});
  }
  return views;
}

// Of a rule with many breakers, those that a person looks for.
constexpr size_t kMostBreakersShown = 1000;

std::vector<admin::BreakersView> BreakersAt(base::MonotonicTime now) {
  namespace rules = filters::degradation_rules;
  const auto milliseconds = [](base::Duration time) {
    return static_cast<uint64_t>(std::max<int64_t>(time / std::chrono::milliseconds(1), 0));
  };
  std::vector<admin::BreakersView> views;
  for (const std::shared_ptr<const rules::State>& state : rules::AllStates()) {
    const degradation::Breakers::Counts counts = state->breakers.Read();
    admin::BreakersView& view = views.emplace_back();
    view.rule = state->name;
    view.terms = state->terms_text;
    view.per = state->per;
    view.count = counts.breakers;
    view.most = state->breakers.most();
    view.no_room = counts.no_room;
    view.forgotten = counts.forgotten;
    state->breakers.ForEach(now, [&](std::string_view key, const degradation::Breaker::View& breaker) {
      view.breakers.push_back({.key = std::string(key),
                               .state = std::string(degradation::NameOf(breaker.state)),
                               .since_ms = milliseconds(now - breaker.since),
                               .retry_after_ms = milliseconds(breaker.retry_after),
                               .calls = breaker.calls.all,
                               .bad = breaker.calls.bad,
                               .opened_by_calls = breaker.opened_by.all,
                               .opened_by_bad = breaker.opened_by.bad,
                               .probes_on_their_way = breaker.probes_on_their_way,
                               .good_probes = breaker.good_probes,
                               .good_windows = breaker.good_windows,
                               .passed = breaker.counts.passed,
                               .refused = breaker.counts.refused,
                               .probes = breaker.counts.probes,
                               .opened = breaker.counts.opened,
                               .late = breaker.counts.late});
    });
    std::ranges::sort(view.breakers, {}, [](const admin::BreakersView::Breaker& breaker) {
      return std::pair<bool, std::string_view>(breaker.state == "closed", breaker.key);
    });
    if (view.breakers.size() > kMostBreakersShown) view.breakers.resize(kMostBreakersShown);
  }
  return views;
}

// `detector` may be null.
admin::ClusterView ViewOf(const upstream::Cluster& cluster, const upstream::OutlierDetector* detector) {
  constexpr auto kExternal = upstream::OutlierMonitor::kExternal;
  constexpr auto kLocal = upstream::OutlierMonitor::kLocal;
  admin::ClusterView view;
  view.name = cluster.config().name;
  view.observability_name = cluster.config().stat_name;
  if (cluster.config().discovery == config::Cluster::Discovery::kEds) view.eds_service_name = cluster.config().service_name;
  view.default_priority = cluster.config().circuit_breaker(config::Priority::kDefault);
  view.high_priority = cluster.config().circuit_breaker(config::Priority::kHigh);
  if (detector != nullptr) {
    view.outlier = {.success_rate_average = detector->rates(kExternal).average,
                    .success_rate_ejection_threshold = detector->rates(kExternal).threshold,
                    .local_origin_success_rate_average = detector->rates(kLocal).average,
                    .local_origin_success_rate_ejection_threshold = detector->rates(kLocal).threshold};
  }
  for (const std::shared_ptr<upstream::Host>& host : cluster.hosts()->hosts) {
    admin::HostView& shown = view.hosts.emplace_back(ViewOf(*host));
    if (const auto& lanes = cluster.config().load_balancing.lanes) shown.lane = upstream::LaneOf(*host, *lanes);
    if (detector == nullptr) continue;
    shown.success_rate = detector->success_rate(*host, kExternal);
    shown.local_origin_success_rate = detector->success_rate(*host, kLocal);
  }
  return view;
}

}  // namespace

Administration::Administration(Server& server)
    : server_(server),
      sources_(MakeSources()),
      endpoints_(sources_, server.registry_),
      granted_(server.bootstrap_->admin.access.value_or(config::DefaultAdminAccess())),
      access_(granted_, server.bootstrap_->admin.access.has_value()) {}

admin::Sources Administration::MakeSources() {
  admin::Sources sources;
  sources.version = std::string("0/") + base::kVersion + "/Clean/RELEASE/none";
  sources.node = server_.bootstrap_->node;
  if (sources.node.user_agent_version.empty() && !sources.node.build_version) {
    sources.node.build_version = {base::kVersionParts[0], base::kVersionParts[1], base::kVersionParts[2]};
  }
  if (const auto node = server_.OwnNode(); node.has_metadata()) {
    sources.node_metadata = config::DumpJson(node.metadata()).value_or("");
    if (sources.node_metadata.ends_with('\n')) sources.node_metadata.pop_back();
  }
  for (const auto& [name, value] : server_.options_.shown) sources.command_line.push_back({name, value});
  sources.state = [this] { return server_.admin_state(); };
  sources.uptime = [this] { return server_.uptime(); };
  sources.clusters = [this] {
    std::vector<admin::ClusterView> views;
    for (const RunningCluster* running : server_.clusters_->All()) {
      views.push_back(ViewOf(*running->cluster, running->watch->detector()));
      views.back().added_via_api = running->pushed;
      views.back().leaving = running->leaving.has_value();
    }
    return views;
  };
  sources.allow_paths = server_.bootstrap_->admin.allow_paths;
  sources.unready = [this] { return UnreadyParts(); };
  sources.listeners = [this] {
    std::vector<admin::ListenerView> views;
    for (const ListenerSet::Bound& listener : server_.listeners_->bound()) {
      views.push_back({listener.name, ToConfigAddress(listener.address), listener.error});
    }
    return views;
  };
  sources.config_dump = [this](const admin::ConfigDumpQuery& query) {
    return admin::DumpConfig(server_.configured_.bootstrap(), server_.configured_.times(), Pushed(query.include_eds), query);
  };
  sources.explain = [this](const auto& parameters, bool json) { return Explain(parameters, json); };
  sources.guard = [this](bool json) {
    const explain::Answer view = server_.guard_ == nullptr ? guard::NoGuard() : server_.guard_->guard().View();
    return json ? view.ToJson() : view.ToText();
  };
  sources.forget_refused = [this] { return server_.guard_ == nullptr ? 0 : server_.guard_->guard().Forget(); };
  sources.last_good = [this]() -> std::optional<admin::LastGoodView> {
    if (server_.last_good_ == nullptr) return std::nullopt;
    return ViewOf(*server_.last_good_, server_.clock_.WallNow());
  };
  sources.context = [this] { return ContextsAt(server_.clock_.MonotonicNow()); };
  sources.breakers = [this] { return BreakersAt(server_.clock_.MonotonicNow()); };
  sources.limits = [this] { return LimitsAt(server_.clock_.MonotonicNow()); };
  sources.certificates = [this] { return server_.certificates_->Views(); };
  sources.reload = [this](const std::string& text, const std::string& name) {
    return text.empty() ? server_.configured_.ReadAgain() : server_.configured_.Replace(text, name);
  };
  sources.fail_healthcheck = [this](bool fail) { server_.FailHealthcheck(fail); };
  if (server_.bootstrap_->stats.flush_on_admin) sources.flush_stats = [this] { server_.FlushStats(); };
  sources.runtime = [this] { return server_.runtime_.View(); };
  sources.modify_runtime = [this](const auto& changes) { return server_.runtime_.Modify(changes); };
  sources.drain_listeners = [this](const admin::DrainQuery& query) { return server_.DrainListeners(query); };
  // Not from within a call of the admin server, which goes with the rest.
  sources.quit = [this] { boost::asio::post(server_.io_, [this] { server_.Stop(); }); };
  sources.reopen_logs = [this] { server_.log_writer_.Reopen(); };
  sources.log_levels = LogLevels;
  sources.set_log_level = SetLogLevel;
  return sources;
}

std::vector<admin::UnreadyView> Administration::UnreadyParts() const {
  using Kind = admin::UnreadyView::Kind;
  std::vector<admin::UnreadyView> all;
  if (server_.state_ == Server::State::kStarting) {
    std::vector<std::string> targets;
    for (const config::RemoteSecret* const secret : server_.secrets_->awaited()) targets.push_back(SecretText(*secret));
    for (const std::string& layer : server_.runtime_.awaited()) targets.push_back("runtime layer " + layer + " (RTDS)");
    const push::Feed* const clusters = server_.cluster_feed_.get();
    if (clusters != nullptr && clusters->waiting()) targets.emplace_back("clusters of the control plane (CDS)");
    const push::Feed* const listeners = server_.listener_feed_.get();
    if (listeners != nullptr && listeners->waiting()) targets.emplace_back("listeners of the control plane (LDS)");
    for (std::string& need : server_.listeners_->first_needs()) targets.push_back(std::move(need));
    if (!targets.empty()) all.push_back({Kind::kServer, "", std::move(targets)});
  }
  for (Unready& cluster : server_.clusters_->unready()) {
    all.push_back({Kind::kCluster, std::move(cluster.name), std::move(cluster.targets)});
  }
  for (Unready& listener : server_.listeners_->unready()) {
    all.push_back({Kind::kListener, std::move(listener.name), std::move(listener.targets)});
  }
  return all;
}

// What came of hosts; and the hosts of pushed clusters of which nothing did, or nothing is left: they are used all the same.
std::vector<admin::PushedResource> Administration::PushedHosts() const {
  std::vector<admin::PushedResource> all = PushedEndpoints(*server_.planes_);
  std::set<std::string> names;
  for (const admin::PushedResource& one : all) names.insert(one.name);
  for (const RunningCluster* running : server_.clusters_->All()) {
    if (!running->pushed) continue;
    const admin::ClusterView view = ViewOf(*running->cluster, nullptr);
    const std::string& name = admin::AssignmentName(view);
    if (!names.insert(name).second) continue;
    all.push_back({.name = name,
                   .body = std::make_shared<const google::protobuf::Any>(admin::LiveHosts(view)),
                   .came = false});
  }
  return all;
}

admin::Pushed Administration::Pushed(bool with_hosts) const {
  const auto version = [](const push::Feed* feed) {
    return feed == nullptr || feed->protocol() == nullptr ? std::string() : feed->protocol()->version();
  };
  return {.clusters_version = version(server_.cluster_feed_.get()),
          .listeners_version = version(server_.listener_feed_.get()),
          .clusters = PushedOf(server_.cluster_feed_.get(),
                               [this](const std::string& name) { return server_.clusters_->IsWarming(name); }),
          .listeners = PushedOf(server_.listener_feed_.get(),
                                [this](const std::string& name) { return server_.listeners_->IsWarming(name); }),
          .routes = PushedOf(*server_.route_tables_),
          .scopes = PushedOf(*server_.scoped_routes_),
          .endpoints = with_hosts ? PushedHosts() : std::vector<admin::PushedResource>(),
          .filters = PushedOf(*server_.filter_configs_),
          .filters_come = !server_.filter_configs_->all().empty()};
}

absl::StatusOr<std::string> Administration::Explain(const explain::Parameters& parameters, bool json) const {
  const absl::StatusOr<explain::Question> question = explain::ParseQuestion(parameters);
  if (!question.ok()) return question.status();
  explain::Running running;
  running.now = server_.clock_.WallNow();
  for (const ListenerSet::Serving& each : server_.listeners_->serving()) {
    running.listeners.push_back({each.listener, each.addresses});
  }
  running.routes = [this](const proxy::ConnectionManager& manager) -> std::shared_ptr<const proxy::Routes> {
    if (manager.routes() != nullptr) return manager.routes();
    const std::optional<push::RouteTables::View> table = server_.route_tables_->Find(manager.routes_id());
    return table ? table->routes : nullptr;
  };
  running.scopes = [this](const proxy::ConnectionManager& manager) {
    return manager.scopes() != nullptr ? manager.scopes() : server_.scoped_routes_->Find(manager.scopes_id());
  };
  running.routes_of_scope = [this](uint64_t id) -> std::shared_ptr<const proxy::Routes> {
    const std::optional<push::RouteTables::View> table = server_.route_tables_->Find(id);
    return table ? table->routes : server_.scoped_routes_->FindRoutes(id);
  };
  running.next_routes = [this](const proxy::ConnectionManager& manager) -> std::string {
    if (manager.routes() != nullptr) return "";
    const std::optional<push::RouteTables::View> table = server_.route_tables_->Find(manager.routes_id());
    if (!table || table->held == nullptr) return "";
    return absl::StrCat("version ", table->held->version,
                        " has come; it serves when its new clusters have hosts, or in a moment");
  };
  for (Unready& each : server_.listeners_->unready()) running.warming.emplace(std::move(each.name), std::move(each.targets));
  running.cluster = [this](std::string_view name) -> const upstream::Cluster* {
    const RunningCluster* const found = server_.clusters_->Find(name);
    return found == nullptr ? nullptr : found->cluster.get();
  };
  for (Unready& each : server_.clusters_->unready()) {
    running.warming_clusters.emplace(std::move(each.name), std::move(each.targets));
  }
  const absl::StatusOr<explain::Answer> answer = explain::Explain(*question, running);
  if (!answer.ok()) return answer.status();
  return json ? answer->ToJson() : answer->ToText();
}

absl::Status Administration::Start() {
  const config::Admin& config = server_.bootstrap_->admin;
  if (!config.address) return absl::OkStatus();
  std::vector<std::unique_ptr<telemetry::AccessLog>> logs;
  std::vector<std::string> errors;
  for (const config::AccessLog& log : config.access_logs) {
    logs.push_back(telemetry::AccessLog::Create(log, server_.log_writer_, errors));
  }
  if (!errors.empty()) return absl::InvalidArgumentError("admin.access_log: " + errors.front());
  if (absl::Status status = WatchTokens(); !status.ok()) return status;
  http_ = std::make_unique<admin::Server>(server_.io_, endpoints_, access_, server_.registry_, std::move(logs),
                                          [](const std::string& text) { Log("admin").warn("{}", text); });
  if (absl::Status status = http_->Listen(*config.address); !status.ok()) return status;
  const std::string address = config::AddressText(http_->local_address());
  Log("admin").info("admin on {}", address);
  WarnOfOpenDoors();
  const std::string& path = server_.options_.admin_address_path;
  if (path.empty()) return absl::OkStatus();
  std::ofstream file(path, std::ios::trunc);
  file << address << std::flush;
  if (file.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("--admin-address-path ", path, ": cannot be written"));
}

// In Kubernetes' volumes what is replaced is a link beside the file.
absl::Status Administration::WatchTokens() {
  if (absl::Status status = access_.ReadTokens(); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("admin: ", status.message()));
  }
  for (const std::string& path : access_.token_files()) {
    const std::string directory = std::filesystem::path(path).parent_path();
    absl::StatusOr<std::unique_ptr<event::FileWatch>> watch =
        server_.files_.WatchDirectory(directory.empty() ? "." : directory, [this] {
          // Who takes a token away must not be held up by what he puts in its place.
          const absl::Status status = access_.ReadTokens();
          if (!status.ok()) Log("admin").warn("{}; nobody is let in by it", std::string(status.message()));
        });
    if (!watch.ok()) return watch.status();
    watches_.push_back(*std::move(watch));
  }
  return absl::OkStatus();
}

void Administration::WarnOfOpenDoors() const {
  const config::Address address = http_->local_address();
  if (admin::IsLocal(address)) return;
  if (!access_.configured()) {
    Log("admin").warn("{} is not of this machine alone: who comes from elsewhere gets /ready and /stats and no more; "
                      "pillion.admin.v1.AdminAccess in bootstrap_extensions can grant roles",
                      config::AddressText(address));
  } else if (access_.tls() == nullptr && !access_.token_files().empty()) {
    Log("admin").warn("tokens come to {} in clear: AdminAccess has no tls", config::AddressText(address));
  }
}

}  // namespace pillion::server
