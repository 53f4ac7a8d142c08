#include "source/client/control_thread.h"

#include <pthread.h>

#include <utility>

namespace pillion::client {

ControlThread::ControlThread(const base::Clock& clock, PostToMain post)
    : post_(std::move(post)),
      worker_(0, clock),
      loop_(worker_),
      connector_(loop_),
      parts_{worker_, connector_, http2_memory_} {}

ControlThread::~ControlThread() {
  if (!thread_.joinable()) return;
  worker_.Post([this] { loop_.Stop(); });
  thread_.join();
}

void ControlThread::Post(Work work) {
  worker_.Post(std::move(work));
  if (thread_.joinable()) return;
  thread_ = std::thread([this] { loop_.Run(); });
  pthread_setname_np(thread_.native_handle(), "control");
}

}  // namespace pillion::client
