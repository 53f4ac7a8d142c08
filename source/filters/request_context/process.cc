#include "source/filters/request_context/process.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <vector>

namespace pillion::filters::request_context {
namespace {

// The figures that there are. They come and go with listeners.
struct Figures {
  std::mutex mutex;
  std::vector<const ActiveFigures*> all;
};

// Neither this nor the table is ever destroyed: a worker may still end requests while the process does.
Figures& AllFigures() {
  static auto& figures = *new Figures;
  return figures;
}

base::MonotonicTime At(int64_t nanoseconds) { return base::MonotonicTime(base::Duration(nanoseconds)); }

}  // namespace

context::CorrelationTable& InFlight() {
  static auto& table = *new context::CorrelationTable({.seed = std::random_device{}()});
  return table;
}

ActiveFigures::ActiveFigures() {
  const std::lock_guard lock(AllFigures().mutex);
  AllFigures().all.push_back(this);
}

ActiveFigures::~ActiveFigures() {
  const std::lock_guard lock(AllFigures().mutex);
  std::erase(AllFigures().all, this);
}

std::optional<Active> Active::Read() {
  const std::lock_guard lock(AllFigures().mutex);
  if (AllFigures().all.empty()) return std::nullopt;
  Active active;
  for (const ActiveFigures* const figures : AllFigures().all) {
    active.requests += figures->requests_.load(std::memory_order_relaxed);
    active.with_deadline += figures->with_deadline_.load(std::memory_order_relaxed);
    const int64_t began = figures->oldest_.load(std::memory_order_relaxed);
    if (began == 0 || (active.oldest && active.oldest->began <= At(began))) continue;
    active.oldest = {.began = At(began), .deadline = std::nullopt};
    const int64_t deadline = figures->oldest_deadline_.load(std::memory_order_relaxed);
    if (deadline != 0) active.oldest->deadline = At(deadline);
  }
  return active;
}

}  // namespace pillion::filters::request_context
