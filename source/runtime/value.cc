#include "source/runtime/value.h"

#include <cctype>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace pillion::runtime {
namespace {

// Numbers up to here are whole in a double too.
constexpr double kLargestInteger = 9007199254740992.0;

void ReadFraction(absl::string_view text, Value& value) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '{' || c == '}' || c == '"' || c == '\'' || c == '\n' || c == ',' || c == ':') c = ' ';
  }
  const std::vector<std::string> words = absl::StrSplit(plain, ' ', absl::SkipEmpty());
  uint32_t numerator = 0;
  uint32_t denominator = 100;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "numerator") {
      if (!absl::SimpleAtoi(words[i + 1], &numerator)) return;
    } else if (words[i] == "denominator") {
      if (words[i + 1] == "TEN_THOUSAND") {
        denominator = 10'000;
      } else if (words[i + 1] == "MILLION") {
        denominator = 1'000'000;
      } else if (words[i + 1] != "HUNDRED") {
        return;
      }
    } else {
      return;
    }
  }
  if (words.empty() || words.size() % 2 != 0) return;
  value.numerator = numerator;
  value.denominator = denominator;
}

}  // namespace

Value ParseValue(std::string_view text) {
  Value value;
  value.text = std::string(text);
  const absl::string_view trimmed = absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  double number = 0;
  if (absl::EqualsIgnoreCase(trimmed, "true") || absl::EqualsIgnoreCase(trimmed, "false")) {
    value.flag = trimmed.size() == 4;
  } else if (absl::SimpleAtod(trimmed, &number) && std::isfinite(number)) {
    value.number = number;
    uint64_t integer = 0;
    if (absl::SimpleAtoi(trimmed, &integer)) {
      value.integer = integer;
    } else if (number >= 0 && number <= kLargestInteger) {
      value.integer = static_cast<uint64_t>(number);
    }
  } else {
    ReadFraction(trimmed, value);
  }
  return value;
}

}  // namespace pillion::runtime
