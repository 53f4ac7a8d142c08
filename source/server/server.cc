#include "source/server/server.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <random>

#include "source/base/process_memory.h"
#include "source/base/version.h"
#include "source/filters/grey/without_context.h"
#include "source/filters/request_context/correlation_sides.h"
#include "source/server/administration.h"
#include "source/server/guard_control.h"
#include "source/server/last_good.h"
#include "source/server/log.h"
#include "source/server/overload_control.h"
#include "source/server/stats_rules.h"

namespace pillion::server {
namespace {

// Connections are descriptors: as many as the system allows.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool HasDrainFlag(const std::string& flags_path) {
  std::error_code ignored;
  return !flags_path.empty() && std::filesystem::exists(flags_path + "/drain", ignored);
}

config::UnknownRule DynamicRule(const Options& options, config::PassedOver& passed_over) {
  config::UnknownRule rule;
  rule.fields = config::UnknownFields::kPassOver;
  rule.passed_over = &passed_over;
  if (options.ignore_unknown_dynamic_fields) rule.fields = config::UnknownFields::kIgnore;
  if (options.reject_unknown_dynamic_fields) rule.fields = config::UnknownFields::kRefuse;
  rule.disabled_extensions.insert(options.disabled_extensions.begin(), options.disabled_extensions.end());
  return rule;
}

uint64_t Seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

std::shared_ptr<const config::Bootstrap> WithoutResources(const config::Bootstrap& bootstrap) {
  const auto rest = std::make_shared<config::Bootstrap>(bootstrap);
  rest->clusters.clear();
  rest->listeners.clear();
  rest->source = nullptr;
  return rest;
}

config::LoadOptions WithRule(config::LoadOptions load, const config::UnknownRule& unknown) {
  load.unknown = unknown;
  return load;
}

}  // namespace

Server::Server(const Options& options, std::shared_ptr<const config::Bootstrap> bootstrap, config::LoadOptions load)
    : options_(options),
      bootstrap_(WithoutResources(*bootstrap)),
      registry_(options.concurrency, stats::Registry::kMaxMetrics, StatsRules(bootstrap_->stats, options)),
      unknown_(DynamicRule(options, passed_over_)),
      runtime_(files_, bootstrap_->runtime_layers, *bootstrap_->runtime_keys),
      log_writer_(registry_, std::chrono::milliseconds(options.file_flush_interval_ms)),
      resources_(bootstrap, WithRule(load, unknown_)),
      configured_(std::move(bootstrap), std::move(load),
                  ConfiguredSet::Surroundings{.options = options_,
                                              .clock = clock_,
                                              .timers = timers_,
                                              .registry = registry_,
                                              .memory = memory_,
                                              .resources = resources_,
                                              .certificates = certificates_,
                                              .clusters = clusters_,
                                              .listeners = listeners_,
                                              .why_not_now = [this] { return WhyNoReload(); },
                                              .cluster_is_free = [this](const std::string& name) {
                                                if (cluster_feed_ != nullptr) cluster_feed_->TakePassedOver(name);
                                              },
                                              .listener_is_free = [this](const std::string& name) {
                                                if (listener_feed_ != nullptr) listener_feed_->TakePassedOver(name);
                                              }}),
      started_(clock_.MonotonicNow()) {}

Server::~Server() { Stop(); }

envoy::config::core::v3::Node Server::OwnNode() const {
  return secrets::NodeOf(configured_.bootstrap(), {base::kVersionParts[0], base::kVersionParts[1], base::kVersionParts[2]});
}

void Server::MakePlanes() {
  std::vector<xds::Journal*> journals = {&memory_};
  if (guard_ != nullptr) journals.push_back(&guard_->guard());
  if (last_good_ != nullptr) journals.push_back(last_good_.get());
  planes_ = std::make_unique<xds::Planes>(xds::Planes::Surroundings{
      .caller = caller_,
      .timers = timers_,
      .clock = clock_,
      .registry = registry_,
      .node = OwnNode(),
      .host_of = [this](const std::string& cluster) { return control_hosts_->Next(cluster); },
      .log = {.warn = [](std::string_view line) { Log("config").warn("{}", line); },
              .info = [](std::string_view line) { Log("config").info("{}", line); },
              .debug = [](std::string_view line) { Log("config").debug("{}", line); }},
      .seed = Seed(),
      .journals = std::move(journals),
      .fallback = last_good_.get(),
      .files = xds::Files{.watcher = files_, .unknown = unknown_},
      .rest = &http_caller_});
  if (guard_ != nullptr) guard_->Attach(*planes_, resources_, FeedSurroundings());
  if (last_good_ != nullptr) last_good_->Attach(*planes_);
  secrets_ = std::make_unique<secrets::Sources>(
      bootstrap_,
      secrets::Sources::Surroundings{.caller = caller_,
                                     .timers = timers_,
                                     .clock = clock_,
                                     .registry = registry_,
                                     .unknown = unknown_,
                                     .planes = *planes_,
                                     .warn = [](std::string_view line) { Log("secret").warn("{}", line); },
                                     .seed = Seed()});
}

push::Feed::Surroundings Server::FeedSurroundings() {
  return {.timers = timers_,
          .clock = clock_,
          .registry = registry_,
          .warn = [](std::string_view line) { Log("config").warn("{}", line); }};
}

WhenSecretsReady Server::AwaitSecrets() {
  return [this](const auto& secrets, std::function<void()> ready) { secrets_->WhenReady(secrets, std::move(ready)); };
}

absl::Status Server::MakeClusters() {
  discovery_ = std::make_unique<Discovery>(io_, Seed(), *planes_, resources_, FeedSurroundings());
  host_health_ = std::make_unique<HostHealth>(io_, clock_, registry_, log_writer_, control_thread_, Seed());
  absl::StatusOr<HostHealth::EventLog> outliers =
      host_health_->OpenLog(bootstrap_->outlier_event_log, "cluster_manager.outlier_detection.event_log_path");
  if (!outliers.ok()) return outliers.status();
  clusters_ = std::make_unique<ClusterSet>(ClusterSet::Surroundings{.registry = registry_,
                                                                    .discovery = *discovery_,
                                                                    .health = *host_health_,
                                                                    .certificates = *certificates_,
                                                                    .secrets = AwaitSecrets(),
                                                                    .timers = timers_,
                                                                    .clock = clock_,
                                                                    .drain_time =
                                                                        std::chrono::seconds(options_.drain_time_s),
                                                                    .workers = workers_},
                                           *std::move(outliers));
  for (const std::shared_ptr<const config::Cluster>& cluster : configured_.bootstrap().clusters) {
    if (absl::Status status = clusters_->AddFirst(cluster); !status.ok()) return status;
  }
  control_hosts_ = std::make_unique<ControlHosts>(*clusters_);
  return absl::OkStatus();
}

absl::Status Server::OpenListeners() {
  const push::RouteTables::Targets tables{
      .clusters = [this](const std::string& name) { return clusters_->IndexOf(name); },
      .when_serving =
          [this](const std::vector<std::string>& clusters, std::function<void()> ready) {
            clusters_->WhenServing(clusters, push::RouteTables::kMostHeld, std::move(ready));
          },
      .publish =
          [this](uint64_t id, const std::shared_ptr<const proxy::Routes>& routes) {
            for (const std::unique_ptr<WorkerThread>& worker : workers_) {
              routes == nullptr ? worker->DropRoutes(id) : worker->SetRoutes(id, routes);
            }
          }};
  route_tables_ = std::make_unique<push::RouteTables>(*planes_, resources_, tables, FeedSurroundings());
  scoped_routes_ = std::make_unique<push::ScopedRoutes>(
      *planes_, resources_, *route_tables_,
      push::ScopedRoutes::Targets{
          .tables = tables,
          .publish =
              [this](uint64_t id, const std::shared_ptr<const proxy::Scopes>& scopes) {
                for (const std::unique_ptr<WorkerThread>& worker : workers_) {
                  scopes == nullptr ? worker->DropScopes(id) : worker->SetScopes(id, scopes);
                }
              }},
      FeedSurroundings());
  filter_configs_ = std::make_unique<push::FilterConfigs>(
      *planes_, resources_, [this] { return listeners_->FollowFilters(); }, FeedSurroundings());
  listeners_ = std::make_unique<ListenerSet>(ListenerSet::Surroundings{
      .registry = registry_,
      .log_writer = log_writer_,
      .timers = timers_,
      .workers = workers_,
      .clusters = [this](const std::string& name) { return clusters_->IndexOf(name); },
      .routes = *route_tables_,
      .scopes = *scoped_routes_,
      .filters = *filter_configs_,
      .certificates = *certificates_,
      .secrets = AwaitSecrets(),
      .drain_time = std::chrono::seconds(options_.drain_time_s),
      .post = [this](std::function<void()> work) { boost::asio::post(io_, std::move(work)); },
      .settled = [this] { CheckContextsSoon(); }});
  for (const std::shared_ptr<const config::Listener>& config : configured_.bootstrap().listeners) {
    if (options_.shares_ports) break;
    if (absl::Status status = listeners_->CheckUnshared(*config); !status.ok()) return status;
  }
  for (const std::shared_ptr<const config::Listener>& config : configured_.bootstrap().listeners) {
    if (absl::Status status = listeners_->AddFirst(config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Server::Start() {
  RaiseDescriptorLimit();
  if (absl::Status status = runtime_.Start(registry_); !status.ok()) return status;
  if (bootstrap_->overload != nullptr) {
    overload_ = std::make_unique<OverloadControl>(bootstrap_->overload, connections_, io_, registry_, workers_);
    if (absl::Status status = overload_->Prepare(); !status.ok()) return status;
  }
  if (bootstrap_->guard != nullptr || bootstrap_->pushed_guard) {
    guard_ = std::make_unique<GuardControl>(*bootstrap_, timers_, clock_, registry_);
  }
  for (uint32_t i = 0; i < options_.concurrency; ++i) {
    workers_.push_back(
        std::make_unique<WorkerThread>(i, clock_, registry_, Seed(), healthcheck_failed_, connections_));
    if (overload_ != nullptr) workers_.back()->context().overload = &overload_->state();
    if (bootstrap_->internal_pipe_bytes) workers_.back()->set_internal_pipe_bytes(*bootstrap_->internal_pipe_bytes);
    if (guard_ != nullptr) workers_.back()->context().traffic = guard_->traffic(i);
  }
  certificates_ = std::make_unique<CertificateRenewal>(files_, timers_, clock_, registry_, [this] { CheckIdentities(); });
  last_good_ = MakeLastGood(*bootstrap_, io_, timers_, clock_, registry_);
  MakePlanes();
  if (absl::Status status = MakeClusters(); !status.ok()) return status;
  // First what only one process can have: a second one with this configuration must not take connections from the first
  // by sharing its ports, only to end then.
  if (bootstrap_->admin.access && bootstrap_->admin.access->tls != nullptr) {
    absl::StatusOr<std::unique_ptr<CertificateRenewal::Watch>> watch = certificates_->Add(
        {ContextOwner::Kind::kAdmin, "admin", stats::Prefix("admin").Add("server_ssl_socket_factory"),
         stats::Prefix("admin").Add("ssl").Add("certificate")},
        {bootstrap_->admin.access->tls});
    if (!watch.ok()) return watch.status();
    admin_certificates_ = *std::move(watch);
  }
  administration_ = std::make_unique<Administration>(*this);
  if (absl::Status status = administration_->Start(); !status.ok()) return status;
  if (absl::Status status = OpenListeners(); !status.ok()) return status;
  RegisterStats();
  MakeWatchdog();
  MakeStatsSinks();
  RollStats();
  if (HasDrainFlag(bootstrap_->flags_path)) {
    Log("main").info("{}/drain is there: not ready until /healthcheck/ok", bootstrap_->flags_path);
    healthcheck_failed_ = true;
  }
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) signals_.add(signal);
  std::signal(SIGPIPE, SIG_IGN);
  WaitForSignal();
  Discover();
  return absl::OkStatus();
}

// Once for all that were renewed together: thousands of clusters may have the same certificate.
void Server::CheckIdentities() {
  if (std::exchange(checks_identities_, true)) return;
  boost::asio::post(io_, [this] {
    checks_identities_ = false;
    for (const std::unique_ptr<WorkerThread>& worker : workers_) {
      worker->CheckIdentities(std::chrono::seconds(options_.drain_time_s));
    }
  });
}

// Connections that came before wait in the sockets' queues.
void Server::GoLive() {
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->Start();
  state_ = State::kLive;
  if (last_good_ != nullptr) last_good_->Start();
  StartLoadReports();
  if (overload_ != nullptr) overload_->Start();
  if (guard_ != nullptr) guard_->guard().Start();
  initialization_ms_->Record(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.MonotonicNow() - started_).count()));
  if (healthcheck_failed_) {
    for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->StartDrain(Listeners::kUnhealthy);
  }
  Log("main").info("live, concurrency {}", options_.concurrency);
  CheckContextsSoon();
  if (std::exchange(reload_when_live_, false)) configured_.ReadAgain();
  if (options_.mode != Options::Mode::kInitOnly) return;
  Log("main").info("--mode init_only: ending");
  boost::asio::post(io_, [this] { Stop(); });
}

void Server::CheckContextsSoon() {
  if (state_ != State::kLive || std::exchange(checks_contexts_, true)) return;
  boost::asio::post(io_, [this] {
    checks_contexts_ = false;
    if (state_ != State::kLive) return;
    filters::request_context::CorrelationSides sides;
    filters::grey_rules::WithoutContext without_context;
    for (const ListenerSet::Serving& each : listeners_->serving()) {
      sides.Add(each.listener->config());
      without_context.Add(each.listener->config());
    }
    const std::string lacking = sides.Lacking();
    if (!lacking.empty() && !says_contexts_lack_) Log("config").info("{}", lacking);
    says_contexts_lack_ = !lacking.empty();
    std::string colours = without_context.Lacking();
    if (!colours.empty() && colours != lacking_contexts_) Log("config").warn("{}", colours);
    lacking_contexts_ = std::move(colours);
  });
}

void Server::Run() {
  watchdog_->Start();
  if (turn_probe_ != nullptr) turn_probe_->Start();
  io_.run();
}

// What is always zero here is there for the dashboards and alerts that ask for it.
void Server::RegisterStats() {
  const auto gauge = [this](std::string_view name, stats::Registry::Callback value) {
    registry_.AddGaugeCallback(name, std::move(value));
  };
  gauge("server.live", [this] { return admin_state() == admin::State::kLive ? 1 : 0; });
  gauge("server.state", [this] { return static_cast<uint64_t>(admin_state()); });
  gauge("server.uptime", [this] { return static_cast<uint64_t>(uptime().count()); });
  gauge("server.concurrency", [this] { return uint64_t{options_.concurrency}; });
  gauge("server.version", [this] { return bootstrap_->shown_version.value_or(base::kVersionNumber); });
  gauge("server.hot_restart_epoch", [] { return uint64_t{0}; });
  gauge("server.parent_connections", [] { return uint64_t{0}; });
  gauge("server.total_connections", [this] { return connections_.load(std::memory_order_relaxed); });
  gauge("server.memory_allocated", [] { return base::ReadHeap().allocated; });
  gauge("server.memory_heap_size", [] { return base::ReadHeap().heap_size; });
  gauge("server.memory_physical_size", [] { return base::ResidentBytes(); });
  gauge("server.days_until_first_cert_expiring", [this] {
    return certificates_ == nullptr ? uint64_t{UINT32_MAX} : certificates_->DaysUntilExpiry();
  });
  gauge("listener_manager.total_listeners_active", [this] { return uint64_t{listeners_->size()}; });
  gauge("listener_manager.total_listeners_draining", [this] { return uint64_t{listeners_->leaving()}; });
  // Chains are replaced on the workers at once, whatever becomes of their connections.
  gauge("listener_manager.total_filter_chains_draining", [] { return uint64_t{0}; });
  gauge("listener_manager.total_listeners_warming", [this] { return uint64_t{listeners_->warming()}; });
  gauge("listener_manager.workers_started", [this] { return uint64_t{state_ == State::kStarting ? 0u : 1u}; });
  gauge("cluster_manager.active_clusters", [this] { return uint64_t{clusters_->size()}; });
  gauge("cluster_manager.warming_clusters", [this] { return uint64_t{clusters_->warming()}; });
  const auto counter = [this](std::string_view name, stats::Registry::Callback value) {
    registry_.AddCounterCallback(name, std::move(value));
  };
  counter("server.dropped_stat_flushes", [this] { return dropped_flushes_; });
  counter("server.dynamic_unknown_fields", [this] { return passed_over_.count(); });
  counter("cluster_manager.cluster_added", [this] { return clusters_->added(); });
  counter("cluster_manager.cluster_modified", [this] { return clusters_->modified(); });
  counter("cluster_manager.cluster_removed", [this] { return clusters_->removed(); });
  counter("cluster_manager.cluster_updated", [this] { return clusters_->updated(); });
  // Each change is told to the workers at once.
  for (const char* name : {"cluster_manager.cluster_updated_via_merge", "cluster_manager.update_merge_cancelled",
                           "cluster_manager.update_out_of_merge_window"}) {
    counter(name, [] { return uint64_t{0}; });
  }
  counter("listener_manager.listener_in_place_updated", [this] { return listeners_->updated_in_place(); });
  counter("listener_manager.listener_stopped", [this] { return listeners_->stopped(); });
  counter("listener_manager.listener_added", [this] { return listeners_->added(); });
  counter("listener_manager.listener_modified", [this] { return listeners_->modified(); });
  counter("listener_manager.listener_removed", [this] { return listeners_->removed(); });
  counter("listener_manager.listener_create_failure", [this] { return listeners_->failed(); });
  // Each worker makes each version.
  counter("listener_manager.listener_create_success",
          [this] { return (listeners_->added() + listeners_->modified()) * workers_.size(); });
  initialization_ms_ = registry_.control().histogram(registry_.AddHistogram("server.initialization_time_ms"));
}

void Server::MakeStatsSinks() {
  stats_sinks_ = std::make_unique<StatsSinks>(
      bootstrap_->stats.sinks,
      StatsSinks::Surroundings{.dialer = line_dialer_,
                               .caller = caller_,
                               .clock = clock_,
                               .node = OwnNode().SerializeAsString(),
                               .host_of = [this](const std::string& name) { return control_hosts_->Next(name); },
                               .warn = [](std::string_view line) { Log("stats").warn("{}", line); }});
}

void Server::RollStats() {
  if (bootstrap_->stats.flush_on_admin) return;
  roll_timer_.expires_after(bootstrap_->stats.flush_interval);
  roll_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    FlushStats();
    RollStats();
  });
}

void Server::FlushStats() {
  registry_.RollInterval();
  // Metrics that were never written are told to nobody, as Envoy has it.
  if (stats_sinks_ == nullptr || stats_sinks_->empty()) return;
  if (!stats_sinks_->Flush(registry_.Read({.used_only = true}))) ++dropped_flushes_;
}

void Server::MakeWatchdog() {
  std::vector<event::Worker*> workers;
  for (const std::unique_ptr<WorkerThread>& worker : workers_) workers.push_back(&worker->worker());
  const auto post = [this](std::function<void()> work) { boost::asio::post(io_, std::move(work)); };
  watchdog_ = std::make_unique<WatchdogThread>(*bootstrap_, clock_, registry_, post, workers, Seed());
  if (!bootstrap_->turn_stats) return;
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->CountTurns(registry_);
  turn_probe_ = std::make_unique<TurnProbe>(timers_, clock_, registry_, post);
}

admin::State Server::admin_state() const {
  if (state_ == State::kStarting) return admin::State::kInitializing;
  return state_ == State::kLive && !healthcheck_failed_ ? admin::State::kLive : admin::State::kDraining;
}

std::chrono::seconds Server::uptime() const {
  return std::chrono::duration_cast<std::chrono::seconds>(clock_.MonotonicNow() - started_);
}

std::string Server::WhyNoReload() const {
  if (state_ == State::kStarting) return "the start is not over";
  if (state_ != State::kLive) return "the process ends";
  return listening_ == Listening::kYes ? "" : "its listeners were closed";
}

void Server::WaitForSignal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    WaitForSignal();
    OnSignal(signal);
  });
}

void Server::OnSignal(int signal) {
  if (signal == SIGHUP) {
    reload_when_live_ = state_ == State::kStarting;
    if (!reload_when_live_) configured_.ReadSoon();
    return;
  }
  if (signal == SIGUSR1) {
    log_writer_.Reopen();
    return;
  }
  if (state_ == State::kLive) {
    Log("main").info("signal {}: draining for at most {} s", signal, options_.drain_time_s);
    Drain();
  } else {
    Log("main").info("signal {}: ending now", signal);
    Stop();
  }
}

void Server::Stop() {
  if (state_ == State::kStopped) return;
  state_ = State::kStopped;
  if (watchdog_ != nullptr) watchdog_->Stop();  // first: what follows waits for others
  if (last_good_ != nullptr) last_good_->Stop();
  secrets_.reset();
  runtime_.Stop();
  load_reports_.reset();
  if (clusters_ != nullptr) clusters_->Stop();
  stats_sinks_.reset();
  if (overload_ != nullptr) overload_->Stop();
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->StopAndJoin();
  workers_.clear();
  administration_.reset();
  if (guard_ != nullptr) guard_->Detach();
  std::optional<xds::Planes::Batch> batch;  // no control plane has to read cluster by cluster what is not wanted any more
  if (planes_ != nullptr) batch.emplace(*planes_);
  clusters_.reset();
  host_health_.reset();
  discovery_.reset();
  listeners_.reset();
  filter_configs_.reset();
  route_tables_.reset();
  batch.reset();
  planes_.reset();
  admin_certificates_.reset();
  io_.stop();
}

}  // namespace pillion::server
