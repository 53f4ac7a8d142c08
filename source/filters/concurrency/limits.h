#pragma once

// The limits of the process by name: what was learned of a service outlives pushes, and holds for all listeners and workers.

#include <memory>
#include <string>
#include <string_view>

#include "source/limit/concurrency.h"

namespace pillion::filters::concurrency {

// A name and terms.
std::string LimitKey(std::string_view name, const limit::ConcurrencyEstimate::Terms& terms);

// The limit of that key and cluster (empty: it is for all); it is forgotten with the last who has it. Takes a lock and
// memory: asked when a configuration is built, and by a worker for a cluster that it has not seen. Any thread.
std::shared_ptr<limit::ConcurrencyLimit> FindLimit(std::string_view key, std::string_view cluster,
                                                   const limit::ConcurrencyEstimate::Terms& terms);

}  // namespace pillion::filters::concurrency
