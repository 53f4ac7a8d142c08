#pragma once

// Answers that the proxy makes itself: what their bodies look like, and which of them become others.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/config/header_edits.h"
#include "source/telemetry/log_format.h"
#include "source/telemetry/record_filter.h"
#include "source/telemetry/text_format.h"

namespace pillion::config {

// A text, or JSON: there what peers sent is escaped.
struct BodyFormat {
  std::variant<telemetry::TextFormat, std::shared_ptr<const telemetry::LogFormat>> format;
  bool omit_empty_values = false;  // of a text: nothing instead of "-"
  std::string content_type;
};

// The first whose filter holds is applied.
struct ReplyMapper {
  telemetry::RecordFilter filter;
  std::optional<uint16_t> status;
  std::optional<std::string> body;
  std::optional<BodyFormat> format;  // instead of that of all
  HeaderEdits headers;
};

struct LocalReplies {
  std::vector<ReplyMapper> mappers;
  std::optional<BodyFormat> format;  // none: the body is plain text, as it is

  bool empty() const { return mappers.empty() && !format; }
};

}  // namespace pillion::config
