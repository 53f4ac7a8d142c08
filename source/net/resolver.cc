#include "source/net/resolver.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "source/base/check.h"

namespace pillion::net {
namespace {

int SystemFamily(DnsFamily family, bool second) {
  switch (family) {
    case DnsFamily::kAuto:
      return second ? AF_INET : AF_INET6;
    case DnsFamily::kV4Preferred:
      return second ? AF_INET6 : AF_INET;
    case DnsFamily::kV4Only:
      return AF_INET;
    case DnsFamily::kV6Only:
      return AF_INET6;
    case DnsFamily::kAll:
      return AF_UNSPEC;
  }
  return AF_UNSPEC;
}

absl::Status StatusOf(int status, const std::string& name) {
  const std::string message = "cannot resolve \"" + name + "\": " + ares_strerror(status);
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
      return absl::NotFoundError(message);
    case ARES_EBADNAME:
      return absl::InvalidArgumentError(message);
    case ARES_ETIMEOUT:
      return absl::DeadlineExceededError(message);
    default:
      return absl::UnavailableError(message);
  }
}

// Of all servers the one that c-ares takes where resolv.conf has none: this machine.
bool HasNoServers(ares_channel channel) {
  ares_addr_port_node* servers = nullptr;
  if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS) return false;
  const std::unique_ptr<ares_addr_port_node, decltype(&ares_free_data)> owned(servers, &ares_free_data);
  if (servers == nullptr) return true;
  return servers->next == nullptr && servers->family == AF_INET && servers->addr.addr4.s_addr == htonl(INADDR_LOOPBACK) &&
         servers->udp_port == 0;
}

// The IP versions of which this machine has an address that others can reach.
struct Routable {
  bool v4 = true;
  bool v6 = true;
};

Routable FindRoutable() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(first, &freeifaddrs);
  Routable found{false, false};
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    found.v4 = found.v4 || each->ifa_addr->sa_family == AF_INET;
    found.v6 = found.v6 || each->ifa_addr->sa_family == AF_INET6;
  }
  return found;
}

Address WithPort(const ares_addrinfo_node& node, uint16_t port) {
  const Address address = Address::FromSystem(node.ai_addr, static_cast<socklen_t>(node.ai_addrlen));
  return *Address::Ip(address.ip(), port);
}

ResolvedName Read(const ares_addrinfo& answer, uint16_t port, const Routable& routable) {
  ResolvedName result;
  int ttl = INT32_MAX;
  for (const ares_addrinfo_node* node = answer.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    if (!(node->ai_family == AF_INET ? routable.v4 : routable.v6)) continue;
    result.addresses.push_back(WithPort(*node, port));
    ttl = std::min(ttl, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* cname = answer.cnames; cname != nullptr; cname = cname->next) {
    ttl = std::min(ttl, cname->ttl);
  }
  result.ttl_s = static_cast<uint32_t>(std::max(ttl, 0));
  return result;
}

}  // namespace

DnsResolver::DnsResolver(boost::asio::io_context& io, const ResolverOptions& options)
    : io_(io), options_(options), timer_(io) {
  PILLION_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
}

DnsResolver::~DnsResolver() {
  *alive_ = false;
  if (channel_ != nullptr) ares_destroy(channel_);
  ares_library_cleanup();
}

int DnsResolver::Open() {
  const bool another = stale_ || PortIsUsedUp();
  if (channel_ != nullptr && !(another && in_flight_ == 0)) return ARES_SUCCESS;
  ares_options options{};
  options.sock_state_cb = &DnsResolver::OnSocketState;
  options.sock_state_cb_data = this;
  options.timeout = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count());
  options.tries = options_.tries;
  ares_channel channel = nullptr;
  options.flags = (options_.tcp ? ARES_FLAG_USEVC : 0) | (options_.search_domains ? 0 : ARES_FLAG_NOSEARCH);
  int set = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
  if (options.flags != 0) set |= ARES_OPT_FLAGS;
  set |= options_.rotate ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE;
  int status = ares_init_options(&channel, &options, set);
  const bool own_servers = !options_.servers.empty();
  if (status == ARES_SUCCESS && own_servers && (!options_.servers_as_fallback || HasNoServers(channel))) {
    status = ares_set_servers_ports_csv(channel, options_.servers.c_str());
  }
  if (status != ARES_SUCCESS) {
    if (channel != nullptr) ares_destroy(channel);
    return channel_ != nullptr ? ARES_SUCCESS : status;  // the old one is better than none
  }
  if (channel_ != nullptr) ares_destroy(channel_);
  channel_ = channel;
  stale_ = false;
  questions_ = 0;
  return ARES_SUCCESS;
}

bool DnsResolver::PortIsUsedUp() const {
  return options_.questions_per_port > 0 && !options_.tcp && questions_ >= options_.questions_per_port;
}

void DnsResolver::Resolve(const std::string& name, uint16_t port, DnsFamily family, Done done) {
  waiting_.push_back(std::make_unique<Query>(Query{*this, name, port, family, std::move(done)}));
  boost::asio::post(io_, [this, alive = alive_] {
    if (*alive) StartWaiting();
  });
}

void DnsResolver::StartWaiting() {
  while (!waiting_.empty() && in_flight_ < options_.most_in_flight) {
    if (PortIsUsedUp() && in_flight_ > 0) break;
    const int status = Open();
    std::unique_ptr<Query> query = std::move(waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
    if (status == ARES_SUCCESS) {
      Ask(std::move(query));
    } else {
      absl::Status error = StatusOf(status, query->name);
      Finish(std::move(query), std::move(error));
    }
  }
  if (channel_ != nullptr) SetTimer();
}

void DnsResolver::Ask(std::unique_ptr<Query> query) {
  ares_addrinfo_hints hints{};
  hints.ai_family = SystemFamily(query->family, query->second);
  // No probing of routes to sort by; a test's hosts file by CARES_HOSTS.
  hints.ai_flags = ARES_AI_NOSORT | ARES_AI_ENVHOSTS;
  questions_ += query->family == DnsFamily::kAll ? 2 : 1;  // one for each IP version
  Query* asked = query.release();
  ares_getaddrinfo(channel_, asked->name.c_str(), nullptr, &hints, &DnsResolver::OnAnswer, asked);
}

void DnsResolver::OnAnswer(void* asked, int status, int, ares_addrinfo* answer) {
  std::unique_ptr<Query> query(static_cast<Query*>(asked));
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(answer, &ares_freeaddrinfo);
  DnsResolver& self = query->resolver;
  if (status == ARES_EDESTRUCTION || !*self.alive_) return;
  ResolvedName result;
  if (status == ARES_SUCCESS) {
    result = Read(*answer, query->port, self.options_.leaves_unroutable ? FindRoutable() : Routable{});
  }
  if (status == ARES_SUCCESS && result.addresses.empty()) status = ARES_ENODATA;
  if (status == ARES_ECONNREFUSED) self.stale_ = true;
  const bool has_second = query->family == DnsFamily::kAuto || query->family == DnsFamily::kV4Preferred;
  if (status != ARES_SUCCESS && has_second && !query->second) {
    query->second = true;
    // Not from inside c-ares.
    boost::asio::post(self.io_, [&self, alive = self.alive_, again = std::shared_ptr<Query>(std::move(query))] {
      if (!*alive) return;
      self.Ask(std::make_unique<Query>(std::move(*again)));
      self.SetTimer();
    });
    return;
  }
  const std::string name = query->name;
  self.Finish(std::move(query), status == ARES_SUCCESS ? absl::StatusOr<ResolvedName>(std::move(result))
                                                       : StatusOf(status, name));
}

void DnsResolver::Finish(std::unique_ptr<Query> query, absl::StatusOr<ResolvedName> result) {
  --in_flight_;
  boost::asio::post(io_, [this, alive = alive_, done = std::move(query->done), result = std::move(result)] {
    if (!*alive) return;
    StartWaiting();
    done(result);
  });
}

void DnsResolver::OnSocketState(void* resolver, ares_socket_t socket, int readable, int writable) {
  DnsResolver& self = *static_cast<DnsResolver*>(resolver);
  const auto found = self.watches_.find(socket);
  if (readable == 0 && writable == 0) {
    if (found == self.watches_.end()) return;
    found->second->stream.release();  // c-ares closes it itself
    self.watches_.erase(found);
    return;
  }
  std::shared_ptr<Watch> watch;
  if (found != self.watches_.end()) {
    watch = found->second;
  } else {
    watch = std::make_shared<Watch>(self.io_, socket);
    self.watches_.emplace(socket, watch);
  }
  watch->read = readable != 0;
  watch->write = writable != 0;
  self.Wait(watch);
}

void DnsResolver::Wait(const std::shared_ptr<Watch>& watch) {
  using Stream = boost::asio::posix::stream_descriptor;
  const ares_socket_t socket = watch->stream.native_handle();
  if (watch->read && !std::exchange(watch->reading, true)) {
    watch->stream.async_wait(Stream::wait_read, [=, this, alive = alive_](const boost::system::error_code& error) {
      watch->reading = false;
      if (error || !*alive) return;  // it was released
      Process(socket, ARES_SOCKET_BAD);
      if (watch->stream.is_open()) Wait(watch);
    });
  }
  if (watch->write && !std::exchange(watch->writing, true)) {
    watch->stream.async_wait(Stream::wait_write, [=, this, alive = alive_](const boost::system::error_code& error) {
      watch->writing = false;
      if (error || !*alive) return;
      Process(ARES_SOCKET_BAD, socket);
      if (watch->stream.is_open()) Wait(watch);
    });
  }
}

void DnsResolver::Process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  SetTimer();
}

void DnsResolver::SetTimer() {
  timeval next;
  if (ares_timeout(channel_, nullptr, &next) == nullptr) {
    timer_.cancel();
    return;
  }
  // A little later than asked for: never a turn for nothing.
  timer_.expires_after(std::chrono::seconds(next.tv_sec) + std::chrono::microseconds(next.tv_usec) +
                       std::chrono::milliseconds(1));
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

}  // namespace pillion::net
