#include "source/config/tree_json.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"

namespace pillion::config {
namespace {

void AppendUtf8(uint32_t point, std::string& to) {
  const auto tail = [&](int shift) { to += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    to += static_cast<char>(point);
  } else if (point < 0x800) {
    to += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    to += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

class JsonReader {
 public:
  JsonReader(std::string_view text, TreeBuilder& builder) : text_(text), builder_(builder) {}

  // False: it is no JSON.
  bool Read() {
    SkipSpace();
    if (!ReadValue()) return false;
    SkipSpace();
    return builder_.error() || text_.empty();
  }
  int line() const { return line_; }

 private:
  void SkipSpace() {
    size_t i = 0;
    for (; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\n') ++line_;
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') break;
    }
    text_.remove_prefix(i);
  }

  bool Take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  // The builder bounds how deep it goes. With an error of the builder's all that follows is of no account.
  bool ReadValue() {
    if (builder_.error()) return true;
    if (text_.starts_with('{')) return ReadMap();
    if (text_.starts_with('[')) return ReadList();
    if (text_.starts_with('"')) return ReadString();
    if (Take("null")) {
      builder_.Null(line_);
      return true;
    }
    for (const std::string_view word : {"true", "false"}) {
      if (!Take(word)) continue;
      builder_.Scalar(line_, word, false);
      return true;
    }
    return ReadNumber();
  }

  bool ReadMap() {
    builder_.Open(line_, TreeNode::Kind::kMap);
    Take("{");
    SkipSpace();
    if (!Take("}")) {
      do {
        SkipSpace();
        if (!ReadString()) return false;
        SkipSpace();
        if (!Take(":")) return false;
        SkipSpace();
        if (!ReadValue()) return false;
        if (builder_.error()) return true;
        SkipSpace();
      } while (Take(","));
      if (!Take("}")) return false;
    }
    builder_.Close();
    return true;
  }

  bool ReadList() {
    builder_.Open(line_, TreeNode::Kind::kList);
    Take("[");
    SkipSpace();
    if (!Take("]")) {
      do {
        SkipSpace();
        if (!ReadValue()) return false;
        if (builder_.error()) return true;
        SkipSpace();
      } while (Take(","));
      if (!Take("]")) return false;
    }
    builder_.Close();
    return true;
  }

  bool ReadString() {
    if (!Take("\"")) return false;
    const size_t plain = text_.find_first_of("\"\\");
    std::string value;
    for (size_t end = plain;; end = text_.find_first_of("\"\\")) {
      if (end == std::string_view::npos || HasControl(text_.substr(0, end))) return false;
      value += text_.substr(0, end);
      const bool ends = text_[end] == '"';
      text_.remove_prefix(end + 1);
      if (ends) break;
      if (!ReadEscape(value)) return false;
    }
    builder_.Scalar(line_, value, true);
    return true;
  }

  static bool HasControl(std::string_view text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20) return true;
    }
    return false;
  }

  // Behind the backslash.
  bool ReadEscape(std::string& value) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (text_.empty()) return false;
    if (const size_t simple = kNames.find(text_[0]); simple != std::string_view::npos) {
      value += kMeanings[simple];
      text_.remove_prefix(1);
      return true;
    }
    std::optional<uint32_t> point = ReadUnit();
    if (!point || *point >> 10 == 0x37) return false;
    if (*point >> 10 == 0x36) {  // a character beyond U+FFFF is written as two of them (section 7)
      const std::optional<uint32_t> low = Take("\\") ? ReadUnit() : std::nullopt;
      if (low.value_or(0) >> 10 != 0x37) return false;
      point = 0x10000 + ((*point & 0x3FF) << 10) + (*low & 0x3FF);
    }
    AppendUtf8(*point, value);
    return true;
  }

  // "uXXXX"
  std::optional<uint32_t> ReadUnit() {
    uint32_t unit = 0;
    if (text_.size() < 5 || text_[0] != 'u') return std::nullopt;
    const auto end = std::from_chars(text_.data() + 1, text_.data() + 5, unit, 16);
    if (end.ec != std::errc() || end.ptr != text_.data() + 5) return std::nullopt;
    text_.remove_prefix(5);
    return unit;
  }

  bool ReadNumber() {
    size_t end = 0;
    const auto digits = [&] {
      const size_t begin = end;
      while (end < text_.size() && absl::ascii_isdigit(static_cast<unsigned char>(text_[end]))) ++end;
      return end > begin;
    };
    const auto one_of = [&](std::string_view chars) {
      const bool found = end < text_.size() && chars.find(text_[end]) != std::string_view::npos;
      end += found;
      return found;
    };
    one_of("-");
    if (!one_of("0") && !digits()) return false;
    if (one_of(".") && !digits()) return false;
    if (one_of("eE")) {
      one_of("+-");
      if (!digits()) return false;
    }
    builder_.Scalar(line_, text_.substr(0, end), false);
    text_.remove_prefix(end);
    return true;
  }

  std::string_view text_;  // what is left
  TreeBuilder& builder_;
  int line_ = 1;
};

}  // namespace

int ReadJson(std::string_view text, TreeBuilder& builder) {
  JsonReader reader(text, builder);
  return reader.Read() ? 0 : reader.line();
}

}  // namespace pillion::config
