#include "source/match/regex_sequence.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace pillion::match {
namespace {

// The program, piece by piece: a kText byte, a length and that many bytes; or a class byte, its flags, and kSetSize
// bytes with a bit for each character of ASCII.
constexpr char kText = 't';
constexpr char kClass = 'c';
constexpr size_t kSetSize = 16;
constexpr size_t kLongestText = 255;

enum Flags : uint8_t {
  kNeeded = 1,  // at least once
  kMany = 2,    // any number of times
  kBeyond = 4,  // any character beyond ASCII is of the class
};

struct Class {
  std::array<uint64_t, 2> bits{};
  bool beyond = false;

  void Add(unsigned char c) { bits[c / 64] |= uint64_t{1} << (c % 64); }
  void AddRange(unsigned char low, unsigned char high) {
    for (unsigned c = low; c <= high; ++c) Add(static_cast<unsigned char>(c));
  }
  void Invert() {
    for (uint64_t& word : bits) word = ~word;
    beyond = !beyond;
  }
  bool Meets(const Class& other) const {
    return (bits[0] & other.bits[0]) != 0 || (bits[1] & other.bits[1]) != 0 || (beyond && other.beyond);
  }
};

struct Element {
  Class set;
  char character = 0;  // the only one of `set`; 0: there are several
  bool needed = true;
  bool many = false;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Reads a pattern that is known to be good; whatever it does not know makes it fail.
class Reader {
 public:
  explicit Reader(std::string_view pattern) : rest_(pattern) {}

  bool Read(std::vector<Element>& elements) {
    if (rest_.starts_with('^')) rest_.remove_prefix(1);
    while (!rest_.empty()) {
      if (rest_ == "$") break;
      if (rest_.front() == '(' || rest_.front() == ')') {
        if (!SkipParenthesis()) return false;
        continue;
      }
      Element element;
      if (!ReadSet(element)) return false;
      ReadRepetition(element);
      if (!rest_.empty() && std::string_view("*+?{").find(rest_.front()) != std::string_view::npos) return false;
      elements.push_back(element);
    }
    return depth_ == 0;
  }

 private:
  // A group that is not repeated changes nothing of what matches.
  bool SkipParenthesis() {
    const bool opens = rest_.front() == '(';
    rest_.remove_prefix(1);
    if (opens) {
      if (rest_.starts_with("?:")) rest_.remove_prefix(2);
      ++depth_;
      return !rest_.starts_with('?');
    }
    --depth_;
    return rest_.empty() || std::string_view("*+?{").find(rest_.front()) == std::string_view::npos;
  }

  bool ReadSet(Element& element) {
    const char c = rest_.front();
    if (c == '[') return ReadClass(element.set);
    if (c == '\\') return ReadEscape(element.set, &element.character);
    rest_.remove_prefix(1);
    if (c == '.') {
      element.set.Add('\n');
      element.set.Invert();
      return true;
    }
    if (c < 0x20 || c > 0x7e || std::string_view("*+?{|^$").find(c) != std::string_view::npos) return false;
    element.set.Add(static_cast<unsigned char>(c));
    element.character = c;
    return true;
  }

  // `character`: the one that it stands for, where it stands for one.
  bool ReadEscape(Class& set, char* character) {
    if (rest_.size() < 2) return false;
    const char c = rest_[1];
    rest_.remove_prefix(2);
    switch (c) {
      case 'd':
        set.AddRange('0', '9');
        return true;
      case 'w':
        set.AddRange('0', '9');
        set.AddRange('a', 'z');
        set.AddRange('A', 'Z');
        set.Add('_');
        return true;
      default:
        if (c < 0x21 || c > 0x7e || IsDigit(c) || IsLetter(c)) return false;
        set.Add(static_cast<unsigned char>(c));
        *character = c;
        return true;
    }
  }

  bool ReadClass(Class& set) {
    rest_.remove_prefix(1);
    const bool inverted = rest_.starts_with('^');
    if (inverted) rest_.remove_prefix(1);
    for (bool first = true; !rest_.starts_with(']') || first; first = false) {
      if (rest_.empty() || rest_.front() == '[') return false;
      char low = 0;
      if (!ReadClassCharacter(set, low)) return false;
      if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') continue;
      rest_.remove_prefix(1);
      char high = 0;
      if (low == 0 || !ReadClassCharacter(set, high) || high == 0) return false;
      set.AddRange(static_cast<unsigned char>(low), static_cast<unsigned char>(high));
    }
    rest_.remove_prefix(1);
    if (inverted) set.Invert();
    return true;
  }

  bool ReadClassCharacter(Class& set, char& character) {
    if (rest_.empty()) return false;
    if (rest_.front() == '\\') return ReadEscape(set, &character);
    character = rest_.front();
    rest_.remove_prefix(1);
    if (character < 0x20 || character > 0x7e) return false;
    set.Add(static_cast<unsigned char>(character));
    return true;
  }

  void ReadRepetition(Element& element) {
    if (rest_.empty()) return;
    switch (rest_.front()) {
      case '*':
        element.needed = false;
        element.many = true;
        break;
      case '+':
        element.many = true;
        break;
      case '?':
        element.needed = false;
        break;
      default:
        return;
    }
    rest_.remove_prefix(1);
  }

  std::string_view rest_;
  int depth_ = 0;
};

// Where as much as possible is taken of each element, nothing that follows ever lacks it.
bool NeverTakesBack(const std::vector<Element>& elements) {
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].needed && !elements[i].many) continue;
    for (size_t next = i + 1; next < elements.size(); ++next) {
      if (elements[i].set.Meets(elements[next].set)) return false;
      if (elements[next].needed) break;
    }
  }
  return true;
}

// The bytes of the character that `text`, which is not empty, begins with, if it is beyond ASCII; 0: none. Like RE2,
// which takes overlong ones and some that are too high.
size_t SizeBeyond(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  size_t size = 0;
  if (at(0) >= 0xc2 && at(0) <= 0xdf) size = 2;
  if (at(0) >= 0xe0 && at(0) <= 0xef) size = 3;
  if (at(0) >= 0xf0 && at(0) <= 0xf4) size = 4;
  if (text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

// The bytes of the first character of `text` if it is of the class, 0 otherwise.
size_t SizeOfOne(const char* set, uint8_t flags, std::string_view text) {
  if (text.empty()) return 0;
  const auto c = static_cast<unsigned char>(text.front());
  if (c < 0x80) return static_cast<unsigned char>(set[c / 8]) >> (c % 8) & 1;
  return (flags & kBeyond) == 0 ? 0 : SizeBeyond(text);
}

}  // namespace

std::optional<RegexSequence> RegexSequence::Make(std::string_view pattern) {
  std::vector<Element> elements;
  if (!Reader(pattern).Read(elements) || !NeverTakesBack(elements)) return std::nullopt;
  std::string program;
  for (size_t i = 0; i < elements.size();) {
    const auto is_text = [&](const Element& element) {
      return element.character != 0 && element.needed && !element.many;
    };
    size_t end = i;
    while (end < elements.size() && end - i < kLongestText && is_text(elements[end])) ++end;
    if (end > i) {
      program += kText;
      program += static_cast<char>(end - i);
      for (; i < end; ++i) program += elements[i].character;
      continue;
    }
    const Element& element = elements[i++];
    program += kClass;
    program += static_cast<char>((element.needed ? kNeeded : 0) | (element.many ? kMany : 0) |
                                 (element.set.beyond ? kBeyond : 0));
    for (size_t byte = 0; byte < kSetSize; ++byte) {
      program += static_cast<char>(element.set.bits[byte / 8] >> (byte % 8 * 8) & 0xff);
    }
  }
  program.shrink_to_fit();
  return RegexSequence(std::move(program));
}

bool RegexSequence::Matches(std::string_view program, std::string_view text) {
  for (const char* piece = program.data(); piece != program.data() + program.size();) {
    if (*piece == kText) {
      const size_t size = static_cast<unsigned char>(piece[1]);
      if (text.size() < size || std::memcmp(text.data(), piece + 2, size) != 0) return false;
      text.remove_prefix(size);
      piece += 2 + size;
      continue;
    }
    const auto flags = static_cast<uint8_t>(piece[1]);
    const char* const set = piece + 2;
    size_t size = SizeOfOne(set, flags, text);
    if (size == 0 && (flags & kNeeded) != 0) return false;
    text.remove_prefix(size);
    if ((flags & kMany) != 0) {
      while (size > 0) {
        size = SizeOfOne(set, flags, text);
        text.remove_prefix(size);
      }
    }
    piece += 2 + kSetSize;
  }
  return text.empty();
}

}  // namespace pillion::match
