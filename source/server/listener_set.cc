#include "source/server/listener_set.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "source/net/connect_options.h"
#include "source/server/listener_addresses.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

// For handshakes that have begun, when no new ones may.
constexpr base::Duration kHandshakes = std::chrono::milliseconds(100);

// Those in use: of chains that did not change they are the former version's.
Contexts ContextsOf(const proxy::Listener& listener) {
  Contexts contexts;
  for (const std::shared_ptr<const proxy::FilterChain>& chain : listener.chains()) {
    if (chain->config().tls != nullptr) contexts.push_back(chain->config().tls->context);
  }
  return contexts;
}

absl::Status In(const config::Listener& listener, absl::string_view trouble) {
  return absl::UnavailableError(absl::StrCat("listener \"", listener.name, "\": ", trouble));
}

const config::OriginalSrc* SourceFilter(const config::Listener& listener) {
  for (const config::ListenerFilter& filter : listener.listener_filters) {
    if (const auto* source = std::get_if<config::OriginalSrc>(&filter.filter)) return source;
  }
  return nullptr;
}

// It is taken all the same: clients that have no address of a host's family do without the privilege.
void WarnOfSource(const config::Listener& listener, const proxy::Listener* before) {
  const config::OriginalSrc* const source = SourceFilter(listener);
  if (source == nullptr) return;
  const config::OriginalSrc* const former = before == nullptr ? nullptr : SourceFilter(before->config());
  if (former != nullptr && former->mark == source->mark) return;
  const int error = net::ForeignSourceError(source->mark);
  if (error == 0) return;
  Log("main").warn("listener \"{}\": original_src: connections to hosts can't come from the addresses of clients, and fail: "
                   "{}; expected the capability CAP_NET_ADMIN", listener.name, std::strerror(error));
}

void AwaitFilters(push::FilterConfigs::Use& filters, Awaited& needs) {
  filters.WhenReady([&needs](const std::string& name) {
    return needs.One(absl::StrCat("filter configuration \"", name, "\""));
  });
}

}  // namespace

ListenerSet::ListenerSet(Surroundings surroundings)
    : with_(std::move(surroundings)),
      retired_(with_.timers),
      first_needs_(with_.timers),
      listen_retry_(with_.timers, [](std::string_view line) { Log("main").info("{}", line); }) {}

// Who waits for something is not told that it ends with the others.
ListenerSet::~ListenerSet() {
  for (auto& [name, warming] : warming_) {
    warming->needs.reset();
    warming->tables.reset();
  }
}

absl::StatusOr<ListenerSet::Running> ListenerSet::Make(const std::shared_ptr<const config::Listener>& config) {
  Running running{.config = config};
  running.filters = with_.filters.For(config);  // others may follow what a file has
  if (running.filters != nullptr) {
    push::FilterConfigs::Completed completed = running.filters->Complete();
    if (!completed.errors.empty()) return In(*config, absl::StrJoin(completed.errors, "; "));
    running.config = std::move(completed.listener);
  }
  const auto found = serving_.find(config->name);
  const proxy::Listener* const before =
      found != serving_.end() && SameShards(*found->second.config, *config) ? found->second.listener.get() : nullptr;
  if (absl::Status status = Fill(running, before); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<CertificateRenewal::Watch>> certificates =
      with_.certificates.Add(OwnerOf(*config), ContextsOf(*running.listener));
  if (!certificates.ok()) return In(*config, certificates.status().message());
  running.certificates = *std::move(certificates);
  if (before != nullptr) {
    running.id = found->second.id;
    return running;
  }
  running.id = ++last_id_;
  if (found != serving_.end() && SameSockets(*found->second.config, *config)) return running;
  if (absl::Status status = Open(running); !status.ok()) return status;
  return running;
}

absl::Status ListenerSet::Fill(Running& running, const proxy::Listener* before) {
  const std::shared_ptr<const config::Listener>& config = running.config;
  running.routes = with_.routes.For(config);
  running.scopes = with_.scopes.For(config);
  std::vector<std::string> errors = with_.routes.Check(*config);
  std::ranges::move(with_.scopes.Check(*config), std::back_inserter(errors));
  const proxy::OpenLogs open_logs = [&](const std::vector<config::AccessLog>& configured) {
    proxy::AccessLogs logs;
    for (const config::AccessLog& log : configured) {
      logs.push_back(telemetry::AccessLog::Create(log, with_.log_writer, errors));
    }
    return logs;
  };
  const proxy::References references{
      .clusters = with_.clusters,
      .routes = [this](const config::RouteSource& source) { return with_.routes.IdOf(source); },
      .scopes = [this](const config::ScopedRoutes& scoped) { return with_.scopes.IdOf(scoped); }};
  running.listener = std::make_shared<const proxy::Listener>(config, references, with_.registry, open_logs, before);
  if (!errors.empty()) return In(*config, absl::StrJoin(errors, "; "));
  WarnOfSource(*config, before);
  return absl::OkStatus();
}

// Two listeners of one address would share what comes to it.
absl::Status ListenerSet::CheckAddresses(const config::Listener& config, const std::set<std::string>& leaving,
                                         const Next& next) const {
  const auto check = [&config](const config::Listener& other) -> absl::Status {
    const config::Address* const shared = SharedAddress(config, other);
    if (shared == nullptr) return absl::OkStatus();
    const std::string text = config::AddressText(*shared);
    return In(config, absl::StrCat("its address ", text, " is that of listener \"", other.name, "\""));
  };
  for (const auto& [name, other] : serving_) {
    if (next.contains(name) || warming_.contains(name) || leaving.contains(name)) continue;  // it is about to be as that one
    if (absl::Status status = check(*other.config); !status.ok()) return status;
  }
  for (const auto& [name, other] : warming_) {
    if (next.contains(name) || leaving.contains(name)) continue;
    if (absl::Status status = check(*other->running.config); !status.ok()) return status;
  }
  for (const auto& [name, other] : next) {
    if (other == nullptr) continue;
    if (absl::Status status = check(*other); !status.ok()) return status;
  }
  return absl::OkStatus();
}

const config::Listener* ListenerSet::FormerOwner(const config::Listener& config,
                                                 const std::set<std::string>& going) const {
  for (const auto& [name, other] : serving_) {
    if (!warming_.contains(name) || going.contains(name) || other.closed) continue;
    if (SharedAddress(config, *other.config) != nullptr) return other.config.get();
  }
  return nullptr;
}

absl::Status ListenerSet::Open(Running& running) const {
  const config::Listener& config = *running.config;
  running.of_workers.resize(with_.workers.size());
  for (const config::Address& at : AddressesOf(config)) {
    absl::StatusOr<net::Address> address = ToNetAddress(at);
    if (!address.ok()) return In(config, address.status().message());
    const bool per_worker = config.enable_reuse_port && address->family() != AF_UNIX;
    const net::ListenOptions options = ListenOptionsOf(config, at, per_worker);
    // One socket for each worker where the kernel spreads connections over them; else one that all accept from.
    for (size_t i = 0; config.bind_to_port && i < (per_worker ? with_.workers.size() : 1); ++i) {
      absl::StatusOr<std::unique_ptr<net::ListenSocket>> socket = net::ListenSocket::Open(*address, options);
      if (!socket.ok()) return In(config, socket.status().message());
      address = (*socket)->address();  // the port that the kernel chose holds for all
      for (size_t w = 0; w < with_.workers.size(); ++w) {
        if (!per_worker || w == i) running.of_workers[w].push_back(socket->get());
      }
      running.sockets.push_back(*std::move(socket));
    }
    running.addresses.push_back({*address, options.ipv4_compat});
  }
  return absl::OkStatus();
}

void ListenerSet::Begin(const Running& running) {
  std::string error;  // the last one: of all workers it is the same
  for (const std::shared_ptr<net::ListenSocket>& socket : running.sockets) {
    const absl::Status status = socket->Listen();
    if (status.ok()) continue;
    error = std::string(In(*running.config, status.message()).message());
    listen_retry_.Add(running.config->name, socket, status);
  }
  if (!error.empty()) {
    ++failed_;
    Log("main").warn("{}; tried again each second", error);
  }
  for (size_t w = 0; w < with_.workers.size(); ++w) {
    with_.workers[w]->AddListener(running.id, running.listener, running.of_workers[w], running.addresses);
  }
}

absl::Status ListenerSet::CheckUnshared(const config::Listener& config) const {
  if (!config.bind_to_port || !config.enable_reuse_port) return absl::OkStatus();  // the system refuses it
  for (const config::Address& at : AddressesOf(config)) {
    const absl::StatusOr<net::Address> address = ToNetAddress(at);
    if (!address.ok()) return In(config, address.status().message());
    const absl::Status status = net::ListenSocket::CheckUnshared(*address, ListenOptionsOf(config, at, true));
    if (!status.ok()) {
      return In(config, absl::StrCat(status.message(), "; with --disable-hot-restart, or a --base-id, they would share it"));
    }
  }
  return absl::OkStatus();
}

absl::Status ListenerSet::AddFirst(const std::shared_ptr<const config::Listener>& config) {
  absl::StatusOr<Running> running = Make(config);
  if (!running.ok()) return running.status();
  running->pushed = false;
  for (const std::shared_ptr<net::ListenSocket>& socket : running->sockets) {
    if (absl::Status status = socket->Listen(); !status.ok()) return In(*config, status.message());
  }
  Serve(*std::move(running));
  return absl::OkStatus();
}

void ListenerSet::WhenFirstReady(std::function<void()> ready) {
  for (const auto& [name, running] : serving_) {
    AwaitTables(running, first_needs_);
    if (running.filters != nullptr) AwaitFilters(*running.filters, first_needs_);
  }
  first_needs_.Wait(base::Duration::zero(), std::move(ready));
}

std::vector<absl::Status> ListenerSet::SetAll(const Configs& configs, Origin origin, const Also& also,
                                              const std::set<std::string>& leaving) {
  std::vector<absl::Status> outcome(configs.size());
  if (closed_) {
    for (const auto& config : configs) Log("main").info("listener {} is passed over: none begins any more", config->name);
    return outcome;
  }
  std::vector<std::optional<Running>> made(configs.size());
  std::set<std::string> free = to_remove_;
  free.insert(leaving.begin(), leaving.end());
  while (!MakeAll(configs, free, outcome, made)) free = to_remove_;
  to_remove_ = std::move(free);
  for (size_t i = 0; i < configs.size(); ++i) {
    if (!outcome[i].ok()) continue;
    to_remove_.erase(configs[i]->name);
    made[i]->pushed = origin == Origin::kPushed;
    // Another one that was warming is not wanted any more.
    warming_[configs[i]->name] = std::make_unique<Warming>(
        Warming{.running = *std::move(made[i]),
                .needs = std::make_unique<Awaited>(with_.timers),
                .tables = std::make_unique<Awaited>(with_.timers)});
  }
  for (size_t i = 0; i < configs.size(); ++i) {
    const auto found = warming_.find(configs[i]->name);
    if (!outcome[i].ok() || found == warming_.end()) continue;
    Warming& now = *found->second;
    AwaitTables(now.running, *now.tables);
    Await(now.running, *now.needs);
    if (also) also(now.needs->One("clusters that come with it"));
    WaitForTables(now);
    now.needs->Wait(base::Duration::zero(), [this, &now] {
      if (!SecretsOf(ContextsOf(*now.running.listener)).empty()) with_.certificates.RenewDue();
      now.has_needs = true;
      if (now.ready()) ServeReady();
    });
  }
  return outcome;
}

// One that is refused stays where it is, and so may be in the way of another one, which is refused then as well.
bool ListenerSet::MakeAll(const Configs& configs, const std::set<std::string>& leaving,
                          std::vector<absl::Status>& outcome, std::vector<std::optional<Running>>& made) {
  Next next;
  for (size_t i = 0; i < configs.size(); ++i) {
    if (outcome[i].ok()) next.emplace(configs[i]->name, nullptr);
  }
  bool settled = true;
  for (size_t i = 0; i < configs.size(); ++i) {
    if (!outcome[i].ok()) continue;
    outcome[i] = CheckAddresses(*configs[i], leaving, next);
    if (outcome[i].ok() && !made[i]) {
      absl::StatusOr<Running> running = Make(configs[i]);
      outcome[i] = running.status();
      if (running.ok()) made[i] = *std::move(running);
    }
    if (outcome[i].ok()) {
      next[configs[i]->name] = configs[i].get();
      continue;
    }
    ++failed_;
    made[i].reset();
    next.erase(configs[i]->name);
    settled = false;
  }
  return settled;
}

void ListenerSet::ServeReady() {
  std::set<std::string> going;
  for (const auto& [name, warming] : warming_) {
    if (warming->ready()) going.insert(name);
  }
  // Those that wait for one another only go together.
  while (std::erase_if(going, [&](const std::string& name) {
           return FormerOwner(*warming_.at(name)->running.config, going) != nullptr;
         }) > 0) {
  }
  std::vector<std::unique_ptr<Warming>> done;
  for (const std::string& name : going) done.push_back(std::move(warming_.extract(name).mapped()));
  for (const std::unique_ptr<Warming>& one : done) {
    if (!closed_) Serve(std::move(one->running));
  }
  TellWarm();
}

void ListenerSet::Await(const Running& running, Awaited& needs) {
  if (running.filters != nullptr) AwaitFilters(*running.filters, needs);
  for (const std::shared_ptr<config::RemoteSecret>& secret : SecretsOf(ContextsOf(*running.listener))) {
    with_.secrets({secret}, needs.One(SecretText(*secret)));
  }
}

std::vector<Unready> ListenerSet::unready() const {
  std::vector<Unready> all;
  for (const auto& [name, warming] : warming_) {
    Unready& one = all.emplace_back(Unready{name, warming->tables->open()});
    std::ranges::move(warming->needs->open(), std::back_inserter(one.targets));
    if (!warming->ready()) continue;
    const config::Listener* const owner = FormerOwner(*warming->running.config, {});
    if (owner != nullptr) one.targets.push_back(absl::StrCat("an address of listener \"", owner->name, "\""));
  }
  for (Unready& deaf : listen_retry_.unready()) all.push_back(std::move(deaf));
  return all;
}

void ListenerSet::WhenWarm(std::function<void()> warm) {
  if (warming_.empty()) return warm();
  when_warm_.push_back(std::move(warm));
}

void ListenerSet::TellWarm() {
  if (!warming_.empty()) return;
  for (const std::function<void()>& warm : std::exchange(when_warm_, {})) warm();
  with_.settled();
}

bool ListenerSet::Has(const std::string& name, Origin origin) const {
  const bool pushed = origin == Origin::kPushed;
  const auto serving = serving_.find(name);
  const auto warming = warming_.find(name);
  return (serving != serving_.end() && serving->second.pushed == pushed) ||
         (warming != warming_.end() && warming->second->running.pushed == pushed);
}

void ListenerSet::Serve(Running running) {
  for (const std::string& other : std::set(to_remove_)) {
    const auto leaving = serving_.find(other);
    if (leaving != serving_.end() && SharedAddress(*running.config, *leaving->second.config) != nullptr) Remove(other);
  }
  const std::string& name = running.config->name;
  const auto found = serving_.find(name);
  if (found != serving_.end() && found->second.id == running.id) {
    // It is updated on the workers.
    running.sockets = std::move(found->second.sockets);
    running.of_workers = std::move(found->second.of_workers);
    running.addresses = std::move(found->second.addresses);
    running.closed = found->second.closed;
    Retire(found->second.listener);
    found->second = std::move(running);
    ++modified_;
    ++updated_in_place_;
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) {
      worker->UpdateListener(found->second.id, found->second.listener, with_.drain_time);
    }
    return;
  }
  if (found != serving_.end() && SameSockets(*found->second.config, *running.config)) {
    if (found->second.closed) return;  // it only ends
    // Each worker leaves the one and begins the other in one step, so that no connection comes between.
    running.sockets = found->second.sockets;
    running.of_workers = found->second.of_workers;
    running.addresses = found->second.addresses;
    // No queue holds what comes for an internal one between two steps, and the name is the later one's.
    if (running.config->internal) Begin(running);
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) {
      worker->RemoveListener(found->second.id, with_.drain_time, [] {}, [] {});
    }
    if (!running.config->internal) Begin(running);
    Retire(found->second.listener);
    found->second = std::move(running);
    ++modified_;
    return;
  }
  for (const ListenAddress& at : running.addresses) {
    Log("main").info("listener {} {} {}", name, running.config->bind_to_port ? "on" : "for", at.address.text());
  }
  Begin(running);
  if (found == serving_.end()) {
    ++added_;
    order_.push_back(name);
    serving_.emplace(name, std::move(running));
    return;
  }
  ++modified_;
  Depart(std::exchange(found->second, std::move(running)));
}

void ListenerSet::Remove(const std::string& removed) {
  const std::string name = removed;  // which may be that of what goes
  to_remove_.erase(name);
  warming_.erase(name);
  const auto found = serving_.find(name);
  if (found == serving_.end()) return ServeReady();
  ++removed_;
  std::erase(order_, name);
  Log("main").info("listener {} is gone; its connections end within {} s", name,
                   std::chrono::duration_cast<std::chrono::seconds>(with_.drain_time).count());
  Depart(std::move(found->second));
  serving_.erase(found);
  ServeReady();
}

void ListenerSet::Depart(Running running) {
  ++leaving_;
  Retire(running.listener);
  const auto left = std::make_shared<size_t>(with_.workers.size());
  const auto gone = [this, left] {
    with_.post([this, left] {
      if (--*left == 0) --leaving_;
    });
  };
  CloseSockets(
      std::move(running.sockets),
      [id = running.id, drain_time = with_.drain_time, gone](WorkerThread& worker, std::function<void()> stopped) {
        worker.RemoveListener(id, drain_time, std::move(stopped), gone);
      },
      [] {});
}

void ListenerSet::CloseSockets(std::vector<std::shared_ptr<net::ListenSocket>> sockets, const Stop& stop,
                               std::function<void()> closed) {
  for (const std::shared_ptr<net::ListenSocket>& socket : sockets) socket->RefuseNew();
  const std::shared_ptr<event::ControlTimer> timer = with_.timers.New();
  timer->Set(kHandshakes, [this, timer, sockets = std::move(sockets), stop, closed = std::move(closed)] {
    const auto left = std::make_shared<size_t>(with_.workers.size());
    const auto done = std::make_shared<std::function<void()>>([sockets, closed] { closed(); });  // they close behind it
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) {
      stop(*worker, [this, left, done] {
        with_.post([left, done] {
          if (--*left == 0) (*done)();
        });
      });
    }
  });
}

void ListenerSet::Close(Listeners which, std::function<void()> closed) {
  std::vector<std::shared_ptr<net::ListenSocket>> sockets;
  for (auto& [name, running] : serving_) {
    if (which == Listeners::kInbound && running.config->direction != config::TrafficDirection::kInbound) continue;
    sockets.insert(sockets.end(), running.sockets.begin(), running.sockets.end());
    running.sockets.clear();
    if (!std::exchange(running.closed, true)) ++stopped_;
  }
  closed_ = closed_ || which == Listeners::kAll;
  CloseSockets(
      std::move(sockets),
      [which](WorkerThread& worker, std::function<void()> stopped) { worker.StopAccepting(which, std::move(stopped)); },
      std::move(closed));
}

std::vector<ListenerSet::Bound> ListenerSet::bound() const {
  std::vector<Bound> all;
  for (const std::string& name : order_) {
    for (const ListenAddress& at : serving_.at(name).addresses) {
      all.push_back({name, at.address, listen_retry_.WhyNot(name, at.address)});
    }
  }
  return all;
}

std::vector<ListenerSet::Serving> ListenerSet::serving() const {
  std::vector<Serving> all;
  for (const std::string& name : order_) {
    const Running& running = serving_.at(name);
    Serving& serving = all.emplace_back(Serving{.listener = running.listener, .addresses = {}});
    for (const ListenAddress& at : running.addresses) serving.addresses.push_back(at.address);
  }
  return all;
}

void ListenerSet::Retire(const std::shared_ptr<const proxy::Listener>& listener) {
  for (const std::shared_ptr<const proxy::FilterChain>& chain : listener->chains()) retired_.Add(chain);
  retired_.Add(listener);
}

}  // namespace pillion::server
