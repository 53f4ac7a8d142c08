#include "source/server/abort_trace.h"

#include <execinfo.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace pillion::server {
namespace {

constexpr int kMostCalls = 64;

void Write(const char* text) { [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text)); }

// Calls nothing that a signal may not: the thread may hold any lock.
void OnAbort(int) {
  char name[16] = "?";
  pthread_getname_np(pthread_self(), name, sizeof name);
  Write("aborted: thread ");
  Write(name);
  Write(" stands at\n");
  void* calls[kMostCalls];
  const int count = backtrace(calls, kMostCalls);
  backtrace_symbols_fd(calls, count, STDERR_FILENO);
  std::signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

}  // namespace

void TraceAborts() {
  void* call;
  backtrace(&call, 1);  // the first one loads a library, which a signal's handler may not
  struct sigaction action {};
  action.sa_handler = OnAbort;
  sigaction(SIGABRT, &action, nullptr);
}

void AbortThread(pthread_t thread, base::Duration wait) {
  if (pthread_kill(thread, SIGABRT) == 0) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    timespec left{.tv_sec = seconds.count(), .tv_nsec = (wait - seconds).count()};
    while (nanosleep(&left, &left) != 0) {
    }
  }
  std::abort();
}

}  // namespace pillion::server
