#include "test/support/dns_server.h"

#include <arpa/inet.h>

#include <algorithm>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace pillion::test {
namespace {

using boost::asio::ip::address_v4;
using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;

constexpr size_t kHeader = 12;
constexpr size_t kUdpLimit = 512;
constexpr uint16_t kA = 1;
constexpr uint16_t kAaaa = 28;

void Put16(std::vector<uint8_t>& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

}  // namespace

DnsServer::DnsServer() {
  // The same port for both protocols: UDP's choice may be taken in TCP.
  for (int attempt = 0; attempt < 100; ++attempt) {
    udp_ = udp::socket(io_, udp::endpoint(address_v4::loopback(), 0));
    port_ = udp_.local_endpoint().port();
    error_code error;
    tcp_.open(tcp::v4(), error);
    tcp_.bind(tcp::endpoint(address_v4::loopback(), port_), error);
    if (!error) break;
    tcp_.close();
  }
  tcp_.listen();
  Receive();
  Accept();
  thread_ = std::thread([this] { io_.run(); });
}

DnsServer::~DnsServer() {
  io_.stop();
  thread_.join();
}

void DnsServer::Set(const std::string& name, Answer answer) {
  const std::lock_guard lock(mutex_);
  answers_[name] = std::move(answer);
}

int DnsServer::queries(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = queries_.find(name);
  return found == queries_.end() ? 0 : found->second;
}

int DnsServer::tcp_queries() const {
  const std::lock_guard lock(mutex_);
  return tcp_queries_;
}

int DnsServer::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_waiting_;
}

template <typename F>
void DnsServer::After(std::chrono::milliseconds delay, F send) {
  if (delay == std::chrono::milliseconds(0)) return send();
  {
    const std::lock_guard lock(mutex_);
    most_waiting_ = std::max(most_waiting_, ++waiting_);
  }
  auto timer = std::make_shared<boost::asio::steady_timer>(io_, delay);
  timer->async_wait([this, timer, send = std::move(send)](const error_code& error) {
    if (error) return;
    {
      const std::lock_guard lock(mutex_);
      --waiting_;
    }
    send();
  });
}

void DnsServer::Receive() {
  udp_.async_receive_from(boost::asio::buffer(buffer_), from_, [this](const error_code& error, size_t size) {
    if (error) return;
    auto [reply, delay] = Reply(buffer_.data(), size, false);
    if (!reply.empty()) {
      After(delay, [this, to = from_, reply = std::move(reply)] {
        error_code ignored;
        udp_.send_to(boost::asio::buffer(reply), to, 0, ignored);
      });
    }
    Receive();
  });
}

void DnsServer::Accept() {
  auto socket = std::make_shared<tcp::socket>(io_);
  tcp_.async_accept(*socket, [this, socket](const error_code& error) {
    if (error) return;
    ReadTcp(socket);
    Accept();
  });
}

void DnsServer::ReadTcp(std::shared_ptr<tcp::socket> socket) {
  auto bytes = std::make_shared<Bytes>(2);
  boost::asio::async_read(*socket, boost::asio::buffer(*bytes), [this, socket, bytes](const error_code& error, size_t) {
    if (error) return;
    const size_t size = static_cast<size_t>((*bytes)[0]) << 8 | (*bytes)[1];
    bytes->resize(size);
    boost::asio::async_read(*socket, boost::asio::buffer(*bytes),
                            [this, socket, bytes](const error_code& failed, size_t) {
                              if (failed) return;
                              Bytes reply = Reply(bytes->data(), bytes->size(), true).first;
                              Bytes framed;
                              Put16(framed, static_cast<uint16_t>(reply.size()));
                              framed.insert(framed.end(), reply.begin(), reply.end());
                              error_code ignored;
                              boost::asio::write(*socket, boost::asio::buffer(framed), ignored);
                              ReadTcp(socket);
                            });
  });
}

std::pair<DnsServer::Bytes, std::chrono::milliseconds> DnsServer::Reply(const uint8_t* query, size_t size, bool over_tcp) {
  std::string name;
  size_t at = kHeader;
  while (at < size && query[at] != 0) {
    const size_t length = query[at++];
    if (at + length > size) return {};
    if (!name.empty()) name += '.';
    name.append(reinterpret_cast<const char*>(query + at), length);
    at += length;
  }
  at += 1;  // the root
  if (at + 4 > size) return {};
  const uint16_t type = static_cast<uint16_t>(query[at] << 8 | query[at + 1]);
  at += 4;

  Answer answer{.rcode = 3};
  {
    const std::lock_guard lock(mutex_);
    ++queries_[name];
    tcp_queries_ += over_tcp;
    if (const auto found = answers_.find(name); found != answers_.end()) answer = found->second;
  }
  if (answer.silent) return {};

  std::vector<std::string> texts;
  if (answer.rcode == 0 && type == kA) texts = answer.v4;
  if (answer.rcode == 0 && type == kAaaa) texts = answer.v6;
  Bytes out(query, query + 2);
  out.push_back(0x81);  // a response, recursion desired
  out.push_back(static_cast<uint8_t>(0x80 | answer.rcode));
  Put16(out, 1);
  Put16(out, static_cast<uint16_t>(texts.size()));
  Put16(out, 0);
  Put16(out, 0);
  out.insert(out.end(), query + kHeader, query + at);
  const size_t question_end = out.size();
  for (const std::string& text : texts) {
    Put16(out, 0xc000 | kHeader);  // the name asked for
    Put16(out, type);
    Put16(out, 1);
    Put16(out, static_cast<uint16_t>(answer.ttl_s >> 16));
    Put16(out, static_cast<uint16_t>(answer.ttl_s));
    uint8_t bytes[16];
    inet_pton(type == kA ? AF_INET : AF_INET6, text.c_str(), bytes);
    const size_t length = type == kA ? 4 : 16;
    Put16(out, static_cast<uint16_t>(length));
    out.insert(out.end(), bytes, bytes + length);
  }
  if (!over_tcp && out.size() > kUdpLimit) {
    out.resize(question_end);
    out[2] |= 0x02;         // truncated
    out[6] = out[7] = 0;
  }
  return {out, answer.delay};
}

}  // namespace pillion::test
