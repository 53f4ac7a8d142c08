#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "source/config/build_access.h"
#include "source/filters/rbac/rbac.h"

namespace pillion::filters::rbac {
namespace {

namespace v3 = envoy::extensions::filters::http::rbac::v3;
using config::AccessTo;

Rules MakeRules(std::shared_ptr<const access::Engine> engine, const std::string& prefix, const std::string& kind) {
  return {.engine = std::move(engine),
          .prefix = prefix,
          .policy_key = prefix + kind + "_effective_policy_id",
          .result_key = prefix + kind + "_engine_result"};
}

std::shared_ptr<const config::FilterConfig> BuildRules(config::BuildContext& context, const v3::RBAC& from,
                                                       const std::string& path) {
  return std::make_shared<Config>(
      MakeRules(config::BuildAccess(context, from, AccessTo::kRequests, path), from.rules_stat_prefix(), "enforced"),
      MakeRules(config::BuildShadowAccess(context, from, AccessTo::kRequests, path), from.shadow_rules_stat_prefix(),
                "shadow"),
      from.track_per_rule_stats());
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context,
                                                  const google::protobuf::Message& message, const std::string& path) {
  return BuildRules(context, static_cast<const v3::RBAC&>(message), path);
}

// Without rules of its own the route has none.
std::shared_ptr<const config::FilterConfig> BuildOfRoute(config::BuildContext& context,
                                                         const google::protobuf::Message& message,
                                                         const std::string& path) {
  return BuildRules(context, static_cast<const v3::RBACPerRoute&>(message).rbac(), config::FieldPath(path, "rbac"));
}

}  // namespace

config::HttpFilterType Type() { return {v3::RBAC::descriptor(), Build, v3::RBACPerRoute::descriptor(), BuildOfRoute}; }

}  // namespace pillion::filters::rbac
