#include "source/net/system_resolver.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace pillion::net {
namespace {

namespace asio = boost::asio;

bool IsV6(DnsFamily family, bool second) {
  const bool prefers_v6 = family == DnsFamily::kAuto;
  if (family == DnsFamily::kV6Only) return true;
  if (family == DnsFamily::kV4Only) return false;
  return prefers_v6 != second;
}

absl::Status StatusOf(const boost::system::error_code& error, const std::string& name) {
  const std::string message = "cannot resolve \"" + name + "\": " + error.message();
  if (error == asio::error::host_not_found || error == asio::error::no_data) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

}  // namespace

void SystemResolver::Resolve(const std::string& name, uint16_t port, DnsFamily family, Done done) {
  Ask(std::make_shared<Query>(Query{name, port, family, std::move(done)}));
}

void SystemResolver::Look(const std::string& name, int family, Found found) {
  // Without asio's default, which leaves out what this machine has no address of.
  const auto flags = Tcp::resolver::flags();
  if (family == AF_UNSPEC) {
    resolver_.async_resolve(name, "", flags, std::move(found));
  } else {
    resolver_.async_resolve(family == AF_INET6 ? Tcp::v6() : Tcp::v4(), name, "", flags, std::move(found));
  }
}

void SystemResolver::Ask(std::shared_ptr<Query> query) {
  int family = IsV6(query->family, query->second) ? AF_INET6 : AF_INET;
  if (query->family == DnsFamily::kAll) family = AF_UNSPEC;
  Look(query->name, family,
       [this, alive = alive_, query](const boost::system::error_code& error, const Tcp::resolver::results_type& found) {
         if (*alive) OnAnswer(query, error, found);
       });
}

void SystemResolver::AskLater(std::shared_ptr<Query> query) {
  const base::Duration pause = std::min(kFirstPause * (1u << query->retries), kLongestPause);
  ++query->retries;
  query->pause = timers_.New();
  query->pause->Set(pause, [this, waiting = query.get()] {
    const auto found = std::ranges::find(paused_, waiting, [](const std::shared_ptr<Query>& each) { return each.get(); });
    std::shared_ptr<Query> next = std::move(*found);
    paused_.erase(found);
    next->pause = nullptr;
    Ask(std::move(next));
  });
  paused_.push_back(std::move(query));
}

void SystemResolver::OnAnswer(const std::shared_ptr<Query>& query, const boost::system::error_code& error,
                              const Tcp::resolver::results_type& found) {
  if (error == asio::error::host_not_found_try_again && query->retries < retries_) return AskLater(query);
  ResolvedName result;
  for (const auto& each : found) {
    const Tcp::endpoint& endpoint = each.endpoint();
    const Address address =
        *Address::Ip(Address::FromSystem(endpoint.data(), static_cast<socklen_t>(endpoint.size())).ip(), query->port);
    const bool seen = std::find(result.addresses.begin(), result.addresses.end(), address) != result.addresses.end();
    if (!seen) result.addresses.push_back(address);
  }
  const bool has_second = query->family == DnsFamily::kAuto || query->family == DnsFamily::kV4Preferred;
  if ((error || result.addresses.empty()) && has_second && !query->second) {
    query->second = true;
    return Ask(query);
  }
  if (error) return query->done(StatusOf(error, query->name));
  if (result.addresses.empty()) return query->done(StatusOf(asio::error::no_data, query->name));
  query->done(std::move(result));
}

}  // namespace pillion::net
