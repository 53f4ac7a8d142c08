// What is shown of a guard.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "source/guard/guard.h"
#include "source/guard/verdict.h"

namespace pillion::guard {
namespace {

std::string Date(base::WallTime time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromChrono(time), absl::UTCTimeZone());
}

// Both limits must be passed.
std::string AndFactor(double factor) {
  return factor > 1 ? absl::StrCat(" and to more than ", factor, " times as much") : "";
}

void ShowFailures(const Return& back, explain::Answer& to) {
  if (back.failures.empty()) return;
  explain::Answer::List& list = to.Elements("not_put_back");
  for (size_t i = 0; i < std::min(back.failures.size(), kMostNamed); ++i) {
    const Return::Failure& failure = back.failures[i];
    list.Text(absl::StrCat(failure.what, ": ", failure.error, failure.given_up ? "; given up" : "; tried again"));
  }
  if (back.failures.size() > kMostNamed) to.Number("more", static_cast<int64_t>(back.failures.size() - kMostNamed));
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
    // A rise of a ratio is in percentage points: of 10 % by 5 is 15 %.
    to.Text("error_ratio", absl::StrCat("worse if it rises by more than ", guard.error_ratio->most_rise * 100,
                                        " percentage points", AndFactor(guard.error_ratio->most_factor)));
  }
  if (guard.p99) {
    to.Text("p99", absl::StrCat("worse if it rises by more than ", Seconds(guard.p99->least_rise),
                                AndFactor(guard.p99->most_factor)));
  }
  if (guard.breaker_opens) {
    to.Text("breaker_opens", absl::StrCat("worse if there are more than ", guard.breaker_opens->most_rise, " more of them"));
  }
  explain::Answer::List& kinds = to.Elements("kinds");
  if (guard.clusters) kinds.Text("clusters");
  if (guard.endpoints) kinds.Text("endpoints");
  if (guard.listeners) kinds.Text("listeners");
  if (guard.routes) kinds.Text("routes");
  if (guard.filters) kinds.Text("filters");
}

}  // namespace

explain::Answer NoGuard() {
  explain::Answer view;
  view.Text("guard", "none");
  return view;
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
  if (!failed_.empty()) view.Number("failing", static_cast<int64_t>(failed_.size()));
  view.Number("remembered", static_cast<int64_t>(refusals_.size()));
  explain::Answer::List& list = view.Elements("returns");
  for (const std::shared_ptr<Return>& back : returns_) {
    explain::Answer& shown = list.Object();
    shown.Text("time", Date(back->time));
    shown.Text("what", Line(*back));
    ShowFailures(*back, shown);
  }
  return view;
}

}  // namespace pillion::guard
