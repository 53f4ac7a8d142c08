#include "source/http/parameters.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::http {
namespace {

// Takes what is in front of `separator` off `list`.
std::string_view TakeElement(std::string_view& list, char separator) {
  const size_t end = std::min(list.find(separator), list.size());
  const std::string_view element = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return element;
}

}  // namespace

std::optional<std::string_view> FindQueryParameter(std::string_view path, std::string_view name) {
  for (std::string_view query = QueryOf(path); !query.empty();) {
    std::string_view value = TakeElement(query, '&');
    if (TakeElement(value, '=') == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> FindCookie(const HeaderMap& headers, std::string_view name) {
  if (!headers.Has(HeaderId::kCookie)) return std::nullopt;
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kCookie) continue;
    for (std::string_view list = field.value(); !list.empty();) {
      std::string_view value = TrimBlanks(TakeElement(list, ';'));
      if (value.find('=') == std::string_view::npos || TakeElement(value, '=') != name) continue;
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace pillion::http
