#pragma once

// What is wrong with a resource, as a control plane is told it, or the log.

#include <string>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "source/config/config_error.h"
#include "source/config/resources.h"
#include "source/config/text.h"

namespace pillion::push {

// A line each.
inline std::vector<std::string> LinesOf(const std::vector<config::ConfigError>& errors) {
  std::vector<std::string> lines;
  lines.reserve(errors.size());
  for (const config::ConfigError& error : errors) lines.push_back(config::ErrorText("", error));
  return lines;
}

// What is said of `resource` in the log, behind its kind.
inline std::string NoteText(const google::protobuf::Any& resource, const config::ConfigError& note) {
  return config::Concat(config::Quote(config::NameOf(resource)), ": ", config::ErrorText("", note));
}

}  // namespace pillion::push
