#pragma once

// A connection of the administration. Only for server.cc and session.cc: Beast's headers are large.

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "source/admin/message.h"
#include "source/admin/server_state.h"
#include "source/tls/facts.h"

namespace pillion::admin {

// One connection: with TLS a handshake first; then it reads a request, writes its answer, again. Kept alive by its pending
// operation; ends by an error, a timeout, the client's wish or the server's end.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Server::State> state, Stream::socket_type&& socket);
  ~Session();

  void Start();
  void Close() {
    waits_since_.reset();
    stream_.close();
  }
  // For a handshake or a request of its client; nothing: an answer is on its way.
  const std::optional<base::MonotonicTime>& waits_since() const { return waits_since_; }

 private:
  using error_code = boost::system::error_code;
  using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;
  using BeastResponse = boost::beast::http::response<boost::beast::http::string_body>;

  void OnHandshake(const error_code& error);
  void Read();
  void OnHead(const error_code& error);
  void OnRead(const error_code& error);
  // A request is to be answered.
  void Begin();
  Reply Answer();
  // Who asks now: as it came, but for what has changed since.
  Client Asking();
  // Of a request that its sender may not make.
  std::optional<Reply> Refuse(const Request& request);
  void Write(Reply reply);
  void OnWrite(const error_code& error);
  void End();
  // Takes what is still sent, for a while: a socket that was closed before would take the answer with it.
  void Discard();
  void Log();

  const std::shared_ptr<Server::State> state_;
  Stream stream_;
  std::shared_ptr<const tls::Context> context_;  // null: plain
  std::optional<boost::asio::ssl::stream<Stream&>> tls_;  // over stream_
  std::optional<tls::Facts> facts_;              // of tls_
  Client client_;
  const uint64_t connection_id_;
  std::string peer_;  // its address
  std::string who_;   // the same for people: of a unix socket, where there is none, the process
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  BeastRequest request_;
  BeastResponse response_;
  bool unread_ = false;  // some of the request
  size_t discarded_ = 0;
  size_t body_received_ = 0;
  size_t body_size_ = 0;
  std::function<void()> after_;
  base::WallTime start_time_;
  base::MonotonicTime start_;
  std::optional<base::MonotonicTime> waits_since_;
};

}  // namespace pillion::admin
