#include "source/event/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "source/base/check.h"

namespace pillion::event {

EpollLoop::EpollLoop(Worker& worker) : worker_(worker) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  PILLION_CHECK(epoll_ >= 0 && wakeup_ >= 0);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  PILLION_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) == 0);
  worker_.set_waker([this] { Wake(); });
}

EpollLoop::~EpollLoop() {
  worker_.set_waker(nullptr);
  close(wakeup_);
  close(epoll_);
}

int EpollLoop::Add(int descriptor, ReadinessEvents& events) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &events;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : errno;
}

int EpollLoop::AddListening(int descriptor, ReadinessEvents& events) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &events;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : errno;
}

void EpollLoop::Remove(int descriptor) { epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

void EpollLoop::Wake() {
  // Edge-triggered: each write is an edge, so the counter is never read.
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wakeup_, &one, sizeof one);
}

void EpollLoop::Stop() {
  stopped_.store(true, std::memory_order_release);
  Wake();
}

int EpollLoop::Timeout() const {
  if (worker_.has_work()) return 0;
  const std::optional<base::MonotonicTime> next = worker_.timers().NextWakeup();
  if (!next) return -1;
  const base::Duration left = *next - worker_.now();
  if (left <= base::Duration::zero()) return 0;
  // Rounded up; late by less than a tick rather than a turn for nothing.
  const int64_t ms = (left.count() + 999'999) / 1'000'000;
  return static_cast<int>(std::min<int64_t>(ms, 60'000));
}

void EpollLoop::CountWait(base::MonotonicTime begun, int timeout, int events) {
  if (timeout <= 0 || events > 0) return;  // it was not to end by time, or did not
  const auto late = worker_.clock().MonotonicNow() - begun - std::chrono::milliseconds(timeout);
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(late).count();
  stats_->delay->Record(static_cast<uint64_t>(std::max<int64_t>(us, 0)));
}

void EpollLoop::Turn() {
  std::array<epoll_event, kEventsPerTurn> events;
  const int timeout = Timeout();
  const base::MonotonicTime before = stats_ ? worker_.clock().MonotonicNow() : base::MonotonicTime();
  const int count = epoll_wait(epoll_, events.data(), kEventsPerTurn, timeout);
  PILLION_CHECK(count >= 0 || errno == EINTR);
  if (stats_) CountWait(before, timeout, count);
  worker_.BeginTurn();
  for (int i = 0; i < count; ++i) {
    if (events[i].data.ptr == nullptr) continue;  // the wakeup: EndTurn() runs what was posted
    const uint32_t bits = events[i].events;
    static_cast<ReadinessEvents*>(events[i].data.ptr)
        ->OnReady({.readable = (bits & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
                   .writable = (bits & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
                   .hangup = (bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
                   .failed = (bits & EPOLLERR) != 0});
  }
  worker_.EndTurn();
  if (!stats_) return;
  const base::Duration took = worker_.clock().MonotonicNow() - worker_.now();
  stats_->duration->Record(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

void EpollLoop::Run() {
  worker_.heartbeat().Attach();
  while (!stopped_.load(std::memory_order_acquire)) Turn();
}

}  // namespace pillion::event
