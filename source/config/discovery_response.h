#pragma once

// A file of a subscription, whatever it is about. Internal to config/.

#include <string>
#include <vector>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "source/config/config_error.h"
#include "source/config/unknown.h"

namespace pillion::config {

// False: it can't be read or is no DiscoveryResponse, and `errors` says why. Its resources are checked as far as their own
// fields go. The end of the path says which format it is in: .pb, .pb_text or .textproto, else YAML or JSON. `list_too`: a
// list of resources, as YAML or JSON, is taken as well.
bool ReadDiscoveryResponse(const std::string& path, const UnknownRule& unknown,
                           envoy::service::discovery::v3::DiscoveryResponse& response, ErrorList& errors,
                           std::vector<ConfigError>& notes, bool list_too = false);
// The same of a text that is YAML or JSON.
bool ParseDiscoveryResponse(const std::string& text, const UnknownRule& unknown,
                            envoy::service::discovery::v3::DiscoveryResponse& response, ErrorList& errors,
                            std::vector<ConfigError>& notes);

}  // namespace pillion::config
