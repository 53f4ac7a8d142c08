#include "source/context/timeout.h"

#include <algorithm>

#include "source/base/number_text.h"
#include "source/http/grpc_timeout.h"

namespace pillion::context {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMostDigits = 18;

int64_t ToldMs(base::Duration left) { return std::max<int64_t>(left / milliseconds(1), 1); }

}  // namespace

std::optional<base::Duration> ParseTimeoutMs(std::string_view text) {
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  int64_t count = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
  }
  return milliseconds(std::min<int64_t>(count, kLongestTimeout / milliseconds(1)));
}

std::string_view TimeoutMsText(base::Duration left, base::Arena& arena) {
  return base::NumberText(ToldMs(left), arena);
}

bool IsTimeoutMsText(std::string_view text, base::Duration left) {
  int64_t rest = ToldMs(left);
  for (; !text.empty() && rest != 0; text.remove_suffix(1), rest /= 10) {
    if (text.back() != '0' + rest % 10) return false;
  }
  return text.empty() && rest == 0;
}

std::string_view GrpcTimeLeftText(base::Duration left, base::Arena& arena) {
  return http::GrpcTimeoutText(std::max<base::Duration>(left, milliseconds(1)), arena);
}

}  // namespace pillion::context
