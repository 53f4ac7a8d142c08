#pragma once

// Runs a program for one request. On the worker of the request; it allocates nothing but in `arena`, and there at most
// kMostBytes and what the attributes put there, which ends loops at kMostBytesInLoops; and takes at most kMostSteps: each
// turn of a loop costs its length, and what looks through much costs by how much that is. Whatever the request is, there is
// a value or an error.

#include "source/base/arena.h"
#include "source/expression/attributes.h"
#include "source/expression/program.h"

namespace pillion::expression {

inline constexpr size_t kMostBytes = 64 * 1024;
inline constexpr size_t kMostBytesInLoops = 256 * 1024;
inline constexpr uint32_t kMostSteps = 20'000;

// Views into the attributes, the program or `arena`. A map that is looked into comes as such (kLookup).
Value Evaluate(const Program& program, const Attributes& attributes, base::Arena& arena);

// The value as a text: of a string itself, of others as string() has it. An error for a list, a map and what is no value.
Value AsText(const Value& value, base::Arena& arena);

}  // namespace pillion::expression
