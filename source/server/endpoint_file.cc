#include "source/server/endpoint_file.h"

#include "source/config/load_assignment.h"
#include "source/server/log.h"

namespace pillion::server {

EndpointFile::EndpointFile(upstream::Cluster& cluster, event::ControlTimers& timers, const FileSources& sources)
    : cluster_(cluster),
      unknown_(sources.unknown),
      endpoints_(cluster, timers, sources.registry),
      subscription_(sources.files, sources.clock, sources.registry,
                    stats::Prefix("cluster").Add(stats::kClusterName, cluster.config().stat_name),
                    std::get<config::PathSource>(cluster.config().eds.source),
                    [this](const std::string& path) { return Read(path); }) {}

absl::Status EndpointFile::Start(std::function<void()> first) {
  absl::Status status = subscription_.Start();
  if (status.ok()) first();
  return status;
}

FileSubscription::Reading EndpointFile::Read(const std::string& path) {
  using Outcome = config::LoadedAssignment::Outcome;
  const config::LoadedAssignment loaded = config::LoadAssignmentFile(path, cluster_.config(), unknown_);
  for (const config::ConfigError& note : loaded.notes) Log("config").warn("{}", config::ErrorText(path, note));
  for (const config::ConfigError& error : loaded.errors) {
    Log("upstream").warn("cluster {}: {}; it keeps {} hosts", cluster_.config().name, config::ErrorText(path, error),
                         cluster_.hosts()->hosts.size());
  }
  switch (loaded.outcome) {
    case Outcome::kUnreadable:
      return {FileSubscription::Reading::Outcome::kUnreadable, ""};
    case Outcome::kRejected:
      return {FileSubscription::Reading::Outcome::kRejected, ""};
    case Outcome::kEmpty:
      Log("upstream").warn("cluster {}: {} has no ClusterLoadAssignment; it keeps {} hosts", cluster_.config().name, path,
                           cluster_.hosts()->hosts.size());
      endpoints_.OnEmpty();
      break;
    case Outcome::kTaken:
      endpoints_.Take(*loaded.assignment);
      break;
  }
  return {FileSubscription::Reading::Outcome::kTaken, loaded.version};
}

}  // namespace pillion::server
