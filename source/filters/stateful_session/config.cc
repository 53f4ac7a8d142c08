#include "envoy/extensions/filters/http/stateful_session/v3/stateful_session.pb.h"
#include "envoy/extensions/http/stateful_session/cookie/v3/cookie.pb.h"
#include "envoy/extensions/http/stateful_session/header/v3/header.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/filters/stateful_session/stateful_session.h"
#include "source/http/syntax.h"

namespace pillion::filters::stateful_session {
namespace {

namespace v3 = envoy::extensions::filters::http::stateful_session::v3;
using config::FieldPath;
using CookieState = envoy::extensions::http::stateful_session::cookie::v3::CookieBasedSessionState;
using HeaderState = envoy::extensions::http::stateful_session::header::v3::HeaderBasedSessionState;
using google::protobuf::Message;

constexpr std::string_view kTypes = "CookieBasedSessionState or HeaderBasedSessionState";

// What stands in set-cookie ends at a ';' and at no control character (RFC 6265, 4.1.1).
bool IsCookieText(std::string_view text) {
  for (const char c : text) {
    if (c == ';' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

CookieSession BuildCookie(config::BuildContext& context, const envoy::type::http::v3::Cookie& from,
                          const std::string& path) {
  CookieSession to;
  to.name = from.name();
  to.path = from.path();
  to.ttl_s = from.ttl().seconds();
  if (!from.name().empty() && !http::IsToken(from.name())) {
    context.errors.Add(FieldPath(path, "name"), config::Concat(config::Quote(from.name()), ", expected a cookie's name"));
  }
  if (!IsCookieText(from.path())) {
    context.errors.Add(FieldPath(path, "path"),
                       config::Concat(config::Quote(from.path()), ", expected the path of a cookie"));
  }
  if (to.ttl_s > 0) to.attributes += config::Concat("; Max-Age=", to.ttl_s);
  if (!to.path.empty()) to.attributes += "; Path=" + to.path;
  for (int i = 0; i < from.attributes_size(); ++i) {
    const auto& attribute = from.attributes(i);
    if (!IsCookieText(attribute.name()) || !IsCookieText(attribute.value())) {
      context.errors.Add(config::ElementPath(FieldPath(path, "attributes"), i),
                         config::Concat(config::Quote(attribute.name() + "=" + attribute.value()),
                                        ", expected an attribute of a cookie, without semicolons and control characters"));
    }
    to.attributes += "; " + attribute.name();
    if (!attribute.value().empty()) to.attributes += "=" + attribute.value();
  }
  to.attributes += "; HttpOnly";
  return to;
}

Settings BuildSettings(config::BuildContext& context, const v3::StatefulSession& from, const std::string& path) {
  Settings settings;
  settings.strict = from.strict();
  if (!from.has_session_state()) return settings;
  const std::string place = FieldPath(FieldPath(path, "session_state"), "typed_config");
  const google::protobuf::Any& any = from.session_state().typed_config();
  CookieState cookie;
  HeaderState header;
  if (any.UnpackTo(&cookie)) {
    settings.session = BuildCookie(context, cookie.cookie(), FieldPath(place, "cookie"));
  } else if (!any.UnpackTo(&header)) {
    context.errors.AddMissing(place, place, config::WrongType(any, kTypes));
  } else if (!header.name().empty() && (!http::FieldName::IsFieldName(header.name()) || header.name().starts_with(':'))) {
    context.errors.Add(FieldPath(place, "name"),
                       config::Concat(config::Quote(header.name()), ", expected a header's name"));
  } else if (!header.name().empty()) {
    settings.session = http::FieldName(header.name());
  }
  return settings;
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context, const Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v3::StatefulSession&>(message);
  Settings settings = BuildSettings(context, from, path);
  settings.stat_prefix = from.stat_prefix();
  return std::make_shared<Config>(std::move(settings));
}

std::shared_ptr<const config::FilterConfig> BuildRoute(config::BuildContext& context, const Message& message,
                                                       const std::string& path) {
  const auto& from = static_cast<const v3::StatefulSessionPerRoute&>(message);
  Settings settings;
  settings.disabled = from.disabled();
  const std::string place = FieldPath(path, "stateful_session");
  if (from.has_stateful_session()) settings = BuildSettings(context, from.stateful_session(), place);
  if (!from.stateful_session().stat_prefix().empty()) {
    context.errors.Add(FieldPath(place, "stat_prefix"), "means nothing for a route: nothing is counted then");
  }
  return std::make_shared<Config>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() {
  return {v3::StatefulSession::descriptor(), Build, v3::StatefulSessionPerRoute::descriptor(), BuildRoute};
}

}  // namespace pillion::filters::stateful_session
