#include "source/config/load_assignment.h"

#include "source/config/build.h"
#include "source/config/discovery_response.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Message = envoy::config::endpoint::v3::ClusterLoadAssignment;
using Response = envoy::service::discovery::v3::DiscoveryResponse;

// The one that is meant for `cluster`; null where there is something else.
std::shared_ptr<const Assignment> Build(const Response& response, const Cluster& cluster, ErrorList& errors) {
  const std::string path = "resources[0]";
  if (response.resources_size() > 1) {
    errors.Add("resources", Concat(response.resources_size(), " resources, expected the one ClusterLoadAssignment of ",
                                   Quote(cluster.service_name)));
    return nullptr;
  }
  Message message;
  if (!response.resources(0).UnpackTo(&message)) {
    errors.AddMissing("resources", path, WrongType(response.resources(0), "ClusterLoadAssignment"));
    return nullptr;
  }
  if (message.cluster_name() != cluster.service_name) {
    errors.AddMissing(path, FieldPath(path, "cluster_name"),
                      Concat(Quote(message.cluster_name()), ", expected ", Quote(cluster.service_name)));
    return nullptr;
  }
  auto assignment = std::make_shared<Assignment>();
  const LoadOptions options;
  const envoy::config::core::v3::Node node;
  BuildContext context{options, errors, node, {}};
  BuildAssignment(context, message, Cluster::Discovery::kEds, path, *assignment);
  return assignment;
}

}  // namespace

LoadedAssignment LoadAssignmentFile(const std::string& path, const Cluster& cluster, const UnknownRule& unknown) {
  using Outcome = LoadedAssignment::Outcome;
  LoadedAssignment loaded;
  ErrorList errors;
  Response response;
  if (!ReadDiscoveryResponse(path, unknown, response, errors, loaded.notes)) {
    loaded.outcome = Outcome::kUnreadable;
  } else {
    loaded.version = response.version_info();
    if (!response.resources().empty() && errors.empty()) loaded.assignment = Build(response, cluster, errors);
    loaded.outcome = !errors.empty() ? Outcome::kRejected : loaded.assignment == nullptr ? Outcome::kEmpty : Outcome::kTaken;
  }
  loaded.errors = errors.Take();
  for (ConfigError& error : loaded.errors) error.file = path;
  for (ConfigError& note : loaded.notes) note.file = path;
  if (loaded.outcome != Outcome::kTaken) loaded.assignment = nullptr;
  return loaded;
}

}  // namespace pillion::config
