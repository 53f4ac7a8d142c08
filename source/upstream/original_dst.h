#pragma once

// The hosts of an ORIGINAL_DST cluster on one worker: one for each address that a connection was meant for, made when it is
// first asked for, and gone when nobody has asked for a while. Owned by the cluster's shard.

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "source/base/clock.h"
#include "source/base/timer_wheel.h"
#include "source/event/worker.h"
#include "source/upstream/host.h"

namespace pillion::upstream {

class OriginalDst {
 public:
  // Told of hosts that go. Streams and connections that hold one go on with it.
  class Events {
   public:
    virtual void OnHostGone(const Host& host) = 0;

   protected:
    ~Events() = default;
  };

  // Whoever may say where to go can't make us remember more.
  static constexpr size_t kMostHosts = 65536;

  // All outlive it.
  OriginalDst(event::Worker& worker, base::Duration cleanup_interval, const UpstreamTransport& transport, Events& events);

  // Null where there are too many. The reference is good until the next call.
  const std::shared_ptr<Host>& Pick(const net::Address& address);
  size_t size() const { return hosts_.size(); }

 private:
  struct Entry {
    std::shared_ptr<Host> host;
    bool used;  // since the last cleanup
  };

  void Cleanup();

  event::Worker& worker_;
  const base::Duration cleanup_interval_;
  const UpstreamTransport& transport_;
  Events& events_;
  absl::flat_hash_map<std::string, Entry> hosts_;  // by the bytes of the address
  base::Timer cleanup_;
};

}  // namespace pillion::upstream
