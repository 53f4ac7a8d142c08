// The argument of %COALESCE%: a JSON object with a list of operators.

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "source/telemetry/log_arguments.h"

namespace pillion::telemetry {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kExpected =
    R"(expected {"operators": [...]} with at least one "NAME" or {"command": "NAME", "param": "...", "max_length": 1})";

// An error text; empty: it is in `made`.
std::string Read(const Value& from, LogAlternative& made) {
  std::string name = from.string_value();
  std::string argument;
  bool has_argument = false;
  if (from.kind_case() == Value::kStructValue) {
    for (const auto& [key, value] : from.struct_value().fields()) {
      if (key == "command" && value.kind_case() == Value::kStringValue) {
        name = value.string_value();
      } else if (key == "param" && value.kind_case() == Value::kStringValue) {
        argument = value.string_value();
        has_argument = !argument.empty();
      } else if (key == "max_length" && value.kind_case() == Value::kNumberValue) {
        const double length = value.number_value();
        if (length < 1 || length > 1e9 || length != std::floor(length)) return "max_length: expected a whole number above 0";
        made.limit = static_cast<size_t>(length);
      } else {
        return fmt::format("\"{}\": expected \"command\" or \"param\" with a text, or \"max_length\" with a number", key);
      }
    }
  }
  if (name.empty()) return "expected an operator's name";
  absl::StatusOr<LogOperator> compiled = LogOperator::Compile(name, has_argument, argument);
  if (!compiled.ok()) return std::string(compiled.status().message());
  made.value = *std::move(compiled);
  return "";
}

}  // namespace

std::string LogArguments::NeedAlternatives(LogOperator& self, std::string_view argument) {
  Struct json;
  if (!google::protobuf::util::JsonStringToMessage(std::string(argument), &json).ok()) return std::string(kExpected);
  const auto list = json.fields().find("operators");
  if (json.fields().size() != 1 || list == json.fields().end() || list->second.list_value().values().empty()) {
    return std::string(kExpected);
  }
  auto alternatives = std::make_shared<std::vector<LogAlternative>>();
  for (const Value& from : list->second.list_value().values()) {
    const std::string error = Read(from, alternatives->emplace_back());
    if (!error.empty()) return fmt::format("operators[{}]: {}", alternatives->size() - 1, error);
  }
  self.alternatives_ = std::move(alternatives);
  return "";
}

}  // namespace pillion::telemetry
