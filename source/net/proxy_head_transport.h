#pragma once

// A connection upstream that begins with a head of the PROXY protocol, over another transport: the head is the first that
// goes out once the connect has ended, whether or not something follows. TLS, where there is some, lies above.
//
// Owned by its connection, or by the TLS above; on its worker.

#include <memory>
#include <string>

#include "source/net/proxy_head.h"
#include "source/net/transport.h"

namespace pillion::net {

class ProxyHeadTransport final : public Transport, private TransportEvents {
 public:
  // `head` empty: the connection is made for nobody.
  ProxyHeadTransport(std::unique_ptr<Transport> below, ProxyVersion version, std::string head)
      : below_(std::move(below)), version_(version), head_(std::move(head)) {}

  int Start(TransportEvents& events) override;
  int connect_error() override { return connect_error_ != 0 ? connect_error_ : below_->connect_error(); }
  IoResult Read(std::span<char> into) override { return below_->Read(into); }
  IoResult Write(std::span<const iovec> from) override;
  void ShutdownWrite() override { below_->ShutdownWrite(); }
  void Abort() override { below_->Abort(); }
  const Address& local_address() override { return below_->local_address(); }
  const Address& remote_address() const override { return below_->remote_address(); }
  std::optional<Address> OriginalDestination() override { return below_->OriginalDestination(); }
  void SetLocalAddress(const Address& address) override { below_->SetLocalAddress(address); }
  void SetRemoteAddress(const Address& address) override { below_->SetRemoteAddress(address); }

 private:
  void OnTransportReady(event::Readiness readiness) override;
  // What is left of the head; kOk: nothing.
  IoResult SendHead();

  const std::unique_ptr<Transport> below_;
  const ProxyVersion version_;
  TransportEvents* events_ = nullptr;
  std::string head_;
  size_t sent_ = 0;  // of the head
  bool connected_ = false;
  int connect_error_ = 0;
};

}  // namespace pillion::net
