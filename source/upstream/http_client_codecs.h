#pragma once

// The codecs of one cluster's connections on one worker: its configuration as the codecs take it.

#include "source/base/block.h"
#include "source/codec/http1/options.h"
#include "source/codec/http2/memory_pool.h"
#include "source/codec/http2/options.h"
#include "source/config/cluster.h"
#include "source/upstream/client_codecs.h"

namespace pillion::upstream {

class HttpClientCodecs final : public ClientCodecs {
 public:
  // `blocks` and `memory` are the worker's and outlive the codecs.
  HttpClientCodecs(const config::Cluster& cluster, base::BlockPool& blocks, codec::http2::MemoryPool& memory);

  std::unique_ptr<codec::ClientConnection> Make(Protocol protocol, codec::Link& link,
                                                codec::ClientEvents& events) override;

 private:
  base::BlockPool& blocks_;
  codec::http2::MemoryPool& memory_;
  codec::http1::ClientOptions http1_;
  codec::http2::Options http2_;
};

}  // namespace pillion::upstream
