#include "source/expression/ast.h"

#include <algorithm>

namespace pillion::expression {

std::string Origin::Text() const {
  const std::string text = "expression " + std::to_string(id);
  return line == 0 ? text : text + " at line " + std::to_string(line) + ", column " + std::to_string(column);
}

Ast::Index Ast::Add(Node node, std::span<const Index> parts) {
  if (nodes_.size() >= kMostNodes || parts.size() > kMostParts) return kNone;
  node.depth = 0;
  for (const Index part : parts) {
    if (part == kNone) return kNone;
    node.depth = std::max<uint16_t>(node.depth, nodes_[part].depth + 1);
  }
  if (node.depth > kMostDepth) return kNone;
  node.first = static_cast<uint32_t>(parts_.size());
  node.count = static_cast<uint32_t>(parts.size());
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  nodes_.push_back(node);
  return root_index();
}

std::string Ast::PlaceIn(std::string_view source, uint32_t offset) {
  const std::string_view before = source.substr(0, std::min<size_t>(offset, source.size()));
  const size_t line_begin = before.rfind('\n') + 1;  // 0 where there is none
  const std::string_view line = before.substr(line_begin);
  // Bytes that continue a character of UTF-8 are none of their own.
  const auto is_first = [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; };
  const std::string column = "column " + std::to_string(1 + std::count_if(line.begin(), line.end(), is_first));
  if (source.find('\n') == std::string_view::npos) return column;
  return "line " + std::to_string(1 + std::count(before.begin(), before.end(), '\n')) + ", " + column;
}

}  // namespace pillion::expression
