#pragma once

// What is wrong with a resource, as a control plane is told it.

#include <string>
#include <vector>

#include "source/config/config_error.h"

namespace pillion::push {

// A line each.
inline std::vector<std::string> LinesOf(const std::vector<config::ConfigError>& errors) {
  std::vector<std::string> lines;
  lines.reserve(errors.size());
  for (const config::ConfigError& error : errors) lines.push_back(config::ErrorText("", error));
  return lines;
}

}  // namespace pillion::push
