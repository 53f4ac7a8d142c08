#pragma once

// The sockets of the administration: TCP or unix. Only for server.cc and session.cc: Asio's headers are large.

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <string>

#include "absl/status/status.h"
#include "source/admin/access.h"
#include "source/config/address.h"

namespace pillion::admin {

using Executor = boost::asio::io_context::executor_type;
using Protocol = boost::asio::generic::stream_protocol;
using Stream = boost::beast::basic_stream<Protocol, Executor>;
using Acceptor = boost::asio::basic_socket_acceptor<Protocol, Executor>;

config::Address ToAddress(const Protocol::endpoint& endpoint);
// Binds and listens. `file`: that of a unix socket, to be removed in the end; else it stays as it is. An error names the
// address.
absl::Status OpenListening(Acceptor& acceptor, const config::Address& address, std::string& file);
// What an accepted socket tells of who is at its other end.
Client ClientOf(Stream::socket_type& socket, const config::Address& peer);

}  // namespace pillion::admin
