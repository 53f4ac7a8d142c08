#include "source/context/standard.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "source/http/syntax.h"

namespace pillion::context {

std::optional<uint64_t> ParseDeadline(std::string_view text) {
  const auto number = http::ParseContentLength(text);  // of the same form
  if (!number) return std::nullopt;
  return static_cast<uint64_t>(*number);
}

std::string_view DeadlineText(uint64_t deadline, base::Arena& arena) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();  // other carriers have room for later ones
  char text[20];
  char* const end = std::to_chars(text, text + sizeof text, std::min(deadline, kMost)).ptr;
  return arena.Copy({text, static_cast<size_t>(end - text)});
}

bool IsShortText(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && http::IsFieldValue(text);
}

}  // namespace pillion::context
