#pragma once

// Scalars, read as the type of the field that they are meant for: protobuf's JSON mapping, and what YAML 1.2
// writes without quotes. What an older YAML would guess ("yes", "010", "1:30") is refused where a number or
// boolean is meant.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "source/config/tree.h"

namespace pillion::config {

// Each is empty if the text is not of that type.
std::optional<bool> ReadBool(const TreeNode& node);
std::optional<int64_t> ReadSigned(const TreeNode& node, int64_t min, int64_t max);
std::optional<uint64_t> ReadUnsigned(const TreeNode& node, uint64_t max);
std::optional<double> ReadDouble(const TreeNode& node);  // finite
std::optional<std::string> ReadBytes(const TreeNode& node);

struct DurationParts {
  int64_t seconds = 0;
  int32_t nanos = 0;
};

// "1.5s": seconds with up to nine digits of fraction. No duration of a configuration is negative, which check.h says of one
// that is, and what its field takes.
std::optional<DurationParts> ReadDuration(const TreeNode& node);

}  // namespace pillion::config
