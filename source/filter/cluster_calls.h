#pragma once

// Calls of gRPC that filters make while a request waits, by the connections that the worker has to a cluster: one message
// there, one back. On the worker.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "source/base/clock.h"
#include "source/codec/grpc/status.h"

namespace pillion::filter {

// Who called. Outlives the call, or ends it.
class ClusterCallEvents {
 public:
  // The last word; the call is gone. `message` is the answer's, where `status` is good. Never from within Call().
  virtual void OnCallEnd(const codec::grpc::Status& status, std::string_view message) = 0;

 protected:
  ~ClusterCallEvents() = default;
};

class ClusterCall {
 public:
  // No longer wanted: no event follows, and the call is gone.
  virtual void Cancel() = 0;

 protected:
  ~ClusterCall() = default;
};

// Views are good as long as Call() lasts, but the configuration's, which are good as long as the call.
struct ClusterCallRequest {
  std::string_view cluster;    // its name
  std::string_view authority;  // the configuration's
  std::string_view path;       // static: "/package.Service/Method"
  std::span<const std::pair<std::string, std::string>> metadata = {};  // the configuration's; names in lower case
  std::string_view message;
  base::Duration timeout;            // of all of it; zero: none
  size_t most_received = 64 * 1024;  // bytes of a message
};

class ClusterCalls {
 public:
  // Null: it can't begin, for there is no such cluster, no host, or no room in its breakers; nothing else is heard of it.
  virtual ClusterCall* Call(const ClusterCallRequest& request, ClusterCallEvents& events) = 0;
  // The same where nobody waits for what comes of it: it goes on without its caller, whose views need not last. False: it
  // can't begin.
  virtual bool Tell(const ClusterCallRequest& request) = 0;

 protected:
  ~ClusterCalls() = default;
};

}  // namespace pillion::filter
