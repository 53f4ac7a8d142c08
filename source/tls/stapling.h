#pragma once

// Whether a server passes on what the CA says of its certificate, to a client that asks for it.

#include <cstdint>

#include "absl/time/time.h"
#include "source/identity/key_pair.h"

namespace pillion::tls {

// What has ended is never passed on.
enum class StaplePolicy : uint8_t {
  kLenient,  // without one the handshake goes on
  kStrict,   // without one, too, but not with one that has ended
  kMust,     // it goes on with one only
};

enum class Staple : uint8_t { kSend, kOmit, kFail };

// A certificate that clients only take with one (identity::MustStaple()) has kMust.
Staple StapleOf(const identity::KeyPair& pair, StaplePolicy policy, absl::Time now);

}  // namespace pillion::tls
