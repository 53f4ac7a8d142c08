#include "source/route/rewrite.h"

#include <algorithm>
#include <charconv>

#include "source/config/route.h"
#include "source/http/parameters.h"
#include "source/http/syntax.h"

namespace pillion::route {
namespace {

using http::HeaderId;
using Path = match::RequestMatcher::Path;

std::string_view Joined(base::Arena& arena, std::initializer_list<std::string_view> parts) {
  base::ArenaText text;
  for (const std::string_view part : parts) text.Append(arena, part);
  return text.view();
}

// "?query", or nothing.
std::string_view QueryWithMark(std::string_view path) { return path.substr(http::WithoutQuery(path).size()); }

std::string_view WithPrefix(const config::PrefixRewrite& rewrite, const match::RequestMatcher& match,
                            std::string_view path, base::Arena& arena) {
  const size_t matched = match.kind == Path::kRegex ? path.size() : match.path.size();
  return Joined(arena, {rewrite.prefix, path.substr(std::min(matched, path.size()))});
}

std::string_view Slash(std::string_view path) { return path.starts_with('/') ? "" : "/"; }

struct Authority {
  std::string_view host;
  std::string_view port;  // ":80", or nothing
};

Authority Divide(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) return {authority, ""};
  return {authority.substr(0, colon), authority.substr(colon)};
}

// How the client asked, as far as is known.
std::string_view SchemeOf(const http::RequestHead& head) {
  const std::string_view forwarded = head.headers.Get(HeaderId::kXForwardedProto);
  for (const std::string_view scheme : {"http", "https"}) {
    if (http::EqualsIgnoreCase(forwarded, scheme)) return scheme;
  }
  return head.scheme;
}

}  // namespace

std::string_view RewrittenPath(const config::PathRewrite& rewrite, const match::RequestMatcher& match,
                               const telemetry::RequestRecord& record, const http::RequestHead& head) {
  if (std::holds_alternative<std::monostate>(rewrite)) return head.path;
  base::Arena& arena = head.headers.arena();
  const std::string_view before = http::WithoutQuery(head.path);
  if (const auto* format = std::get_if<telemetry::TextFormat>(&rewrite)) {
    std::string scratch;
    const std::string_view text = format->Evaluate(record, "", arena, scratch);
    // What the client has a say in may be anything.
    if (text.empty() || !http::IsTarget(text)) return head.path;
    const bool has_query = text.find('?') != std::string_view::npos;
    return Joined(arena, {Slash(text), text, has_query ? "" : QueryWithMark(head.path)});
  }
  const auto* prefix = std::get_if<config::PrefixRewrite>(&rewrite);
  const std::string_view after = prefix != nullptr ? WithPrefix(*prefix, match, before, arena)
                                                   : std::get<match::RegexRewrite>(rewrite).Apply(before, arena);
  return Joined(arena, {Slash(after), after, QueryWithMark(head.path)});
}

std::optional<std::string_view> RewrittenHost(const config::HostRewrite& rewrite,
                                              const telemetry::RequestRecord& record, const http::RequestHead& head) {
  if (const auto* literal = std::get_if<std::string>(&rewrite)) return *literal;
  std::optional<std::string_view> host;
  if (const auto* format = std::get_if<telemetry::TextFormat>(&rewrite)) {
    std::string scratch;
    host = format->Evaluate(record, "", head.headers.arena(), scratch);
  } else if (const auto* field = std::get_if<http::FieldName>(&rewrite)) {
    host = field->First(head);
  } else if (const auto* from_path = std::get_if<config::HostFromPath>(&rewrite)) {
    host = from_path->rewrite.Apply(http::WithoutQuery(head.path), head.headers.arena());
  }
  // What the client has a say in may be anything.
  return host && http::IsAuthority(*host) ? host : std::nullopt;
}

std::string_view RedirectLocation(const config::Redirect& redirect, const match::RequestMatcher& match,
                                  const http::RequestHead& head) {
  base::Arena& arena = head.headers.arena();
  const std::string_view old_scheme = SchemeOf(head);
  const std::string_view scheme = redirect.scheme.empty() ? old_scheme : std::string_view(redirect.scheme);

  Authority authority = redirect.host.empty() ? Divide(head.authority) : Authority{redirect.host, ""};
  char port[8] = ":";
  if (redirect.port != 0) {
    const char* const end = std::to_chars(port + 1, port + sizeof port, redirect.port).ptr;
    authority = {Divide(authority.host).host, {port, static_cast<size_t>(end - port)}};
  } else if ((old_scheme == "http" && http::EqualsIgnoreCase(scheme, "https") && authority.port == ":80") ||
             (old_scheme == "https" && http::EqualsIgnoreCase(scheme, "http") && authority.port == ":443")) {
    authority.port = "";  // the old scheme's own
  }

  std::string_view path = http::WithoutQuery(head.path);
  std::string_view query = redirect.strip_query ? "" : QueryWithMark(head.path);
  if (const auto* literal = std::get_if<std::string>(&redirect.path)) {
    path = *literal;
    if (path.find('?') != std::string_view::npos) query = "";
  } else if (const auto* prefix = std::get_if<config::PrefixRewrite>(&redirect.path)) {
    path = WithPrefix(*prefix, match, path, arena);
  } else if (const auto* regex = std::get_if<match::RegexRewrite>(&redirect.path)) {
    path = regex->Apply(path, arena);
  }
  return Joined(arena, {scheme, "://", authority.host, authority.port, Slash(path), path, query});
}

}  // namespace pillion::route
