#pragma once

// An object of filter state, as the filters that set them have it configured.

#include <string>
#include <string_view>

#include "source/metadata/annotations.h"
#include "source/telemetry/text_format.h"

namespace pillion::config {

struct FilterStateObject {
  std::string name;
  telemetry::TextFormat text;
  std::string_view missing;    // what stands for a value that is not known; static
  bool read_only = false;      // nobody may set it again
  bool skip_if_empty = false;  // an empty text is not set
  metadata::FilterState::Shared shared = metadata::FilterState::Shared::kNot;  // with internal connections
};

}  // namespace pillion::config
