#include "source/xds/complaints.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "source/base/escape.h"
#include "source/base/xxhash64.h"

namespace pillion::xds {

Complaints::Complaints(const base::Clock& clock, std::function<void(std::string_view line)> say)
    : clock_(clock), say_(std::move(say)), filled_(clock.MonotonicNow()) {}

bool Complaints::Say(std::string_view line) {
  const uint64_t hash = base::XxHash64(line);
  if (std::ranges::find(said_, hash) != said_.end()) return false;
  const int64_t passed = std::chrono::duration_cast<std::chrono::seconds>(clock_.MonotonicNow() - filled_).count();
  filled_ += std::chrono::seconds(passed);
  may_say_ = static_cast<int>(std::min<int64_t>(may_say_ + passed, kBurst));
  if (may_say_ == 0) return false;
  --may_say_;
  if (said_.size() == kRemembered) said_.pop_front();
  said_.push_back(hash);
  std::string text;
  base::AppendLine(text, line, kMostBytes);
  say_(text);
  return true;
}

}  // namespace pillion::xds
