#pragma once

// One type of resources of a control plane that is asked by REST: with all that is wanted, again and again; whatever else
// happens, what was taken stays. Names that come to be wanted are asked for at once, those of one turn together.
//
// | state   | meaning                    | left by                                                                     |
// |---------|----------------------------|-----------------------------------------------------------------------------|
// | idle    | nothing is wanted, or not  | Start(), Subscribe(): resting, for no time                                  |
// |         | started                    |                                                                             |
// | asking  | a request is under way     | its answer, or that there is none: resting                                  |
// | resting | it is waited before the    | the timer: asking, or idle where nothing is wanted any more                 |
// |         | next request               |                                                                             |
//
// Owned by Planes; main thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "envoy/config/core/v3/core.pb.h"
#include "source/base/random.h"
#include "source/client/http.h"
#include "source/config/config_source.h"
#include "source/config/unknown.h"
#include "source/event/control_timer.h"
#include "source/xds/fetched_subscription.h"

namespace pillion::xds {

class RestSubscription final : public FetchedSubscription {
 public:
  static constexpr size_t kMostBytes = 16 * 1024 * 1024;  // of an answer

  struct Surroundings {
    client::HttpCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Random& random;
    const config::UnknownRule& unknown;
    const envoy::config::core::v3::Node& node;
    std::function<std::optional<client::Target>()> target;  // of the next request; nothing: there is no host
    Log log;
  };

  // `path`: that is asked. What is given in `surroundings` outlives it.
  RestSubscription(std::string who, std::string path, const config::ApiSource& source, Options options, TypeWatcher& watcher,
                   Surroundings surroundings);

  void Start() override;
  void Subscribe(const std::string& name) override;
  void Unsubscribe(const std::string& name) override;

 private:
  void AskSoon();
  void Ask();
  void OnEnd(absl::StatusOr<client::HttpAnswer> answer);
  void Rest();

  const std::string path_;
  const base::Duration delay_;
  const base::Duration timeout_;
  const Surroundings with_;
  const std::unique_ptr<event::ControlTimer> timer_;
  std::string where_;  // it is asked
  std::unique_ptr<client::HttpCall> call_;  // null: nothing is asked now
  bool started_ = false;
  bool again_ = false;  // more is wanted than what is asked for now
};

}  // namespace pillion::xds
