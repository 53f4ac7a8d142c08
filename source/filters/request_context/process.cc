#include "source/filters/request_context/process.h"

#include <random>

namespace pillion::filters::request_context {

// It is never destroyed: a worker may still end requests while the process does.
context::CorrelationTable& InFlight() {
  static auto& table = *new context::CorrelationTable({.seed = std::random_device{}()});
  return table;
}

}  // namespace pillion::filters::request_context
