#include "pillion/filters/http/context/v1/context.pb.h"
#include "source/config/build.h"
#include "source/config/build_peer_trust.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/filters/request_context/request_context.h"

namespace pillion::filters::request_context {
namespace {

namespace v1 = pillion::filters::http::context::v1;
using config::ElementPath;
using config::FieldPath;
using context::Carrier;
using context::CarrierSet;

CarrierSet BuildCarriers(config::BuildContext& build, const v1::Context::Carriers& from, const std::string& path) {
  CarrierSet carriers;
  for (int i = 0; i < from.carriers_size(); ++i) {
    switch (from.carriers(i)) {
      case v1::Context::VCTX:
        carriers = carriers | CarrierSet{Carrier::kVctx};
        break;
      case v1::Context::X_CONTEXT:
        carriers = carriers | CarrierSet{Carrier::kXContext};
        break;
      case v1::Context::W3C:
        carriers = carriers | context::kW3c;
        break;
      case v1::Context::B3:
        carriers = carriers | CarrierSet{Carrier::kB3};
        break;
      case v1::Context::B3_MULTI:
        carriers = carriers | CarrierSet{Carrier::kB3Multi};
        break;
      case v1::Context::TIMEOUT:
        carriers = carriers | CarrierSet{Carrier::kTimeout};
        break;
      case v1::Context::STANDARD:
        carriers = carriers | context::kStandard;
        break;
      case v1::Context::REQUEST_ID:
        carriers = carriers | CarrierSet{Carrier::kRequestId};
        break;
      default:
        build.errors.Add(ElementPath(FieldPath(path, "carriers"), i), "expected a carrier");
    }
  }
  return carriers;
}

std::string Milliseconds(base::Duration time) {
  return config::Concat(std::to_string(time / std::chrono::milliseconds(1)), " ms");
}

// No request has more time left than the longest that it may. Empty: all is well.
std::string UsefulError(base::Duration useful, std::optional<base::Duration> longest, std::string_view name,
                        std::string_view refused) {
  if (!longest || useful <= *longest) return {};
  return config::Concat(Milliseconds(useful), ", expected at most ", name, ", ", Milliseconds(*longest), ": ", refused,
                        " would be refused");
}

constexpr std::string_view kAll = "all requests";
constexpr std::string_view kStrangers = "all requests of those who are not trusted";

void CheckUseful(config::BuildContext& build, base::Duration useful, std::optional<base::Duration> longest,
                 std::string_view name, std::string_view refused, const std::string& path) {
  std::string error = UsefulError(useful, longest, name, refused);
  if (!error.empty()) build.errors.Add(FieldPath(path, "min_useful_ms"), std::move(error));
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& build, const google::protobuf::Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v1::Context&>(message);
  Settings settings;
  if (from.has_read()) settings.read = BuildCarriers(build, from.read(), FieldPath(path, "read"));
  if (from.has_write()) settings.write = BuildCarriers(build, from.write(), FieldPath(path, "write"));
  settings.outbound = config::IsOutbound(build, from.direction());
  settings.trust = config::BuildPeerTrust(build, from.trust(), settings.outbound, FieldPath(path, "trust"));
  settings.edge = {.keep_trace = from.edge().keep_trace(),
                   .biz_flags = static_cast<uint16_t>(from.edge().biz_flags()),
                   .baggage = {from.edge().baggage().begin(), from.edge().baggage().end()}};
  if (from.edge().has_max_deadline()) settings.edge.longest_deadline = config::ToDuration(from.edge().max_deadline());
  if (from.has_max_deadline()) settings.max_deadline = config::ToDuration(from.max_deadline());
  settings.min_useful = std::chrono::milliseconds(from.min_useful_ms());
  CheckUseful(build, settings.min_useful, settings.max_deadline, "max_deadline", kAll, path);
  CheckUseful(build, settings.min_useful, settings.edge.longest_deadline, "edge.max_deadline", kStrangers, path);
  settings.rejects_malformed = from.on_malformed() == v1::Context::REJECT;
  settings.correlates = !from.disable_correlation();
  if (from.has_correlation_grace()) settings.grace = config::ToDuration(from.correlation_grace());
  return std::make_shared<Config>(std::move(settings));
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(config::BuildContext& build,
                                                         const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v1::ContextPerRoute&>(message);
  RouteSettings settings{.disabled = from.disabled()};
  if (from.has_read()) settings.read = BuildCarriers(build, from.read(), FieldPath(path, "read"));
  if (from.has_write()) settings.write = BuildCarriers(build, from.write(), FieldPath(path, "write"));
  if (from.has_max_deadline()) settings.max_deadline = config::ToDuration(from.max_deadline());
  if (from.has_min_useful_ms()) settings.min_useful = std::chrono::milliseconds(from.min_useful_ms().value());
  if (settings.min_useful) CheckUseful(build, *settings.min_useful, settings.max_deadline, "max_deadline", kAll, path);
  if (from.has_reject_malformed()) settings.rejects_malformed = from.reject_malformed().value();
  return std::make_shared<RouteConfig>(std::move(settings));
}

}  // namespace

// A filter that writes into the context finds none, and what it would have written does not go on.
std::string Config::CannotFollow(const config::FilterConfig& former) const {
  const auto* const filter = dynamic_cast<const filter::HttpFilterConfig*>(&former);
  if (filter == nullptr || filter->feature() != filter::Feature::kGrey) return {};
  return "which would find no context to take a colour from or to write it into, expected before that";
}

// What the route says of both was checked with the route.
std::string Config::Contradiction(const config::FilterConfig& of_route) const {
  const RouteSettings& route = *RouteConfig::Of(&of_route);
  if (route.disabled) return {};
  if (!route.min_useful) {
    std::string error = UsefulError(settings_.min_useful, route.max_deadline, "max_deadline of this route", kAll);
    return error.empty() ? error : config::Concat("the filter's min_useful_ms: ", error);
  }
  std::string error = UsefulError(*route.min_useful, route.max_deadline ? std::nullopt : settings_.max_deadline,
                                  "the filter's max_deadline", kAll);
  if (error.empty()) {
    error = UsefulError(*route.min_useful, settings_.edge.longest_deadline, "the filter's edge.max_deadline", kStrangers);
  }
  return error.empty() ? error : config::Concat("min_useful_ms: ", error);
}

config::HttpFilterType Type() { return {v1::Context::descriptor(), Build, v1::ContextPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::request_context
