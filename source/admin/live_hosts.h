#pragma once

// The hosts that a cluster has now, in the shape of envoy.config.endpoint.v3.ClusterLoadAssignment: for /config_dump, where
// no assignment that came says it.

#include <string>

#include "google/protobuf/any.pb.h"
#include "source/admin/sources.h"

namespace pillion::admin {

// That its assignment has.
inline const std::string& AssignmentName(const ClusterView& cluster) {
  return cluster.eds_service_name.empty() ? cluster.name : cluster.eds_service_name;
}

google::protobuf::Any LiveHosts(const ClusterView& cluster);

}  // namespace pillion::admin
