#include "source/expression/lexer.h"

#include <algorithm>
#include <utility>

#include "source/base/escape.h"

namespace pillion::expression {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool BeginsName(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsInName(char c) { return BeginsName(c) || IsDigit(c); }

std::string Printable(std::string_view text) {
  std::string out;
  base::AppendLine(out, text, 40);
  return out;
}

void AppendUtf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

uint32_t HexValue(char c) {
  if (IsDigit(c)) return static_cast<uint32_t>(c - '0');
  return static_cast<uint32_t>((c | 0x20) - 'a' + 10);
}

// What an escape that begins at `text[place]`, a backslash, stands for, appended to `out`; `place` is then behind it. False:
// there is no such escape.
bool ReadEscape(std::string_view text, size_t& place, bool bytes, std::string& out) {
  if (place + 1 >= text.size()) return false;
  const char c = text[place + 1];
  constexpr std::string_view kNames = "abfnrtv\\?\"'`";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\?\"'`";
  if (const size_t known = kNames.find(c); known != std::string_view::npos) {
    out += kMeanings[known];
    place += 2;
    return true;
  }
  const bool octal = c >= '0' && c <= '3';
  size_t digits = 0;
  if (octal) digits = 3;
  if (c == 'x' || c == 'X') digits = 2;
  if (c == 'u' && !bytes) digits = 4;
  if (c == 'U' && !bytes) digits = 8;
  const size_t begin = place + (octal ? 1 : 2);
  if (digits == 0 || begin + digits > text.size()) return false;
  uint32_t code = 0;
  for (const char d : text.substr(begin, digits)) {
    if (octal ? d < '0' || d > '7' : !IsHex(d)) return false;
    code = code * (octal ? 8 : 16) + HexValue(d);
  }
  if (bytes) {
    out += static_cast<char>(code);
  } else {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    AppendUtf8(out, code);
  }
  place = begin + digits;
  return true;
}

}  // namespace

void Lexer::SkipBlanks() {
  while (place_ < text_.size()) {
    const char c = text_[place_];
    if (c == '/' && At(place_ + 1) == '/') {
      const size_t end = text_.find('\n', place_);
      place_ = end == std::string_view::npos ? text_.size() : end;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      ++place_;
    } else {
      return;
    }
  }
}

Token Lexer::Next() {
  SkipBlanks();
  const auto offset = static_cast<uint32_t>(place_);
  if (place_ == text_.size()) return {Token::Kind::kEnd, offset, {}};
  const char c = text_[place_];
  // A text may have a prefix of r and b, in any order and case.
  size_t prefix = 0;
  bool raw = false, bytes = false;
  for (; prefix < 2; ++prefix) {
    const char p = At(place_ + prefix);
    if ((p == 'r' || p == 'R') && !raw) {
      raw = true;
    } else if ((p == 'b' || p == 'B') && !bytes) {
      bytes = true;
    } else {
      break;
    }
  }
  if (At(place_ + prefix) == '"' || At(place_ + prefix) == '\'') return ReadText(prefix, raw, bytes);
  if (BeginsName(c)) return ReadName();
  if (IsDigit(c) || (c == '.' && IsDigit(At(place_ + 1)))) return ReadNumber();
  if (c == '`') return ReadQuotedName();
  return ReadSign();
}

Token Lexer::ReadName() {
  const size_t begin = place_;
  while (IsInName(At(place_))) ++place_;
  return {Token::Kind::kName, static_cast<uint32_t>(begin), std::string(text_.substr(begin, place_ - begin))};
}

Token Lexer::ReadQuotedName() {
  const size_t begin = place_;
  const size_t end = text_.find('`', begin + 1);
  if (end == std::string_view::npos) return Error(begin, "a name between backquotes does not end");
  const std::string_view name = text_.substr(begin + 1, end - begin - 1);
  bool good = !name.empty();
  for (const char c : name) good = good && (IsInName(c) || c == '-' || c == '.' || c == '/' || c == ' ');
  if (!good) return Error(begin, "the name " + Printable(name) + " is not of letters, digits, _, -, ., / and blanks");
  place_ = end + 1;
  return {Token::Kind::kQuotedName, static_cast<uint32_t>(begin), std::string(name)};
}

Token Lexer::ReadNumber() {
  const size_t begin = place_;
  Token::Kind kind = Token::Kind::kInt;
  if (At(place_) == '0' && (At(place_ + 1) == 'x' || At(place_ + 1) == 'X') && IsHex(At(place_ + 2))) {
    place_ += 2;
    while (IsHex(At(place_))) ++place_;
  } else {
    while (IsDigit(At(place_))) ++place_;
    if (At(place_) == '.' && IsDigit(At(place_ + 1))) {
      kind = Token::Kind::kDouble;
      ++place_;
      while (IsDigit(At(place_))) ++place_;
    }
    const size_t sign = At(place_ + 1) == '+' || At(place_ + 1) == '-' ? 2 : 1;
    if ((At(place_) == 'e' || At(place_) == 'E') && IsDigit(At(place_ + sign))) {
      kind = Token::Kind::kDouble;
      place_ += sign;
      while (IsDigit(At(place_))) ++place_;
    }
  }
  Token token{kind, static_cast<uint32_t>(begin), std::string(text_.substr(begin, place_ - begin))};
  if (kind == Token::Kind::kInt && (At(place_) == 'u' || At(place_) == 'U')) {
    token.kind = Token::Kind::kUint;
    ++place_;
  }
  if (!IsInName(At(place_))) return token;
  while (IsInName(At(place_))) ++place_;
  return Error(begin, Printable(text_.substr(begin, place_ - begin)) + " is no number");
}

Token Lexer::ReadSign() {
  const size_t begin = place_;
  for (const std::string_view sign : {"&&", "||", "==", "!=", "<=", ">="}) {
    if (text_.substr(begin).starts_with(sign)) {
      place_ += 2;
      return {Token::Kind::kSign, static_cast<uint32_t>(begin), std::string(sign)};
    }
  }
  if (std::string_view("()[]{}.,:?!-+*/%<>").find(text_[begin]) != std::string_view::npos) {
    ++place_;
    return {Token::Kind::kSign, static_cast<uint32_t>(begin), std::string(1, text_[begin])};
  }
  const char c = text_[begin];
  if (c == '&' || c == '|' || c == '=') {
    return Error(begin, "found " + std::string(1, c) + ", expected " + std::string(2, c));
  }
  const std::string_view character = text_.substr(begin, std::max<size_t>(base::Utf8Length(text_.substr(begin)), 1));
  return Error(begin, "found " + Printable(character) + ", which has no meaning outside of a text");
}

Token Lexer::ReadText(size_t prefix, bool raw, bool bytes) {
  const size_t begin = place_;
  size_t place = begin + prefix;
  const char quote = text_[place];
  const bool triple = At(place + 1) == quote && At(place + 2) == quote;
  place += triple ? 3 : 1;
  Token token{bytes ? Token::Kind::kBytes : Token::Kind::kString, static_cast<uint32_t>(begin), {}};
  while (place < text_.size()) {
    const char c = text_[place];
    if (c == quote && (!triple || (At(place + 1) == quote && At(place + 2) == quote))) {
      place_ = place + (triple ? 3 : 1);
      return token;
    }
    if (!triple && (c == '\n' || c == '\r')) break;
    if (c == '\\' && !raw) {
      const size_t escape = place;
      if (!ReadEscape(text_, place, bytes, token.text)) {
        return Error(escape, "there is no escape " + Printable(text_.substr(escape, 2)) + (bytes ? " in bytes" : "") +
                                 ", or it is cut short or stands for no character");
      }
    } else if (bytes || static_cast<uint8_t>(c) < 0x80) {
      token.text += c;
      ++place;
    } else {
      const size_t length = base::Utf8Length(text_.substr(place));
      if (length == 0) return Error(place, "a byte that is no UTF-8");
      token.text += text_.substr(place, length);
      place += length;
    }
  }
  return Error(begin, std::string("a text that begins with ") + quote + " does not end");
}

}  // namespace pillion::expression
