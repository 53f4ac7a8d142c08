#pragma once

// One end of a loopback stream. Only loopback.cc makes it.

#include <memory>
#include <string>

#include "test/support/loopback.h"

namespace pillion::test {

class LoopbackTransport final : public net::Transport, private Ready {
 public:
  LoopbackTransport(LoopbackNetwork& network, SimulatedLoop& loop, const net::Address& local,
                    const net::Address& remote, const LoopbackFaults& faults, uint64_t reset_behind);
  ~LoopbackTransport() override;

  // Makes `client` and `server` the two ends of a stream.
  static void Join(LoopbackTransport& client, LoopbackTransport& server);

  void Connected();
  void Refuse(int error);
  // Not before Start(): as an error that connect(2) itself gives.
  void FailAtOnce(int error) { start_error_ = error; }

  // net::Transport
  int Start(net::TransportEvents& events) override;
  int connect_error() override;
  net::IoResult Read(std::span<char> into) override;
  net::IoResult Write(std::span<const iovec> from) override;
  void ShutdownWrite() override;
  void Abort() override { abort_ = true; }
  const net::Address& local_address() override { return local_; }
  const net::Address& remote_address() const override { return remote_; }
  std::optional<net::Address> OriginalDestination() override { return faults_.original_destination; }
  void SetLocalAddress(const net::Address& address) override { local_ = address; }
  void SetRemoteAddress(const net::Address& address) override { remote_ = address; }

 private:
  friend class LoopbackNetwork;

  // What the two ends share with what is under way between them; `end` is null once that end is destroyed.
  struct Slot {
    LoopbackTransport* end;
  };

  void Deliver() override;
  void Changed();
  size_t room() const;
  // Puts something on its way to the other end.
  void Send(std::function<void(LoopbackTransport&)> arrival);
  void ResetBoth();
  void OnBytes(std::string bytes);
  void OnEnd();
  void OnReset();

  LoopbackNetwork& network_;
  SimulatedLoop& loop_;
  net::Address local_;
  net::Address remote_;
  const LoopbackFaults faults_;
  const uint64_t reset_behind_;  // bytes sent
  net::TransportEvents* events_ = nullptr;
  std::shared_ptr<Slot> self_;
  std::shared_ptr<Slot> other_;  // null until connected

  int start_error_ = 0;
  int connect_error_ = 0;
  std::string received_;
  size_t under_way_ = 0;  // bytes sent and not read by the other end
  uint64_t sent_ = 0;
  bool ended_ = false;       // the other end half-closed
  bool reset_ = false;
  bool reset_told_ = false;
  bool half_closed_ = false;
  bool blocked_ = false;     // a write found no room
  bool abort_ = false;
};

}  // namespace pillion::test
