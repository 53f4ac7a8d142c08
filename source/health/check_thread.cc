#include "source/health/check_thread.h"

#include <pthread.h>

#include <utility>

namespace pillion::health {

// What of a session is on the main thread. The probe is called by its id.
class CheckThread::RemoteSession final : public Session {
 public:
  RemoteSession(CheckThread& thread, const Target& target)
      : thread_(thread), thread_alive_(thread.alive_), id_(thread.next_id_++) {
    thread_.worker_.Post([&thread, id = id_, target, waiting = waiting_, post = thread.post_] {
      const ProbeThread probe_thread{thread.worker_, thread.connector_, thread.http2_memory_};
      thread.probes_[id] = Probe::Make(probe_thread, target, [waiting, post](const Result& result) {
        post([waiting, result] {
          if (auto done = std::exchange(*waiting, nullptr)) done(result);
        });
      });
    });
  }
  ~RemoteSession() override {
    *waiting_ = nullptr;
    if (!*thread_alive_) return;
    thread_.worker_.Post([&thread = thread_, id = id_] { thread.probes_.erase(id); });
  }

  void Check(std::function<void(const Result&)> done) override {
    if (!*thread_alive_) return;
    *waiting_ = std::move(done);
    thread_.worker_.Post([&thread = thread_, id = id_] { thread.probes_.at(id)->Begin(); });
  }

 private:
  CheckThread& thread_;
  const std::shared_ptr<bool> thread_alive_;
  const uint64_t id_;
  // Main thread; shared with results that are on their way.
  const std::shared_ptr<std::function<void(const Result&)>> waiting_ =
      std::make_shared<std::function<void(const Result&)>>();
};

CheckThread::CheckThread(const base::Clock& clock, PostToMain post)
    : post_(std::move(post)), worker_(0, clock), loop_(worker_), connector_(loop_) {}

CheckThread::~CheckThread() {
  *alive_ = false;
  if (!thread_.joinable()) return;
  worker_.Post([this] {
    probes_.clear();  // connections end within this turn
    loop_.Stop();
  });
  thread_.join();
}

std::unique_ptr<Prober::Session> CheckThread::Open(const Target& target) {
  auto session = std::make_unique<RemoteSession>(*this, target);
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { loop_.Run(); });
    pthread_setname_np(thread_.native_handle(), "health_checks");
  }
  return session;
}

}  // namespace pillion::health
