#pragma once

// The network filter rbac: what a client sends is passed on only where the rules allow. NetworkRbac is its part for the
// whole process, NetworkRbacShard the part of one worker, GuardedTransport what stands before one connection.
//
// The guard lies over the connection's transport, behind TLS. It asks when bytes come, the first time or each time; once
// denied, it reads nothing more and fails, at once or after the delay. What the other side sends meanwhile goes out.

#include <memory>
#include <optional>

#include "source/access/engine.h"
#include "source/base/buffer.h"
#include "source/base/timer_wheel.h"
#include "source/config/network_filter.h"
#include "source/event/worker.h"
#include "source/listener/accepted.h"
#include "source/net/transport.h"
#include "source/stats/registry.h"

namespace pillion::proxy {

class NetworkRbac {
 public:
  NetworkRbac(const config::NetworkRbac& config, stats::Registry& registry);

  struct StatIds {
    stats::CounterId allowed;
    stats::CounterId denied;
    stats::CounterId shadow_allowed;
    stats::CounterId shadow_denied;
  };

  const config::NetworkRbac& config() const { return config_; }
  const StatIds& stat_ids() const { return stat_ids_; }
  // Keys of notes.
  const std::string& shadow_policy_key() const { return shadow_policy_key_; }
  const std::string& shadow_result_key() const { return shadow_result_key_; }

 private:
  const config::NetworkRbac& config_;
  stats::Scope scope_;
  stats::Scope shadow_scope_;
  const StatIds stat_ids_;
  const std::string shadow_policy_key_;
  const std::string shadow_result_key_;
};

struct NetworkRbacShard {
  NetworkRbacShard(const NetworkRbac& rbac, stats::Shard& shard);

  const NetworkRbac& rbac;
  stats::Counter& allowed;
  stats::Counter& denied;
  stats::Counter& shadow_allowed;
  stats::Counter& shadow_denied;
};

// Owned by its connection, on its worker.
class GuardedTransport final : public net::Transport {
 public:
  // Takes over the transport of `accepted` and what was read from it; the connection keeps the facts, which are there, as
  // long as this.
  static void Guard(NetworkRbacShard& shard, event::Worker& worker, listener::Accepted& accepted);

  // net::Transport
  int Start(net::TransportEvents& events) override;
  int connect_error() override { return below_->connect_error(); }
  net::IoResult Read(std::span<char> into) override;
  net::IoResult Write(std::span<const iovec> from) override { return below_->Write(from); }
  void ShutdownWrite() override { below_->ShutdownWrite(); }
  void Abort() override { below_->Abort(); }
  const net::Address& local_address() override { return below_->local_address(); }
  const net::Address& remote_address() const override { return below_->remote_address(); }
  std::optional<net::Address> OriginalDestination() override { return below_->OriginalDestination(); }
  void SetLocalAddress(const net::Address& address) override { below_->SetLocalAddress(address); }
  void SetRemoteAddress(const net::Address& address) override { below_->SetRemoteAddress(address); }
  bool connects() const override { return below_->connects(); }
  std::shared_ptr<tls::Facts> tls() override { return below_->tls(); }
  std::string_view failure() const override { return below_->failure(); }

 private:
  enum class State : uint8_t { kOpen, kAllowed, kWaiting, kDenied };

  GuardedTransport(NetworkRbacShard& shard, event::Worker& worker, std::unique_ptr<net::Transport> below,
                   listener::SocketFacts& facts, base::Slice preread);

  net::IoResult ReadBelow(std::span<char> into);
  // Asks; false: denied.
  bool Ask();
  void AskShadow(const access::Request& request);
  void Note(std::string_view space, std::string_view key, std::string_view value, bool flag);
  void Tell();

  NetworkRbacShard& shard_;
  event::Worker& worker_;
  const std::unique_ptr<net::Transport> below_;
  listener::SocketFacts& facts_;
  net::TransportEvents* events_ = nullptr;
  base::Slice preread_;
  std::optional<access::ConnectionFacts> asked_;  // of what; kept where it is asked again
  std::optional<net::IoResult> next_;             // of a read that came behind what was preread
  event::Task tell_;
  base::Timer timer_;
  State state_ = State::kOpen;
};

}  // namespace pillion::proxy
