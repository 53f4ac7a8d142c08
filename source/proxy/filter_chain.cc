#include "source/proxy/filter_chain.h"

#include <algorithm>
#include <utility>

#include "source/config/tls.h"
#include "source/limit/shared_bucket.h"
#include "source/overload/state.h"
#include "source/proxy/downstream_connection.h"
#include "source/proxy/lone_connection.h"
#include "source/stats/tags.h"
#include "source/tls/not_ready.h"
#include "source/tls/transport.h"

namespace pillion::proxy {
namespace {

constexpr std::string_view kRatePrefix = "envoy_local_network_ratelimit_prefix";  // its label

}  // namespace

ConnectionLimit::ConnectionLimit(const config::ConnectionLimit& config, stats::Registry& registry)
    : config_(config),
      scope_(registry, stats::Prefix("connection_limit").Add(config.stat_prefix)),
      limited_connections_(scope_.AddCounter("limited_connections")),
      active_connections_(scope_.AddGauge("active_connections")) {}

bool ConnectionLimit::Take() {
  if (active_.fetch_add(1, std::memory_order_relaxed) < config_.max_connections || !config_.on.Now()) return true;
  Give();
  return false;
}

ConnectionRate::ConnectionRate(const config::ConnectionRate& config, size_t limits_before, stats::Registry& registry)
    : config_(config),
      limits_before_(limits_before),
      scope_(registry, stats::Prefix("local_rate_limit").Add(kRatePrefix, config.stat_prefix)),
      rate_limited_(scope_.AddCounter("rate_limited")) {}

bool ConnectionRate::Take(base::MonotonicTime now) const {
  return !config_.on.Now() || config_.bucket->Take(now).allowed;
}

bool UsesTls(const config::FilterChain& chain, net::Transport& transport, const listener::SocketFacts* facts) {
  if (chain.tls == nullptr) return false;
  const std::optional<config::PeerModes>& modes = chain.tls->modes;
  if (!modes) return true;
  const config::PeerMode mode = modes->At(transport.local_address().port());
  const bool looks_so = facts != nullptr && facts->transport_protocol == "tls";
  return mode == config::PeerMode::kStrict || (mode == config::PeerMode::kPermissive && looks_so);
}

FilterChain::FilterChain(std::shared_ptr<const config::Listener> listener, std::shared_ptr<const config::FilterChain> of,
                         const References& references, stats::Registry& registry, AccessLogs logs, const FilterChain* former)
    : listener_(std::move(listener)), chain_(std::move(of)) {
  const config::FilterChain& chain = *chain_;
  if (chain.tls != nullptr) {
    tls_stat_ids_.emplace(registry, stats::Prefix("listener").Add(stats::kListenerAddress, listener_->stat_prefix), true);
  }
  if (chain.tls != nullptr && chain.tls->modes) {
    stats::Scope& scope = tls_stat_ids_->scope;
    mode_stat_ids_.emplace(ModeStatIds{.mtls = scope.AddCounter("peer_authentication.mtls"),
                                       .plain = scope.AddCounter("peer_authentication.plain")});
  }
  missing_ = std::holds_alternative<config::MissingFilter>(chain.terminal);
  for (size_t i = 0; i < chain.filters.size(); ++i) {
    const config::NetworkFilter& filter = chain.filters[i];
    missing_ = missing_ || std::holds_alternative<config::MissingFilter>(filter);
    const auto* limit = std::get_if<config::ConnectionLimit>(&filter);
    if (limit != nullptr && limit->on.Ever()) {
      std::shared_ptr<ConnectionLimit> own = former == nullptr ? nullptr : former->LimitOf(i, chain.came(i));
      if (own == nullptr) own = std::make_shared<ConnectionLimit>(*limit, registry);
      limits_.push_back({i, std::move(own)});
    }
    const auto* rate = std::get_if<config::ConnectionRate>(&filter);
    if (rate != nullptr) rates_.push_back(std::make_unique<ConnectionRate>(*rate, limits_.size(), registry));
    const auto* state = std::get_if<config::ConnectionState>(&filter);
    if (state != nullptr) states_.push_back(state);
    const auto* rbac = std::get_if<config::NetworkRbac>(&filter);
    if (rbac != nullptr) rbacs_.push_back(std::make_unique<NetworkRbac>(*rbac, registry));
  }
  if (std::holds_alternative<config::HttpConnectionManager>(chain.terminal)) {
    const auto* const manager = former == nullptr ? nullptr : std::get_if<ConnectionManager>(&former->terminal_);
    terminal_.emplace<ConnectionManager>(listener_, chain, references, registry, std::move(logs), manager);
  } else if (std::holds_alternative<config::TcpProxy>(chain.terminal)) {
    terminal_.emplace<TcpProxy>(listener_, chain, references.clusters, registry, std::move(logs));
  }
}

std::shared_ptr<ConnectionLimit> FilterChain::LimitOf(size_t index, uint64_t came) const {
  const auto found = std::ranges::find(limits_, index, &Limit::index);
  return found == limits_.end() || chain_->came(index) != came ? nullptr : found->limit;
}

FilterChainShard::FilterChainShard(std::shared_ptr<const FilterChain> from, WorkerContext& context, stats::Shard& shard)
    : event::Shared(context.worker), chain_(std::move(from)), context_(context) {
  const FilterChain& chain = *chain_;
  if (chain.tls_stat_ids() != nullptr) tls_stats_.emplace(*chain.tls_stat_ids(), shard);
  if (const std::optional<FilterChain::ModeStatIds>& ids = chain.mode_stat_ids()) {
    mtls_ = shard.counter(ids->mtls);
    plain_ = shard.counter(ids->plain);
  }
  for (const FilterChain::Limit& each : chain.limits()) {
    ConnectionLimit& limit = *each.limit;
    limits_.push_back({limit, *shard.counter(limit.limited_connections()), *shard.gauge(limit.active_connections())});
  }
  for (const std::unique_ptr<ConnectionRate>& rate : chain.rates()) {
    rates_.push_back({*rate, *shard.counter(rate->rate_limited())});
  }
  for (const std::unique_ptr<NetworkRbac>& rbac : chain.rbacs()) rbacs_.emplace_back(*rbac, shard);
  if (const auto* manager = std::get_if<ConnectionManager>(&chain.terminal())) {
    terminal_ = event::Kept(
        new ConnectionManagerShard(std::shared_ptr<const ConnectionManager>(chain_, manager), context, shard));
  } else if (const auto* proxy = std::get_if<TcpProxy>(&chain.terminal())) {
    terminal_.emplace<TcpProxyShard>(*proxy, context, shard);
  }
}

void FilterChainShard::Secure(listener::Accepted& accepted, std::shared_ptr<const tls::Context> context) {
  const config::FilterChain& config = chain_->config();
  base::Duration timeout = config.handshake_timeout;
  if (context_.overload != nullptr && !chain_->listener().bypasses_overload) {
    timeout = context_.overload->Scaled(config::ScaledTimeout::kHandshake, timeout);
  }
  tls::TransportOptions options{.context = std::move(context),
                                .stats = &*tls_stats_,
                                .established = mtls_,
                                .latest = [source = config.tls->context] { return source->current(); },
                                .handshake_timeout = timeout,
                                .queue = &context_.handshakes};
  auto secured = std::make_unique<tls::TlsTransport>(context_.worker, std::move(accepted.transport), std::move(options));
  secured->Resume(std::move(accepted.preread), std::exchange(accepted.readable, false),
                  std::exchange(accepted.hangup, false));
  accepted.transport = std::move(secured);
}

ListenerConnection* FilterChainShard::Admit(ListenerConnectionOwner& owner, listener::Accepted& accepted) {
  auto rate = rates_.begin();
  for (size_t taken = 0;; ++taken) {
    for (; rate != rates_.end() && rate->rate.limits_before() == taken; ++rate) {
      if (rate->rate.Take(context_.worker.now())) continue;
      rate->rate_limited.Increment();
      GiveBack(taken);
      return new LoneConnection(context_, chain_->listener(), owner, std::move(accepted),
                                {.close_after = base::Duration::zero(),
                                 .local_close_reason = "local_ratelimit_close_over_limit",
                                 .flag = telemetry::ResponseFlag::kUpstreamRetryLimitExceeded});
    }
    if (taken == limits_.size()) return nullptr;
    Limit& next = limits_[taken];
    if (!next.limit.Take()) {
      next.limited_connections.Increment();
      GiveBack(taken);
      return new LoneConnection(context_, chain_->listener(), owner, std::move(accepted),
                                {.close_after = next.limit.config().delay, .local_close_reason = "over_connection_limit"});
    }
    next.active_connections.Increment();
  }
}

ListenerConnection* FilterChainShard::Make(ListenerConnectionOwner& owner, listener::Accepted accepted) {
  if (chain_->missing()) [[unlikely]] {
    return new LoneConnection(context_, chain_->listener(), owner, std::move(accepted),
                              {.close_after = base::Duration::zero()});
  }
  const bool uses_tls = UsesTls(*accepted.transport, accepted.facts.get());
  std::shared_ptr<const tls::Context> secrets;
  if (uses_tls) {
    secrets = chain_->config().tls->context->current();
    if (secrets == nullptr) [[unlikely]] {
      tls_stats_->CountNotReady();
      return new LoneConnection(context_, chain_->listener(), owner, std::move(accepted),
                                {.close_after = base::Duration::zero(), .failure = tls::NotReadyTransport::kFailure});
    }
  }
  if (ListenerConnection* const refused = Admit(owner, accepted)) return refused;
  if (uses_tls) {
    Secure(accepted, std::move(secrets));
  } else if (plain_ != nullptr) {
    plain_->Increment();
  }
  const std::vector<const config::ConnectionState*>& states = chain_->states();
  if (!states.empty()) listener::EnsureFacts(accepted);
  for (NetworkRbacShard& rbac : rbacs_) GuardedTransport::Guard(rbac, context_.worker, accepted);
  ListenerConnection* const made = MakeAdmitted(owner, std::move(accepted));
  for (const config::ConnectionState* state : states) made->SetObjects(state->on_new_connection);
  if (!states.empty() && uses_tls) made->SetOnHandshake(states);
  return made;
}

ListenerConnection* FilterChainShard::MakeAdmitted(ListenerConnectionOwner& owner, listener::Accepted accepted) {
  if (manager() != nullptr) return new DownstreamConnection(*manager(), owner, std::move(accepted));
  if (auto* proxy = std::get_if<TcpProxyShard>(&terminal_)) {
    return new TcpProxyConnection(*proxy, owner, std::move(accepted));
  }
  return new LoneConnection(context_, chain_->listener(), owner, std::move(accepted), {});
}

void FilterChainShard::Leave(const ListenerConnection& connection) {
  if (!connection.refused()) GiveBack(limits_.size());
}

void FilterChainShard::GiveBack(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    limits_[i].limit.Give();
    limits_[i].active_connections.Decrement();
  }
}

}  // namespace pillion::proxy
