#include "source/config/build_guard.h"

#include "pillion/guard/v1/guard.pb.h"
#include "source/config/check.h"
#include "source/config/judge_resource.h"
#include "source/config/resources.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Message = pillion::guard::v1::Guard;

void BuildKinds(BuildContext& context, const Message& from, const std::string& path, Guard& guard) {
  if (from.kinds_size() == 0) return;  // the default
  guard.clusters = guard.endpoints = guard.listeners = guard.routes = guard.filters = false;
  for (int i = 0; i < from.kinds_size(); ++i) {
    switch (from.kinds(i)) {
      case Message::CLUSTERS:
        guard.clusters = true;
        break;
      case Message::ENDPOINTS:
        guard.endpoints = true;
        break;
      case Message::LISTENERS:
        guard.listeners = true;
        break;
      case Message::ROUTES:
        guard.routes = true;
        break;
      case Message::FILTERS:
        guard.filters = true;
        break;
      default:
        context.errors.Add(ElementPath(FieldPath(path, "kinds"), i),
                           "expected CLUSTERS, ENDPOINTS, LISTENERS, ROUTES or FILTERS");
    }
  }
}

std::shared_ptr<const Guard> BuildGuard(BuildContext& context, const Message& from, const std::string& path) {
  auto guard = std::make_shared<Guard>();
  if (from.has_window()) guard->window = ToDuration(from.window());
  if (from.has_least_requests()) guard->least_requests = from.least_requests().value();
  const bool none = !from.has_error_ratio() && !from.has_p99() && !from.has_breaker_opens();
  if (from.has_error_ratio() || none) {
    Guard::ErrorRatio& ratio = guard->error_ratio.emplace();
    if (from.error_ratio().has_most_rise()) ratio.most_rise = from.error_ratio().most_rise().value() / 100;
    if (from.error_ratio().has_most_factor()) ratio.most_factor = from.error_ratio().most_factor().value();
  }
  if (from.has_p99()) {
    Guard::P99& p99 = guard->p99.emplace();
    if (from.p99().has_most_factor()) p99.most_factor = from.p99().most_factor().value();
    if (from.p99().has_least_rise()) p99.least_rise = ToDuration(from.p99().least_rise());
  }
  if (from.has_breaker_opens()) {
    Guard::BreakerOpens& opens = guard->breaker_opens.emplace();
    if (from.breaker_opens().has_most_rise()) opens.most_rise = from.breaker_opens().most_rise().value();
  }
  BuildKinds(context, from, path, *guard);
  return guard;
}

}  // namespace

void BuildBootstrapGuard(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                         Bootstrap& bootstrap) {
  Message message;
  if (from.UnpackTo(&message)) bootstrap.guard = BuildGuard(context, message, path);
}

void BuildPushedGuard(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                      Bootstrap& bootstrap) {
  pillion::guard::v1::PushedGuard message;
  if (!from.UnpackTo(&message)) return;
  const std::string place = FieldPath(path, "config_source");
  bootstrap.pushed_guard = PushedGuard{.name = message.name(), .feed = BuildFeed(context, message.config_source(), place)};
  if (message.config_source().has_path() || message.config_source().has_path_config_source()) {
    context.errors.Add(place, "a file can't give it, expected ads or api_config_source");
  }
}

Judged<Guard> Resources::BuildGuard(const google::protobuf::Any& resource) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  BuildContext context = MakeContext(errors);
  envoy::config::core::v3::TypedExtensionConfig extension;
  std::shared_ptr<const Guard> guard;
  if (IsOfType(resource, *extension.GetDescriptor(), errors) &&
      ParseAndJudge(options_.unknown, resource.value(), "", extension, errors, notes)) {
    Message message;
    if (extension.typed_config().UnpackTo(&message)) {
      guard = config::BuildGuard(context, message, "typed_config");
    } else {
      errors.Add("typed_config", WrongType(extension.typed_config(), message.GetDescriptor()->full_name()));
    }
  }
  return Conclude(std::move(guard), errors, std::move(notes));
}

}  // namespace pillion::config
