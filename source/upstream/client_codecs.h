#pragma once

// What makes the codec of a new connection upstream. One per cluster and worker, owned by the ClusterShard; outlives
// every codec it made. A test seam; in the process it is HttpClientCodecs.

#include <algorithm>
#include <memory>

#include "source/codec/codec.h"
#include "source/config/cluster.h"

namespace pillion::upstream {

// What a connection holds of output before its sources are stopped: more only adds delay.
inline size_t OutputLimit(const config::Cluster& cluster) {
  constexpr size_t kLargestOutput = 256 * 1024;
  return std::min<size_t>(cluster.per_connection_buffer_limit, kLargestOutput);
}

// kAuto: of a pool whose connections agree on it by TLS. kRaw: bytes as they are, for a CONNECT that ends here.
enum class Protocol : uint8_t { kHttp1, kHttp2, kAuto, kRaw };

class ClientCodecs {
 public:
  virtual ~ClientCodecs() = default;

  // `protocol` is not kAuto.
  virtual std::unique_ptr<codec::ClientConnection> Make(Protocol protocol, codec::Link& link,
                                                        codec::ClientEvents& events) = 0;
};

}  // namespace pillion::upstream
