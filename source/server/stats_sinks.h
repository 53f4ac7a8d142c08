#pragma once

// Where metrics are sent at each flush: statsd and DogStatsD, over UDP or TCP. Owned by the server; main thread. What can't
// be sent is dropped and counted: metrics never wait for who collects them.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/stats_config.h"
#include "source/net/address.h"
#include "source/stats/statsd.h"

namespace pillion::server {

// The way to one collector.
class StatsChannel {
 public:
  virtual ~StatsChannel() = default;
  // A line, without its end. False: it is dropped.
  virtual bool Send(std::string_view line) = 0;
  virtual void EndFlush() = 0;
};

class StatsSinks {
 public:
  // A host of the cluster of that name; nothing while there is none.
  using FindHost = std::function<std::optional<net::Address>(const std::string& cluster)>;

  StatsSinks(boost::asio::io_context& io, const std::vector<config::StatsSink>& sinks, const FindHost& find_host);

  bool empty() const { return sinks_.empty(); }
  // False: something was dropped.
  bool Flush(const stats::Snapshot& snapshot);

 private:
  struct Sink {
    stats::StatsdLines lines;
    std::unique_ptr<StatsChannel> channel;
  };

  std::vector<Sink> sinks_;
};

}  // namespace pillion::server
