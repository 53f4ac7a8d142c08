#pragma once

// What a route, a virtual host or a table changes in the fields of heads that pass.

#include <cstdint>
#include <optional>
#include <vector>

#include "source/http/field_name.h"
#include "source/match/string_matcher.h"
#include "source/telemetry/text_format.h"

namespace pillion::config {

struct AddedHeader {
  enum class Action : uint8_t { kAppend, kAddIfAbsent, kOverwriteOrAdd, kOverwriteIfThere };

  http::FieldName name;  // never a part of the model, nor of the framing
  telemetry::TextFormat value;
  Action action = Action::kAppend;
  bool keep_empty_value = false;
};

// First some are removed, then others added, in order.
struct HeaderEdits {
  std::vector<http::FieldName> remove;
  std::vector<AddedHeader> add;

  bool empty() const { return remove.empty() && add.empty(); }
};

// One edit, or the names of fields that go.
struct HeaderMutation {
  HeaderEdits edit;
  std::optional<match::StringMatcher> remove;  // of names in lower case
};

// Of one level.
struct LevelHeaderEdits {
  HeaderEdits request;
  HeaderEdits response;
};

}  // namespace pillion::config
