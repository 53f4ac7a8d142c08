#pragma once

// Counts what is allocated, for tests and benchmarks of what must not allocate. Linked in, it is the program's operator new.

#include <cstddef>

namespace pillion::test {

// Calls of operator new by this thread so far, also those that must not throw. Not those with an alignment, which blocks of
// a pool are made with, nor what C libraries ask malloc() for.
size_t Allocations();

}  // namespace pillion::test
