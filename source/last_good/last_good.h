#pragma once

// What control planes gave and was taken, in a file: written when it has changed, and used in place of a control plane that
// does not answer at a start.
//
// | state    | meaning                                                          | left by                              |
// |----------|------------------------------------------------------------------|--------------------------------------|
// | starting | nothing is written: what is not there may still come             | Start(): resting, or due             |
// | resting  | the file has what there is                                       | a change: due                        |
// | due      | changes are gathered for kGather, and not too much is written    | the timer: writing; Stop(): stopped  |
// | writing  | another thread writes                                            | its end: resting, or due             |
// | stopped  | what was due is written                                          | -                                    |
//
// A kind that a control plane has not answered for in this process stays in the file as it is there.
//
// Owned by the server; main thread. It outlives the planes.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/config/last_good.h"
#include "source/event/control_timer.h"
#include "source/last_good/job.h"
#include "source/last_good/offload.h"
#include "source/last_good/state.h"
#include "source/stats/registry.h"
#include "source/xds/planes.h"

namespace pillion::last_good {

class LastGood final : public xds::Journal, public xds::Fallback {
 public:
  using Say = std::function<void(std::string_view line)>;
  struct Surroundings {
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    std::unique_ptr<Offload> offload;
    Say info;
    Say warn;
  };

  static constexpr base::Duration kGather = std::chrono::seconds(1);
  static constexpr int kShare = 20;  // of the time at most a part of so many is spent writing
  static constexpr base::Duration kAgain = std::chrono::seconds(30);  // after a failure
  static constexpr size_t kMostBytes = size_t{1} << 30;               // of a file that is read
  static constexpr size_t kMostNamed = 10;                            // in a line of the log

  // Reads the file. What is given outlives it.
  LastGood(config::LastGood config, Owner owner, Surroundings surroundings);
  ~LastGood();
  LastGood(const LastGood&) = delete;
  LastGood& operator=(const LastGood&) = delete;

  // Whose resources are kept. Before any of them come.
  void Attach(const xds::Planes& planes) { planes_ = &planes; }
  // All that the process's start waited for is there, or not waited for any more.
  void Start();
  // What is due is written without waiting for more.
  void WriteNow();
  // The same, and waits for it. What happens afterwards is of no account.
  void Stop();

  // xds::Journal
  void OnChange(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now,
                bool wanted) override;
  // xds::Fallback
  base::Duration silent_after() const override { return config_.silent_after; }
  bool Restore(const config::ApiSource& source, xds::Kind kind, xds::TypeSubscription& subscription) override;
  bool Lacks(const config::ApiSource& source, xds::Kind kind, const std::string& name) const override;
  void OnAnswer(const config::ApiSource& source, xds::Kind kind) override;

  // For who looks into it.
  struct Write {
    base::WallTime time;
    base::Duration duration;
    size_t bytes;
    std::string error;  // empty: it went well
  };
  const config::LastGood& config() const { return config_; }
  // Why the file that was there at the start is not used; empty: it may be, or there was none.
  const std::string& refused() const { return refused_; }
  // When what is in the file was written; nothing: there is none that could be used.
  std::optional<base::WallTime> written() const { return written_; }
  const Sections& contents() const { return contents_; }  // of the file; without bodies
  const std::optional<Write>& last_write() const { return last_write_; }
  // What of a section is used now, for its control plane does not answer. Null: nothing is.
  const std::set<std::string, std::less<>>* RestoredOf(const SectionId& id) const;
  // What is in the file and was not taken when it was needed: why.
  const Section* UnusableOf(const SectionId& id) const;
  // Since when what is used in place of a control plane was not renewed; zero: nothing is.
  base::Duration age() const;

 private:
  // Of the file that there was at the start.
  struct Former {
    Section section;
    bool given = false;  // of a kind that is wanted as a whole
    Section unusable;    // its left_out: what can't be used
  };

  void Read();
  void ForEachAnswered(const std::function<void(const SectionId& id, const xds::TypeProtocol& protocol)>& visit) const;
  void Change();
  void AwaitWrite(base::Duration least);
  std::unique_ptr<Job> MakeJob();
  void BeginWrite();
  void EndWrite(const std::shared_ptr<Job>& job);
  // What of `former` can be used of what is wanted and not there.
  std::vector<xds::Resource> Usable(xds::Kind kind, const xds::TypeProtocol& protocol, Former& former);
  void SayServing(const std::string& source);
  void SayUnusable(const SectionId& id, const Section& unusable);

  const config::LastGood config_;
  const Owner owner_;
  const Surroundings with_;
  const xds::Planes* planes_ = nullptr;
  std::map<SectionId, Former> former_;  // of those that were not answered for yet
  base::WallTime former_written_{};
  std::optional<base::WallTime> written_;
  Sections contents_;
  std::string refused_;
  std::map<SectionId, std::set<std::string, std::less<>>> restored_;
  std::set<std::string> serving_;  // control planes that it stands for
  bool restoring_ = false;
  // Writing.
  bool started_ = false;
  bool stopped_ = false;
  bool due_ = false;
  bool armed_ = false;
  const std::unique_ptr<event::ControlTimer> timer_;
  std::shared_ptr<Job> job_;  // null: nothing is being written
  base::MonotonicTime begun_;  // when that began
  base::MonotonicTime not_before_{};
  Job::Verdicts verdicts_;
  std::optional<Write> last_write_;
  stats::Scope scope_;
  stats::Counter* const writes_;
  stats::Counter* const write_failures_;
  stats::Counter* const refused_count_;
};

}  // namespace pillion::last_good
