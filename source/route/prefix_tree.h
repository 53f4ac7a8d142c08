#pragma once

// A set of texts, each with a number, of which those that another text begins with are found in one pass over that.
// Immutable.
//
// It lies in memory that its owner gives, one piece for all trees of a table, and what follows a text lies behind it: a
// small one takes a few cache lines, and thousands of them few pages.

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/http/syntax.h"

namespace pillion::route {

using Words = std::vector<uint32_t>;

class PrefixTree {
 public:
  // Is added to `words`. `texts` ascending, each once, in lower case where case is ignored; `numbers`, as many, are not
  // kNone.
  PrefixTree(std::span<const std::string> texts, std::span<const uint32_t> numbers, bool ignore_case, Words& words);

  // Calls visit(number, size) for each that `text` begins with, the shortest first. `words`: the first of them.
  template <typename F>
  void ForEachPrefix(const uint32_t* words, std::string_view text, F&& visit) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // A node: these words, then the place of each child, then bytes: the first one of each child's label, and its own
  // label without that.
  struct Head {
    uint32_t number;  // of the text that ends here; kNone: there is none
    uint32_t children;
    uint32_t label_size;
  };
  static constexpr size_t kHeadWords = sizeof(Head) / sizeof(uint32_t);

  bool Equal(const char* label, std::string_view text) const {
    const std::string_view expected(label, text.size());
    return ignore_case_ ? http::EqualsIgnoreCase(text, expected) : text == expected;
  }

  // `size` where it is not there. Most nodes have so few children that a call costs more than looking at each.
  static size_t FindKey(const char* keys, size_t size, char key) {
    constexpr size_t kFew = 8;
    if (size > kFew) [[unlikely]] {
      const void* const found = std::memchr(keys, key, size);
      return found == nullptr ? size : static_cast<const char*>(found) - keys;
    }
    size_t at = 0;
    while (at < size && keys[at] != key) ++at;
    return at;
  }

  size_t begin_;  // in `words`
  bool ignore_case_;
};

template <typename F>
void PrefixTree::ForEachPrefix(const uint32_t* words, std::string_view text, F&& visit) const {
  size_t at = 0;
  for (const uint32_t* node = words + begin_;;) {
    Head head;
    std::memcpy(&head, node, sizeof head);
    const uint32_t* const places = node + kHeadWords;
    const char* const keys = reinterpret_cast<const char*>(places + head.children);
    if (text.size() - at < head.label_size || !Equal(keys + head.children, text.substr(at, head.label_size))) return;
    at += head.label_size;
    if (head.number != kNone) visit(head.number, at);
    if (at == text.size() || head.children == 0) return;
    char next = text[at];
    if (ignore_case_ && next >= 'A' && next <= 'Z') next |= 0x20;
    const size_t child = FindKey(keys, head.children, next);
    if (child == head.children) return;
    node = words + places[child];
    ++at;
  }
}

}  // namespace pillion::route
