#include "source/config/token_file.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_format.h"
#include "source/config/read_file.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

constexpr size_t kMaxFile = 64 << 10;
constexpr size_t kMaxTokens = 16;
constexpr size_t kLeastToken = 16;  // bytes

// A token a line. What a line end may have left in it, or a person, is no part of a token that anybody could send.
absl::StatusOr<std::vector<std::string>> ParseTokens(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto wrong = std::find_if(line.begin(), line.end(), [](char c) { return c <= ' ' || c > '~'; });
    if (wrong != line.end()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("line %d: byte 0x%02x at %d, expected no blanks and only ASCII", number,
                          static_cast<unsigned char>(*wrong), wrong - line.begin() + 1));
    }
    if (line.size() < kLeastToken) {
      return absl::InvalidArgumentError(
          Concat("line ", number, ": ", line.size(), " bytes, expected at least ", kLeastToken));
    }
    tokens.emplace_back(line);
  }
  if (tokens.empty()) return absl::InvalidArgumentError("has no token");
  if (tokens.size() > kMaxTokens) {
    return absl::InvalidArgumentError(Concat("has ", tokens.size(), " tokens, expected at most ", kMaxTokens));
  }
  return tokens;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadTokenFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadPrivateFile(path, kMaxFile);
  if (!text.ok()) return text.status();
  return ParseTokens(*text);
}

}  // namespace pillion::config
