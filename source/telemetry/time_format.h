#pragma once

// Wall time as text in UTC, by a format compiled once: strftime would read the time zone under a lock for every
// line.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "source/base/clock.h"

namespace pillion::telemetry {

class TimeFormat {
 public:
  // 2026-11-21T01:30:27.387Z
  TimeFormat() = default;

  // strftime's %Y %m %d %e %H %I %M %S %p %j %y %b %B %a %A %F %T %D %R %n %t %Z %z %%, and Envoy's %s (seconds
  // since the epoch) and %f, %1f to %9f (a fraction of the second of so many digits, 9 without a number; also
  // after %s as in %s.%3f).
  static absl::StatusOr<TimeFormat> Compile(std::string_view format);

  void Append(base::WallTime time, std::string& out) const { AppendAt(time, 0, out); }
  // As the clocks of this machine's time zone show it.
  void AppendLocal(base::WallTime time, std::string& out) const;

 private:
  struct Piece {
    char field;  // a letter as in the format; 0: `literal`
    uint8_t digits = 0;
    std::string literal;
  };
  // `east`: seconds that the clocks are ahead of UTC.
  void AppendAt(base::WallTime time, int east, std::string& out) const;

  std::vector<Piece> pieces_;  // empty: the default
};

}  // namespace pillion::telemetry
