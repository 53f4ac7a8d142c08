#pragma once

// A DNS server on a port of 127.0.0.1 that the kernel chose, on a thread of its own: UDP, and TCP for what does not fit.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pillion::test {

class DnsServer {
 public:
  struct Answer {
    std::vector<std::string> v4;
    std::vector<std::string> v6;
    uint32_t ttl_s = 60;
    int rcode = 0;        // 2: SERVFAIL, 3: NXDOMAIN
    bool silent = false;  // no answer at all
    std::chrono::milliseconds delay{0};
  };

  DnsServer();
  ~DnsServer();

  // Names without an answer do not exist.
  void Set(const std::string& name, Answer answer);

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int queries(const std::string& name) const;
  int tcp_queries() const;
  int most_at_once() const;  // queries that waited for a delayed answer

 private:
  using Bytes = std::vector<uint8_t>;

  void Receive();
  void Accept();
  void ReadTcp(std::shared_ptr<boost::asio::ip::tcp::socket> socket);
  // The reply, and how long it waits; empty: none.
  std::pair<Bytes, std::chrono::milliseconds> Reply(const uint8_t* query, size_t size, bool tcp);
  template <typename F>
  void After(std::chrono::milliseconds delay, F send);

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  boost::asio::ip::udp::socket udp_{io_};
  boost::asio::ip::tcp::acceptor tcp_{io_};
  boost::asio::ip::udp::endpoint from_;
  Bytes buffer_ = Bytes(65536);
  uint16_t port_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Answer> answers_;
  std::map<std::string, int> queries_;
  int tcp_queries_ = 0;
  int waiting_ = 0;
  int most_waiting_ = 0;

  std::thread thread_;
};

}  // namespace pillion::test
