#include "source/server/stats_sinks.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "source/upstream/address.h"

namespace pillion::server {
namespace {

namespace asio = boost::asio;

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

  void EndFlush() override {
    if (descriptor_ < 0) descriptor_ = socket(to_.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ >= 0 && !pending_.empty()) {
      // An error is that of an earlier one, or nobody's to mend.
      (void)sendto(descriptor_, pending_.data(), pending_.size(), MSG_NOSIGNAL, to_.data(), to_.size());
    }
    pending_.clear();
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
  StreamChannel(asio::io_context& io, std::function<std::optional<net::Address>()> find_host)
      : io_(io), find_host_(std::move(find_host)) {}

  bool Send(std::string_view line) override {
    if (waiting_.size() + line.size() > kMostBytes) return false;
    waiting_ += line;
    waiting_ += '\n';
    return true;
  }

  void EndFlush() override {
    if (link_ != nullptr) return WriteMore();
    const std::optional<net::Address> host = find_host_();
    if (!host) return;
    link_ = std::make_shared<Link>(io_);
    const asio::generic::stream_protocol::endpoint endpoint(host->data(), host->size());
    link_->socket.async_connect(endpoint, [this, link = std::weak_ptr(link_)](const boost::system::error_code& error) {
      const auto alive = link.lock();
      if (alive == nullptr) return;
      alive->connected = true;
      error ? link_.reset() : WriteMore();
    });
  }

 private:
  static constexpr size_t kMostBytes = 4 * 1024 * 1024;

  // Gone with the connection: what still comes back for it finds nothing.
  struct Link {
    explicit Link(asio::io_context& io) : socket(io) {}
    asio::generic::stream_protocol::socket socket;
    bool connected = false;
    std::string writing;
  };

  void WriteMore() {
    if (!link_->connected || !link_->writing.empty() || waiting_.empty()) return;
    link_->writing.swap(waiting_);
    // The link lives until the write has ended, whatever becomes of this.
    asio::async_write(link_->socket, asio::buffer(link_->writing),
                      [this, link = std::weak_ptr(link_)](const boost::system::error_code& error, size_t) {
                        const auto alive = link.lock();
                        if (alive == nullptr) return;
                        alive->writing.clear();
                        if (error) {
                          link_.reset();
                        } else {
                          WriteMore();
                        }
                      });
  }

  asio::io_context& io_;
  const std::function<std::optional<net::Address>()> find_host_;
  std::shared_ptr<Link> link_;  // null: there is no connection
  std::string waiting_;
};

}  // namespace

StatsSinks::StatsSinks(asio::io_context& io, const std::vector<config::StatsSink>& sinks, const FindHost& find_host) {
  for (const config::StatsSink& sink : sinks) {
    std::unique_ptr<StatsChannel> channel;
    if (const auto* cluster = std::get_if<std::string>(&sink.to)) {
      channel = std::make_unique<StreamChannel>(io, [find_host, name = *cluster] { return find_host(name); });
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
    sink.channel->EndFlush();
  }
  return all;
}

}  // namespace pillion::server
