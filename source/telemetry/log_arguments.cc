#include "source/telemetry/log_arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "source/telemetry/log_names.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::telemetry {

std::string LogArguments::NeedHeader(LogOperator& self, std::string_view argument) {
  const size_t question = argument.find('?');
  const auto set = [](std::optional<http::FieldName>& header, std::string_view name) {
    if (!http::FieldName::IsFieldName(name)) return false;
    header.emplace(name);
    return true;
  };
  if (!set(self.header_, argument.substr(0, question))) return "expected a header's name";
  if (question != std::string_view::npos && !set(self.alternative_, argument.substr(question + 1))) {
    return "expected a header's name behind '?'";
  }
  return "";
}

std::string LogArguments::NeedName(LogOperator& self, std::string_view argument) {
  self.text_ = std::string(argument);
  return argument.empty() ? "expected a name" : "";
}

std::string LogArguments::NeedVariable(LogOperator& self, std::string_view argument) {
  if (argument.empty()) return "expected an environment variable's name";
  const char* value = std::getenv(std::string(argument).c_str());
  self.text_ = value == nullptr ? "" : value;
  return "";
}

std::string LogArguments::MayHaveTimeFormat(LogOperator& self, std::string_view argument) {
  absl::StatusOr<TimeFormat> format = TimeFormat::Compile(argument);
  if (!format.ok()) return std::string(format.status().message());
  self.time_ = *std::move(format);
  return "";
}

std::string LogArguments::NeedDuration(LogOperator& self, std::string_view argument) {
  constexpr std::string_view kExpected =
      "expected from:to:unit with two of DS_CX_BEG DS_CX_END DS_RX_BEG DS_RX_END US_CX_BEG US_CX_END US_HS_END US_TX_BEG "
      "US_TX_END US_RX_BEG US_RX_BODY_BEG US_RX_END DS_TX_BEG DS_TX_END and one of ms us ns";
  const size_t first = argument.find(':');
  if (first == std::string_view::npos) return std::string(kExpected);
  const size_t second = std::min(argument.find(':', first + 1), argument.size());
  const std::string_view unit = second == argument.size() ? "ms" : argument.substr(second + 1);
  const std::optional<TimePoint> from = FindTimePoint(argument.substr(0, first));
  const std::optional<TimePoint> to = FindTimePoint(argument.substr(first + 1, second - first - 1));
  self.unit_nanos_ = unit == "ms" ? 1'000'000 : unit == "us" ? 1'000 : unit == "ns" ? 1 : 0;
  if (self.unit_nanos_ == 0 || !from || !to) return std::string(kExpected);
  self.from_ = *from;
  self.to_ = *to;
  return "";
}

std::string LogArguments::MayHavePathChoice(LogOperator& self, std::string_view argument) {
  const size_t colon = std::min(argument.find(':'), argument.size());
  const std::string_view query = argument.substr(0, colon);
  const std::string_view choice = argument.substr(std::min(colon + 1, argument.size()));
  self.without_query_ = query == "NQ";
  self.choice_ = choice == "ORIG" ? kOriginal : choice == "PATH" ? kPath : kOriginalOrPath;
  self.header_.emplace("x-envoy-original-path");
  const bool known = (query.empty() || query == "WQ" || query == "NQ") &&
                     (choice.empty() || choice == "ORIG" || choice == "PATH" || choice == "ORIG_OR_PATH");
  return known ? "" : "expected WQ or NQ, then :ORIG, :PATH or :ORIG_OR_PATH";
}

std::string LogArguments::MayHaveQueryChoice(LogOperator& self, std::string_view argument) {
  self.choice_ = argument == "DECODED" ? kDecoded : kEscaped;
  return argument.empty() || argument == "ORIG" || self.choice_ == kDecoded ? "" : "expected ORIG or DECODED";
}

// A namespace, and keys from the outside in.
std::string LogArguments::NeedMetadataPath(LogOperator& self, std::string_view argument) {
  for (bool first = true; first || !argument.empty(); first = false) {
    const size_t colon = std::min(argument.find(':'), argument.size());
    const std::string_view part = argument.substr(0, colon);
    if (part.empty()) return "expected a namespace, then :key and so on";
    argument.remove_prefix(std::min(colon + 1, argument.size()));
    if (first) {
      self.text_ = std::string(part);
    } else {
      self.keys_.emplace_back(part);
    }
  }
  return "";
}

std::string LogArguments::NeedState(LogOperator& self, std::string_view argument) {
  const size_t colon = std::min(argument.find(':'), argument.size());
  self.text_ = std::string(argument.substr(0, colon));
  const std::string_view choice = argument.substr(colon);
  constexpr std::string_view kOfField = ":FIELD:";
  const bool field = choice.starts_with(kOfField) && choice.size() > kOfField.size();
  self.choice_ = field ? kField : choice == ":PLAIN" ? kPlain : kTyped;
  const bool known = field || choice.empty() || choice == ":PLAIN" || choice == ":TYPED";
  return known && !self.text_.empty() ? "" : "expected an object's name, then :PLAIN, :TYPED or :FIELD: and a field's name";
}

std::string LogArguments::MayHaveGrpcChoice(LogOperator& self, std::string_view argument) {
  self.choice_ = argument == "SNAKE_STRING" ? kSnake : argument == "NUMBER" ? kNumeric : kCamel;
  const bool known = argument.empty() || argument == "CAMEL_STRING" || self.choice_ != kCamel;
  return known ? "" : "expected CAMEL_STRING, SNAKE_STRING or NUMBER";
}

// Whose it is, then that.
std::string LogArguments::NeedTypedMetadataPath(LogOperator& self, std::string_view argument) {
  struct Owner {
    std::string_view name;
    const metadata::Value* RequestRecord::*where;
  };
  static constexpr Owner kOwners[] = {
      {"DYNAMIC", nullptr},
      {"LISTENER", &RequestRecord::listener_metadata},
      {"LISTENER_FILTER_CHAIN", &RequestRecord::filter_chain_metadata},
      {"VIRTUAL_HOST", &RequestRecord::virtual_host_metadata},
      {"ROUTE", &RequestRecord::route_metadata},
      {"CLUSTER", &RequestRecord::cluster_metadata},
      {"UPSTREAM_HOST", &RequestRecord::upstream_metadata},
  };
  const size_t colon = std::min(argument.find(':'), argument.size());
  for (const Owner& owner : kOwners) {
    if (owner.name != argument.substr(0, colon)) continue;
    self.configured_ = owner.where;
    return NeedMetadataPath(self, argument.substr(std::min(colon + 1, argument.size())));
  }
  std::string error = "expected one of";
  for (const Owner& owner : kOwners) error.append(" ").append(owner.name);
  return error + ", then :namespace, :key and so on";
}

std::string LogArguments::NeedExpression(LogOperator& self, std::string_view argument) {
  absl::StatusOr<ExpressionOfRecords> program = CompileForRecords(argument);
  if (!program.ok()) return std::string(program.status().message());
  self.program_ = *std::move(program);
  return "";
}

// Where it comes from, and which field is meant by the host.
std::string LogArguments::MayHaveServerNameChoice(LogOperator& self, std::string_view argument) {
  const size_t colon = std::min(argument.find(':'), argument.size());
  const std::string_view source = argument.substr(0, colon);
  const std::string_view host = argument.substr(std::min(colon + 1, argument.size()));
  self.choice_ = source == "SNI_FIRST" ? kAskedFirst : source == "HOST_FIRST" ? kHostFirst : kAskedOnly;
  self.host_choice_ = host == "ORIG" ? kOriginalHost : host == "HOST" ? kHost : kOriginalOrHost;
  const bool known = (source.empty() || source == "SNI_ONLY" || self.choice_ != kAskedOnly) &&
                     (host.empty() || host == "ORIG_OR_HOST" || self.host_choice_ != kOriginalOrHost);
  return known ? "" : "expected SNI_ONLY, SNI_FIRST or HOST_FIRST, then :ORIG_OR_HOST, :ORIG or :HOST";
}

std::string LogArguments::MayAllowBlanks(LogOperator& self, std::string_view argument) {
  self.choice_ = argument.empty() ? kOneWord : kWithBlanks;
  return argument.empty() || argument == "ALLOW_WHITESPACES" ? "" : "expected ALLOW_WHITESPACES";
}

// So many bits of the address are shown.
std::string LogArguments::MayHaveMask(LogOperator& self, std::string_view argument) {
  self.choice_ = kWholeIp;
  if (argument.empty()) return "";
  uint8_t bits = 0;
  const char* const end = argument.data() + argument.size();
  if (std::from_chars(argument.data(), end, bits).ptr != end || bits > 128) return "expected the number of bits shown";
  self.choice_ = bits;
  return "";
}

}  // namespace pillion::telemetry
