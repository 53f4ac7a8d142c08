#include "source/ctl/arguments.h"

#include <charconv>
#include <optional>

#include "source/identity/text.h"

namespace pillion::ctl {

using identity::Concat;
using identity::Quote;

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text, absl::Duration least) {
  constexpr absl::Duration kMost = absl::Hours(24 * 3650);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  absl::Duration one;
  if (unit == "s") one = absl::Seconds(1);
  if (unit == "m") one = absl::Minutes(1);
  if (unit == "h") one = absl::Hours(1);
  if (unit == "d") one = absl::Hours(24);
  // A multiplication that overflows gives an infinite duration.
  const absl::Duration duration = one * number;
  if (error != std::errc() || one == absl::ZeroDuration() || duration < least || duration > kMost) {
    return absl::InvalidArgumentError(Concat(Quote(text), ": expected a duration as 90s, 30m, 12h or 30d, from ",
                                             absl::FormatDuration(least), " to 3650d"));
  }
  return duration;
}

absl::StatusOr<Listen> ParseListen(std::string_view text, bool allow_remote) {
  const size_t equals = text.find('=');
  const std::string_view where = equals == text.npos ? std::string_view() : text.substr(equals + 1);
  const std::optional<net::Address> address = net::Address::IpAndPort(where);
  if (where.ends_with(":0")) {
    return absl::InvalidArgumentError(
        Concat(Quote(text), ": port 0 is one that nobody could know, expected one from 1 to 65535, as web=127.0.0.1:8081"));
  }
  if (!address) {
    return absl::InvalidArgumentError(Concat(Quote(text), ": expected WORKLOAD=IP:PORT, as web=127.0.0.1:8081"));
  }
  if (!address->is_loopback() && !allow_remote) {
    return absl::InvalidArgumentError(
        Concat(Quote(text), ": who reaches it gets the key of ", Quote(text.substr(0, equals)),
               ", and it can be reached from other machines; --allow-remote allows that"));
  }
  return Listen{.workload = std::string(text.substr(0, equals)), .address = *address};
}

}  // namespace pillion::ctl
