#pragma once

// A file of a subscription, with any number of resources: an envoy.service.discovery.v3.DiscoveryResponse as YAML or JSON,
// or in protobuf's own formats (.pb_text, .pb); for tools also a list of resources alone, as YAML or JSON. Resources
// (resources.h) builds what is in it.

#include <cstdint>
#include <string>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "source/config/config_error.h"
#include "source/config/unknown.h"

namespace pillion::config {

struct ResourceFile {
  enum class Form : uint8_t { kResponse, kResponseOrList };
  struct Item {
    google::protobuf::Any resource;
    // What is wrong with it as far as it was read, with paths below it; not empty: it can't be used.
    std::vector<ConfigError> errors;
  };

  std::string version;
  std::vector<Item> items;
  std::vector<ConfigError> errors;  // of the file as a whole; not empty: nothing of it can be used
  std::vector<ConfigError> notes;   // what was passed over, to be logged
};

ResourceFile ReadResourceFile(const std::string& path, const UnknownRule& unknown,
                              ResourceFile::Form form = ResourceFile::Form::kResponseOrList);

// The same of a text: a DiscoveryResponse as JSON or YAML.
ResourceFile ReadResourceText(const std::string& text, const UnknownRule& unknown);

}  // namespace pillion::config
