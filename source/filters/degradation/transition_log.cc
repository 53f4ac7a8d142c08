#include "source/filters/degradation/transition_log.h"

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include "source/base/escape.h"
#include "source/base/spin_lock.h"
#include "source/config/text.h"

namespace pillion::filters::degradation_rules {
namespace {

using degradation::NameOf;

constexpr size_t kMostOfAKey = 200;

const TransitionLog* transition_log = nullptr;

// Of one second.
struct Lines {
  base::SpinLock lock;
  base::MonotonicTime began{};
  int written = 0;
  uint64_t unsaid = 0;  // since the last line
};

Lines lines;

// How many went unsaid before it; -1: this one does, too.
int64_t TakeLine(base::MonotonicTime now) {
  const std::lock_guard lock(lines.lock);
  if (now >= lines.began + std::chrono::seconds(1)) {
    lines.began = now;
    lines.written = 0;
  }
  if (lines.written >= kMostLines) {
    ++lines.unsaid;
    return -1;
  }
  ++lines.written;
  return static_cast<int64_t>(std::exchange(lines.unsaid, 0));
}

}  // namespace

void SetTransitionLog(const TransitionLog* log) {
  transition_log = log;
  lines.began = {};
  lines.written = 0;
  lines.unsaid = 0;
}

void LogTransition(const State& rule, std::string_view key, const degradation::Change& change, base::MonotonicTime now) {
  if (transition_log == nullptr || !transition_log->wants()) return;
  const int64_t unsaid = TakeLine(now);
  if (unsaid < 0) return;
  std::string text = rule.name;
  if (!key.empty()) {
    text += " (";
    base::AppendPrintable(text, base::CutUtf8(key, kMostOfAKey));
    text += key.size() > kMostOfAKey ? "...)" : ")";
  }
  text += config::Concat(": ", NameOf(change.from), " -> ", NameOf(change.to));
  if (change.calls.all > 0) text += config::Concat(": ", change.calls.bad, " of ", change.calls.all, " calls were bad");
  text += config::Concat(" (", rule.terms_text, ")");
  if (unsaid > 0) text += config::Concat(" (and ", unsaid, " others meanwhile)");
  transition_log->write(text);
}

}  // namespace pillion::filters::degradation_rules
