#include "envoy/extensions/filters/http/grpc_stats/v3/config.pb.h"
#include "source/config/build.h"
#include "source/filters/grpc_stats/grpc_stats.h"

namespace pillion::filters::grpc_stats {
namespace {

namespace v3 = envoy::extensions::filters::http::grpc_stats::v3;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext&, const google::protobuf::Message& message,
                                                  const std::string&) {
  const auto& from = static_cast<const v3::FilterConfig&>(message);
  Settings settings;
  settings.all_methods = from.stats_for_all_methods().value();
  for (const auto& service : from.individual_method_stats_allowlist().services()) {
    for (const std::string& method : service.method_names()) settings.methods.insert("/" + service.name() + "/" + method);
  }
  settings.filter_state = from.emit_filter_state();
  settings.upstream_time = from.enable_upstream_stats();
  settings.replace_dots = from.replace_dots_in_grpc_service_name();
  return std::make_shared<Config>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() { return {v3::FilterConfig::descriptor(), Build}; }

}  // namespace pillion::filters::grpc_stats
