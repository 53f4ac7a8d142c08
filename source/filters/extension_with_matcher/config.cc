#include "envoy/extensions/common/matching/v3/extension_matcher.pb.h"
#include "envoy/extensions/filters/common/matcher/action/v3/skip_action.pb.h"
#include "source/config/build.h"
#include "source/config/build_access.h"
#include "source/config/build_http_filter.h"
#include "source/config/extensions.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/filters/extension_with_matcher/extension_with_matcher.h"

namespace pillion::filters::extension_with_matcher {
namespace {

namespace v3 = envoy::extensions::common::matching::v3;
using config::FieldPath;
using envoy::extensions::filters::common::matcher::action::v3::SkipFilter;
using google::protobuf::Message;

Matcher BuildMatcher(config::BuildContext& context, const xds::type::matcher::v3::Matcher& from, const std::string& path) {
  const auto build_action = [&](const xds::core::v3::TypedExtensionConfig& action, const std::string& place) -> uint32_t {
    if (!action.typed_config().Is<SkipFilter>()) {
      context.errors.AddMissing(place, FieldPath(place, "typed_config"),
                                config::WrongType(action.typed_config(), SkipFilter::descriptor()->full_name()));
    }
    return 0;
  };
  return config::BuildMatcherTree(context, from, config::AccessTo::kRequests, build_action, path);
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context, const Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v3::ExtensionWithMatcher&>(message);
  const google::protobuf::Any& any = from.extension_config().typed_config();
  const std::string place = FieldPath(FieldPath(path, "extension_config"), "typed_config");
  const std::unique_ptr<Message> inner = config::UnpackExtension(any);
  const config::HttpFilterType* const type =
      inner == nullptr ? nullptr
                       : config::FindType(context, inner->GetDescriptor(), &config::HttpFilterType::message);
  Matcher matcher;
  if (from.has_xds_matcher()) matcher = BuildMatcher(context, from.xds_matcher(), FieldPath(path, "xds_matcher"));
  if (type == nullptr || inner->GetDescriptor() == message.GetDescriptor()) {
    context.errors.AddMissing(place, place, config::WrongType(any, "an HTTP filter but the router and this one"));
    return context.options.missing_filter;  // never used: there was an error
  }
  return std::make_shared<Config>(type->build(context, *inner, place), std::move(matcher));
}

std::shared_ptr<const config::FilterConfig> BuildRoute(config::BuildContext& context, const Message& message,
                                                       const std::string& path) {
  const auto& from = static_cast<const v3::ExtensionWithMatcherPerRoute&>(message);
  return std::make_shared<RouteConfig>(
      from.has_xds_matcher() ? BuildMatcher(context, from.xds_matcher(), FieldPath(path, "xds_matcher")) : nullptr);
}

}  // namespace

// A route has a matcher alone: it contradicts nothing of the filter within, which is not asked, as it would take the matcher
// for what it has from routes itself.
config::HttpFilterType Type() {
  return {v3::ExtensionWithMatcher::descriptor(), Build, v3::ExtensionWithMatcherPerRoute::descriptor(), BuildRoute};
}

}  // namespace pillion::filters::extension_with_matcher
