#pragma once

// Clusters of names, and who is asked for them. Internal to config/.

#include <memory>
#include <string>

#include "envoy/extensions/clusters/dns/v3/dns_cluster.pb.h"
#include "source/config/build.h"

namespace pillion::config {

// Of typed_dns_resolver_config, at `path`.
std::shared_ptr<const NameResolution> BuildNameResolution(BuildContext& context,
                                                          const envoy::config::core::v3::TypedExtensionConfig& from,
                                                          const std::string& path);

// What the cluster itself says of names.
void BuildDns(BuildContext& context, const envoy::config::cluster::v3::Cluster& from, const std::string& path,
              Cluster& cluster);
// The same of its cluster_type, at `path`; sets the discovery, too.
void BuildDnsCluster(BuildContext& context, const envoy::extensions::clusters::dns::v3::DnsCluster& from,
                     const std::string& path, Cluster& cluster);
// What of the cluster itself then says nothing.
void NoteFormerDns(BuildContext& context, const envoy::config::cluster::v3::Cluster& from, const std::string& path);

}  // namespace pillion::config
