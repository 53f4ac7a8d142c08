#include "source/health/check_thread.h"

#include <utility>

namespace pillion::health {

// What of a session is on the main thread. The probe is called by its id.
class CheckThread::RemoteSession final : public Session {
 public:
  RemoteSession(CheckThread& owner, const Target& target)
      : thread_(owner.thread_), probes_(owner.probes_), owner_alive_(owner.alive_), id_(owner.next_id_++) {
    thread_.Post([&thread = thread_, probes = probes_, id = id_, target, waiting = waiting_] {
      (*probes)[id] = Probe::Make(thread.parts(), target, [waiting, &post = thread.post_to_main()](const Result& result) {
        post([waiting, result] {
          if (auto done = std::exchange(*waiting, nullptr)) done(result);
        });
      });
    });
  }
  ~RemoteSession() override {
    *waiting_ = nullptr;
    if (!*owner_alive_) return;
    thread_.Post([probes = probes_, id = id_] { probes->erase(id); });
  }

  void Check(std::function<void(const Result&)> done) override {
    if (!*owner_alive_) return;
    *waiting_ = std::move(done);
    thread_.Post([probes = probes_, id = id_] { probes->at(id)->Begin(); });
  }

 private:
  client::ControlThread& thread_;
  const std::shared_ptr<Probes> probes_;
  const std::shared_ptr<bool> owner_alive_;
  const uint64_t id_;
  // Main thread; shared with results that are on their way.
  const std::shared_ptr<std::function<void(const Result&)>> waiting_ =
      std::make_shared<std::function<void(const Result&)>>();
};

CheckThread::~CheckThread() {
  *alive_ = false;
  if (next_id_ == 0) return;
  thread_.Post([probes = probes_] { probes->clear(); });  // connections end within that turn
}

std::unique_ptr<Prober::Session> CheckThread::Open(const Target& target) {
  return std::make_unique<RemoteSession>(*this, target);
}

}  // namespace pillion::health
