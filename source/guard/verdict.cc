#include "source/guard/verdict.h"

#include <chrono>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace pillion::guard {
namespace {

void Add(std::string& to, const std::string& what) {
  if (!to.empty()) to += ", ";
  to += what;
}

}  // namespace

std::string PercentText(double ratio) {
  const double percent = ratio * 100;
  if (percent >= 10) return absl::StrCat(std::lround(percent), " %");
  return absl::StrCat(std::round(percent * 100) / 100, " %");
}

std::string Judge(const config::Guard& guard, const Figures& before, const Figures& after) {
  std::string worse;
  const bool believed = before.requests >= guard.least_requests && after.requests >= guard.least_requests;
  if (guard.error_ratio && believed) {
    const double was = before.error_ratio();
    const double is = after.error_ratio();
    if (is > was + guard.error_ratio->most_rise && is > was * guard.error_ratio->most_factor) {
      Add(worse, absl::StrCat("error ratio ", PercentText(was), " -> ", PercentText(is)));
    }
  }
  if (guard.p99 && believed) {
    const double was = before.p99();
    const double is = after.p99();
    const double least = std::chrono::duration<double, std::milli>(guard.p99->least_rise).count();
    if (is > was + least && is > was * guard.p99->most_factor) {
      Add(worse, absl::StrCat("p99 ", std::lround(was), " ms -> ", std::lround(is), " ms"));
    }
  }
  // A count needs nothing to be believed. That of a window which is not over is compared with that of a whole one.
  if (guard.breaker_opens && after.overflows > before.overflows + guard.breaker_opens->most_rise) {
    Add(worse, absl::StrCat("refused by circuit breakers ", before.overflows, " -> ", after.overflows));
  }
  return worse;
}

}  // namespace pillion::guard
