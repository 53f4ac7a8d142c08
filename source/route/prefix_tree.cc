#include "source/route/prefix_tree.h"

#include <algorithm>
#include <deque>

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

PrefixTree::PrefixTree(std::span<const std::string> texts, bool ignore_case) : ignore_case_(ignore_case) {
  // Texts [begin, end) share the bytes that lead to the node.
  struct Open {
    uint32_t node;
    uint32_t begin;
    uint32_t end;
    size_t depth;
  };
  nodes_.emplace_back();
  first_bytes_ += '\0';
  std::deque<Open> open{{0, 0, static_cast<uint32_t>(texts.size()), 0}};
  for (; !open.empty(); open.pop_front()) {
    auto [node, begin, end, depth] = open.front();
    if (begin < end && texts[begin].size() == depth) nodes_[node].text = begin++;
    nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      const char first = texts[begin][depth];
      uint32_t next = begin + 1;
      while (next < end && texts[next][depth] == first) ++next;
      const size_t size = Common(texts[begin], texts[next - 1], depth);
      const auto child = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back({.label = static_cast<uint32_t>(labels_.size()), .label_size = static_cast<uint32_t>(size)});
      first_bytes_ += first;
      labels_.append(texts[begin], depth, size);
      ++nodes_[node].children;
      open.push_back({child, begin, next, depth + size});
      begin = next;
    }
  }
}

}  // namespace pillion::route
