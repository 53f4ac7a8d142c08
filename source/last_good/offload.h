#pragma once

// What waits for a disk, off the main thread. A test seam.

#include <functional>
#include <thread>
#include <utility>

namespace pillion::last_good {

class Offload {
 public:
  virtual ~Offload() = default;

  // `work` runs on another thread, then `done` on the main thread. One at a time: not again before `done`.
  virtual void Run(std::function<void()> work, std::function<void()> done) = 0;
  // Waits until `work` has run, if it was to. `done` may still be called.
  virtual void Wait() = 0;
};

// A thread for each work. There is none to share it with: what is done for logs and for control planes must not wait for a
// slow disk, and nothing else is to be done off the main thread.
class ThreadOffload final : public Offload {
 public:
  using Post = std::function<void(std::function<void()> work)>;  // to the main thread; called on any

  explicit ThreadOffload(Post post) : post_(std::move(post)) {}
  ~ThreadOffload() override { Wait(); }

  void Run(std::function<void()> work, std::function<void()> done) override {
    Wait();
    thread_ = std::thread([this, work = std::move(work), done = std::move(done)]() mutable {
      work();
      post_(std::move(done));
    });
  }
  void Wait() override {
    if (thread_.joinable()) thread_.join();
  }

 private:
  const Post post_;
  std::thread thread_;
};

}  // namespace pillion::last_good
