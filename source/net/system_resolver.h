#pragma once

// Names as the C library knows them: getaddrinfo(), which goes by nsswitch.conf. Asio has a thread that calls it, one name
// after the other. Owned by who asks; on the main thread. How long an answer holds it does not say.
//
// The end of the process waits for the call that is under way, which the C library bounds by resolv.conf's timeouts.

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/event/control_timer.h"
#include "source/net/name_resolver.h"

namespace pillion::net {

class SystemResolver : public NameResolver {
 public:
  // A name that nobody knows just now is asked for again after a pause, in which others are; each further pause is twice as
  // long. That often at most: who wants to know longer asks again himself.
  static constexpr uint32_t kMostRetries = 10;
  static constexpr base::Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr base::Duration kLongestPause = std::chrono::seconds(5);

  // `retries`: how often that is done, kMostRetries at most. `io` and `timers` outlive the resolver.
  SystemResolver(boost::asio::io_context& io, event::ControlTimers& timers, uint32_t retries)
      : resolver_(io), timers_(timers), retries_(std::min(retries, kMostRetries)) {}
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;
  // Who still waits is not told.
  ~SystemResolver() override { *alive_ = false; }

  void Resolve(const std::string& name, uint16_t port, DnsFamily family, Done done) override;

 protected:
  using Tcp = boost::asio::ip::tcp;
  using Found = std::function<void(const boost::system::error_code& error, const Tcp::resolver::results_type& found)>;

  // Calls the C library for addresses of one family, AF_UNSPEC for both; `found` is never called at once. Tests have others.
  virtual void Look(const std::string& name, int family, Found found);

 private:
  struct Query {
    std::string name;
    uint16_t port;
    DnsFamily family;
    Done done;
    uint32_t retries = 0;  // that were made
    bool second = false;   // the family that was not preferred
    std::unique_ptr<event::ControlTimer> pause = nullptr;
  };

  void Ask(std::shared_ptr<Query> query);
  void AskLater(std::shared_ptr<Query> query);
  void OnAnswer(const std::shared_ptr<Query>& query, const boost::system::error_code& error,
                const Tcp::resolver::results_type& found);

  Tcp::resolver resolver_;
  event::ControlTimers& timers_;
  const uint32_t retries_;
  std::vector<std::shared_ptr<Query>> paused_;
  // Told to what asio may still call.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pillion::net
