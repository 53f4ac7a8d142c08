#pragma once

// Watches what control planes change by what becomes of requests then, and goes back to what was there before where that is
// worse than the configured guard lets pass. What it went back from is refused when it comes again. Owned by the server;
// main thread. It never goes back from within a watcher or the journal, only by its timer.
//
// What comes from a control plane was acknowledged when it was taken, and that is never taken back: that an answer brings
// again what was gone back from is told as a refusal of that answer.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/config/guard.h"
#include "source/event/control_timer.h"
#include "source/explain/answer.h"
#include "source/guard/changes.h"
#include "source/guard/refusals.h"
#include "source/guard/return.h"
#include "source/guard/samples.h"
#include "source/stats/registry.h"
#include "source/xds/journal.h"

namespace pillion::guard {

// As View() shows it where there is none.
explain::Answer NoGuard();

class Guard final : public xds::Journal {
 public:
  struct Surroundings {
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    std::function<Figures()> figures;  // since the process began
    // As xds::Planes has them.
    std::function<std::vector<xds::Refusal>(const config::ConfigSource& source, xds::Kind kind,
                                            std::vector<xds::Resource> resources, const std::vector<std::string>& removed)>
        put;
    std::function<void(const xds::ResourceId& id, const std::string& details, const xds::Holdings::Held* now)> note_refused;
    std::function<void(const Return& last)> tell;  // control planes, from the next stream on
    std::function<void(std::string_view line)> warn;
    std::string own = {};  // the extension that the guard itself comes as: no change of what is served
  };

  static constexpr size_t kMostReturns = 20;  // that are shown

  explicit Guard(Surroundings surroundings);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  // From now on; null: there is none, nothing is watched, and nothing is refused any more. What is watched goes on under the
  // new one.
  void Set(std::shared_ptr<const config::Guard> guard);
  // Requests come from now on. What changes before one window has passed is part of the start, and is not watched.
  void Start();
  // What was gone back from is not refused any more. How much that was.
  size_t Forget();

  // xds::Journal
  std::string Objection(const xds::ResourceId& id, const xds::Resource& resource) override;
  std::string ObjectionToRemoval(const xds::ResourceId& id, bool news) override;
  void OnChange(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now,
                bool wanted) override;

  // For who looks at it.
  explain::Answer View() const;

 private:
  struct Stats;
  // What is worse, and how long after a change.
  struct Worse {
    std::string what;
    base::Duration after;
  };
  // What is to be put back; kept where it can't be.
  struct Failed {
    Changes::Change change;
    std::string error;  // of the last try; empty: it went well
    std::shared_ptr<Return> of;
    base::MonotonicTime until;  // it is tried again
  };

  // There is a time to compare with.
  bool armed() const { return started_ && with_.clock.MonotonicNow() - *started_ >= guard_->window; }
  bool Watches(xds::Kind kind) const;
  base::Duration interval() const;
  // Now, as a boundary of samples.
  base::MonotonicTime Boundary();
  void Tick();
  std::optional<Worse> Compare() const;
  void GoBack(const Worse& worse);
  void Supersede(const xds::ResourceId& id);
  void PutBack(std::vector<Failed>& all);
  void Succeed(const Failed& done);
  void GiveUp(const Failed& failed);
  void NoteFailed(const Failed& failed, const char* then);
  void TryAgain(base::MonotonicTime now);

  const Surroundings with_;
  const std::unique_ptr<Stats> stats_;
  const std::unique_ptr<event::ControlTimer> timer_;
  std::shared_ptr<const config::Guard> guard_;  // null: there is none
  std::optional<base::MonotonicTime> started_;
  Samples samples_;
  Changes changes_;
  Refusals refusals_;
  std::vector<Failed> failed_;
  std::deque<std::shared_ptr<Return>> returns_;  // the newest first
  bool going_back_ = false;
};

}  // namespace pillion::guard
