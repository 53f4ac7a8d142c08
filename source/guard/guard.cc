#include "source/guard/guard.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "source/guard/verdict.h"

namespace pillion::guard {
namespace {

// A boundary is not made within this of another one.
constexpr base::Duration kClose = std::chrono::milliseconds(100);
// Samples are kept for as long as the oldest change may be watched, and a window before it.
constexpr int kWindowsKept = Changes::kMostWindows + 2;

}  // namespace

struct Guard::Stats {
  Stats(stats::Registry& registry, const Guard& guard)
      : returns(Counter(registry, "guard.returns")),
        resources(Counter(registry, "guard.returned_resources")),
        failed(Counter(registry, "guard.failed_resources")),
        settled(Counter(registry, "guard.settled")),
        refused(Counter(registry, "guard.refused")) {
    registry.AddGaugeCallback("guard.watching", [&guard] { return uint64_t{guard.changes_.watched()}; });
    registry.AddGaugeCallback("guard.failing", [&guard] { return uint64_t{guard.failed_.size()}; });
    registry.AddGaugeCallback("guard.remembered", [&guard] { return uint64_t{guard.refusals_.size()}; });
  }
  static stats::Counter& Counter(stats::Registry& registry, std::string_view name) {
    return *registry.control().counter(registry.AddCounter(name));
  }

  stats::Counter& returns;
  stats::Counter& resources;  // that were put back
  stats::Counter& failed;     // that could not be, and were given up
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
    failed_.clear();
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
  Supersede(id);
  // It was let go after all, or whoever gave it has it again: that it goes later is another removal.
  if (wanted) refusals_.DropRemoval(id.kind, id.name);
  if (guard_ == nullptr || !armed()) return;
  if (before != nullptr && now != nullptr && before->hash == now->hash) return;
  // What nobody wants any more is kept of either kind, watched or not: what goes back may want it again.
  if (id.kind == xds::Kind::kExtensions && id.name == with_.own) return;
  if (wanted ? !Watches(id.kind) : !IsByName(id.kind)) return;
  changes_.Add(id, before, now, wanted, Boundary());
}

// What comes instead of what can't be put back counts; and it may name what is new.
void Guard::Supersede(const xds::ResourceId& id) {
  const auto superseded = [&id](const Failed& failed) {
    return failed.change.kind == id.kind && failed.change.name == id.name;
  };
  const auto first = std::ranges::stable_partition(failed_, std::not_fn(superseded)).begin();
  if (first == failed_.end()) return;
  const bool all = std::none_of(failed_.begin(), first, [](const Failed& each) { return each.change.before.has_value(); });
  for (auto each = all ? failed_.begin() : first; each != failed_.end(); ++each) GiveUp(*each);
  failed_.erase(all ? failed_.begin() : first, failed_.end());
}

bool Guard::Watches(xds::Kind kind) const {
  switch (kind) {
    case xds::Kind::kClusters:
      return guard_->clusters;
    case xds::Kind::kEndpoints:
      return guard_->endpoints;
    case xds::Kind::kListeners:
      return guard_->listeners;
    case xds::Kind::kScopedRoutes:
    case xds::Kind::kRoutes:
      return guard_->routes;
    case xds::Kind::kExtensions:
      return guard_->filters;
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
    TryAgain(now);
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
  const auto back = std::make_shared<Return>();
  back->time = with_.clock.WallNow();
  back->reason = worse.what;
  back->after = worse.after;
  for (const Changes::Change& change : changed) {
    if (!change.wanted) continue;
    back->whats.push_back(What(change.kind, change.name));
    if (!change.now) back->removed.push_back(back->whats.back());
  }
  std::vector<Failed> all;
  const base::MonotonicTime until = with_.clock.MonotonicNow() + guard_->window;
  for (const Changes::Change& change : changed) all.push_back({.change = change, .error = "", .of = back, .until = until});
  PutBack(all);
  for (Failed& each : all) {
    if (each.error.empty()) {
      Succeed(each);
      continue;
    }
    const std::string what = What(each.change.kind, each.change.name);
    const std::string again = absl::StrCat("tried again for ", Seconds(guard_->window));
    with_.warn(absl::StrCat("guard: ", what, " can't be put back: ", each.error, "; ", again));
    NoteFailed(each, "tried again");
    if (each.change.wanted) back->failures.push_back({what, each.error});
    failed_.push_back(std::move(each));
  }
  with_.warn(absl::StrCat("guard: ", Line(*back)));
  with_.tell(*back);
  returns_.push_front(back);
  if (returns_.size() > kMostReturns) returns_.pop_back();
}

// It is as it was before: what it was until now is not taken again.
void Guard::Succeed(const Failed& done) {
  Return& back = *done.of;
  const Changes::Change& change = done.change;
  const std::string reason = absl::StrCat("the guard went back from this at ", Clock(back.time), " (", back.reason, " in ",
                                          Seconds(back.after), "), expected another content");
  if (!change.wanted) {
    // Who gave it may have taken it away with what wanted it.
    if (!change.now) refusals_.AddRemoval(change.kind, change.name, reason);
    return;
  }
  if (back.put_back++ == 0) stats_->returns.Increment();
  stats_->resources.Increment();
  if (change.before) back.content = std::max(back.content.value_or(change.before->taken), change.before->taken);
  if (change.now) {
    refusals_.AddContent(change.kind, change.name, change.now->body->value(), reason);
  } else {
    refusals_.AddRemoval(change.kind, change.name, reason);
  }
  with_.note_refused({*change.source, change.kind, change.name}, reason, change.now ? &*change.now : nullptr);
}

void Guard::GiveUp(const Failed& failed) {
  stats_->failed.Increment();
  const std::string what = What(failed.change.kind, failed.change.name);
  for (Return::Failure& failure : failed.of->failures) {
    if (failure.what == what) failure = {what, failed.error, true};
  }
}

void Guard::NoteFailed(const Failed& failed, const char* then) {
  const Changes::Change& change = failed.change;
  if (!change.wanted) return;
  const std::string details = absl::StrCat("the guard would go back from this (", failed.of->reason, " in ",
                                           Seconds(failed.of->after), "), but what was there before can't be put back: ",
                                           failed.error, "; ", then);
  with_.note_refused({*change.source, change.kind, change.name}, details, change.now ? &*change.now : nullptr);
}

// Nothing else tells that what was in the way is gone.
void Guard::TryAgain(base::MonotonicTime now) {
  if (failed_.empty()) return;
  std::vector<Failed> all = std::exchange(failed_, {});
  PutBack(all);
  for (Failed& each : all) {
    const std::string what = What(each.change.kind, each.change.name);
    if (each.error.empty()) {
      std::erase_if(each.of->failures, [&what](const Return::Failure& failure) { return failure.what == what; });
      Succeed(each);
      with_.warn(absl::StrCat("guard: ", what, " is put back after all"));
      with_.tell(*each.of);
      continue;
    }
    if (now < each.until) {
      failed_.push_back(std::move(each));
      continue;
    }
    GiveUp(each);
    const char* const stays = each.change.now ? "it stays as it was changed" : "it stays removed";
    with_.warn(absl::StrCat("guard: ", what, " can't be put back: ", each.error, "; given up, ", stays));
    NoteFailed(each, "given up");
  }
}

// What others name is there before them, and goes after them; and not at all, as long as one that may name it could not be
// put back. Listeners free their addresses as they need them.
void Guard::PutBack(std::vector<Failed>& all) {
  using xds::Kind;
  std::vector<const config::ConfigSource*> sources;
  for (Failed& each : all) {
    each.error.clear();
    if (std::ranges::find(sources, each.change.source) == sources.end()) sources.push_back(each.change.source);
  }
  bool any_failed = false;
  const auto put = [&](Kind kind, bool contents, bool removals) {
    for (const config::ConfigSource* const source : sources) {
      std::vector<xds::Resource> resources;
      std::vector<std::string> removed;
      std::map<std::string_view, Failed*> by_name;
      for (Failed& each : all) {
        const Changes::Change& change = each.change;
        if (change.kind != kind || change.source != source || !(change.before ? contents : removals)) continue;
        by_name.emplace(change.name, &each);
        if (change.before) {
          resources.push_back({.name = change.name, .version = change.before->version, .body = change.before->body});
        } else if (kind == Kind::kClusters && any_failed) {
          each.error = "it is new, and stays for what could not be put back";
        } else {
          removed.push_back(change.name);
        }
      }
      if (resources.empty() && removed.empty()) continue;
      for (const xds::Refusal& refusal : with_.put(*source, kind, std::move(resources), removed)) {
        const auto found = by_name.find(refusal.name);
        if (found == by_name.end()) continue;
        found->second->error = absl::StrJoin(refusal.errors, "; ");
        any_failed = true;
      }
    }
  };
  going_back_ = true;
  put(Kind::kClusters, true, false);
  put(Kind::kEndpoints, true, false);
  put(Kind::kExtensions, true, false);
  put(Kind::kListeners, true, true);
  put(Kind::kScopedRoutes, true, true);
  put(Kind::kRoutes, true, false);
  put(Kind::kClusters, false, true);
  going_back_ = false;
}

}  // namespace pillion::guard
