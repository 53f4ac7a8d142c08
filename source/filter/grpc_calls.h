#pragma once

// How calls of gRPC ended, counted as the filters that do so count it.

#include <array>
#include <optional>
#include <string_view>

#include "source/stats/registry.h"
#include "source/stats/tags.h"

namespace pillion::filter {

struct GrpcMethod {
  std::string_view service;
  std::string_view name;
};

// "/service/method", of letters, digits, '_' and '.'; nothing for a path that no gRPC client asks for. Views of `path`,
// whose query does not count.
std::optional<GrpcMethod> GrpcMethodOf(std::string_view path);

// Counters of one method, or of several together: `total`, `success`, `failure` and one for each status, from when it is
// seen first. Of a worker.
class GrpcCallStats {
 public:
  GrpcCallStats(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix);

  // A call has ended with that grpc-status, as it was sent.
  void CountStatus(std::string_view text);

 protected:
  stats::Shard& shard_;
  stats::Scope scope_;

 private:
  static constexpr size_t kStatuses = 17;

  std::array<stats::Counter*, kStatuses> statuses_{};
  stats::Counter& success_;
  stats::Counter& failure_;
  stats::Counter& total_;
};

}  // namespace pillion::filter
