#pragma once

// Calls of gRPC as the main thread makes them: unary ones, and streams in either direction or both.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/client/control_thread.h"
#include "source/client/target.h"
#include "source/codec/grpc/status.h"

namespace pillion::client {

struct GrpcRequest {
  std::string path;  // "/package.Service/Method"
  std::vector<std::pair<std::string, std::string>> metadata;  // names in lower case
  base::Duration timeout{0};                                  // of the whole call; zero: none
  size_t max_message = 4 * 1024 * 1024;                       // bytes, of one that is received
  std::string limit_name = {};                                // what sets that, as an error says it; empty: nothing
  bool subscription = false;  // silent for long, perhaps: whether the server is still there is asked for
};

// Who called. Main thread; may end the call from within.
class GrpcEvents {
 public:
  // The connection is there, and the call is on its way; the server need not have said a word. Before all others, once or
  // never.
  virtual void OnOpen() {}
  virtual void OnMessage(std::string message) = 0;
  // The last event.
  virtual void OnEnd(const codec::grpc::Status& status) = 0;

 protected:
  ~GrpcEvents() = default;
};

// One call, from its begin on. Main thread. Destroyed, it is cancelled and no event follows.
class GrpcCall {
 public:
  virtual ~GrpcCall() = default;
  // `last`: no other follows. What can't be sent yet waits.
  virtual void Send(std::string message, bool last) = 0;
};

// A test seam; in the process it is ThreadCaller.
class GrpcCaller {
 public:
  virtual ~GrpcCaller() = default;
  // `events` outlives the call. No event comes from within.
  virtual std::unique_ptr<GrpcCall> Call(const Target& target, GrpcRequest request, GrpcEvents& events) = 0;
};

// By way of the control thread, which outlives it.
class ThreadCaller final : public GrpcCaller {
 public:
  explicit ThreadCaller(ControlThread& thread) : thread_(thread) {}
  std::unique_ptr<GrpcCall> Call(const Target& target, GrpcRequest request, GrpcEvents& events) override;

 private:
  class RemoteCall;

  ControlThread& thread_;
};

}  // namespace pillion::client
