#include "source/explain/texts.h"

#include <fmt/format.h>

#include "source/base/escape.h"
#include "source/config/retry_on.h"

namespace pillion::explain {

std::string Quoted(std::string_view text) {
  constexpr size_t kMost = 200;
  std::string quoted = "\"";
  base::AppendPrintable(quoted, base::CutUtf8(text, kMost));
  return quoted += '"';
}

std::string DurationText(base::Duration duration) {
  if (duration <= base::Duration::zero()) return "none";
  return fmt::format("{:g}s", std::chrono::duration<double>(duration).count());
}

std::string PercentText(double part, double whole) { return fmt::format("{:.4g} %", 100 * part / whole); }

std::string_view PolicyText(config::LoadBalancing::Policy policy) {
  using Policy = config::LoadBalancing::Policy;
  switch (policy) {
    case Policy::kRoundRobin:
      return "round robin";
    case Policy::kLeastRequest:
      return "least request";
    case Policy::kRandom:
      return "random";
    case Policy::kRingHash:
      return "ring hash";
    case Policy::kMaglev:
      return "maglev";
    case Policy::kClusterProvided:
      return "provided by the cluster";
  }
  return "";
}

std::string_view HealthText(upstream::HostHealth health) {
  switch (health) {
    case upstream::HostHealth::kUnhealthy:
      return "unhealthy";
    case upstream::HostHealth::kDegraded:
      return "degraded";
    case upstream::HostHealth::kHealthy:
      return "healthy";
  }
  return "";
}

std::string LocalityText(const config::Locality& locality) {
  std::string text = locality.region + "/" + locality.zone + "/" + locality.sub_zone;
  while (text.ends_with('/')) text.pop_back();
  return text;
}

std::string RetryOnText(uint32_t bits) {
  std::string text;
  for (const config::RetryOnWord& word : config::kRetryOnWords) {
    if ((bits & word.condition) != 0) text += fmt::format("{}{}", text.empty() ? "" : ",", word.word);
  }
  return text;
}

}  // namespace pillion::explain
