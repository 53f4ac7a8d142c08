#pragma once

// Sockets that are bound, but cannot be listened on as yet: another process was faster, which the system tells late. Tried
// again each second, for as long as their listener has them; workers accept from them as soon as they listen. Part of the
// ListenerSet; main thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "source/event/control_timer.h"
#include "source/net/listener.h"
#include "source/server/awaited.h"

namespace pillion::server {

class ListenRetry {
 public:
  static constexpr base::Duration kPause = std::chrono::seconds(1);

  // `timers` outlive it; `say` tells that one listens after all.
  ListenRetry(event::ControlTimers& timers, std::function<void(std::string_view line)> say);

  // `why`: what came of the first try.
  void Add(const std::string& listener, const std::shared_ptr<net::ListenSocket>& socket, const absl::Status& why);
  // Of each listener, why it does not listen; by name.
  std::vector<Unready> unready() const;
  // Empty: nothing is wrong there.
  std::string WhyNot(std::string_view listener, const net::Address& address) const;

 private:
  struct Deaf {
    std::string listener;
    std::weak_ptr<net::ListenSocket> socket;
    std::string why;
  };

  void Try();

  const std::function<void(std::string_view line)> say_;
  const std::unique_ptr<event::ControlTimer> timer_;
  std::vector<Deaf> deaf_;
};

}  // namespace pillion::server
