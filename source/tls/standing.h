#pragma once

// Whether connections that began under an earlier context may go on under the one of now.

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "source/event/worker.h"
#include "source/tls/context.h"
#include "source/tls/facts.h"

namespace pillion::tls {

enum class Standing : uint8_t {
  kGood,
  kExpired,    // its own certificate, or the peer's
  kWithdrawn,  // nobody who is trusted now vouches for the peer
};

// A chain is verified only where the policy has changed since the connection began, and peers with the same certificates
// share the verdict: for the same policies, within the second that is as exact as verification takes the time. Of one
// thread.
class Verdicts {
 public:
  static constexpr size_t kMost = 1024;  // of 32 bytes and some; others are found anew

  // Good is also what has not finished its handshake.
  Standing Of(Facts& facts, const Context& current, absl::Time now);
  uint64_t verified() const { return verified_; }  // chains, so far

 private:
  bool Vouched(Facts& facts, const Context& current, absl::Time now);

  absl::flat_hash_map<std::string, bool> vouched_;  // by a digest of all that it depends on
  int64_t second_ = 0;                              // when they were found
  uint64_t verified_ = 0;
};

// Looks at the connections of a worker after certificates have changed, in many turns: to verify a chain takes some tenths
// of a millisecond, for which nobody's request shall wait but once. Used on the worker; outlives who asks.
class IdentityChecks {
 public:
  static constexpr uint32_t kLooksPerTurn = 64;

  explicit IdentityChecks(event::Worker& worker)
      : worker_(worker), turn_(this, [](void* self) { static_cast<IdentityChecks*>(self)->Turn(); }) {}
  IdentityChecks(const IdentityChecks&) = delete;
  IdentityChecks& operator=(const IdentityChecks&) = delete;

  // Runs `walk` in one of the next turns. It looks at a connection for each TakeLook(), and asks again where that is
  // refused.
  void Ask(event::Task& walk) {
    if (!walk.linked()) walks_.PushBack(walk);
    worker_.Step(turn_);
  }
  bool TakeLook() {
    if (looks_left_ == 0) return false;
    --looks_left_;
    return true;
  }
  // By a walk. Where a chain is verified for it, it is the last look of the turn. `current` is null where trust was
  // withdrawn and nothing does without it: what has finished its handshake may not go on then.
  bool Stands(Facts& facts, const Context* current);

 private:
  void Turn();

  event::Worker& worker_;
  event::Task turn_;
  base::IntrusiveList<event::Task, event::TaskTag> walks_;
  Verdicts verdicts_;  // as long as there are walks
  uint32_t looks_left_ = 0;
};

}  // namespace pillion::tls
