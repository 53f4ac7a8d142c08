#include "source/filters/grey/lanes.h"

#include <algorithm>

#include "source/limit/states.h"
#include "source/upstream/lane_text.h"

namespace pillion::filters::grey_rules {

Colour::Colour(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {
  for (const auto& [key, value] : texts_) labels_.push_back({key, value});
}

bool Colour::IsIn(std::span<const upstream::Label> labels) const {
  return std::all_of(labels_.begin(), labels_.end(), [labels](const upstream::Label& label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
  });
}

base::Duration Fault::delay_now() const {
  if (delay == base::Duration::zero()) return delay;
  const uint64_t set = delay_ms->Integer(UINT64_MAX);
  if (set == UINT64_MAX) return delay;
  return std::min(std::chrono::milliseconds(std::min(set, uint64_t{INT32_MAX})), kLongestDelay);
}

int Fault::status_now() const {
  const uint64_t status = abort_status.now();
  const bool fits = aborts_grpc ? status <= 16 : status >= 200 && status <= 599;
  return static_cast<int>(fits ? status : abort_status.configured);
}

std::shared_ptr<Active> ActiveOf(const Colour& colour) {
  static auto& all = *new limit::States<Active>;
  return all.FindOrMake(upstream::LabelsText(colour.labels()), [] { return std::make_shared<Active>(); });
}

}  // namespace pillion::filters::grey_rules
