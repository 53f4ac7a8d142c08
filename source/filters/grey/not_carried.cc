#include "source/filters/grey/not_carried.h"

#include <string>

#include "source/base/escape.h"
#include "source/config/text.h"

namespace pillion::filters::grey_rules {
namespace {

constexpr size_t kMost = 200;  // bytes of what somebody else has chosen

const NotCarriedLog* not_carried_log = nullptr;

std::string_view Text(NotCarried why) {
  switch (why) {
    case NotCarried::kNoContext:
      return "no context filter carries it: there is none in front of this one, or it is disabled for that request";
    case NotCarried::kNoRoom:
      return "the baggage of its context has no room for it";
  }
  return {};
}

}  // namespace

void SetNotCarriedLog(const NotCarriedLog* log) { not_carried_log = log; }

void NotCarriedOnce::Say(NotCarried why, std::string_view filter, std::string_view stat_prefix, std::string_view colour) {
  if (not_carried_log == nullptr) return;
  if (said_[static_cast<size_t>(why)].exchange(true, std::memory_order_relaxed)) return;
  std::string shown;
  base::AppendPrintable(shown, base::CutUtf8(colour, kMost));
  if (colour.size() > kMost) shown += "...";
  not_carried_log->write(config::Concat("filter ", config::Quote(filter), ": the colour ", shown,
                                        " of a request holds for this hop only, as ", Text(why), "; ", stat_prefix,
                                        "grey.not_carried counts further ones"));
}

}  // namespace pillion::filters::grey_rules
