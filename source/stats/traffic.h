#pragma once

// What became of all requests of the process's clients, for who must know it whatever metrics are exported, and at a cost
// that does not grow with them. Each worker has its own.

#include "source/stats/cell.h"

namespace pillion::stats {

struct Traffic {
  Counter requests;
  Counter errors;     // 5xx, no route, a gRPC status that is the server's fault, an answer that was broken off
  Counter overflows;  // refused by a circuit breaker; they are errors, too
  Histogram milliseconds;
};

}  // namespace pillion::stats
