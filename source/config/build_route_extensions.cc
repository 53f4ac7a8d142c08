// What routes have of extensions: templates of paths, redirects that are followed here.

#include <algorithm>

#include "envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes.pb.h"
#include "envoy/extensions/internal_redirect/previous_routes/v3/previous_routes.pb.h"
#include "envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme.pb.h"
#include "envoy/extensions/path/match/uri_template/v3/uri_template.pb.h"
#include "envoy/extensions/path/rewrite/uri_template/v3/uri_template.pb.h"
#include "source/config/build.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/match/uri_template.h"

namespace pillion::config {

namespace v3 = envoy::config::route::v3;
namespace x = envoy::extensions;
using RewriteMessage = x::path::rewrite::uri_template::v3::UriTemplateRewriteConfig;
using MatchMessage = x::path::match::uri_template::v3::UriTemplateMatchConfig;

std::optional<match::UriTemplate> BuildUriTemplate(BuildContext& context,
                                                   const envoy::config::core::v3::TypedExtensionConfig& from,
                                                   const std::string& path) {
  const std::string place = FieldPath(path, "typed_config");
  MatchMessage message;
  if (!from.typed_config().UnpackTo(&message)) {
    context.errors.AddMissing(path, place, WrongType(from.typed_config(), "UriTemplateMatchConfig"));
    return std::nullopt;
  }
  absl::StatusOr<match::UriTemplate> parsed = match::UriTemplate::Parse(message.path_template());
  if (parsed.ok()) return *std::move(parsed);
  if (!message.path_template().empty()) {
    context.errors.Add(FieldPath(place, "path_template"),
                       Concat(Quote(message.path_template()), ": ", std::string(parsed.status().message())));
  }
  return std::nullopt;
}

void BuildTemplateRewrite(BuildContext& context, const v3::Route& route, const std::string& path, RouteAction& action) {
  const std::string place = FieldPath(path, "route.path_rewrite_policy");
  const std::string config_path = FieldPath(place, "typed_config");
  const google::protobuf::Any& config = route.route().path_rewrite_policy().typed_config();
  RewriteMessage message;
  if (!config.UnpackTo(&message)) {
    context.errors.AddMissing(place, config_path, WrongType(config, "UriTemplateRewriteConfig"));
    return;
  }
  if (!std::holds_alternative<std::monostate>(action.path_rewrite)) {
    context.errors.Add(place, "excludes prefix_rewrite, regex_rewrite and path_rewrite");
  }
  if (!route.match().has_path_match_policy()) {
    context.errors.Add(place, "expected a match by path_match_policy, which names the variables");
    return;
  }
  // What is wrong with it, its match has said.
  MatchMessage match;
  if (!route.match().path_match_policy().typed_config().UnpackTo(&match)) return;
  const absl::StatusOr<match::UriTemplate> parsed = match::UriTemplate::Parse(match.path_template());
  if (!parsed.ok()) return;
  const absl::StatusOr<std::string> substitution = parsed->Substitution(message.path_template_rewrite());
  if (!substitution.ok()) {
    context.errors.Add(FieldPath(config_path, "path_template_rewrite"),
                       Concat(Quote(message.path_template_rewrite()), ": ",
                              std::string(substitution.status().message())));
    return;
  }
  absl::StatusOr<match::RegexRewrite> rewrite = match::RegexRewrite::Make(parsed->regex(), *substitution);
  if (rewrite.ok()) action.path_rewrite = *std::move(rewrite);
}

InternalRedirect BuildInternalRedirect(BuildContext& context, const v3::InternalRedirectPolicy& from,
                                       const std::string& path) {
  InternalRedirect redirect;
  if (from.has_max_internal_redirects()) redirect.most = from.max_internal_redirects().value();
  if (from.redirect_response_codes_size() > 0) redirect.codes.clear();
  for (int i = 0; i < from.redirect_response_codes_size(); ++i) {
    constexpr uint32_t kCodes[] = {301, 302, 303, 307, 308};
    const uint32_t code = from.redirect_response_codes(i);
    if (std::find(std::begin(kCodes), std::end(kCodes), code) == std::end(kCodes)) {
      context.errors.Add(ElementPath(FieldPath(path, "redirect_response_codes"), i),
                         Concat(code, ", expected 301, 302, 303, 307 or 308"));
    }
    redirect.codes.push_back(static_cast<uint16_t>(code));
  }
  redirect.other_scheme = from.allow_cross_scheme_redirect();
  for (int i = 0; i < from.predicates_size(); ++i) {
    const google::protobuf::Any& config = from.predicates(i).typed_config();
    x::internal_redirect::allow_listed_routes::v3::AllowListedRoutesConfig listed;
    if (config.UnpackTo(&listed)) {
      redirect.allowed_routes.emplace_back(listed.allowed_route_names().begin(), listed.allowed_route_names().end());
    } else if (config.Is<x::internal_redirect::previous_routes::v3::PreviousRoutesConfig>()) {
      redirect.each_route_once = true;
    } else if (config.Is<x::internal_redirect::safe_cross_scheme::v3::SafeCrossSchemeConfig>()) {
      redirect.no_https_from_http = true;
    } else {
      const std::string place = ElementPath(FieldPath(path, "predicates"), i);
      context.errors.AddMissing(
          place, FieldPath(place, "typed_config"),
          WrongType(config, "PreviousRoutesConfig, AllowListedRoutesConfig or SafeCrossSchemeConfig"));
    }
  }
  for (int i = 0; i < from.response_headers_to_copy_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "response_headers_to_copy"), i);
    redirect.copied.push_back(BuildEditedName(context, from.response_headers_to_copy(i), place));
  }
  return redirect;
}

}  // namespace pillion::config
