#pragma once

// What came of asking a limit.

#include <cstdint>

#include "source/base/clock.h"

namespace pillion::limit {

enum class Stage : uint8_t { kNone, kWindow, kBucket };

// Of one stage, after the decision. A limit without that stage has a `limit` of 0.
struct Figures {
  uint64_t limit = 0;
  uint64_t remaining = 0;                         // that could be admitted now
  base::Duration reset = base::Duration::zero();  // until all of it could, when nothing is meanwhile
};

struct Decision {
  static constexpr base::Duration kNever = base::Duration::max();

  bool allowed() const { return refused_by == Stage::kNone; }

  Stage refused_by = Stage::kNone;
  // The table was full, and this key was counted together with others.
  bool shared = false;
  // Until the same would be admitted, when nothing else is meanwhile; kNever: it costs more than a stage ever admits.
  base::Duration retry_after = base::Duration::zero();
  base::MonotonicTime decided_at;
  Figures window;
  Figures bucket;
};

}  // namespace pillion::limit
