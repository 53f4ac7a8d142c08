#include "source/proxy/listener.h"

#include <algorithm>

#include "source/config/describe_listener.h"
#include "source/config/tls.h"
#include "source/listener/chain_choice.h"
#include "source/overload/state.h"
#include "source/tls/standing.h"

namespace pillion::proxy {

Listener::Listener(std::shared_ptr<const config::Listener> config, const References& references, stats::Registry& registry,
                   const OpenLogs& open_logs, const Listener* before)
    : config_(std::move(config)),
      stat_ids_(registry, config_->stat_prefix),
      logs_(open_logs(config_->access_logs)),
      all_(before == nullptr ? std::make_shared<OfAllVersions>() : before->all_) {
  for (uint32_t i = 0; i < registry.workers(); ++i) worker_stat_ids_.emplace_back(registry, config_->stat_prefix, i);
  for (const config::ListenerFilter& filter : config_->listener_filters) filter_stat_ids_.emplace_back(registry, filter);
  const std::shared_ptr<const config::Listener>& given = config_->given == nullptr ? config_ : config_->given;
  for (size_t i = 0; i < config_->filter_chains.size(); ++i) {
    const config::FilterChain& chain = config_->filter_chains[i];
    if (before != nullptr && chain.digest != 0) {
      const auto same = std::ranges::find(before->chains_, chain.digest,
                                          [](const auto& each) { return each->config().digest; });
      if (same != before->chains_.end()) {
        chains_.push_back(*same);
        continue;
      }
    }
    chains_.push_back(std::make_shared<const FilterChain>(given, config_->filter_chains.Share(i), references, registry,
                                                          open_logs(chain.access_logs()),
                                                          before == nullptr ? nullptr : before->FormerOf(chain)));
  }
}

const FilterChain* Listener::FormerOf(const config::FilterChain& chain) const {
  const auto former = std::ranges::find_if(chains_, [&](const auto& each) { return each->config().IsGivenAs(chain); });
  return former == chains_.end() ? nullptr : former->get();
}

ListenerShard::ListenerShard(std::shared_ptr<const Listener> listener, WorkerContext& context, stats::Shard& shard)
    : listener_(std::move(listener)),
      context_(context),
      shard_(shard),
      stats_(listener_->stat_ids(), shard),
      own_total_(*shard.counter(listener_->stat_ids_of(context.worker.index()).downstream_cx_total)),
      own_active_(*shard.gauge(listener_->stat_ids_of(context.worker.index()).downstream_cx_active)),
      // What leads to an internal one was counted where it came in.
      counted_(context.connections != nullptr && !listener_->config().internal),
      check_(this, [](void* self) { static_cast<ListenerShard*>(self)->CheckSome(); }),
      end_timer_(this, [](void* self) { static_cast<ListenerShard*>(self)->EndThose(); }) {
  Configure();
}

void ListenerShard::Configure() {
  only_chain_ = config().chain_tree == nullptr ? config().chain_matcher.constant() : std::nullopt;
  overload_ = config().bypasses_overload ? nullptr : context_.overload;
  struct Filters {
    std::shared_ptr<const Listener> listener;  // whose configuration they refer to
    std::vector<listener::FilterShard> all;
  };
  const auto filters = std::make_shared<Filters>(Filters{.listener = listener_});
  for (size_t i = 0; i < listener_->filter_stat_ids().size(); ++i) {
    filters->all.push_back(
        {config().listener_filters[i], listener::FilterStats(listener_->filter_stat_ids()[i], shard_)});
  }
  filters_ = std::shared_ptr<std::vector<listener::FilterShard>>(filters, &filters->all);
  filters_missing_ = std::ranges::any_of(config().listener_filters, [](const config::ListenerFilter& filter) {
    return std::holds_alternative<config::MissingFilter>(filter.filter);
  });
  const std::vector<event::Kept<FilterChainShard>> before = std::exchange(chains_, {});
  for (const std::shared_ptr<const FilterChain>& chain : listener_->chains()) {
    const auto same = std::ranges::find(before, chain, [](const auto& each) { return each->shared_chain(); });
    chains_.push_back(same != before.end() ? *same
                                           : event::Kept(new FilterChainShard(chain, context_, shard_)));
  }
}

namespace {

// What has come for network filters is for connections that begin with it; only requests follow what comes for theirs.
// `next` is what a connection would get now that has `own`.
bool Keeps(const config::FilterChain& next, const config::FilterChain& own) {
  const size_t end = own.filters.size();
  return next.IsGivenAs(own) && (next.came(end) != own.came(end) ||
                                 !std::holds_alternative<config::HttpConnectionManager>(own.terminal));
}

}  // namespace

void ListenerShard::Update(std::shared_ptr<const Listener> next, base::Duration drain_time) {
  const std::shared_ptr<const Listener> before = std::exchange(listener_, std::move(next));  // others may look at it still
  Configure();
  drain_time_ = drain_time;
  connections_.ForEach([this](ListenerConnection& connection) {
    const std::optional<uint32_t> index = FindChain(connection.transport(), connection.facts());
    if (!index) return EndSoon(connection);
    FilterChainShard& chain = *chains_[*index];
    if (&chain == &connection.chain() || Keeps(chain.chain().config(), connection.chain().chain().config())) return;
    const bool secured = connection.tls() != nullptr;
    if (secured != chain.UsesTls(connection.transport(), connection.facts()) || !connection.Follow(chain)) {
      return EndSoon(connection);
    }
    connection.set_chain(chain);
  });
  CheckIdentities(drain_time);
}

ListenerShard::~ListenerShard() { PILLION_CHECK(connections_.empty() && inspections_.empty()); }

void ListenerShard::JoinBalance(event::EpollLoop& loop) {
  if (listener_->config().exact_balance) balanced_ = &listener_->balance().Join(loop, *this);
}

void ListenerShard::Accept(event::EpollLoop& loop, const net::ListenSocket& socket) {
  net::AcceptEvents& events = *this;
  acceptors_.push_back(std::make_unique<net::Acceptor>(loop, socket, events, listener_->config().max_accepts_per_event,
                                                       balanced_));
  if (!paused_) acceptors_.back()->Start();
}

void ListenerShard::CountIn() {
  ++count_;
  listener_->connections().fetch_add(1, std::memory_order_relaxed);
  if (counted_) context_.connections->fetch_add(1, std::memory_order_relaxed);
}

void ListenerShard::CountOut() {
  --count_;
  listener_->connections().fetch_sub(1, std::memory_order_relaxed);
  if (counted_) context_.connections->fetch_sub(1, std::memory_order_relaxed);
  if (balanced_ != nullptr) balanced_->connections.fetch_sub(1, std::memory_order_relaxed);
}

// The limit of the overload manager goes before that of the runtime.
bool ListenerShard::TooManyInAll() const {
  const std::shared_ptr<const runtime::Key>& limit = listener_->config().global_connection_limit;
  if (limit == nullptr || context_.connections == nullptr) return false;
  const uint64_t count = context_.connections->load(std::memory_order_relaxed);
  if (overload_ != nullptr && overload_->max_connections()) return count > *overload_->max_connections();
  return count > limit->Integer(UINT64_MAX);
}

bool ListenerShard::Admit() {
  CountIn();  // first: of two that come at once on two workers, one is one too many
  const std::shared_ptr<const runtime::Key>& own_limit = listener_->config().connection_limit;
  if (TooManyInAll()) {
    stats_.downstream_global_cx_overflow.Increment();
  } else if (own_limit != nullptr &&
             listener_->connections().load(std::memory_order_relaxed) > own_limit->Integer(UINT64_MAX)) {
    stats_.downstream_cx_overflow.Increment();
  } else if (overload_ != nullptr && !config().internal && overload_->RefusesConnection(context_.random)) {
    stats_.downstream_cx_overload_reject.Increment();
  } else {
    return true;
  }
  CountOut();
  return false;
}

void ListenerShard::OnAccept(std::unique_ptr<net::Transport> transport) {
  if (!Admit()) return;
  listener::Accepted accepted;
  accepted.transport = std::move(transport);
  if (std::shared_ptr<const net::Passed> passed = accepted.transport->passed()) [[unlikely]] {
    accepted.facts = std::make_unique<listener::SocketFacts>();
    accepted.facts->direct_remote = accepted.transport->remote_address();
    accepted.facts->passed = std::move(passed);
  }
  Inspect(std::move(accepted));
}

void ListenerShard::TakeOver(listener::Accepted accepted) {
  CountIn();
  if (balanced_ != nullptr) balanced_->connections.fetch_add(1, std::memory_order_relaxed);  // it was placed elsewhere
  accepted.facts->handed_over = true;
  Inspect(std::move(accepted));
}

void ListenerShard::Inspect(listener::Accepted accepted) {
  if (filters_->empty()) {
    ChooseChain(accepted);
    return;
  }
  if (filters_missing_) [[unlikely]] {
    stats_.extension_config_missing.Increment();
    CountOut();
    return;
  }
  stats_.downstream_pre_cx_active.Increment();
  auto* inspection =
      new listener::Inspection(context_.worker, filters_, listener_->config().listener_filters_timeout, *this,
                               std::move(accepted));
  inspections_.PushBack(*inspection);
  inspection->Start();
}

void ListenerShard::OnAcceptFailed(int) { stats_.downstream_cx_accept_failed.Increment(); }

void ListenerShard::OnInspected(listener::Inspection& inspection, listener::InspectionEnd end,
                                listener::Accepted& accepted) {
  static_cast<base::ListNode<listener::InspectionTag>&>(inspection).Unlink();
  stats_.downstream_pre_cx_active.Decrement();
  bool goes_on = true;
  switch (end) {
    case listener::InspectionEnd::kDone:
      break;
    case listener::InspectionEnd::kTimeout:
      stats_.downstream_pre_cx_timeout.Increment();
      goes_on = listener_->config().continue_on_listener_filters_timeout;
      break;
    case listener::InspectionEnd::kRefused:
      goes_on = false;
      break;
    case listener::InspectionEnd::kPeerClosed:
      stats_.downstream_listener_filter_remote_close.Increment();
      goes_on = false;
      break;
    case listener::InspectionEnd::kError:
      stats_.downstream_listener_filter_error.Increment();
      goes_on = false;
      break;
  }
  if (!goes_on) {
    LogWithoutChain(accepted, inspection.age(), {}, "");
    CountOut();
    return;
  }
  // Once only, so that two listeners never pass one back and forth.
  if (listener_->config().use_original_dst && accepted.facts->local_restored && !accepted.facts->handed_over) {
    ListenerShard* const meant = context_.listeners.Find(accepted.transport->local_address());
    if (meant != nullptr && meant != this) {
      meant->TakeOver(std::move(accepted));
      CountOut();
      return;
    }
  }
  ChooseChain(accepted);
}

std::optional<uint32_t> ListenerShard::FindChain(net::Transport& transport, const listener::SocketFacts* facts) const {
  return only_chain_ ? only_chain_ : listener::FindChain(config(), transport, facts);
}

void ListenerShard::ChooseChain(listener::Accepted& accepted) {
  const std::optional<uint32_t> chain = FindChain(*accepted.transport, accepted.facts.get());
  if (!chain) {
    RefuseWithoutChain(accepted);
    CountOut();
    return;
  }
  stats_.downstream_cx_total.Increment();
  stats_.downstream_cx_active.Increment();
  own_total_.Increment();
  own_active_.Increment();
  if (chains_[*chain]->chain().missing()) [[unlikely]] stats_.network_extension_config_missing.Increment();
  ListenerConnection* connection = chains_[*chain]->Make(*this, std::move(accepted));
  connection->set_maker(*chains_[*chain]);
  connections_.PushBack(*connection);
  connection->Start();
  if (leaving_) return EndSoon(*connection);
  if (draining_) connection->StartDrain();
}

void ListenerShard::RefuseWithoutChain(const listener::Accepted& accepted) {
  stats_.no_filter_chain_match.Increment();
  LogWithoutChain(accepted, base::Duration::zero(), telemetry::ResponseFlag::kNoRouteFound, "filter_chain_not_found");
}

void ListenerShard::LogWithoutChain(const listener::Accepted& accepted, base::Duration age,
                                    telemetry::ResponseFlags flags, std::string_view details) {
  if (listener_->logs().empty()) return;
  const std::string remote = accepted.transport->remote_address().text();
  const std::string local = accepted.transport->local_address().text();
  const std::string direct = accepted.facts == nullptr ? remote : accepted.facts->direct_remote.text();
  const bool restored = accepted.facts != nullptr && accepted.facts->local_restored;
  const std::string arrived = restored ? accepted.facts->direct_local.text() : local;
  telemetry::RequestRecord record;
  record.end_time = context_.worker.wall_now();
  record.start_time = record.end_time - age;
  record.at(telemetry::TimePoint::kEnd) = context_.worker.now();
  record.at(telemetry::TimePoint::kDownstreamRxBegin) = context_.worker.now() - age;
  record.downstream_remote_address = remote;
  record.downstream_direct_remote_address = direct;
  record.downstream_local_address = local;
  record.downstream_direct_local_address = arrived;
  if (accepted.facts != nullptr) {
    record.requested_server_name = accepted.facts->server_name;
    record.tls_ja3_fingerprint = accepted.facts->ja3;
    record.tls_ja4_fingerprint = accepted.facts->ja4;
  }
  record.response_flags = flags;
  record.response_code_details = details;
  config::DescribeListener(config(), record);
  for (const auto& log : listener_->logs()) log->Log(context_.worker.index(), record);
}

bool ListenerShard::BelongsElsewhere(ListenerConnection& connection, net::Transport& transport, std::string_view host) {
  if (only_chain_) return false;
  const std::optional<uint32_t> chain =
      listener::FindChainByName(config(), transport, connection.facts(), connection.access_facts(), host);
  if (!chain || chains_[*chain].get() == &connection.chain()) return false;
  // It may be what that chain was before something else came for its filters.
  return !chains_[*chain]->chain().config().IsGivenAs(connection.chain().chain().config());
}

void ListenerShard::OnConnectionGone(ListenerConnection& connection) {
  static_cast<base::ListNode<ListenerConnectionTag>&>(connection).Unlink();
  connection.maker().Leave(connection);
  CountOut();
  stats_.downstream_cx_active.Decrement();
  own_active_.Decrement();
  stats_.downstream_cx_destroy.Increment();
  stats_.downstream_cx_length_ms.Record(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(context_.worker.now() - connection.started()).count()));
  if (!listener_->logs().empty()) connection.Log(listener_->logs());
}

void ListenerShard::PauseAccepting(bool pause) {
  if (overload_ == nullptr) return;
  paused_ = pause;
  for (const std::unique_ptr<net::Acceptor>& acceptor : acceptors_) pause ? acceptor->Stop() : acceptor->Start();
}

void ListenerShard::StopAccepting() {
  for (const std::unique_ptr<net::Acceptor>& acceptor : acceptors_) acceptor->AcceptRest();
  acceptors_.clear();
}

void ListenerShard::StartDrain() {
  draining_ = true;
  connections_.ForEach([](ListenerConnection& connection) { connection.StartDrain(); });
}

void ListenerShard::Leave(base::Duration drain_time) {
  if (balanced_ != nullptr) listener_->balance().Leave(*balanced_);
  drain_time_ = drain_time;
  leaving_ = true;
  connections_.ForEach([this](ListenerConnection& connection) { EndSoon(connection); });
}

void ListenerShard::EndDrain() { draining_ = false; }

void ListenerShard::Rescale() {
  connections_.ForEach([](ListenerConnection& connection) { connection.Rescale(); });
}

void ListenerShard::CheckIdentities(base::Duration drain_time) {
  const auto& chains = listener_->config().filter_chains;
  const auto untouched = [](const config::FilterChain& chain) {
    return chain.tls == nullptr && !std::holds_alternative<config::TcpProxy>(chain.terminal);
  };
  if (std::ranges::all_of(chains, untouched)) return;
  drain_time_ = drain_time;
  to_check_ = 0;
  connections_.ForEach([this](ListenerConnection&) { ++to_check_; });
  context_.identity_checks.Ask(check_);
}

void ListenerShard::CheckSome() {
  for (; to_check_ > 0 && !connections_.empty() && context_.identity_checks.TakeLook(); --to_check_) {
    ListenerConnection& connection = connections_.front();
    static_cast<base::ListNode<ListenerConnectionTag>&>(connection).Unlink();
    connections_.PushBack(connection);
    Check(connection);
  }
  if (connections_.empty()) to_check_ = 0;
  if (to_check_ > 0) context_.identity_checks.Ask(check_);
}

void ListenerShard::Check(ListenerConnection& connection) {
  if (connection.end_by() != base::MonotonicTime{}) return;
  if (!ClientStands(connection)) {
    connection.chain().tls_stats().Count(tls::Counter::kIdentityEnded);
  } else if (connection.UpstreamStands()) {
    return;
  }
  EndSoon(connection);
}

void ListenerShard::EndSoon(ListenerConnection& connection) {
  if (connection.end_by() != base::MonotonicTime{}) return;
  connection.set_end_by(context_.worker.now() + drain_time_);
  if (!end_timer_.armed()) context_.worker.SetTimer(end_timer_, drain_time_);
  connection.StartDrain();
}

bool ListenerShard::ClientStands(ListenerConnection& connection) {
  const std::shared_ptr<const config::DownstreamTls>& tls = connection.chain().chain().config().tls;
  tls::Facts* const facts = tls == nullptr ? nullptr : connection.tls();
  if (facts == nullptr) return true;
  const std::shared_ptr<const tls::Context> current = tls->context->current();
  return context_.identity_checks.Stands(*facts, current.get());
}

void ListenerShard::EndThose() {
  base::MonotonicTime next{};
  connections_.ForEach([&](ListenerConnection& connection) {
    const base::MonotonicTime at = connection.end_by();
    if (at == base::MonotonicTime{}) return;
    if (at <= context_.worker.now()) {
      connection.CloseNow();
    } else if (next == base::MonotonicTime{} || at < next) {
      next = at;
    }
  });
  if (next != base::MonotonicTime{}) context_.worker.SetTimer(end_timer_, next - context_.worker.now());
}

void ListenerShard::CloseAll() {
  if (balanced_ != nullptr) listener_->balance().End(*balanced_);
  inspections_.ForEach([](listener::Inspection& inspection) { inspection.Close(); });
  connections_.ForEach([](ListenerConnection& connection) { connection.CloseNow(); });
}

}  // namespace pillion::proxy
