#include "source/http/grpc_timeout.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace pillion::http {
namespace {

constexpr size_t kMostDigits = 8;
constexpr int64_t kMostCount = 99'999'999;

// As good as for ever; a hundred million hours do not fit nanoseconds.
constexpr base::Duration kLongest = std::chrono::hours(24 * 365 * 10);

constexpr std::pair<char, base::Duration> kUnits[] = {
    {'n', std::chrono::nanoseconds(1)}, {'u', std::chrono::microseconds(1)}, {'m', std::chrono::milliseconds(1)},
    {'S', std::chrono::seconds(1)},     {'M', std::chrono::minutes(1)},      {'H', std::chrono::hours(1)},
};

}  // namespace

std::optional<base::Duration> ParseGrpcTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > kMostDigits + 1) return std::nullopt;
  int64_t count = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto parsed = std::from_chars(text.data(), end, count);
  if (parsed.ptr != end || text[0] == '-') return std::nullopt;
  for (const auto& [sign, unit] : kUnits) {
    if (sign == text.back()) return std::min<int64_t>(count, kLongest / unit) * unit;
  }
  return std::nullopt;
}

std::string_view GrpcTimeoutText(base::Duration timeout, base::Arena& arena) {
  for (const auto& [sign, unit] : kUnits) {
    const int64_t count = timeout / unit;
    if (unit < std::chrono::milliseconds(1) || count > kMostCount) continue;
    char text[kMostDigits + 1];
    char* const end = std::to_chars(text, text + kMostDigits, count).ptr;
    *end = sign;
    return arena.Copy({text, static_cast<size_t>(end + 1 - text)});
  }
  return "99999999H";
}

}  // namespace pillion::http
