#pragma once

// Access logs as configured: where lines go and what they look like. Format strings are text here.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "source/telemetry/record_filter.h"

namespace pillion::telemetry {

// A JSON value whose strings are format strings. Members are sorted by key, so that the order of the output does not
// depend on how the configuration travelled (a protobuf map has no order).
struct JsonFormat {
  using List = std::vector<JsonFormat>;
  using Object = std::vector<std::pair<std::string, JsonFormat>>;

  std::variant<std::nullptr_t, bool, double, std::string, List, Object> value;
};

struct DefaultLogFormat {};  // Envoy's default line

struct TextLogFormat {
  std::string format;  // taken as it is: no newline is added
};

struct JsonLogFormat {
  JsonFormat root;  // always an Object; one line of output each
};

struct FileLogSink {
  std::string path;
};
struct StdoutLogSink {};
struct StderrLogSink {};

struct LogSettings {
  std::variant<FileLogSink, StdoutLogSink, StderrLogSink> sink;
  std::variant<DefaultLogFormat, TextLogFormat, JsonLogFormat> format;
  bool omit_empty_values = false;  // text: nothing instead of "-"; JSON: the member is left out instead of null
  std::shared_ptr<const RecordFilter> filter = nullptr;  // what it has a line for; null: all
};

}  // namespace pillion::telemetry
