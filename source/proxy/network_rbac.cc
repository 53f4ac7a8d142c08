#include "source/proxy/network_rbac.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "source/access/connection_attributes.h"
#include "source/access/denial_log.h"
#include "source/proxy/connection_facts.h"
#include "source/stats/tags.h"

namespace pillion::proxy {
namespace {

using net::IoResult;
using net::IoStatus;

constexpr std::string_view kSpace = "envoy.filters.network.rbac";

stats::Prefix PrefixOf(std::string_view first, std::string_view last) {
  // Some end in the dot that comes next.
  const auto without_dot = [](std::string_view part) { return part.substr(0, part.size() - part.ends_with('.')); };
  stats::Prefix prefix(without_dot(first));
  prefix.Add("rbac");
  if (!last.empty()) prefix.Add(without_dot(last));
  return prefix;
}

}  // namespace

NetworkRbac::NetworkRbac(const config::NetworkRbac& config, stats::Registry& registry)
    : config_(config),
      scope_(registry, PrefixOf(config.stat_prefix, "")),
      shadow_scope_(registry, PrefixOf(config.stat_prefix, config.shadow_prefix)),
      stat_ids_{.allowed = scope_.AddCounter("allowed"),
                .denied = scope_.AddCounter("denied"),
                .shadow_allowed = shadow_scope_.AddCounter("shadow_allowed"),
                .shadow_denied = shadow_scope_.AddCounter("shadow_denied")},
      shadow_policy_key_(config.shadow_prefix + "shadow_effective_policy_id"),
      shadow_result_key_(config.shadow_prefix + "shadow_engine_result") {}

NetworkRbacShard::NetworkRbacShard(const NetworkRbac& rbac, stats::Shard& shard)
    : rbac(rbac),
      allowed(*shard.counter(rbac.stat_ids().allowed)),
      denied(*shard.counter(rbac.stat_ids().denied)),
      shadow_allowed(*shard.counter(rbac.stat_ids().shadow_allowed)),
      shadow_denied(*shard.counter(rbac.stat_ids().shadow_denied)) {}

void GuardedTransport::Guard(NetworkRbacShard& shard, event::Worker& worker, listener::Accepted& accepted) {
  listener::EnsureFacts(accepted);
  const bool preread = !accepted.preread.empty();
  accepted.transport.reset(new GuardedTransport(shard, worker, std::move(accepted.transport), *accepted.facts,
                                                std::exchange(accepted.preread, base::Slice())));
  accepted.readable = accepted.readable || preread;
}

GuardedTransport::GuardedTransport(NetworkRbacShard& shard, event::Worker& worker,
                                   std::unique_ptr<net::Transport> below, listener::SocketFacts& facts,
                                   base::Slice preread)
    : shard_(shard),
      worker_(worker),
      below_(std::move(below)),
      facts_(facts),
      preread_(std::move(preread)),
      tell_(this, [](void* self) { static_cast<GuardedTransport*>(self)->Tell(); }),
      timer_(this, [](void* self) {
        static_cast<GuardedTransport*>(self)->state_ = State::kDenied;
        static_cast<GuardedTransport*>(self)->Tell();
      }) {}

int GuardedTransport::Start(net::TransportEvents& events) {
  events_ = &events;
  return below_->Start(events);
}

void GuardedTransport::Tell() {
  // Also to who wants to read nothing now.
  events_->OnTransportReady(
      {.readable = true, .writable = false, .hangup = true, .failed = state_ == State::kDenied});
}

IoResult GuardedTransport::Read(std::span<char> into) {
  if (state_ == State::kWaiting) return {.status = IoStatus::kWouldBlock};
  if (state_ == State::kDenied) return {.status = IoStatus::kError, .error = EACCES};
  const IoResult result = ReadBelow(into);
  const bool came = result.status == IoStatus::kOk || result.status == IoStatus::kEnd;
  if (!came || state_ == State::kAllowed) return result;
  if (Ask()) {
    if (!shard_.rbac.config().continuous) state_ = State::kAllowed;
    return result;
  }
  const base::Duration delay = shard_.rbac.config().delay;
  if (delay == base::Duration::zero()) {
    state_ = State::kDenied;
    return {.status = IoStatus::kError, .error = EACCES};
  }
  state_ = State::kWaiting;
  worker_.SetTimer(timer_, delay);
  return {.status = IoStatus::kWouldBlock};
}

IoResult GuardedTransport::ReadBelow(std::span<char> into) {
  if (next_) return *std::exchange(next_, std::nullopt);
  if (preread_.empty()) return below_->Read(into);
  const size_t size = std::min(into.size(), preread_.size());
  std::memcpy(into.data(), preread_.view().data(), size);
  preread_.RemovePrefix(size);
  IoResult result{.status = IoStatus::kOk, .bytes = size};
  if (size == into.size()) return result;
  // Who gets less than was asked for takes it that nothing is left.
  const IoResult behind = below_->Read(into.subspan(size));
  if (behind.status == IoStatus::kOk) {
    result.bytes += behind.bytes;
  } else if (behind.status != IoStatus::kWouldBlock) {
    next_ = behind;
    worker_.Step(tell_);
  }
  return result;
}

void GuardedTransport::Note(std::string_view space, std::string_view key, std::string_view value, bool flag) {
  for (listener::SocketFacts::Note& note : facts_.notes) {
    if (note.space != space || note.key != key) continue;
    note.value = value;
    return;
  }
  facts_.notes.push_back({.space = space, .key = key, .value = std::string(value), .flag = flag});
}

void GuardedTransport::AskShadow(const access::Request& request) {
  const NetworkRbac& rbac = shard_.rbac;
  const access::Engine& shadow = *rbac.config().shadow;
  const access::Decision decision = shadow.Decide(request);
  (decision.allowed ? shard_.shadow_allowed : shard_.shadow_denied).Increment();
  const std::string_view name = shadow.NameOf(decision);
  if (!name.empty()) Note(kSpace, rbac.shadow_policy_key(), name, false);
  Note(kSpace, rbac.shadow_result_key(), decision.allowed ? "allowed" : "denied", false);
}

bool GuardedTransport::Ask() {
  const config::NetworkRbac& config = shard_.rbac.config();
  if (config.engine == nullptr && config.shadow == nullptr) return true;
  if (!asked_) asked_.emplace(FactsOf(*below_, &facts_));
  const access::ConnectionAttributes attributes(*asked_);
  base::Arena arena(worker_.blocks());
  const access::Request request{.connection = *asked_, .attributes = &attributes, .arena = &arena};
  if (config.shadow != nullptr) AskShadow(request);
  bool allowed = true;
  if (config.engine != nullptr) {
    const access::Decision decision = config.engine->Decide(request);
    (decision.allowed ? shard_.allowed : shard_.denied).Increment();
    if (decision.log) Note("envoy.common", "access_log_hint", *decision.log ? "true" : "false", true);
    if (!decision.allowed) {
      facts_.refusal = config.engine->DetailsOf(decision);
      access::LogDenial(*config.engine, decision, request);
    }
    allowed = decision.allowed;
  }
  if (!config.continuous) asked_.reset();
  return allowed;
}

}  // namespace pillion::proxy
