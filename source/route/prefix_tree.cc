#include "source/route/prefix_tree.h"

#include <algorithm>

namespace pillion::route {
namespace {

// How many bytes two texts have in common from `from` on.
size_t Common(std::string_view a, std::string_view b, size_t from) {
  const size_t end = std::min(a.size(), b.size());
  size_t at = from;
  while (at < end && a[at] == b[at]) ++at;
  return at - from;
}

}  // namespace

PrefixTree::PrefixTree(std::span<const std::string> texts, std::span<const uint32_t> numbers, bool ignore_case,
                       Words& words)
    : begin_(words.size()), ignore_case_(ignore_case) {
  // Texts [begin, end) share their first `depth` bytes; `parent` is the word that shall say where they are.
  struct Open {
    size_t parent;
    size_t begin;
    size_t end;
    size_t depth;
  };
  constexpr size_t kNoParent = SIZE_MAX;
  std::vector<Open> open{{kNoParent, 0, texts.size(), 0}};
  std::vector<size_t> begins;  // of each child's texts
  while (!open.empty()) {
    const auto [parent, begin, end, depth] = open.back();
    open.pop_back();
    const size_t node = words.size();
    if (parent != kNoParent) words[parent] = static_cast<uint32_t>(node);
    const size_t label_size = begin == end ? 0 : Common(texts[begin], texts[end - 1], depth);
    const size_t next_depth = depth + label_size;
    const bool ends_here = begin < end && texts[begin].size() == next_depth;
    std::string bytes;
    begins.clear();
    for (size_t i = begin + ends_here; i < end; ++i) {
      if (!bytes.empty() && bytes.back() == texts[i][next_depth]) continue;
      bytes += texts[i][next_depth];
      begins.push_back(i);
    }
    const size_t children = begins.size();
    if (begin < end) bytes.append(texts[begin], depth, label_size);
    bytes.resize((bytes.size() + sizeof(uint32_t) - 1) / sizeof(uint32_t) * sizeof(uint32_t));
    words.push_back(ends_here ? numbers[begin] : kNone);
    words.push_back(static_cast<uint32_t>(children));
    words.push_back(static_cast<uint32_t>(label_size));
    words.resize(words.size() + children + bytes.size() / sizeof(uint32_t));
    std::memcpy(words.data() + node + kHeadWords + children, bytes.data(), bytes.size());
    // The first child lies right behind its parent.
    for (size_t child = children; child-- > 0;) {
      open.push_back({node + kHeadWords + child, begins[child], child + 1 < children ? begins[child + 1] : end,
                      next_depth + 1});
    }
  }
}

}  // namespace pillion::route
