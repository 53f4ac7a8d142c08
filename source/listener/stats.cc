#include "source/listener/stats.h"

#include <span>
#include <string_view>

namespace pillion::listener {
namespace {

constexpr std::string_view kTls[] = {
    "tls_found",     "tls_not_found",         "alpn_found", "alpn_not_found", "sni_found",
    "sni_not_found", "client_hello_too_large"};
constexpr std::string_view kHttp[] = {"http10_found", "http11_found", "http2_found", "http_not_found"};
constexpr std::string_view kProxy[] = {"not_found_allowed",      "not_found_disallowed", "versions.v1.found",
                                       "versions.v1.disallowed", "versions.v1.error",    "versions.v2.found",
                                       "versions.v2.disallowed", "versions.v2.error"};

struct Names {
  stats::Prefix prefix;
  std::span<const std::string_view> counters;
};

Names NamesOf(const config::TlsInspector&) {
  return {stats::Prefix("tls_inspector"), kTls};
}
Names NamesOf(const config::HttpInspector&) {
  return {stats::Prefix("http_inspector"), kHttp};
}
Names NamesOf(const config::OriginalDst&) {
  return {stats::Prefix("original_dst"), {}};
}
Names NamesOf(const config::OriginalSrc&) {
  return {stats::Prefix("original_src"), {}};
}
Names NamesOf(const config::ProxyProtocol& filter) {
  stats::Prefix prefix("proxy_proto");
  return {filter.stat_prefix.empty() ? prefix : prefix.Add(filter.stat_prefix), kProxy};
}
Names NamesOf(const config::MissingFilter&) {
  return {stats::Prefix("missing"), {}};
}

Names NamesOf(const config::ListenerFilter& filter) {
  return std::visit([](const auto& which) { return NamesOf(which); }, filter.filter);
}

}  // namespace

FilterStatIds::FilterStatIds(stats::Registry& registry, const config::ListenerFilter& filter)
    : scope(registry, NamesOf(filter).prefix) {
  for (const std::string_view name : NamesOf(filter).counters) counters.push_back(scope.AddCounter(name));
}

FilterStats::FilterStats(const FilterStatIds& ids, stats::Shard& shard) {
  for (const stats::CounterId id : ids.counters) counters_.push_back(shard.counter(id));
}

}  // namespace pillion::listener
