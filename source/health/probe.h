#pragma once

// The checks of one host on the thread that makes them: one at a time, over a connection that is kept between them
// where that is configured. How a check goes is in HttpProbe (HTTP/1, HTTP/2, gRPC) and TcpProbe.
//
// Owned by its CheckThread, on whose worker it lives; may be destroyed between turns or among posted work, never from
// within its own callback.

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "source/base/timer_wheel.h"
#include "source/client/control_thread.h"
#include "source/event/worker.h"
#include "source/health/prober.h"
#include "source/net/connect_options.h"
#include "source/net/connection.h"
#include "source/net/transport.h"
#include "source/upstream/client_codecs.h"

namespace pillion::health {

using ProbeThread = client::ThreadParts;

class Probe {
 public:
  using Done = std::function<void(const Result& result)>;

  static std::unique_ptr<Probe> Make(const ProbeThread& thread, const Target& target, Done done);
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  virtual ~Probe();

  // Makes a check, whose result comes by `done` within the configured timeout. Not while one is under way.
  void Begin();

 protected:
  // A connection to the host. Ends by itself, when nobody wants it any more.
  class Link : private event::Deferred, private net::ConnectionOwner {
   public:
    // `protocol`: what the check speaks; none: bytes.
    Link(Probe& probe, std::optional<upstream::Protocol> protocol);
    void Start() { connection_.Start(true); }
    // The probe is done with it: closed in this turn.
    void Drop();
    bool usable() const { return open_ && !connection_.closing(); }

   protected:
    virtual ~Link() = default;
    Probe* probe() { return probe_; }  // null when it was dropped
    net::Connection& connection() { return connection_; }

   private:
    void Dispose() override { delete this; }
    void OnConnected() override;
    void OnClosed(net::CloseReason reason, int error) override;
    void OnActivity() override {}

    event::Worker& worker_;
    Probe* probe_;
    net::Connection connection_;
    bool open_ = false;
  };

  Probe(const ProbeThread& thread, const Target& target, Done done);

  const config::HealthCheck& config() const { return *target_.cluster->health_check; }
  // The check goes on over a connection that is open.
  virtual void OnOpen() = 0;
  // A new connection, of which the probe keeps hold until it is gone or dropped.
  virtual Link& NewLink() = 0;
  // Whether the connection can serve another check.
  virtual bool LinkUsable() { return link_ != nullptr && link_->usable(); }

  // Ends the check, if one is under way. `keep`: the connection may serve the next.
  void Finish(const Result& result, bool keep);
  bool checking() const { return checking_; }
  Link* link() { return link_; }

  const ProbeThread thread_;
  const Target target_;

 private:
  void OnTimeout();
  void OnLinkGone();
  void DropLink();

  const Done done_;
  const std::unique_ptr<const net::ConnectOptions> connect_options_;
  base::Timer timer_;
  Link* link_ = nullptr;  // lives until it is closed
  bool checking_ = false;
};

// True when `pieces` are in `bytes`, each behind the one before.
bool ContainsInOrder(std::string_view bytes, const std::vector<std::string>& pieces);

}  // namespace pillion::health
