#pragma once

// A connection that bytes are written to and nothing is expected from, with TLS where its target says so: to who collects
// metrics. As the main thread sees it: what can't be sent yet waits, up to a bound.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "source/client/control_thread.h"
#include "source/client/target.h"

namespace pillion::client {

// Main thread. Destroyed, the connection is closed and nobody is told.
class LineStream {
 public:
  virtual ~LineStream() = default;
  // False: more than `most_waiting` would wait, and nothing of it is sent.
  virtual bool Send(std::string bytes) = 0;
  // The connection is there, with its TLS.
  virtual bool is_open() const = 0;
};

// A test seam; in the process it is ThreadLineDialer.
class LineDialer {
 public:
  virtual ~LineDialer() = default;
  // `ended` is called once, not from within: the connection could not be, or is no more; it may destroy the stream.
  virtual std::unique_ptr<LineStream> Connect(const Target& target, size_t most_waiting,
                                              std::function<void(const std::string& why)> ended) = 0;
};

// By way of the control thread, which outlives it.
class ThreadLineDialer final : public LineDialer {
 public:
  explicit ThreadLineDialer(ControlThread& thread) : thread_(thread) {}
  std::unique_ptr<LineStream> Connect(const Target& target, size_t most_waiting,
                                      std::function<void(const std::string& why)> ended) override;

 private:
  class RemoteStream;

  ControlThread& thread_;
};

}  // namespace pillion::client
