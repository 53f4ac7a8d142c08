#pragma once

// DNS as resolv.conf says, by c-ares over the main thread's asio loop; names in the hosts file come first. Owned by the
// server; on the main thread; ends after those that ask it. Never blocks.

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "source/base/clock.h"
#include "source/net/name_resolver.h"

namespace pillion::net {

struct ResolverOptions {
  std::string servers;  // "ip:port,..." instead of resolv.conf's; empty: those
  bool servers_as_fallback = false;  // `servers` only where resolv.conf has none
  base::Duration timeout = std::chrono::seconds(2);  // of the first try at each server
  int tries = 3;
  size_t most_in_flight = 64;  // names; more wait for their turn
  bool tcp = false;
  bool search_domains = true;      // those of resolv.conf
  bool rotate = false;             // each question begins with the next server
  bool leaves_unroutable = false;  // addresses of an IP version of which this machine has none but the loopback's
  uint32_t questions_per_port = 0;  // by UDP, before another port is taken; 0: no bound
};

class DnsResolver final : public NameResolver {
 public:
  // `io` outlives the resolver.
  DnsResolver(boost::asio::io_context& io, const ResolverOptions& options);
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;
  // Who still waits is not told.
  ~DnsResolver() override;

  void Resolve(const std::string& name, uint16_t port, DnsFamily family, Done done) override;

 private:
  struct Query {
    DnsResolver& resolver;
    std::string name;
    uint16_t port;
    DnsFamily family;
    Done done;
    bool second = false;  // the family that was not preferred
  };
  // A socket of c-ares under asio's eyes.
  struct Watch {
    explicit Watch(boost::asio::io_context& io, int descriptor) : stream(io, descriptor) {}
    boost::asio::posix::stream_descriptor stream;
    bool read = false;   // wanted
    bool write = false;
    bool reading = false;  // a wait is under way
    bool writing = false;
  };

  // c-ares' status.
  int Open();
  // Whether another name has to wait until no more are asked for: the port has had its questions.
  bool PortIsUsedUp() const;
  void StartWaiting();
  void Ask(std::unique_ptr<Query> query);
  static void OnAnswer(void* query, int status, int timeouts, ares_addrinfo* answer);
  void Finish(std::unique_ptr<Query> query, absl::StatusOr<ResolvedName> result);

  static void OnSocketState(void* self, ares_socket_t socket, int readable, int writable);
  void Wait(const std::shared_ptr<Watch>& watch);
  void Process(ares_socket_t readable, ares_socket_t writable);
  void SetTimer();

  boost::asio::io_context& io_;
  const ResolverOptions options_;
  boost::asio::steady_timer timer_;
  std::map<ares_socket_t, std::shared_ptr<Watch>> watches_;
  std::deque<std::unique_ptr<Query>> waiting_;
  size_t in_flight_ = 0;
  ares_channel channel_ = nullptr;
  bool stale_ = false;  // no server answered at all: resolv.conf may have another one by now
  uint32_t questions_ = 0;  // that the channel was asked
  // Told to what asio may still call.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pillion::net
