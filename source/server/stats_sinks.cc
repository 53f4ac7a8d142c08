#include "source/server/stats_sinks.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "source/net/address.h"
#include "source/upstream/address.h"

namespace pillion::server {
namespace {

// Datagrams with one line each or, up to a bound, with several. A collector that does not listen loses them.
class DatagramChannel final : public StatsChannel {
 public:
  DatagramChannel(const net::Address& to, size_t most_bytes) : to_(to), most_bytes_(most_bytes) {}
  ~DatagramChannel() override {
    if (descriptor_ >= 0) close(descriptor_);
  }

  bool Send(std::string_view line) override {
    if (!pending_.empty() && pending_.size() + 1 + line.size() > most_bytes_) EndFlush();
    if (!pending_.empty()) pending_ += '\n';
    pending_ += line;
    return true;
  }

  bool EndFlush() override {
    if (descriptor_ < 0) descriptor_ = socket(to_.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ >= 0 && !pending_.empty()) {
      // An error is that of an earlier one, or nobody's to mend.
      (void)sendto(descriptor_, pending_.data(), pending_.size(), MSG_NOSIGNAL, to_.data(), to_.size());
    }
    pending_.clear();
    return true;
  }

 private:
  const net::Address to_;
  const size_t most_bytes_;
  int descriptor_ = -1;
  std::string pending_;
};

// Lines over one connection to a host of a cluster; opened when there is something to send.
class StreamChannel final : public StatsChannel {
 public:
  StreamChannel(std::string cluster, const StatsSinks::Surroundings& with) : cluster_(std::move(cluster)), with_(with) {}

  bool Send(std::string_view line) override {
    if (lines_.size() + line.size() > kMostBytes) return false;
    lines_ += line;
    lines_ += '\n';
    return true;
  }

  bool EndFlush() override {
    if (lines_.empty()) return true;
    const std::string lines = std::exchange(lines_, {});
    // Of a collector that takes each connection and ends it, nothing is over.
    if (stream_ != nullptr && stream_->is_open()) said_ = false;
    if (stream_ == nullptr) {
      const std::optional<client::Target> host = with_.host_of(cluster_);
      if (!host) return Fail("there is no host");
      stream_ = with_.dialer.Connect(*host, kMostBytes, [this](const std::string& why) {
        stream_.reset();
        Fail(why);
      });
    }
    return stream_->Send(lines);
  }

 private:
  static constexpr size_t kMostBytes = 4 * 1024 * 1024;

  bool Fail(const std::string& why) {
    if (!std::exchange(said_, true)) {
      with_.warn("statsd of cluster " + cluster_ + ": " + why + "; it is tried at each flush");
    }
    return false;
  }

  const std::string cluster_;
  const StatsSinks::Surroundings with_;
  std::unique_ptr<client::LineStream> stream_;  // null: there is no connection
  std::string lines_;                           // of this flush
  bool said_ = false;                           // that it can't be told, since a connection lasted for a flush
};

}  // namespace

StatsSinks::StatsSinks(const std::vector<config::StatsSink>& sinks, const Surroundings& surroundings) {
  for (const config::StatsSink& sink : sinks) {
    if (const auto* service = std::get_if<config::MetricsService>(&sink.to)) {
      services_.push_back(std::make_unique<MetricsService>(
          *service,
          MetricsService::Surroundings{.caller = surroundings.caller,
                                       .clock = surroundings.clock,
                                       .node = surroundings.node,
                                       .target = [host_of = surroundings.host_of, name = service->cluster] {
                                         return host_of(name);
                                       },
                                       .warn = surroundings.warn}));
      continue;
    }
    std::unique_ptr<StatsChannel> channel;
    if (const auto* cluster = std::get_if<std::string>(&sink.to)) {
      channel = std::make_unique<StreamChannel>(*cluster, surroundings);
    } else {
      channel = std::make_unique<DatagramChannel>(upstream::SystemAddress(std::get<config::Address>(sink.to)),
                                                  sink.most_bytes);
    }
    sinks_.push_back({stats::StatsdLines(sink.prefix, sink.tags), std::move(channel)});
  }
}

bool StatsSinks::Flush(const stats::Snapshot& snapshot) {
  bool all = true;
  for (Sink& sink : sinks_) {
    sink.lines.Write(snapshot, [&](std::string_view line) { all = sink.channel->Send(line) && all; });
    all = sink.channel->EndFlush() && all;
  }
  for (const std::unique_ptr<MetricsService>& service : services_) all = service->Flush(snapshot) && all;
  return all;
}

}  // namespace pillion::server
