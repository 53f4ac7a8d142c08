#pragma once

// Named values within a path's query and within Cookie fields, as they stand there: nothing is decoded.

#include <optional>
#include <string_view>

#include "source/http/header_map.h"

namespace pillion::http {

// The path without its query, the query without its '?'.
inline std::string_view WithoutQuery(std::string_view path) { return path.substr(0, path.find('?')); }
inline std::string_view QueryOf(std::string_view path) {
  const size_t mark = path.find('?');
  return mark == std::string_view::npos ? std::string_view() : path.substr(mark + 1);
}

// The value of the first parameter of that name in the path's query; empty for one without '='.
std::optional<std::string_view> FindQueryParameter(std::string_view path, std::string_view name);

// The value of the first cookie of that name (RFC 6265, 4.2.1), without quotes around it.
std::optional<std::string_view> FindCookie(const HeaderMap& headers, std::string_view name);

}  // namespace pillion::http
