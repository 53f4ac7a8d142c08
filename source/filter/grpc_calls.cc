#include "source/filter/grpc_calls.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "source/http/parameters.h"

namespace pillion::filter {

std::optional<GrpcMethod> GrpcMethodOf(std::string_view path) {
  const auto plain = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
  };
  path = http::WithoutQuery(path);
  if (path.empty() || path.front() != '/') return std::nullopt;
  const size_t slash = path.find('/', 1);
  if (slash == std::string_view::npos) return std::nullopt;
  const GrpcMethod method{path.substr(1, slash - 1), path.substr(slash + 1)};
  return plain(method.service) && plain(method.name) ? std::optional(method) : std::nullopt;
}

GrpcCallStats::GrpcCallStats(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix)
    : shard_(shard),
      scope_(registry, prefix),
      success_(*shard.counter(scope_.AddCounter("success"))),
      failure_(*shard.counter(scope_.AddCounter("failure"))),
      total_(*shard.counter(scope_.AddCounter("total"))) {}

void GrpcCallStats::CountStatus(std::string_view text) {
  uint32_t status = 0;
  const char* const end = text.data() + text.size();
  const bool known = std::from_chars(text.data(), end, status).ptr == end && status < kStatuses;
  if (known) {
    stats::Counter*& counter = statuses_[status];
    if (counter == nullptr) counter = shard_.counter(scope_.AddCounter(std::to_string(status)));
    counter->Increment();
  }
  (known && status == 0 ? success_ : failure_).Increment();
  total_.Increment();
}

}  // namespace pillion::filter
