#pragma once

// The words of an expression (cel-spec, "Syntax"). Its text is untrusted: whatever it is, there is a next word, the end,
// or an error that says where.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace pillion::expression {

struct Token {
  enum class Kind : uint8_t {
    kEnd,
    kError,       // `text` says what is wrong
    kName,        // as it is written; also reserved words, `true`, `in`, ...
    kQuotedName,  // of a field: between backquotes, without these
    kInt,         // digits, or 0x and digits
    kUint,        // the same, without its u
    kDouble,
    kString,      // `text` is what it stands for
    kBytes,
    kSign,        // `text`: one of ( ) [ ] { } . , : ? ! - + * / % < > <= >= == != && ||
  };

  Kind kind = Kind::kEnd;
  uint32_t offset = 0;  // bytes before it
  std::string text;

  bool Is(std::string_view sign) const { return kind == Kind::kSign && text == sign; }
  bool IsName(std::string_view name) const { return kind == Kind::kName && text == name; }
};

class Lexer {
 public:
  // The text outlives the lexer.
  explicit Lexer(std::string_view text) : text_(text) {}

  Token Next();

 private:
  char At(size_t place) const { return place < text_.size() ? text_[place] : '\0'; }
  void SkipBlanks();
  Token ReadName();
  Token ReadQuotedName();
  Token ReadNumber();
  Token ReadSign();
  // `prefix` bytes of r and b stand before the quote.
  Token ReadText(size_t prefix, bool raw, bool bytes);
  static Token Error(size_t offset, std::string text) {
    return {Token::Kind::kError, static_cast<uint32_t>(offset), std::move(text)};
  }

  std::string_view text_;
  size_t place_ = 0;
};

}  // namespace pillion::expression
