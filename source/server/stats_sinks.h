#pragma once

// Where metrics are sent at each flush: statsd and DogStatsD, over UDP, or over TCP and TLS to a host of a cluster; and
// metrics services. Owned by the server; main thread. What can't be sent is dropped and counted: metrics never wait for who
// collects them.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/client/grpc.h"
#include "source/client/line_stream.h"
#include "source/client/target.h"
#include "source/config/stats_config.h"
#include "source/server/metrics_service.h"
#include "source/stats/statsd.h"

namespace pillion::server {

// The way to one collector.
class StatsChannel {
 public:
  virtual ~StatsChannel() = default;
  // A line, without its end. False: it is dropped.
  virtual bool Send(std::string_view line) = 0;
  // False: what was sent is dropped.
  virtual bool EndFlush() = 0;
};

class StatsSinks {
 public:
  struct Surroundings {
    client::LineDialer& dialer;
    client::GrpcCaller& caller;
    const base::Clock& clock;
    std::string node;  // the bytes of an envoy.config.core.v3.Node
    // A host of the cluster of that name; nothing while there is none.
    std::function<std::optional<client::Target>(const std::string& cluster)> host_of;
    std::function<void(std::string_view line)> warn;
  };

  // What is given in `surroundings` outlives it.
  StatsSinks(const std::vector<config::StatsSink>& sinks, const Surroundings& surroundings);

  bool empty() const { return sinks_.empty() && services_.empty(); }
  // False: something was dropped.
  bool Flush(const stats::Snapshot& snapshot);

 private:
  struct Sink {
    stats::StatsdLines lines;
    std::unique_ptr<StatsChannel> channel;
  };

  std::vector<Sink> sinks_;
  std::vector<std::unique_ptr<MetricsService>> services_;
};

}  // namespace pillion::server
