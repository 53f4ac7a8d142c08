#pragma once

// What rules about access decide, as an answer shows it.

#include <string_view>

#include "source/access/engine.h"
#include "source/explain/answer.h"

namespace pillion::explain {

// Under `name`; true: allowed, or nobody knows before a request comes.
bool DescribeDecision(std::string_view name, const access::Engine& engine, const access::Request& request, Answer& answer);

}  // namespace pillion::explain
