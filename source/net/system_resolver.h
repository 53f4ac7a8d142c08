#pragma once

// Names as the C library knows them: getaddrinfo(), which goes by nsswitch.conf. Asio has a thread that calls it, one name
// after the other. Owned by who asks; on the main thread. How long an answer holds it does not say.
//
// The end of the process waits for the call that is under way, which the C library bounds by resolv.conf's timeouts.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "source/net/name_resolver.h"

namespace pillion::net {

class SystemResolver final : public NameResolver {
 public:
  // `retries`: how often a name is asked for again at once where nobody knows just now. `io` outlives the resolver.
  SystemResolver(boost::asio::io_context& io, uint32_t retries) : resolver_(io), retries_(retries) {}
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;
  // Who still waits is not told.
  ~SystemResolver() override { *alive_ = false; }

  void Resolve(const std::string& name, uint16_t port, DnsFamily family, Done done) override;

 private:
  struct Query {
    std::string name;
    uint16_t port;
    DnsFamily family;
    Done done;
    uint32_t retries;     // that are left
    bool second = false;  // the family that was not preferred
  };
  using Tcp = boost::asio::ip::tcp;

  void Ask(std::shared_ptr<Query> query);
  void OnAnswer(const std::shared_ptr<Query>& query, const boost::system::error_code& error,
                const Tcp::resolver::results_type& found);

  Tcp::resolver resolver_;
  const uint32_t retries_;
  // Told to what asio may still call.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pillion::net
