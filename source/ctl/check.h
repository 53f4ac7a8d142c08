#pragma once

// Whether a file would be taken: a bootstrap, or a set of resources as a control plane gives them. By the loader that the
// program itself uses; nothing is opened but files that the configuration names.

#include <memory>
#include <string>
#include <vector>

#include "source/config/config_error.h"
#include "source/config/model.h"

namespace pillion::ctl {

struct Checked {
  std::vector<config::ConfigError> errors;  // all of them; each says where it is
  std::vector<config::ConfigError> notes;   // what is passed over
  std::string what;                         // "bootstrap: 2 listeners, 3 clusters", "3 resources"; no errors
};

// `bootstrap`: what the resources of a set are taken with (its secrets, its control planes); null: an empty one.
Checked CheckFile(const std::string& path, std::shared_ptr<const config::Bootstrap> bootstrap);

// Whether the text at `path` is meant to be a set of resources: a list, or a map with `resources`, or one of protobuf's own
// formats. False also when it can't be read.
bool IsResourceFile(const std::string& path);

}  // namespace pillion::ctl
