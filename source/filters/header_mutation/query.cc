#include "source/filters/header_mutation/query.h"

#include <algorithm>
#include <string_view>

#include "source/http/parameters.h"

namespace pillion::filters::header_mutation {
namespace {

using Action = config::AddedHeader::Action;

// RFC 3986, 3.4, without what divides parameters.
bool IsQueryByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$'()*,;:@/?").find(c) != std::string_view::npos;
}

void AppendEscaped(base::ArenaText& text, std::string_view value, base::Arena& arena) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : value) {
    if (IsQueryByte(c)) {
      text.Append(arena, {&c, 1});
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    const char escaped[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
    text.Append(arena, {escaped, sizeof escaped});
  }
}

// `name`, as far as the path goes.
std::string_view NameOf(std::string_view parameter) { return parameter.substr(0, parameter.find('=')); }

// Those parameters that `keep` says, in their order.
template <typename Keep>
std::string_view WithParameters(std::string_view path, base::Arena& arena, Keep keep, base::ArenaText& text) {
  text.Append(arena, http::WithoutQuery(path));
  bool first = true;
  for (std::string_view query = http::QueryOf(path); !query.empty();) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (parameter.empty() || !keep(parameter)) continue;
    text.Append(arena, first ? "?" : "&");
    text.Append(arena, parameter);
    first = false;
  }
  return text.view();
}

}  // namespace

std::string_view ApplyQueryMutation(const QueryMutation& mutation, std::string_view value, std::string_view path,
                                    base::Arena& arena) {
  const bool there = http::FindQueryParameter(path, mutation.name).has_value();
  const bool replaces = !mutation.value || mutation.action == Action::kOverwriteOrAdd ||
                        mutation.action == Action::kOverwriteIfThere;
  base::ArenaText text;
  if (there && replaces) {
    path = WithParameters(path, arena, [&](std::string_view parameter) { return NameOf(parameter) != mutation.name; },
                          text);
  }
  if (!mutation.value || (mutation.action == Action::kAddIfAbsent && there) ||
      (mutation.action == Action::kOverwriteIfThere && !there)) {
    return path;
  }
  base::ArenaText added;
  added.Append(arena, path);
  added.Append(arena, path.find('?') == std::string_view::npos ? "?" : path.ends_with('?') ? "" : "&");
  AppendEscaped(added, mutation.name, arena);
  added.Append(arena, "=");
  AppendEscaped(added, value, arena);
  return added.view();
}

}  // namespace pillion::filters::header_mutation
