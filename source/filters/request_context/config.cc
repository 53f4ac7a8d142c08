#include <algorithm>

#include "absl/strings/ascii.h"
#include "pillion/filters/http/context/v1/context.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/filters/request_context/request_context.h"
#include "source/http/syntax.h"

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

// A field that the codec takes, in lower case; one that says where a message goes is none.
std::string BuildOffHeader(config::BuildContext& build, std::string name, const std::string& path) {
  absl::AsciiStrToLower(&name);
  if (!name.empty() && !pillion::http::IsToken(name)) {
    build.errors.Add(path, config::Concat("\"", name, "\": expected the name of a header field"));
  }
  return name;
}

Trust BuildTrust(config::BuildContext& build, const v1::Context::Trust& from, const std::string& path) {
  Trust trust;
  for (int i = 0; i < from.principals_size(); ++i) {
    trust.principals.push_back(
        config::BuildStringMatcher(build, from.principals(i), ElementPath(FieldPath(path, "principals"), i)));
  }
  for (int i = 0; i < from.addresses_size(); ++i) {
    trust.addresses.push_back(
        config::BuildIpRange(build, from.addresses(i), ElementPath(FieldPath(path, "addresses"), i)));
  }
  return trust;
}

// No request has more time left than the longest that it may.
void CheckUseful(config::BuildContext& build, base::Duration useful, std::optional<base::Duration> longest,
                 const std::string& path) {
  if (!longest || useful <= *longest) return;
  build.errors.Add(FieldPath(path, "min_useful_ms"),
                   config::Concat(std::to_string(useful / std::chrono::milliseconds(1)), ": expected max_deadline, ",
                                  std::to_string(*longest / std::chrono::milliseconds(1)),
                                  " ms, at most; all requests would be refused"));
}

bool IsOutbound(const config::BuildContext& build, v1::Context::Direction direction) {
  if (direction != v1::Context::BY_LISTENER) return direction == v1::Context::OUTBOUND;
  return build.direction == config::TrafficDirection::kOutbound;
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& build, const google::protobuf::Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v1::Context&>(message);
  Settings settings;
  if (from.has_read()) settings.read = BuildCarriers(build, from.read(), FieldPath(path, "read"));
  if (from.has_write()) settings.write = BuildCarriers(build, from.write(), FieldPath(path, "write"));
  settings.outbound = IsOutbound(build, from.direction());
  settings.trust = BuildTrust(build, from.trust(), FieldPath(path, "trust"));
  settings.edge = {.keep_trace = from.edge().keep_trace(),
                   .biz_flags = static_cast<uint16_t>(from.edge().biz_flags()),
                   .baggage = {from.edge().baggage().begin(), from.edge().baggage().end()}};
  if (from.edge().has_max_deadline()) settings.edge.longest_deadline = config::ToDuration(from.edge().max_deadline());
  if (from.has_max_deadline()) settings.max_deadline = config::ToDuration(from.max_deadline());
  settings.min_useful = std::chrono::milliseconds(from.min_useful_ms());
  CheckUseful(build, settings.min_useful, settings.max_deadline, path);
  settings.rejects_malformed = from.on_malformed() == v1::Context::REJECT;
  settings.correlates = !from.disable_correlation();
  if (from.has_correlation_grace()) settings.grace = config::ToDuration(from.correlation_grace());
  settings.off_header = BuildOffHeader(build, from.off_header(), FieldPath(path, "off_header"));
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
  if (settings.min_useful) CheckUseful(build, *settings.min_useful, settings.max_deadline, path);
  if (from.has_reject_malformed()) settings.rejects_malformed = from.reject_malformed().value();
  if (from.has_off_header()) {
    settings.off_header = BuildOffHeader(build, from.off_header().value(), FieldPath(path, "off_header"));
  }
  return std::make_shared<RouteConfig>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() { return {v1::Context::descriptor(), Build, v1::ContextPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::request_context
