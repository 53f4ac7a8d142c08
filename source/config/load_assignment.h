#pragma once

// The hosts of an EDS cluster from a file: an envoy.service.discovery.v3.DiscoveryResponse as YAML or JSON, or in protobuf's
// own formats (.pb_text, .pb).

#include <memory>
#include <string>
#include <vector>

#include "source/config/assignment.h"
#include "source/config/config_error.h"
#include "source/config/unknown.h"

namespace pillion::config {

struct LoadedAssignment {
  enum class Outcome : uint8_t {
    kTaken,
    kEmpty,       // it holds none
    kUnreadable,  // the file can't be read, or is no DiscoveryResponse
    kRejected,    // what it says can't be
  };

  Outcome outcome = Outcome::kTaken;
  std::string version;
  std::shared_ptr<const Assignment> assignment;  // of kTaken
  std::vector<ConfigError> errors;               // of kUnreadable and kRejected; they name the file
  std::vector<ConfigError> notes;                // what was passed over, to be logged
};

LoadedAssignment LoadAssignmentFile(const std::string& path, const Cluster& cluster, const UnknownRule& unknown);

}  // namespace pillion::config
