#pragma once

// Whether a connection that began under an earlier context may go on under the one of now.

#include <cstdint>

#include "absl/time/time.h"
#include "source/tls/context.h"
#include "source/tls/facts.h"

namespace pillion::tls {

enum class Standing : uint8_t {
  kGood,
  kExpired,    // its own certificate, or the peer's
  kWithdrawn,  // nobody who is trusted now vouches for the peer
};

// On the connection's worker. A chain is verified only where the policy has changed since the connection began. Good is also
// what has not finished its handshake.
Standing StandingOf(Facts& facts, const Context& current, absl::Time now);
// The same; null: trust was withdrawn, and there is nothing that does without it.
Standing StandingOf(Facts& facts, const Context* current, absl::Time now);

}  // namespace pillion::tls
