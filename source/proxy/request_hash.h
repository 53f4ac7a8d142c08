#pragma once

// The hash of a request that says which host it goes to, as Envoy makes it of the same request.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "source/config/hash_policy.h"
#include "source/http/message.h"
#include "source/metadata/annotations.h"

namespace pillion::proxy {

// Who asks.
struct HashRequester {
  std::string_view ip;               // the client's, as far as it is known; empty: it is not
  std::string_view peer;             // of the connection, "ip:port"
  std::string_view local;            // the same, our end
  const metadata::Annotations* notes = nullptr;  // of the request; null: there are none
};

// None where no policy finds anything. A cookie that is missing and has a ttl is made: a set-cookie for the answer is
// added to `cookies`, in the arena of `head`.
std::optional<uint64_t> HashOf(const std::vector<config::HashPolicy>& policies, const http::RequestHead& head,
                               const HashRequester& requester, http::HeaderMap& cookies);

// Whether one of `policies` may make a cookie.
bool MakesCookies(const std::vector<config::HashPolicy>& policies);

}  // namespace pillion::proxy
