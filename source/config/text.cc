#include "source/config/text.h"

#include <cmath>
#include <cstdint>
#include <system_error>

#include "absl/strings/escaping.h"

namespace pillion::config {

void AppendPart(std::string& text, double part) {
  constexpr double kExact = 9007199254740992.0;
  if (std::floor(part) == part && std::fabs(part) <= kExact) return AppendPart(text, static_cast<int64_t>(part));
  char digits[32];
  auto [end, error] = std::to_chars(digits, digits + sizeof(digits), part, std::chars_format::fixed);
  if (error != std::errc()) end = std::to_chars(digits, digits + sizeof(digits), part).ptr;
  text.append(digits, end);
}

std::string Quote(std::string_view text, size_t most) {
  size_t end = text.size();
  if (end > most) {
    end = most;
    while ((text[end] & 0xC0) == 0x80) --end;  // not within a UTF-8 sequence
  }
  const std::string escaped = absl::Utf8SafeCEscape(std::string(text.substr(0, end)));
  return Concat('"', escaped, end < text.size() ? "...\"" : "\"");
}

}  // namespace pillion::config
