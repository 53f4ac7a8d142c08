#pragma once

// A connection that can't be made, because the certificates or the trust that it needs have not come yet: it fails at once,
// so that nothing goes out in plain bytes.

#include "source/net/transport.h"

namespace pillion::tls {

class NotReadyTransport final : public net::Transport {
 public:
  static constexpr std::string_view kFailure = "TLS error: Secret is not supplied by SDS";  // as Envoy says it

  explicit NotReadyTransport(const net::Address& remote) : remote_(remote) {}

  int Start(net::TransportEvents& events) override;
  int connect_error() override;
  net::IoResult Read(std::span<char> into) override;
  net::IoResult Write(std::span<const iovec> from) override;
  void ShutdownWrite() override {}
  void Abort() override {}
  const net::Address& local_address() override { return local_; }
  const net::Address& remote_address() const override { return remote_; }
  std::optional<net::Address> OriginalDestination() override { return std::nullopt; }
  void SetLocalAddress(const net::Address& address) override { local_ = address; }
  void SetRemoteAddress(const net::Address& address) override { remote_ = address; }
  std::string_view failure() const override { return kFailure; }

 private:
  net::Address local_;
  net::Address remote_;
};

}  // namespace pillion::tls
