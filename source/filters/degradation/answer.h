#pragma once

// What is said of rules that were asked: in answers, their fields, and notes for logs and other filters. All in the stream's
// arena.

#include <span>
#include <string_view>

#include "source/filters/degradation/degradation.h"
#include "source/http/header_map.h"
#include "source/metadata/annotations.h"

namespace pillion::filters::degradation_rules {

struct Counts;

enum class Outcome : uint8_t { kPassed, kProbe, kDryRun, kDegraded, kRejected };

// A rule that applied, and what came of it. `kDryRun`: it would have refused.
struct Asked {
  const Rule* rule;
  Counts* counts;
  std::string_view key;
  degradation::Breakers::Pass pass;
  degradation::State state;
  base::Duration retry_after;
  degradation::Calls opened_by;
  Outcome outcome;
  // What has passed: its end has been told; or it is, and was good.
  bool ended;
  bool was_good;
};

// degradation payments (route=all/pay): open, 6 of 10 calls were bad (error ratio 0.6 in 10s, ...); retry after 12s
std::string_view RefusalText(const Asked& asked, base::Arena& arena);
// degradation_refused[payments:open:6/10]
std::string_view DetailsOf(std::string_view what, const Asked& asked, base::Arena& arena);

// x-pillion-degradation: payments;state=open;t=12
void AddField(const Asked& asked, pillion::http::HeaderMap& headers);
void AddRetryAfter(const Asked& asked, pillion::http::HeaderMap& headers);

// Dynamic metadata of `pillion.degradation`, made when somebody asks: of the last rule that refused, or would have, else of
// the last that was asked; and the states of all.
class Notes final : public metadata::LaterNotes {
 public:
  static constexpr std::string_view kSpace = "pillion.degradation";

  // Of what was asked until then.
  explicit Notes(const std::span<Asked>& asked) : asked_(asked) {}

  void Note(base::Arena& arena, metadata::DynamicMetadata& metadata) override;

 private:
  const std::span<Asked>& asked_;
};

}  // namespace pillion::filters::degradation_rules
