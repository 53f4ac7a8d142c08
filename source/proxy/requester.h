#pragma once

// Who a request comes from, as far as the proxies that it has passed can be trusted, and what it may therefore ask for.
//
// | use_remote_address | the requester is                                                                         |
// |--------------------|------------------------------------------------------------------------------------------|
// | true (an edge)     | the peer; behind `xff_num_trusted_hops` trusted proxies, whom x-forwarded-for names there |
// | false              | whom x-forwarded-for names last (as many hops in front of that); nobody known without it  |
// | with ways to find it | what the first of them finds (ip_detection.h); nobody known where none does              |
//
// An internal one has an address of internal_address_config, and nobody stands between: x-forwarded-for has one address
// at most. Only it may set timeouts and retries (x-envoy-...); the others' fields of that kind are taken off.

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "source/config/listener.h"
#include "source/http/message.h"
#include "source/net/address.h"

namespace pillion::proxy {

// Who sends a request: the peer of its connection. Views are good as long as that.
struct Sender {
  const net::Address& address;
  absl::FunctionRef<std::string_view()> ip;  // of the address, as text; empty where it has none. Asked where it is needed
  uint16_t local_port = 0;
  bool secured = false;  // TLS protects the connection
  std::string_view client_cert_element = {};  // of x-forwarded-client-cert; empty: nothing is to be said
};

struct Requester {
  std::string_view ip;  // empty: not known
  bool is_peer = true;  // it is the connection's own
  bool internal = false;
  bool edge = false;    // it is not internal, and nobody before us has looked at the request
  uint16_t refused_status = 0;  // not 0: it must be known, and is not
};

// Finds out, and makes the fields say it: x-forwarded-for, -proto and -port, x-envoy-internal, x-envoy-external-address.
// `table` says what else only internal ones may send; null: nothing.
Requester Identify(http::RequestHead& head, const config::HttpConnectionManager& config, const config::RouteConfig* table,
                   const Sender& sender);

}  // namespace pillion::proxy
