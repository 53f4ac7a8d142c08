#include "envoy/extensions/filters/http/cors/v3/cors.pb.h"
#include "source/config/build.h"
#include "source/filters/cors/cors.h"

namespace pillion::filters::cors {
namespace {

namespace v3 = envoy::extensions::filters::http::cors::v3;
using google::protobuf::Message;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext&, const Message&, const std::string&) {
  return std::make_shared<Config>();
}

std::shared_ptr<const config::FilterConfig> BuildPolicy(config::BuildContext& context, const Message& message,
                                                        const std::string& path) {
  const auto& from = static_cast<const v3::CorsPolicy&>(message);
  Policy policy;
  for (int i = 0; i < from.allow_origin_string_match_size(); ++i) {
    policy.origins.push_back(config::BuildStringMatcher(
        context, from.allow_origin_string_match(i),
        config::ElementPath(config::FieldPath(path, "allow_origin_string_match"), i)));
  }
  policy.allow_methods = from.allow_methods();
  policy.allow_headers = from.allow_headers();
  policy.expose_headers = from.expose_headers();
  policy.max_age = from.max_age();
  policy.allow_credentials = from.allow_credentials().value();
  policy.allow_private_network = from.allow_private_network_access().value();
  if (from.has_forward_not_matching_preflights()) {
    policy.forward_other_preflights = from.forward_not_matching_preflights().value();
  }
  if (from.has_filter_enabled()) policy.enabled = config::BuildFraction(context, from.filter_enabled());
  return std::make_shared<Config>(std::move(policy));
}

}  // namespace

config::HttpFilterType Type() { return {v3::Cors::descriptor(), Build, v3::CorsPolicy::descriptor(), BuildPolicy}; }

}  // namespace pillion::filters::cors
