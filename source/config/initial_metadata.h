#pragma once

// Of services that are called by gRPC. Internal to config/ and to filters' configurations.

#include <string>
#include <utility>
#include <vector>

namespace envoy::config::core::v3 {
class GrpcService;
}

namespace pillion::config {

struct BuildContext;

// Fields of all calls, their names in lower case, of a service that stands at `path`.
std::vector<std::pair<std::string, std::string>> BuildInitialMetadata(BuildContext& context,
                                                                      const envoy::config::core::v3::GrpcService& from,
                                                                      const std::string& path);

}  // namespace pillion::config
