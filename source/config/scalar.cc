#include "source/config/scalar.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"

namespace pillion::config {
namespace {

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

// The number grammar of JSON, so that no other notation slips through: no leading zeros, plus sign, hex or words.
bool IsJsonNumber(std::string_view text) {
  const auto digits = [&text] {
    size_t count = 0;
    while (count < text.size() && absl::ascii_isdigit(text[count])) ++count;
    text.remove_prefix(count);
    return count;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

// Whole numbers may be written as "1e3" or "5.0"; those that a double cannot hold exactly are written plainly.
std::optional<double> ReadWhole(const std::string& text) {
  double value = 0;
  if (!IsJsonNumber(text) || !absl::SimpleAtod(text, &value) || std::floor(value) != value) return std::nullopt;
  if (std::fabs(value) > 9007199254740992.0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<bool> ReadBool(const TreeNode& node) {
  if (node.quoted) return std::nullopt;
  if (node.text == "true" || node.text == "True" || node.text == "TRUE") return true;
  if (node.text == "false" || node.text == "False" || node.text == "FALSE") return false;
  return std::nullopt;
}

std::optional<int64_t> ReadSigned(const TreeNode& node, int64_t min, int64_t max) {
  int64_t value = 0;
  if (!IsJsonNumber(node.text)) return std::nullopt;
  if (!absl::SimpleAtoi(node.text, &value)) {
    const std::optional<double> whole = ReadWhole(node.text);
    if (!whole) return std::nullopt;
    value = static_cast<int64_t>(*whole);
  }
  if (value < min || value > max) return std::nullopt;
  return value;
}

std::optional<uint64_t> ReadUnsigned(const TreeNode& node, uint64_t max) {
  uint64_t value = 0;
  if (!IsJsonNumber(node.text)) return std::nullopt;
  if (!absl::SimpleAtoi(node.text, &value)) {
    const std::optional<double> whole = ReadWhole(node.text);
    if (!whole || *whole < 0) return std::nullopt;
    value = static_cast<uint64_t>(*whole);
  }
  if (value > max) return std::nullopt;
  return value;
}

std::optional<double> ReadDouble(const TreeNode& node) {
  double value = 0;
  if (!IsJsonNumber(node.text) || !absl::SimpleAtod(node.text, &value) || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<std::string> ReadBytes(const TreeNode& node) {
  std::string bytes;
  if (absl::Base64Unescape(node.text, &bytes) || absl::WebSafeBase64Unescape(node.text, &bytes)) return bytes;
  return std::nullopt;
}

std::optional<DurationParts> ReadDuration(const TreeNode& node) {
  constexpr int64_t kLongest = 315576000000;  // 10,000 years, as protobuf has it
  std::string_view text = node.text;
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);

  const size_t point = text.find('.');
  const std::string whole(text.substr(0, point));
  DurationParts parts;
  if (!AllDigits(whole) || !absl::SimpleAtoi(whole, &parts.seconds) || parts.seconds > kLongest)
    return std::nullopt;
  if (point != std::string_view::npos) {
    std::string fraction(text.substr(point + 1));
    if (!AllDigits(fraction) || fraction.size() > 9) return std::nullopt;
    fraction.resize(9, '0');
    if (!absl::SimpleAtoi(fraction, &parts.nanos)) return std::nullopt;
  }
  if (negative) parts = {-parts.seconds, -parts.nanos};
  return parts;
}

}  // namespace pillion::config
