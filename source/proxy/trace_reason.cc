#include "source/proxy/trace_reason.h"

#include <charconv>
#include <cstring>
#include <optional>

namespace pillion::proxy {
namespace {

constexpr size_t kIdSize = 36;  // a UUID's
constexpr size_t kReasonAt = 14;
constexpr char kNone = '4';
constexpr char kSampled = '9';
constexpr char kForced = 'a';
constexpr char kByClient = 'b';

// The number that an id stands for: the same wherever the request goes.
std::optional<uint32_t> NumberOf(std::string_view id) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + 8, number, 16);
  if (error != std::errc() || end != id.data() + 8) return std::nullopt;
  return number;
}

}  // namespace

void DecideTracing(http::RequestHead& head, const config::TraceSampling& sampling, base::Random& random) {
  const std::string_view id = head.headers.Get(http::HeaderId::kXRequestId);
  if (id.size() != kIdSize || !sampling.by_request_id) return;
  const std::optional<uint32_t> number = NumberOf(id);
  if (!number) return;
  const auto holds = [](uint32_t of_ten_thousand, uint64_t value) { return value % 10000 < of_ten_thousand; };
  const char before = id[kReasonAt];
  char reason = before == kSampled || before == kForced || before == kByClient ? before : kNone;
  if (reason == kNone) {
    if (head.headers.Find("x-client-trace-id") != nullptr && holds(sampling.client, random.Next())) {
      reason = kByClient;
    } else if (head.headers.Has(http::HeaderId::kXEnvoyForceTrace)) {
      reason = kForced;
    } else if (holds(sampling.random, *number)) {
      reason = kSampled;
    }
  }
  if (reason != kNone && !holds(sampling.overall, *number)) reason = kNone;
  if (reason == before || !sampling.tells_by_id) return;
  char* const text = static_cast<char*>(head.headers.arena().Allocate(kIdSize, 1));
  std::memcpy(text, id.data(), kIdSize);
  text[kReasonAt] = reason;
  head.headers.Set(http::HeaderId::kXRequestId, {text, kIdSize});
}

}  // namespace pillion::proxy
