#pragma once

// What the process writes when it is aborted: which thread was, and where it stood.

#include <pthread.h>

#include "source/base/clock.h"

namespace pillion::server {

// From now on SIGABRT has the thread that gets it write its stack to stderr, a line for each call, before the process ends
// by it. Once; any thread.
void TraceAborts();

// Has `thread` end the process by SIGABRT, and ends it from here when it has not after `wait`. Does not return.
[[noreturn]] void AbortThread(pthread_t thread, base::Duration wait);

}  // namespace pillion::server
