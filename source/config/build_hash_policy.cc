// What the host of a request depends on.

#include "source/config/build.h"
#include "source/config/text.h"
#include "source/http/syntax.h"

namespace pillion::config {
namespace {

using Message = envoy::config::route::v3::RouteAction::HashPolicy;

HashPolicy::Cookie BuildCookie(BuildContext& context, const Message::Cookie& from, const std::string& path) {
  HashPolicy::Cookie cookie{.name = from.name(), .ttl = {}, .path = from.path(), .attributes = {}};
  if (!from.name().empty() && !http::IsToken(from.name())) {
    context.errors.Add(FieldPath(path, "name"), Concat(Quote(from.name()), ", expected a cookie's name"));
  }
  if (from.has_ttl()) cookie.ttl = ToDuration(from.ttl());
  const auto check = [&](const std::string& text, const std::string& place) {
    if (text.find(';') != std::string::npos) context.errors.Add(place, Concat(Quote(text), ", expected no ';'"));
  };
  check(from.path(), FieldPath(path, "path"));
  for (int i = 0; i < from.attributes_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "attributes"), i);
    check(from.attributes(i).name(), FieldPath(place, "name"));
    check(from.attributes(i).value(), FieldPath(place, "value"));
    cookie.attributes.emplace_back(from.attributes(i).name(), from.attributes(i).value());
  }
  return cookie;
}

}  // namespace

std::vector<HashPolicy> BuildHashPolicies(BuildContext& context,
                                          const google::protobuf::RepeatedPtrField<Message>& from,
                                          const std::string& path) {
  std::vector<HashPolicy> policies;
  for (int i = 0; i < from.size(); ++i) {
    const std::string place = ElementPath(path, i);
    HashPolicy policy{.source = HashPolicy::SourceIp{}, .terminal = from[i].terminal()};
    switch (from[i].policy_specifier_case()) {
      case Message::kHeader: {
        const std::string& name = from[i].header().header_name();
        if (!name.empty() && !http::FieldName::IsFieldName(name)) {
          context.errors.Add(FieldPath(place, "header.header_name"), Concat(Quote(name), ", expected a header's name"));
        }
        HashPolicy::Header header{.name = http::FieldName(name), .rewrite = {}};
        if (from[i].header().has_regex_rewrite()) {
          header.rewrite =
              BuildRegexRewrite(context, from[i].header().regex_rewrite(), FieldPath(place, "header.regex_rewrite"));
        }
        policy.source = std::move(header);
        break;
      }
      case Message::kCookie:
        policy.source = BuildCookie(context, from[i].cookie(), FieldPath(place, "cookie"));
        break;
      case Message::kConnectionProperties:
        if (!from[i].connection_properties().source_ip()) continue;
        break;
      case Message::kQueryParameter:
        policy.source = HashPolicy::QueryParameter{from[i].query_parameter().name()};
        break;
      case Message::kFilterState:
        policy.source = HashPolicy::FilterState{from[i].filter_state().key()};
        break;
      case Message::POLICY_SPECIFIER_NOT_SET:
        continue;
    }
    policies.push_back(std::move(policy));
  }
  return policies;
}

}  // namespace pillion::config
