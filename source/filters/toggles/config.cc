#include "pillion/filters/http/toggles/v1/toggles.pb.h"
#include "source/config/build.h"
#include "source/config/build_peer_trust.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/filters/toggles/toggles.h"

namespace pillion::filters::toggles {
namespace {

namespace v1 = pillion::filters::http::toggles::v1;
using config::ElementPath;
using config::FieldPath;

static_assert(v1::Toggles::CONTEXT == 1 + static_cast<int>(filter::Feature::kContext));
static_assert(v1::Toggles::MIRROR == 1 + static_cast<int>(filter::Feature::kMirror));
static_assert(v1::Toggles::Feature_MAX == filter::kFeatures);

Allow BuildAllow(config::BuildContext& build, const v1::Toggles::Allow& from, const std::string& path) {
  Allow allow{.off = {}, .lane = from.lane(), .explain = from.explain()};
  for (int i = 0; i < from.turn_off_size(); ++i) {
    const int feature = from.turn_off(i);
    if (feature < v1::Toggles::CONTEXT || feature > v1::Toggles::Feature_MAX) {
      build.errors.Add(ElementPath(FieldPath(path, "turn_off"), i), "expected a feature");
    } else {
      allow.off.Add(static_cast<filter::Feature>(feature - 1));
    }
  }
  return allow;
}

// A label stands in a list, as key=value.
bool IsLabelKey(std::string_view key) {
  return !key.empty() && key.find_first_of(" \t,=") == std::string_view::npos;
}

std::vector<std::string> BuildLabels(config::BuildContext& build, const v1::Toggles& from, const std::string& path) {
  std::vector<std::string> labels{from.labels().begin(), from.labels().end()};
  for (size_t i = 0; i < labels.size(); ++i) {
    if (IsLabelKey(labels[i])) continue;
    build.errors.Add(ElementPath(path, static_cast<int>(i)),
                     config::Concat(config::Quote(labels[i]), ", expected a name without blanks, commas and ="));
  }
  if (labels.empty()) labels = {"env", "version", "release"};
  return labels;
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& build, const google::protobuf::Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v1::Toggles&>(message);
  const bool outbound = config::IsOutbound(build, from.direction());
  return std::make_shared<Config>(
      Settings{.allow = BuildAllow(build, from.allow(), FieldPath(path, "allow")),
               .trust = config::BuildPeerTrust(build, from.trust(), outbound, FieldPath(path, "trust")),
               .labels = BuildLabels(build, from, FieldPath(path, "labels"))});
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(config::BuildContext& build,
                                                         const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v1::TogglesPerRoute&>(message);
  return std::make_shared<RouteConfig>(BuildAllow(build, from.allow(), FieldPath(path, "allow")));
}

}  // namespace

config::HttpFilterType Type() { return {v1::Toggles::descriptor(), Build, v1::TogglesPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::toggles
