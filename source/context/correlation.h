#pragma once

// What is known of the requests in flight, for those that an application sends because of them. Applications often forward
// nothing but traceparent or x-request-id: by these an outbound request finds the context of the inbound one again.
//
// One for the process: the two may be on different workers. Bounded; any thread. Nothing is guessed: where several inbound
// requests may be meant, only what all of them say is restored.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "source/base/arena.h"
#include "source/base/clock.h"
#include "source/context/context.h"
#include "source/context/record_table.h"

namespace pillion::context {

class CorrelationTable {
 public:
  struct Options {
    size_t capacity = 16'384;  // requests, in flight or in their grace
    uint64_t seed = 0;         // a random number
  };

  // Of one inbound request, until it ends. Empty when it was not remembered.
  struct Ticket {
    RecordTable::Place place = 0;
  };

  enum class Outcome : uint8_t {
    kUnknown,   // no such request
    kRestored,
    kPartly,    // several, which do not agree on everything
    kUnclear,   // too many: nothing was restored
  };

  struct Counts {
    // Of inbound requests.
    uint64_t remembered = 0;
    uint64_t refused = 0;    // no room, or too many of the same trace or request id; by the other one it may be found
    uint64_t forgotten = 0;  // before their grace was over, for want of room
    uint64_t size = 0;       // that are remembered now
    uint64_t capacity = 0;
    // Of outbound requests, by what came of it.
    uint64_t unknown = 0;
    uint64_t restored = 0;
    uint64_t partly = 0;
    uint64_t unclear = 0;
  };

  explicit CorrelationTable(const Options& options);

  // Of an inbound request, as it is injected: its span_id is what the application will see as its parent.
  [[nodiscard]] Ticket Remember(const Context& context, base::MonotonicTime now);
  // Once, when the request is over; it is still found until then, for what an application sends after it has answered. An
  // empty ticket is fine, and what is left of this one.
  void End(Ticket& ticket, base::MonotonicTime until);

  // Adds to the context of an outbound request what it lacks, and shortens its deadline to that of the inbound one. Views of
  // what is added are in `arena`.
  Outcome Restore(Context& outbound, base::MonotonicTime now, base::Arena& arena);

  Counts Read(base::MonotonicTime now) const;

 private:
  using Count = std::atomic<uint64_t>;

  RecordTable::Ids IdsOf(const Context& context) const;

  const uint64_t seed_;
  RecordTable records_;
  Count remembered_{0};
  Count refused_{0};
  Count forgotten_{0};
  std::array<Count, 4> outcomes_{};
};

}  // namespace pillion::context
