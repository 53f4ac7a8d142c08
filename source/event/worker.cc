#include "source/event/worker.h"

#include <utility>

namespace pillion::event {

Worker::Worker(uint32_t index, const base::Clock& clock)
    : index_(index),
      clock_(clock),
      now_(clock.MonotonicNow()),
      wall_now_(clock.WallNow()),
      timers_(now_) {}

Worker::~Worker() {
  while (Deferred* object = ended_.PopFront()) object->Dispose();
  if (read_block_ != nullptr) read_block_->Release();
}

void Worker::Post(std::function<void()> work) {
  // The waker is called under the lock: once the work runs the caller touches nothing of this worker any more, so the
  // work may be what ends it.
  const std::lock_guard lock(posted_mutex_);
  const bool first = posted_.empty();
  posted_.push_back(std::move(work));
  has_posted_.store(true, std::memory_order_release);
  if (first && waker_) waker_();
}

void Worker::set_waker(std::function<void()> waker) {
  const std::lock_guard lock(posted_mutex_);
  waker_ = std::move(waker);
}

void Worker::BeginTurn() {
  now_ = clock_.MonotonicNow();
  heartbeat_.Begin(now_);
  wall_now_ = clock_.WallNow();
  timers_.Advance(now_);
}

void Worker::RunPosted() {
  if (next_ == running_.size()) {
    if (!has_posted_.load(std::memory_order_acquire)) return;
    running_.clear();
    next_ = 0;
    const std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  const base::MonotonicTime begun = clock_.MonotonicNow();
  do {
    const std::function<void()> work = std::exchange(running_[next_++], nullptr);  // ends with its turn
    work();
  } while (next_ < running_.size() && clock_.MonotonicNow() - begun < kMostPosted);
}

void Worker::EndTurn() {
  RunPosted();

  // Steps that steps ask for run in the next turn: one busy pair of connections can't keep the others waiting.
  base::IntrusiveList<Task, TaskTag> steps;
  steps.Splice(steps_);
  while (Task* task = steps.PopFront()) task->Run();

  // A flush may give room to a stream, which may make output on another connection.
  while (Task* task = flushes_.PopFront()) task->Run();

  while (Deferred* object = ended_.PopFront()) object->Dispose();
  heartbeat_.End();
}

base::Block* Worker::read_block() {
  if (read_block_ == nullptr) {
    read_block_ = blocks_.Take(base::BlockSize::kRead);
  } else if (!read_block_->unique()) {
    read_block_->Release();
    read_block_ = blocks_.Take(base::BlockSize::kRead);
  }
  return read_block_;
}

}  // namespace pillion::event
