#pragma once

// The two ends of a connection to an internal listener: in user space, on one worker, with bounded pipes between them that
// blocks go through as they are. They behave as sockets do: half-close, a reset when an end is aborted or closed with bytes
// unread, an edge when something has changed, in a step of the loop.
//
// | end       | reads                                    | writes                              | left by                  |
// |-----------|------------------------------------------|-------------------------------------|--------------------------|
// | open      | what the other has written               | while the pipe has room             | below                    |
// | ended     | the rest, then an end                    | as before, until the other is gone  | the other's end          |
// | reset     | the rest, then ECONNRESET once           | an error                            | -                        |
// | refused   | -                                        | -                                   | -                        |
//
// Each is owned by a connection, as other transports are; the pipes live with the end that reads.

#include <cstddef>
#include <memory>
#include <utility>

#include "source/base/buffer.h"
#include "source/event/worker.h"
#include "source/net/address.h"
#include "source/net/passed.h"
#include "source/net/transport.h"

namespace pillion::net {

class InternalTransport final : public Transport {
 public:
  struct Ends {
    std::unique_ptr<InternalTransport> upstream;    // the one that has connected
    std::unique_ptr<InternalTransport> downstream;  // the listener's
  };
  // `address`: whom it leads to. `pipe_bytes`: that may be under way in each direction; > 0.
  static Ends Pair(event::Worker& worker, const Address& address, size_t pipe_bytes);
  // A connect that fails with `error`, as soon as it is started.
  static std::unique_ptr<InternalTransport> Refused(event::Worker& worker, const Address& address, int error);
  ~InternalTransport() override;

  int Start(TransportEvents& events) override;
  int connect_error() override;
  IoResult Read(std::span<char> into) override;
  IoResult Write(std::span<const iovec> from) override;
  bool hands_over() const override { return true; }
  IoResult TakeBlock(base::Slice& into) override;
  IoResult GiveBlocks(base::Buffer& from) override;
  void ShutdownWrite() override;
  void Abort() override { aborted_ = true; }
  const Address& local_address() override { return local_; }
  const Address& remote_address() const override { return remote_; }
  std::optional<Address> OriginalDestination() override { return std::nullopt; }
  void SetLocalAddress(const Address& address) override { local_ = address; }
  void SetRemoteAddress(const Address& address) override { remote_ = address; }
  void Pass(std::shared_ptr<const Passed> passed) override {
    if (other_ != nullptr) other_->passed_ = std::move(passed);
  }
  std::shared_ptr<const Passed> passed() const override { return passed_; }

 private:
  InternalTransport(event::Worker& worker, const Address& local, const Address& remote, size_t pipe_bytes);

  // Something may be read, or be written, that could not before.
  void Changed();
  void Notify();
  // What a read says where no byte is there.
  IoResult NothingToRead();
  // Bytes that may be written now; an error: none any more.
  IoResult Room();
  // Behind reads: whoever waits for room may write.
  void MadeRoom();

  event::Worker& worker_;
  Address local_;
  Address remote_;
  const size_t pipe_bytes_;
  InternalTransport* other_ = nullptr;  // null: it is gone, or there was none
  base::Buffer received_;               // by this end, and not read yet
  TransportEvents* events_ = nullptr;
  event::Task notify_;
  std::shared_ptr<const Passed> passed_;
  int connect_error_ = 0;
  bool blocked_ = false;      // a write did not fit
  bool ended_ = false;        // the other has half-closed, or is gone
  bool reset_ = false;
  bool reset_told_ = false;
  bool half_closed_ = false;  // by this end
  bool aborted_ = false;      // the same
};

}  // namespace pillion::net
