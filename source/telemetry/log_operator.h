#pragma once

// One %OPERATOR(argument):length% of an access log format, compiled. Immutable; any thread may evaluate it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "source/expression/program.h"
#include "source/http/field_name.h"
#include "source/telemetry/request_record.h"
#include "source/telemetry/time_format.h"

namespace pillion::telemetry {

// What an operator gives for one record.
struct LogValue {
  enum class Kind : uint8_t { kMissing, kText, kNumber, kJson };

  static LogValue Missing() { return {}; }
  static LogValue Text(std::string_view text) { return {Kind::kText, 0, text}; }
  static LogValue TextOrMissing(std::string_view text) { return text.empty() ? Missing() : Text(text); }
  static LogValue Json(std::string_view json) { return {Kind::kJson, 0, json}; }
  static LogValue Number(int64_t number) { return {Kind::kNumber, number, {}}; }

  Kind kind = Kind::kMissing;
  int64_t number = 0;
  std::string_view text;  // raw: the writer escapes it; of kJson a whole value, on one line
};

struct TlsOperator;
struct LogAlternative;

class LogOperator {
 public:
  // `name` as between the percent signs, `argument` without its parentheses.
  static absl::StatusOr<LogOperator> Compile(std::string_view name, bool has_argument, std::string_view argument);

  // A text may lie in `scratch`, which is overwritten.
  LogValue Evaluate(const RequestRecord& record, std::string& scratch) const {
    return evaluate_(*this, record, scratch);
  }

 private:
  friend struct LogOperators;  // the functions behind `evaluate_` and the table of names
  friend struct LogArguments;
  using Evaluator = LogValue (*)(const LogOperator&, const RequestRecord&, std::string& scratch);

  Evaluator evaluate_ = nullptr;
  // Which of these mean something depends on evaluate_.
  std::optional<http::FieldName> header_;
  std::optional<http::FieldName> alternative_;
  std::string text_;  // a query parameter's name; a value known at load; whose metadata or state
  std::vector<std::string> keys_;  // from the outside in
  const metadata::Value* RequestRecord::*configured_ = nullptr;  // which metadata; null: what filters noted
  TimeFormat time_;
  TimePoint from_ = TimePoint::kDownstreamRxBegin;
  TimePoint to_ = TimePoint::kEnd;
  int64_t unit_nanos_ = 1'000'000;
  const TlsOperator* tls_ = nullptr;
  std::shared_ptr<const expression::Program> program_;
  std::shared_ptr<const std::vector<LogAlternative>> alternatives_;
  int choice_ = 0;
  int host_choice_ = 0;
  bool without_query_ = false;
};

// One of those of which the first that has a value counts.
struct LogAlternative {
  LogOperator value;
  size_t limit = SIZE_MAX;  // bytes
};

}  // namespace pillion::telemetry
