#pragma once

// What is said of rules that were asked: in answers, their fields, and notes for logs and other filters. All in the stream's
// arena.

#include <span>
#include <string_view>

#include "source/filters/limit/limit.h"
#include "source/http/header_map.h"
#include "source/metadata/annotations.h"

namespace pillion::filters::limit_rules {

struct Counts;

enum class Outcome : uint8_t { kAdmitted, kWaiting, kLeft, kDryRun, kDegraded, kRejected };

// A rule that applied, and what came of it. `kDryRun`: it would have refused; `kLeft`: the
// request was over while it waited.
struct Asked {
  const Rule* rule;
  Counts* counts;
  limit::Key key;
  std::span<const std::string_view> values;  // of the key's dimensions; empty unless they are to be shown
  uint64_t cost;
  limit::Decision decision;
  Outcome outcome;
};

// "window", "bucket"; of what a rule admitted empty.
std::string_view StageName(limit::Stage stage);

// rate limit tenants: window of 100 in 60s, 0 left, cost 1; key: tenant="acme"; retry after 12s
std::string_view RefusalText(const Asked& asked, std::string_view why, base::Arena& arena);
// tenant="acme", path="/a". Empty: values are not to be shown.
std::string_view ValuesText(const Asked& asked, base::Arena& arena);
// limit_rejected[tenants:window], limit_rejected[tenants:window:queue_full]
std::string_view DetailsOf(std::string_view what, std::string_view why, const Asked& asked, base::Arena& arena);

// RateLimit and RateLimit-Policy.
void AddFigures(const Asked& asked, http::HeaderMap& headers);
// Of what was refused.
void AddRetryAfter(const limit::Decision& decision, http::HeaderMap& headers);

// Dynamic metadata of `pillion.limit`, made when somebody asks: of the last rule that refused, or would have, else of the
// last that was asked; and what came of each.
class Notes final : public metadata::LaterNotes {
 public:
  static constexpr std::string_view kSpace = "pillion.limit";

  // Of what was asked until then.
  explicit Notes(const std::span<const Asked>& asked) : asked_(asked) {}

  void Note(base::Arena& arena, metadata::DynamicMetadata& metadata) override;

 private:
  const std::span<const Asked>& asked_;
};

}  // namespace pillion::filters::limit_rules
