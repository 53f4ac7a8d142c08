#include "source/upstream/transport_choice.h"

#include <algorithm>

namespace pillion::upstream {
namespace {

bool Has(const std::shared_ptr<const config::Metadata>& metadata, const config::MetadataValue::Struct& values) {
  return std::all_of(values.begin(), values.end(), [&](const auto& wanted) {
    const config::MetadataValue* value =
        metadata == nullptr ? nullptr : metadata->Find(config::TransportSocketMatch::kNamespace, wanted.first);
    return value != nullptr && *value == wanted.second;
  });
}

}  // namespace

TransportChoice::TransportChoice(const config::Cluster& config, stats::Registry& registry)
    : matches_(config.transport_matches),
      control_(registry.control()),
      scope_(registry, stats::Prefix("cluster").Add(stats::kClusterName, config.stat_name)) {
  const auto add = [this](const std::string& name, const std::string& place, std::shared_ptr<const config::UpstreamTls> tls,
                          std::optional<net::ProxyVersion> proxy_version,
                          std::shared_ptr<const net::ProxyTlvs> proxy_tlvs,
                          std::shared_ptr<const config::InternalUpstream> internal) {
    if (internal != nullptr && !no_metadata_) no_metadata_ = scope_.AddCounter("internal_upstream.no_metadata");
    transports_.push_back({.index = transports_.size(),
                           .name = name,
                           .tls = std::move(tls),
                           .proxy_version = proxy_version,
                           .proxy_tlvs = std::move(proxy_tlvs),
                           .internal = std::move(internal),
                           .total_match_count = scope_.AddCounter(place + name + ".total_match_count")});
  };
  for (const config::TransportSocketMatch& match : matches_) {
    add(match.name, "transport_socket_match.", match.tls, match.proxy_version, match.proxy_tlvs,
        match.internal);
  }
  add("default", "", config.tls, config.proxy_version, config.proxy_tlvs, config.internal);
}

const UpstreamTransport& TransportChoice::For(const config::Endpoint& endpoint) const {
  size_t i = 0;
  while (i < matches_.size() && !Has(endpoint.metadata, matches_[i].match) &&
         !Has(endpoint.locality_metadata, matches_[i].match)) {
    ++i;
  }
  control_.counter(transports_[i].total_match_count)->Increment();
  return transports_[i];
}

}  // namespace pillion::upstream
