#include "source/guard/guard.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "source/guard/verdict.h"

namespace pillion::guard {
namespace {

// A boundary is not made within this of another one.
constexpr base::Duration kClose = std::chrono::milliseconds(100);
// Samples are kept for as long as the oldest change may be watched, and a window before it.
constexpr int kWindowsKept = Changes::kMostWindows + 2;

std::string What(xds::Kind kind, const std::string& name) {
  constexpr const char* kWords[] = {"cluster", "endpoints", "listener", "route table", "secret", "extension"};
  return absl::StrCat(kWords[static_cast<size_t>(kind)], " \"", name, "\"");
}

std::string Clock(base::WallTime time) {
  return absl::FormatTime("%H:%M:%SZ", absl::FromChrono(time), absl::UTCTimeZone());
}
std::string Date(base::WallTime time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromChrono(time), absl::UTCTimeZone());
}

std::string Seconds(base::Duration duration) {
  return absl::StrCat(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 1000.0, " s");
}

std::string Names(const Return& back) {
  std::string names;
  for (size_t i = 0; i < back.whats.size(); ++i) {
    const bool last = i + 1 == back.whats.size() && back.more == 0;
    absl::StrAppend(&names, i == 0 ? "" : last ? " and " : ", ", back.whats[i]);
  }
  if (back.more > 0) absl::StrAppend(&names, " and ", back.more, " more");
  return names;
}

std::string Line(const Return& back) {
  return absl::StrCat(back.reason, " in ", Seconds(back.after), " after ", Names(back), " changed: ",
                      back.content ? absl::StrCat("returned to the content of ", Clock(*back.content)) : "removed again");
}

void ShowFigures(const Figures& figures, explain::Answer& to) {
  to.Number("requests", static_cast<int64_t>(figures.requests));
  to.Text("error_ratio", PercentText(figures.error_ratio()));
  to.Number("p99_ms", static_cast<int64_t>(figures.p99()));
  to.Number("breaker_opens", static_cast<int64_t>(figures.overflows));
}

void ShowGuard(const config::Guard& guard, explain::Answer& to) {
  to.Text("window", Seconds(guard.window));
  to.Number("least_requests", static_cast<int64_t>(guard.least_requests));
  if (guard.error_ratio) {
    to.Text("error_ratio", absl::StrCat("may rise by ", PercentText(guard.error_ratio->most_rise), ", or to ",
                                        guard.error_ratio->most_factor, " times"));
  }
  if (guard.p99) {
    to.Text("p99",
            absl::StrCat("may rise by ", Seconds(guard.p99->least_rise), ", or to ", guard.p99->most_factor, " times"));
  }
  if (guard.breaker_opens) to.Text("breaker_opens", absl::StrCat("may be ", guard.breaker_opens->most_rise, " more"));
  explain::Answer::List& kinds = to.Elements("kinds");
  if (guard.clusters) kinds.Text("clusters");
  if (guard.endpoints) kinds.Text("endpoints");
  if (guard.listeners) kinds.Text("listeners");
  if (guard.routes) kinds.Text("routes");
}

}  // namespace

explain::Answer NoGuard() {
  explain::Answer view;
  view.Text("guard", "none");
  return view;
}

struct Guard::Stats {
  Stats(stats::Registry& registry, const Guard& guard)
      : returns(Counter(registry, "guard.returns")),
        resources(Counter(registry, "guard.returned_resources")),
        settled(Counter(registry, "guard.settled")),
        refused(Counter(registry, "guard.refused")) {
    registry.AddGaugeCallback("guard.watching", [&guard] { return uint64_t{guard.changes_.watched()}; });
    registry.AddGaugeCallback("guard.remembered", [&guard] { return uint64_t{guard.refusals_.size()}; });
  }
  static stats::Counter& Counter(stats::Registry& registry, std::string_view name) {
    return *registry.control().counter(registry.AddCounter(name));
  }

  stats::Counter& returns;
  stats::Counter& resources;  // that were put back
  stats::Counter& settled;    // changes that stood their window
  stats::Counter& refused;    // of what was gone back from, whenever it came again
};

Guard::Guard(Surroundings surroundings)
    : with_(std::move(surroundings)),
      stats_(std::make_unique<Stats>(with_.registry, *this)),
      timer_(with_.timers.New()) {}

Guard::~Guard() = default;

void Guard::Set(std::shared_ptr<const config::Guard> guard) {
  guard_ = std::move(guard);
  if (guard_ == nullptr) {
    changes_.Clear();
    refusals_.Clear();
  }
  if (started_) timer_->Set(interval(), [this] { Tick(); });
}

void Guard::Start() {
  started_ = with_.clock.MonotonicNow();
  Tick();
}

size_t Guard::Forget() {
  const size_t remembered = refusals_.size();
  refusals_.Clear();
  return remembered;
}

std::string Guard::Objection(const xds::ResourceId& id, const xds::Resource& resource) {
  const std::string* const reason = refusals_.OfContent(id.kind, id.name, resource.body->value());
  if (reason == nullptr) return "";
  stats_->refused.Increment();
  return *reason;
}

// An answer that lacks something and is otherwise as it was is the same once more; one that is otherwise may lack it.
std::string Guard::ObjectionToRemoval(const xds::ResourceId& id, bool news) {
  const std::string* const reason = news ? nullptr : refusals_.OfRemoval(id.kind, id.name);
  if (reason == nullptr) return "";
  stats_->refused.Increment();
  return *reason;
}

void Guard::OnChange(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now,
                     bool wanted) {
  if (going_back_) return;
  // It was let go after all, or whoever gave it has it again: that it goes later is another removal.
  if (wanted) refusals_.DropRemoval(id.kind, id.name);
  if (guard_ == nullptr || !armed()) return;
  if (before != nullptr && now != nullptr && before->hash == now->hash) return;
  // What nobody wants any more is kept of either kind, watched or not: what goes back may want it again.
  const bool by_name = id.kind == xds::Kind::kEndpoints || id.kind == xds::Kind::kRoutes;
  if (wanted ? !Watches(id.kind) : !by_name) return;
  changes_.Add(id, before, now, wanted, Boundary());
}

bool Guard::Watches(xds::Kind kind) const {
  switch (kind) {
    case xds::Kind::kClusters:
      return guard_->clusters;
    case xds::Kind::kEndpoints:
      return guard_->endpoints;
    case xds::Kind::kListeners:
      return guard_->listeners;
    case xds::Kind::kRoutes:
      return guard_->routes;
    default:
      return false;
  }
}

base::Duration Guard::interval() const {
  constexpr base::Duration kMost = std::chrono::seconds(1);
  return guard_ == nullptr ? kMost : std::clamp<base::Duration>(guard_->window / 20, kClose, kMost);
}

base::MonotonicTime Guard::Boundary() {
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  if (samples_.empty() || now - samples_.last() >= kClose) samples_.Add(now, with_.figures());
  return samples_.last();
}

void Guard::Tick() {
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  samples_.Add(now, with_.figures());
  const base::Duration window = guard_ == nullptr ? config::Guard().window : guard_->window;
  samples_.Forget(now - kWindowsKept * window);
  if (guard_ != nullptr) {
    const std::optional<Worse> worse = Compare();
    if (worse) GoBack(*worse);
    stats_->settled.Add(changes_.Settle(now, window));
  }
  timer_->Set(interval(), [this] { Tick(); });
}

// All that came since the first change of what is watched, as far as a window goes back; and since the last one, for what
// that one does is seen late among what came before it.
std::optional<Guard::Worse> Guard::Compare() const {
  if (!changes_.watching()) return {};
  const base::MonotonicTime now = samples_.last();
  const Figures before = samples_.Before(changes_.first(), guard_->window);
  for (const base::MonotonicTime from : {std::max(changes_.first(), now - guard_->window), changes_.last()}) {
    std::string what = Judge(*guard_, before, samples_.Between(from, now));
    if (!what.empty()) return Worse{.what = std::move(what), .after = now - from};
  }
  return {};
}

void Guard::GoBack(const Worse& worse) {
  samples_.Erase(changes_.first());  // what was bad is nothing to compare with
  const std::vector<Changes::Change> changed = changes_.Take();
  Return back = Describe(worse, changed);
  going_back_ = true;
  Put(changed);
  going_back_ = false;
  Refuse(changed, absl::StrCat("the guard went back from this at ", Clock(back.time), " (", back.reason, " in ",
                               Seconds(back.after), "), expected another content"));
  stats_->returns.Increment();
  with_.warn(absl::StrCat("guard: ", Line(back)));
  with_.tell(back);
  returns_.push_front(std::move(back));
  if (returns_.size() > kMostReturns) returns_.pop_back();
}

// What others name is there before them, and goes after them. Listeners free their addresses as they need them.
void Guard::Put(const std::vector<Changes::Change>& changed) {
  using xds::Kind;
  std::vector<const config::ConfigSource*> sources;
  for (const Changes::Change& change : changed) {
    if (std::ranges::find(sources, change.source) == sources.end()) sources.push_back(change.source);
  }
  const auto put = [&](Kind kind, bool contents, bool removals) {
    for (const config::ConfigSource* const source : sources) {
      std::vector<xds::Resource> resources;
      std::vector<std::string> removed;
      for (const Changes::Change& change : changed) {
        if (change.kind != kind || change.source != source) continue;
        if (change.before && contents) {
          resources.push_back({.name = change.name, .version = change.before->version, .body = change.before->body});
        } else if (!change.before && removals) {
          removed.push_back(change.name);
        }
      }
      if (resources.empty() && removed.empty()) continue;
      for (const xds::Refusal& refusal : with_.put(*source, kind, std::move(resources), removed)) {
        for (const std::string& error : refusal.errors) {
          with_.warn(absl::StrCat("guard: ", What(kind, refusal.name), " can't be put back: ", error));
        }
      }
    }
  };
  put(Kind::kClusters, true, false);
  put(Kind::kEndpoints, true, false);
  put(Kind::kListeners, true, true);
  put(Kind::kRoutes, true, false);
  put(Kind::kClusters, false, true);
}

Return Guard::Describe(const Worse& worse, const std::vector<Changes::Change>& changed) const {
  Return back{.time = with_.clock.WallNow(), .reason = worse.what, .after = worse.after, .whats = {}, .content = {}};
  for (const Changes::Change& change : changed) {
    if (!change.wanted) continue;
    if (back.whats.size() < kMostNamed) {
      back.whats.push_back(What(change.kind, change.name));
    } else {
      ++back.more;
    }
    if (change.before) back.content = std::max(back.content.value_or(change.before->taken), change.before->taken);
  }
  return back;
}

void Guard::Refuse(const std::vector<Changes::Change>& changed, const std::string& reason) {
  for (const Changes::Change& change : changed) {
    if (!change.wanted) {
      // Who gave it may have taken it away with what wanted it.
      if (!change.now) refusals_.AddRemoval(change.kind, change.name, reason);
      continue;
    }
    stats_->resources.Increment();
    if (change.now) {
      refusals_.AddContent(change.kind, change.name, change.now->body->value(), reason);
    } else {
      refusals_.AddRemoval(change.kind, change.name, reason);
    }
    with_.note_refused({*change.source, change.kind, change.name}, reason, change.now ? &*change.now : nullptr);
  }
}

explain::Answer Guard::View() const {
  if (guard_ == nullptr) return NoGuard();
  explain::Answer view;
  ShowGuard(*guard_, view.Object("guard"));
  view.Flag("armed", armed());
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  if (changes_.watching()) {
    explain::Answer& watched = view.Object("watching");
    explain::Answer::List& list = watched.Elements("changes");
    const std::vector<const Changes::Change*> all = changes_.all();
    for (size_t i = 0; i < std::min(all.size(), kMostNamed); ++i) {
      list.Text(absl::StrCat(What(all[i]->kind, all[i]->name), ", ", Seconds(now - all[i]->last), " ago"));
    }
    if (all.size() > kMostNamed) watched.Number("more", static_cast<int64_t>(all.size() - kMostNamed));
    ShowFigures(samples_.Before(changes_.first(), guard_->window), watched.Object("before"));
    ShowFigures(samples_.Between(changes_.first(), now), watched.Object("since"));
  }
  view.Number("remembered", static_cast<int64_t>(refusals_.size()));
  explain::Answer::List& list = view.Elements("returns");
  for (const Return& back : returns_) {
    explain::Answer& shown = list.Object();
    shown.Text("time", Date(back.time));
    shown.Text("what", Line(back));
  }
  return view;
}

}  // namespace pillion::guard
