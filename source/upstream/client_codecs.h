#pragma once

// What makes the codec of a new connection upstream. One per cluster and worker, owned by the ClusterShard; outlives
// every codec it made. A test seam; in the process it is HttpClientCodecs.

#include <memory>

#include "source/codec/codec.h"

namespace pillion::upstream {

enum class Protocol : uint8_t { kHttp1, kHttp2 };

class ClientCodecs {
 public:
  virtual ~ClientCodecs() = default;

  virtual std::unique_ptr<codec::ClientConnection> Make(Protocol protocol, codec::Link& link,
                                                        codec::ClientEvents& events) = 0;
};

}  // namespace pillion::upstream
