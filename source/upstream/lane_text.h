#pragma once

// Labels as a text: env=gray,version=v2.1. Other labels have another text, whatever is in them: a comma, an equals sign and
// a per cent sign stand there as %2C, %3D and %25.

#include <string>
#include <string_view>
#include <utility>

namespace pillion::upstream {

// Which bytes are escaped.
class EscapedBytes {
 public:
  constexpr explicit EscapedBytes(std::string_view bytes) {
    for (const char byte : bytes) is_[static_cast<unsigned char>(byte)] = true;
  }
  constexpr bool Has(char byte) const { return is_[static_cast<unsigned char>(byte)]; }

 private:
  bool is_[256] = {};
};

inline constexpr EscapedBytes kEscapedInLabels(",=%");

// `append` takes one piece after the other.
template <typename Append>
void AppendEscaped(const Append& append, std::string_view text, const EscapedBytes& escaped) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && !escaped.Has(text[plain])) ++plain;
    if (plain > 0) append(text.substr(0, plain));
    if (plain == text.size()) return;
    const auto byte = static_cast<unsigned char>(text[plain]);
    const char code[] = {'%', kDigits[byte >> 4], kDigits[byte & 0xf]};
    append(std::string_view(code, sizeof code));
    text.remove_prefix(plain + 1);
  }
}

// `labels`: by key.
template <typename Append, typename Labels>
void AppendLabels(const Append& append, const Labels& labels) {
  std::string_view between;
  for (const auto& label : labels) {
    append(std::exchange(between, ","));
    AppendEscaped(append, label.key, kEscapedInLabels);
    append("=");
    AppendEscaped(append, label.value, kEscapedInLabels);
  }
}

template <typename Labels>
std::string LabelsText(const Labels& labels) {
  std::string text;
  AppendLabels([&text](std::string_view piece) { text += piece; }, labels);
  return text;
}

}  // namespace pillion::upstream
