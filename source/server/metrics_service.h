#pragma once

// Tells a metrics service (envoy.service.metrics.v3.MetricsService) all metrics at each flush, by one call of gRPC that
// stays open; when it ends, the next flush begins another one. What a service does not take is dropped: metrics never wait
// for who collects them. Owned by StatsSinks; main thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "source/base/clock.h"
#include "source/client/grpc.h"
#include "source/config/stats_config.h"
#include "source/stats/snapshot.h"

namespace pillion::server {

class MetricsService final : private client::GrpcEvents {
 public:
  struct Surroundings {
    client::GrpcCaller& caller;
    const base::Clock& clock;
    std::string node;  // the bytes of an envoy.config.core.v3.Node
    std::function<std::optional<client::Target>()> target;  // of the next call; nothing: there is no host
    std::function<void(std::string_view line)> warn;
  };

  // What is given in `surroundings` outlives it.
  MetricsService(const config::MetricsService& config, Surroundings surroundings);
  MetricsService(const MetricsService&) = delete;
  MetricsService& operator=(const MetricsService&) = delete;

  // False: it was dropped, for there is no host.
  bool Flush(const stats::Snapshot& snapshot);

 private:
  void OnOpen() override { open_ = true; }
  void OnMessage(std::string) override {}
  void OnEnd(const codec::grpc::Status& status) override;

  void AddMetrics(const stats::Snapshot& snapshot, const std::function<void(const std::string& family)>& take);

  const config::MetricsService config_;
  const Surroundings with_;
  std::unique_ptr<client::GrpcCall> call_;  // null: there is none
  bool open_ = false;                       // its connection is there
  bool said_ = false;                       // that it can't be told, since a call lasted for a flush
  absl::flat_hash_map<std::string, uint64_t> sent_;  // counters, as they were told last; of deltas alone
};

}  // namespace pillion::server
