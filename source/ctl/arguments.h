#pragma once

// What stands in arguments, as values.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "source/net/address.h"

namespace pillion::ctl {

// "90s", "30m", "12h", "30d": `least` to ten years.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text, absl::Duration least);

struct Listen {
  std::string workload;
  net::Address address;
};

// "web=127.0.0.1:8081". What listens there gives a key to whoever asks, so beyond loopback it is refused unless
// `allow_remote`.
absl::StatusOr<Listen> ParseListen(std::string_view text, bool allow_remote);

}  // namespace pillion::ctl
