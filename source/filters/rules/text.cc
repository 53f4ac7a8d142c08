#include "source/filters/rules/text.h"

#include <utility>

#include "source/config/text.h"

namespace pillion::filters::rules {

std::string DurationText(base::Duration time) {
  constexpr std::pair<int64_t, std::string_view> kUnits[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}};
  for (const auto& [nanos, unit] : kUnits) {
    if (time.count() % nanos == 0) return config::Concat(time.count() / nanos, unit);
  }
  return config::Concat(time.count(), "ns");
}

}  // namespace pillion::filters::rules
