#pragma once

// A codec that does what a test says, and an owner that writes down what it is told.

#include <algorithm>
#include <optional>
#include <string>

#include "source/codec/codec.h"
#include "source/net/connection.h"

namespace pillion::net {

class ScriptedCodec final : public codec::Connection {
 public:
  explicit ScriptedCodec(codec::Link& link) : link_(link) {}

  // What the test sets.
  size_t takes = SIZE_MAX;  // bytes of each Receive()
  bool wants = true;
  codec::Ending end = codec::Ending::kOpen;
  std::function<void()> on_receive = [] {};
  std::string to_produce;   // goes out as far as the budget allows

  // What it gets.
  std::string received;
  int receives = 0;
  int ends = 0;
  int aborts = 0;
  int drained = 0;
  int pings = 0;

  void Send(std::string_view bytes) {
    to_produce += bytes;
    link_.OutputAdded();
  }

  size_t Receive(const base::Slice& data) override {
    ++receives;
    const size_t taken = std::min(takes, data.size());
    received += data.view().substr(0, taken);
    on_receive();
    return taken;
  }
  void ReceiveEnd() override { ++ends; }
  void Abort(std::string_view) override { ++aborts; }
  void Produce(size_t budget) override {
    base::Buffer& output = link_.output();
    if (output.size() >= budget) return;
    const size_t bytes = std::min(to_produce.size(), budget - output.size());
    output.Append(std::string_view(to_produce).substr(0, bytes));
    to_produce.erase(0, bytes);
  }
  void OutputDrained() override { ++drained; }
  void Ping() override { ++pings; }
  bool wants_read() const override { return wants; }
  codec::Ending ending() const override { return end; }
  size_t active_streams() const override { return 0; }

 private:
  codec::Link& link_;
};

// A connection with its codec, and what its owner was told.
class Owned final : public ConnectionOwner, private event::Deferred {
 public:
  Owned(event::Worker& worker, std::unique_ptr<Transport> transport, bool connecting,
        const ConnectionOptions& options = {})
      : worker_(worker), connection(worker, std::move(transport), *this, options), codec(connection) {
    connection.set_codec(codec);
    connection.Start(connecting);
  }

  bool connected = false;
  std::optional<CloseReason> closed;
  int error = 0;
  bool disposed = false;

 private:
  event::Worker& worker_;

 public:
  Connection connection;
  ScriptedCodec codec;

 private:
  void OnConnected() override { connected = true; }
  void OnClosed(CloseReason reason, int with) override {
    closed = reason;
    error = with;
    worker_.Dispose(*this);
  }
  void OnActivity() override {}
  void Dispose() override { disposed = true; }
};

}  // namespace pillion::net
