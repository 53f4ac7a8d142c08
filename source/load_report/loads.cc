#include "source/load_report/loads.h"

#include <map>
#include <tuple>
#include <utility>

namespace pillion::load_report {
namespace {

namespace v3 = envoy::config::endpoint::v3;
using upstream::HostFigures;

struct Load {
  uint64_t success = 0;
  uint64_t error = 0;
  uint64_t issued = 0;
  uint64_t active = 0;

  bool any() const { return success + error + issued + active > 0; }
  void Add(const Load& other) {
    success += other.success;
    error += other.error;
    issued += other.issued;
    active += other.active;
  }
};

template <typename Stats>
void Write(const Load& load, Stats& to) {
  to.set_total_successful_requests(load.success);
  to.set_total_error_requests(load.error);
  to.set_total_issued_requests(load.issued);
  to.set_total_requests_in_progress(load.active);
}

void WriteAddress(const net::Address& address, envoy::config::core::v3::Address& to) {
  if (address.family() == AF_UNIX) {
    to.mutable_pipe()->set_path(address.text());
    return;
  }
  if (address.is_internal()) {
    to.mutable_envoy_internal_address()->set_server_listener_name(std::string(address.internal_listener()));
    to.mutable_envoy_internal_address()->set_endpoint_id(std::string(address.internal_endpoint()));
    return;
  }
  to.mutable_socket_address()->set_address(address.ip());
  to.mutable_socket_address()->set_port_value(address.port());
}

// The hosts of a locality and priority.
struct Group {
  Load load;
  std::vector<std::pair<const upstream::Host*, Load>> hosts;  // where they are asked for
};

}  // namespace

void Loads::Begin(const std::shared_ptr<upstream::Cluster>& cluster, Followed& followed) {
  followed.cluster = cluster;
  for (const std::shared_ptr<upstream::Host>& host : cluster->hosts()->hosts) {
    followed.hosts[host] = {.success = host->Sum(HostFigures::kRqSuccess),
                            .error = host->Sum(HostFigures::kRqError),
                            .issued = host->Sum(HostFigures::kRqTotal)};
  }
  followed.dropped = cluster->drops().all();
  followed.dropped_for_overload = cluster->drops().for_overload();
}

void Loads::Follow(const std::set<std::string>& names, bool all, base::MonotonicTime now) {
  absl::flat_hash_map<std::string, Followed> next;
  if (!all) {
    for (const std::string& name : names) next[name].since = now;
  }
  for_each_cluster_([&](const std::shared_ptr<upstream::Cluster>& cluster) {
    const std::string& name = cluster->config().name;
    if (!all && !names.contains(name)) return;
    Followed& followed = next[name];
    if (const auto before = followed_.find(name); before != followed_.end()) {
      followed = std::move(before->second);
      followed_.erase(before);
    } else {
      followed.since = now;
      Begin(cluster, followed);
    }
  });
  // Those that are named and are not there have their time go on, too.
  for (auto& [name, followed] : followed_) {
    if (const auto found = next.find(name); found != next.end()) found->second.since = followed.since;
  }
  followed_ = std::move(next);
}

void Loads::ReportCluster(const std::shared_ptr<upstream::Cluster>& cluster, bool by_host, Followed& followed,
                          v3::ClusterStats& to) {
  // What has come in its place counts from its begin.
  if (followed.cluster.lock() != cluster) followed = {.since = followed.since, .cluster = cluster};
  std::map<std::tuple<uint32_t, std::string, std::string, std::string>, Group> groups;
  absl::flat_hash_map<std::shared_ptr<upstream::Host>, Told> hosts;
  for (const std::shared_ptr<upstream::Host>& host : cluster->hosts()->hosts) {
    // Those that end are read before those that begin: no more have ended than have begun.
    const Told now{.success = host->Sum(HostFigures::kRqSuccess),
                   .error = host->Sum(HostFigures::kRqError),
                   .issued = host->Sum(HostFigures::kRqTotal)};
    const Told before = followed.hosts[host];
    const Load load{.success = now.success - before.success,
                    .error = now.error - before.error,
                    .issued = now.issued - before.issued,
                    .active = host->Sum(HostFigures::kRqActive)};
    hosts.emplace(host, now);
    if (!load.any()) continue;
    const config::Locality& locality = host->locality();
    Group& group = groups[{host->priority(), locality.region, locality.zone, locality.sub_zone}];
    group.load.Add(load);
    if (by_host) group.hosts.emplace_back(host.get(), load);
  }
  followed.hosts = std::move(hosts);  // those that are gone are forgotten

  for (const auto& [key, group] : groups) {
    v3::UpstreamLocalityStats& stats = *to.add_upstream_locality_stats();
    const auto& [priority, region, zone, sub_zone] = key;
    stats.mutable_locality()->set_region(region);
    stats.mutable_locality()->set_zone(zone);
    stats.mutable_locality()->set_sub_zone(sub_zone);
    stats.set_priority(priority);
    Write(group.load, stats);
    for (const auto& [host, load] : group.hosts) {
      v3::UpstreamEndpointStats& one = *stats.add_upstream_endpoint_stats();
      WriteAddress(host->address(), *one.mutable_address());
      Write(load, one);
    }
  }
  const uint64_t overload = cluster->drops().for_overload();
  const uint64_t dropped = cluster->drops().all();
  to.set_total_dropped_requests(dropped - std::exchange(followed.dropped, dropped));
  const uint64_t dropped_for_overload = overload - std::exchange(followed.dropped_for_overload, overload);
  if (dropped_for_overload == 0) return;
  v3::ClusterStats::DroppedRequests& requests = *to.add_dropped_requests();
  requests.set_category(cluster->policy().drop_category);
  requests.set_dropped_count(dropped_for_overload);
}

void Loads::Report(bool by_host, base::MonotonicTime now, envoy::service::load_stats::v3::LoadStatsRequest& report) {
  for_each_cluster_([&](const std::shared_ptr<upstream::Cluster>& cluster) {
    const auto found = followed_.find(cluster->config().name);
    if (found == followed_.end()) return;
    Followed& followed = found->second;
    v3::ClusterStats& to = *report.add_cluster_stats();
    to.set_cluster_name(cluster->config().name);
    if (cluster->config().discovery == config::Cluster::Discovery::kEds) {
      to.set_cluster_service_name(cluster->config().service_name);
    }
    ReportCluster(cluster, by_host, followed, to);
    const auto measured = std::chrono::duration_cast<std::chrono::microseconds>(now - std::exchange(followed.since, now));
    to.mutable_load_report_interval()->set_seconds(measured.count() / 1'000'000);
    to.mutable_load_report_interval()->set_nanos(static_cast<int32_t>(measured.count() % 1'000'000 * 1000));
  });
}

}  // namespace pillion::load_report
