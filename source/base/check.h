#pragma once

// PILLION_CHECK: an invariant of our own code. It ends the process, in every build, with the place and the
// condition. Bytes that came from a peer, a file or a flag never reach one (PRINCIPLES.md, 1).

#include <cstdio>
#include <cstdlib>

namespace pillion::base {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace pillion::base

#define PILLION_CHECK(condition)                                            \
  do {                                                                      \
    if (!(condition)) [[unlikely]]                                          \
      ::pillion::base::CheckFailed(__FILE__, __LINE__, #condition);         \
  } while (false)
