#pragma once

// One type of resources on one stream: when something is asked for, and when an answer is replied to.
//
// Each answer is replied to at once, but for a refusal that says the same as one before it: it waits, some longer than
// others and none longer than kMostPause, because a control plane may send the same again at once, and because many send
// nothing better before they have their reply. Of refusals that say something else kAtOnce go without a pause, in case
// each answer is bad in a way of its own. What is good in between ends all that. A refusal that waits goes out before
// anything else that is said of the type; one of what came later and says the same goes in its place.
//
// Owned by its Stream; main thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/event/control_timer.h"
#include "source/xds/backoff.h"
#include "source/xds/complaints.h"
#include "source/xds/type_subscription.h"

namespace pillion::xds {

class Stream;

class Subscription final : public TypeSubscription {
 public:
  // As long as one lives, no change of what is wanted is told; then all are, as one. It outlives no subscription.
  class Pause {
   public:
    explicit Pause(Subscription& subscription) : subscription_(subscription) { ++subscription_.pauses_; }
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Subscription& subscription_;
  };

  static constexpr base::Duration kMostPause = std::chrono::seconds(2);
  static constexpr size_t kAtOnce = 8;
  // Not after so long without one does a refusal wait any more.
  static constexpr base::Duration kQuiet = 5 * kMostPause;

  // By Stream::Add(). `who`: the control plane, as the log says it.
  Subscription(Stream& stream, Options options, TypeWatcher& watcher, const std::string& who);
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription() override;

  void Subscribe(const std::string& name) override;
  void Unsubscribe(const std::string& name) override;
  std::vector<Refusal> Put(std::vector<Resource> resources, const std::vector<std::string>& removed) override;
  void NoteRefused(const std::string& name, const std::string& details, const std::string& version,
                   std::shared_ptr<const google::protobuf::Any> body) override {
    protocol_.NoteRefused(name, details, version, std::move(body));
  }
  const TypeProtocol& protocol() const override { return protocol_; }

 private:
  friend class Stream;

  struct Verdict {
    std::string nonce;
    std::string error;  // empty: it was taken
  };

  void Begin() { protocol_.Begin(); }
  // Sends what is due, as far as the stream lets it now.
  void Ask();
  void Flush();
  Verdict Take(const Answer& answer);
  void Reply(Verdict verdict);
  void End();

  // Not one that is bad just as one before, or is one of too many.
  bool AtOnce(const Verdict& refusal);
  void Forget();
  // The reply to an answer asks for the next one, of the same: Envoy's figures have it so.
  void CountNext(const Answer& answer);
  void Say(Verdict verdict);
  void Refuse(Verdict verdict);
  void SendRefusal();
  void DropRefusal();
  void AwaitEnd();

  Stream& stream_;
  const Options options_;
  TypeWatcher& watcher_;
  TypeProtocol protocol_;
  Complaints complaints_;
  const std::string who_;
  int pauses_ = 0;
  std::vector<Verdict> replies_;  // that are to be sent now; one of each sort at most
  const std::unique_ptr<event::ControlTimer> end_;  // of the first resource that ends by itself
  // Refusals.
  Backoff backoff_;
  std::optional<base::MonotonicTime> refused_;  // when one was sent last, on whatever stream; nothing: all was good since
  std::vector<uint64_t> said_;                  // hashes of what those said, since all was good: kAtOnce at most
  std::optional<Verdict> waiting_;
  const std::unique_ptr<event::ControlTimer> refusal_;
};

}  // namespace pillion::xds
