#pragma once

// A set of texts, of which those that another text begins with are found in one pass over that. Immutable.

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/http/syntax.h"

namespace pillion::route {

class PrefixTree {
 public:
  // `texts` ascending, each once; in lower case where case is ignored.
  explicit PrefixTree(std::span<const std::string> texts, bool ignore_case = false);

  // Calls visit(position in `texts`, size) for each that `text` begins with, the shortest first.
  template <typename F>
  void ForEachPrefix(std::string_view text, F&& visit) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The root has no label; children lie side by side.
  struct Node {
    uint32_t label = 0;  // where it begins in labels_
    uint32_t label_size = 0;
    uint32_t first_child = 0;
    uint32_t children = 0;
    uint32_t text = kNone;  // that ends here
  };

  bool Follows(const Node& node, std::string_view rest) const {
    if (rest.size() < node.label_size) return false;
    if (ignore_case_) {
      return http::EqualsIgnoreCase(rest.substr(0, node.label_size), {labels_.data() + node.label, node.label_size});
    }
    return std::memcmp(rest.data(), labels_.data() + node.label, node.label_size) == 0;
  }

  const bool ignore_case_;
  std::string labels_;
  std::string first_bytes_;  // of each node's label
  std::vector<Node> nodes_;
};

template <typename F>
void PrefixTree::ForEachPrefix(std::string_view text, F&& visit) const {
  size_t at = 0;
  for (const Node* node = nodes_.data();;) {
    if (node->text != kNone) visit(node->text, at);
    if (at == text.size() || node->children == 0) return;
    char next = text[at];
    if (ignore_case_ && next >= 'A' && next <= 'Z') next |= 0x20;
    const char* const keys = first_bytes_.data() + node->first_child;
    const void* const found = std::memchr(keys, next, node->children);
    if (found == nullptr) return;
    node = nodes_.data() + node->first_child + (static_cast<const char*>(found) - keys);
    if (!Follows(*node, text.substr(at))) return;
    at += node->label_size;
  }
}

}  // namespace pillion::route
