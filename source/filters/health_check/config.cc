#include <algorithm>

#include "envoy/extensions/filters/http/health_check/v3/health_check.pb.h"
#include "source/config/build.h"
#include "source/filters/health_check/health_check.h"

namespace pillion::filters::health_check {
namespace {

namespace v3 = envoy::extensions::filters::http::health_check::v3;
using config::FieldPath;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context,
                                                  const google::protobuf::Message& message, const std::string& path) {
  const auto& from = static_cast<const v3::HealthCheck&>(message);
  Settings settings;
  settings.pass_through = from.pass_through_mode().value();
  settings.service_cluster = context.node.cluster();
  if (from.has_cache_time()) {
    settings.cache_time = config::ToDuration(from.cache_time());
    if (!settings.pass_through) context.errors.Add(FieldPath(path, "cache_time"), "needs pass_through_mode");
  }
  if (settings.pass_through && !from.cluster_min_healthy_percentages().empty()) {
    context.errors.Add(FieldPath(path, "cluster_min_healthy_percentages"), "excludes pass_through_mode");
  }
  for (const auto& [name, percent] : from.cluster_min_healthy_percentages()) {
    settings.clusters.emplace_back(name, percent.value());
  }
  std::sort(settings.clusters.begin(), settings.clusters.end());
  for (int i = 0; i < from.headers_size(); ++i) {
    settings.headers.push_back(
        config::BuildHeaderMatcher(context, from.headers(i), config::ElementPath(FieldPath(path, "headers"), i)));
  }
  return std::make_shared<Config>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() { return {v3::HealthCheck::descriptor(), Build}; }

}  // namespace pillion::filters::health_check
