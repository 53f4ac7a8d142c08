#pragma once

// A stream to a control plane, with any number of types on it (ADS), or one.
//
// | state      | meaning                                                 | left by                                     |
// |------------|---------------------------------------------------------|---------------------------------------------|
// | unstarted  | nothing is asked                                        | Start(): streaming, idle or resting         |
// | idle       | nothing is wanted                                       | a subscription: streaming                   |
// | streaming  | what is wanted was asked; answers come                  | the call's end, bytes that are no response: |
// |            |                                                         | resting                                     |
// | resting    | it is waited before the next try                        | the timer: streaming, idle or resting       |
//
// A stream counts as connected, for the log and control_plane.connected_state, when it has answered, or when its call has
// stood for some time on a connection that is there: one that comes back, and has nothing new to say, says nothing. Where
// such calls end again and again, each has to stand for longer, so that the log isn't flooded.
//
// A control plane is done without when its stream has ended, or was silent for some time, until it answers. Who has
// something in its place is asked for it then, each time that something else is wanted.
//
// What was taken last stays whatever happens. Types are asked for in the order in which they need each other: clusters and
// their endpoints first. What an answer makes its watcher ask for of other types goes out before the reply to it, in one
// request for each type.
//
// Where the source says so, no more is sent than it allows: a type that has something to say waits in line for a token, with
// one acknowledgement and one refusal at most; what it asks for is said when its turn comes, in one request.
//
// Owned by who knows what the resources are; main thread.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "source/base/random.h"
#include "source/client/grpc.h"
#include "source/config/config_source.h"
#include "source/event/control_timer.h"
#include "source/xds/backoff.h"
#include "source/xds/complaints.h"
#include "source/xds/contact.h"
#include "source/xds/control_plane_stats.h"
#include "source/xds/log.h"
#include "source/xds/subscription.h"
#include "source/xds/token_bucket.h"

namespace pillion::xds {

class Stream final : private client::GrpcEvents {
 public:
  struct Options {
    std::string method;  // "/package.Service/Method"
    Form form = Form::kState;
    bool aggregated = false;  // of any number of types
    std::vector<std::pair<std::string, std::string>> metadata = {};
    size_t max_message;      // bytes
    bool node_once = false;  // only in the first message of a stream
    std::optional<config::RateLimit> rate_limit = {};  // of messages, over all streams one after the other; nothing: none
    std::string name;        // of the control plane, as the log says it
  };
  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Random& random;
    ControlPlaneStats& stats;
    const envoy::config::core::v3::Node& node;
    std::function<std::optional<client::Target>()> target;  // of the next try; nothing: there is no host
    Log log;
    base::Duration silent_after{0};           // zero: it is waited for; and the next two are not called
    std::function<bool()> restore = nullptr;  // it is done without. True: something was put
    std::function<void()> back = nullptr;     // and not any more
  };

  // A stream that has answered is tried again within this; but not one that ends again within kAgain, unless it has lived
  // for kSettled.
  static constexpr base::Duration kSoonFrom = std::chrono::milliseconds(20);
  static constexpr base::Duration kSoonTo = std::chrono::milliseconds(100);
  static constexpr base::Duration kAgain = std::chrono::seconds(5);
  static constexpr base::Duration kSettled = std::chrono::seconds(2);
  // How long a call stands without an answer until it counts as connected: doubled when one that did so has ended, unless
  // it has lived for the longest.
  static constexpr base::Duration kStands = std::chrono::seconds(1);
  static constexpr base::Duration kStandsLongest = std::chrono::seconds(64);

  // As long as one lives, changes of what is wanted are not told; then all are, in one request for each type.
  class Batch {
   public:
    explicit Batch(Stream& stream) : stream_(stream) { ++stream_.batches_; }
    ~Batch() {
      if (--stream_.batches_ == 0) stream_.AskAll(nullptr);
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    Stream& stream_;
  };

  // What is given in `surroundings` outlives it.
  Stream(Options options, Surroundings surroundings);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  // Once for a type, before Start() or after. `watcher` outlives it. It lives as long as the stream.
  Subscription& Add(Subscription::Options options, TypeWatcher& watcher);
  void Start();

  Form form() const { return options_.form; }

 private:
  friend class Subscription;

  void OnOpen() override;
  void OnMessage(std::string message) override;
  void OnEnd(const codec::grpc::Status& status) override;

  void Connect();
  // It is wanted otherwise than before.
  void OnChange(Subscription& subscription);
  // What is due, but of `except`.
  void AskAll(const Subscription* except);
  bool AnyDue() const;
  // Null: nobody asked for it.
  Subscription* AskerOf(const Answer& answer);
  // For the next message; null: it was said.
  const envoy::config::core::v3::Node* NodeToSay();
  // False: it waits in line for a token, and is flushed then.
  bool MaySend(Subscription& subscription);
  void Send(std::string message);
  void Drain();
  void ClearLine();
  // `absent`: it is on this machine, and not there.
  void Failed(const std::string& why, bool absent = false);
  base::Duration UntilRetry(bool answered, bool absent);
  base::Duration Soon();

  void Connected();
  // No call, or another one: no matter if it was not connected.
  void Disconnected();

  void DoWithout();
  // In a step of its own: asks for what there is in its place.
  void RestoreSoon();
  void Restore();
  void OnAnswer();

  const Options options_;
  const Surroundings with_;
  Backoff backoff_;
  const std::unique_ptr<event::ControlTimer> retry_;
  Complaints complaints_;
  Contact contact_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;  // in the order in which they are asked for
  bool idle_ = false;
  int batches_ = 0;
  std::unique_ptr<client::GrpcCall> call_;  // null: it is not streaming
  bool answered_ = false;                   // on this call
  bool nearby_ = false;                     // it goes to a unix socket
  std::string where_;                       // it goes
  bool first_ = true;                       // nothing was sent on this call
  std::optional<base::MonotonicTime> soon_;  // when it was last tried again soon
  bool without_ = false;                     // the control plane is done without
  const std::unique_ptr<event::ControlTimer> silent_;
  const std::unique_ptr<event::ControlTimer> restore_;
  base::MonotonicTime answered_since_{};     // if answered_
  const std::unique_ptr<event::ControlTimer> stand_;
  base::Duration stands_ = kStands;
  bool connected_ = false;                   // the call is; so it is if answered_
  base::MonotonicTime connected_since_{};    // if connected_
  std::optional<TokenBucket> bucket_;        // nothing: whatever is to be said goes out at once
  std::deque<Subscription*> line_;           // each once
  Subscription* turn_ = nullptr;             // that is flushed now, as the first of the line
  const std::unique_ptr<event::ControlTimer> token_;
};

}  // namespace pillion::xds
