#include "envoy/extensions/filters/http/fault/v3/http_fault.pb.h"
#include "source/config/build.h"
#include "source/filters/fault/fault.h"

namespace pillion::filters::fault {
namespace {

namespace v3 = envoy::extensions::filters::http::fault::v3;

// The one that is named, else the one that all have.
std::shared_ptr<const runtime::Key> FindKey(config::BuildContext& context, const std::string& name,
                                            std::string_view otherwise) {
  return context.runtime_keys->Find(name.empty() ? otherwise : name);
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context,
                                                  const google::protobuf::Message& message, const std::string& path) {
  const auto& from = static_cast<const v3::HTTPFault&>(message);
  Settings settings;
  if (from.has_delay()) {
    Delay& delay = settings.delay.emplace();
    delay.fraction = {.fraction = config::BuildFraction(from.delay().percentage()),
                      .key = FindKey(context, from.delay_percent_runtime(), "fault.http.delay.fixed_delay_percent")};
    delay.milliseconds = FindKey(context, from.delay_duration_runtime(), "fault.http.delay.fixed_duration_ms");
    if (from.delay().has_fixed_delay()) delay.fixed = config::ToDuration(from.delay().fixed_delay());
  }
  if (from.has_abort()) {
    Abort& abort = settings.abort.emplace();
    abort.fraction = {.fraction = config::BuildFraction(from.abort().percentage()),
                      .key = FindKey(context, from.abort_percent_runtime(), "fault.http.abort.abort_percent")};
    abort.http_status_key = FindKey(context, from.abort_http_status_runtime(), "fault.http.abort.http_status");
    abort.grpc_status_key = FindKey(context, from.abort_grpc_status_runtime(), "fault.http.abort.grpc_status");
    abort.http_status = static_cast<int>(from.abort().http_status());
    if (from.abort().has_grpc_status()) abort.grpc_status = static_cast<int>(from.abort().grpc_status());
  }
  if (from.has_response_rate_limit()) {
    ResponseRate& rate = settings.rate.emplace();
    rate.fraction = {
        .fraction = config::BuildFraction(from.response_rate_limit().percentage()),
        .key = FindKey(context, from.response_rate_limit_percent_runtime(), "fault.http.rate_limit.response_percent")};
    if (from.response_rate_limit().has_fixed_limit()) {
      rate.kib_per_second = from.response_rate_limit().fixed_limit().limit_kbps();
    }
  }
  settings.upstream_cluster = from.upstream_cluster();
  for (int i = 0; i < from.headers_size(); ++i) {
    settings.headers.push_back(config::BuildHeaderMatcher(
        context, from.headers(i), config::ElementPath(config::FieldPath(path, "headers"), i)));
  }
  settings.downstream_nodes.assign(from.downstream_nodes().begin(), from.downstream_nodes().end());
  if (from.has_max_active_faults()) settings.max_active = from.max_active_faults().value();
  settings.max_active_key = FindKey(context, from.max_active_faults_runtime(), "fault.http.max_active_faults");
  return std::make_shared<Config>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() { return {v3::HTTPFault::descriptor(), Build, v3::HTTPFault::descriptor(), Build}; }

}  // namespace pillion::filters::fault
