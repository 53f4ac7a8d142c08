#pragma once

// Whom a connection of the process's own goes to, and what it is made with.

#include <memory>
#include <optional>
#include <string>

#include "source/config/cluster.h"
#include "source/net/address.h"
#include "source/net/happy_eyeballs.h"

namespace pillion::client {

struct Target {
  std::shared_ptr<const config::Cluster> cluster;  // whose options hold; null: an address alone
  net::Address address;
  std::shared_ptr<const net::Addresses> addresses = {};  // all that the host has; null: only the one
  std::shared_ptr<const config::UpstreamTls> tls;  // null: plain bytes
  std::string hostname;                            // the host's
  std::optional<net::ProxyVersion> proxy_version;  // of a head in front
  std::string authority;
};

}  // namespace pillion::client
