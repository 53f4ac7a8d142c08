// Input: a byte that says which field it is, and what stands in it. What must hold: it is read or not, and what was read is
// numbers that a weight can be made of, none of them less than 0.

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "source/base/arena.h"
#include "source/base/check.h"
#include "source/http/load_report.h"

namespace pillion::http {
namespace {

void Check(std::string_view name, std::string_view value) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  HeaderMap fields(arena);
  fields.Add(name, arena.Copy(value));
  const std::vector<std::string> names = {"named_metrics.q", "utilization.", "cpu_utilization", "request_cost.a.b"};
  const std::optional<LoadReport> report = FindLoadReport(fields, names);
  if (!report) return;
  for (const double number : {report->application_utilization, report->cpu_utilization, report->requests_per_second,
                              report->errors_per_second, report->named}) {
    PILLION_CHECK(std::isfinite(number) && number >= 0);
  }
}

}  // namespace
}  // namespace pillion::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  pillion::http::Check(data[0] == 'b' ? "endpoint-load-metrics-bin" : "endpoint-load-metrics", value);
  return 0;
}
