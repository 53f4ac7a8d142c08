#include "source/context/standard.h"

#include <algorithm>
#include <limits>

#include "source/base/number_text.h"
#include "source/http/syntax.h"

namespace pillion::context {

std::optional<uint64_t> ParseDeadline(std::string_view text) {
  const auto number = http::ParseContentLength(text);  // of the same form
  if (!number) return std::nullopt;
  return static_cast<uint64_t>(*number);
}

std::string_view DeadlineText(uint64_t deadline, base::Arena& arena) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();  // other carriers have room for later ones
  return base::NumberText(std::min(deadline, kMost), arena);
}

bool IsShortText(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && http::IsFieldValue(text);
}

}  // namespace pillion::context
