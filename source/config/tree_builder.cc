#include "source/config/tree_builder.h"

#include <algorithm>
#include <utility>

#include "source/config/text.h"

namespace pillion::config {

void TreeBuilder::Fail(int line, std::string message) {
  if (!error_) error_ = ConfigError{"", line, std::move(message)};
}

void TreeBuilder::Scalar(int line, std::string_view text, bool quoted, size_t anchor) {
  if (error_) return;
  if (WantsKey()) {
    open_.back().key = TreeNode::Member{std::string(text), line, nullptr};
    open_.back().has_key = true;
    return;
  }
  TreeNode* node = Leaf(line, anchor, TreeNode::Kind::kScalar, text);
  if (node != nullptr) node->quoted = quoted;
}

void TreeBuilder::Alias(int line, size_t anchor) {
  if (error_) return;
  const auto found = anchored_.find(anchor);
  if (found == anchored_.end()) return Fail(line, "an alias within the value that it stands for");
  if (WantsKey()) return Fail(line, "an alias is no key; expected a name");
  Attach(found->second, line);
}

void TreeBuilder::Open(int line, TreeNode::Kind kind, size_t anchor) {
  if (error_) return;
  if (WantsKey()) return Fail(line, "a list or a map is no key; expected a name");
  if (open_.size() == Tree::kMaxDepth) return Fail(line, Concat("nested deeper than ", Tree::kMaxDepth));
  TreeNode* node = Add(line, kind);
  if (node != nullptr) open_.push_back({node, anchor, {}, {}, false});
}

void TreeBuilder::Close() {
  if (error_) return;
  const OpenNode closed = std::move(open_.back());
  open_.pop_back();
  closed.node->elements.shrink_to_fit();  // many are nearly twice as large as they need be
  closed.node->members.shrink_to_fit();
  Finish({closed.node, closed.extent}, closed.anchor, 0);
}

TreeNode* TreeBuilder::Add(int line, TreeNode::Kind kind) {
  if (tree_.nodes_.size() == Tree::kMaxValues) {
    Fail(line, Concat("more than ", Tree::kMaxValues, " values"));
    return nullptr;
  }
  TreeNode& node = tree_.nodes_.emplace_back();
  node.kind = kind;
  node.line = line;
  return &node;
}

TreeNode* TreeBuilder::Leaf(int line, size_t anchor, TreeNode::Kind kind, std::string_view text) {
  if (error_) return nullptr;
  if (WantsKey()) {
    Fail(line, "a key is missing; expected a name");
    return nullptr;
  }
  TreeNode* node = Add(line, kind);
  if (node == nullptr) return nullptr;
  node->text = text;
  Finish({node, {}}, anchor, line);
  return node;
}

void TreeBuilder::Finish(const Finished& finished, size_t anchor, int line) {
  if (anchor != 0) anchored_[anchor] = finished;
  Attach(finished, line);
}

void TreeBuilder::Attach(const Finished& child, int line) {
  if (open_.empty()) {
    tree_.root_ = child.node;
    return;
  }
  OpenNode& parent = open_.back();
  parent.extent.values += child.extent.values;  // both are at most kMaxValues
  parent.extent.height = std::max(parent.extent.height, child.extent.height + 1);
  if (parent.extent.values > Tree::kMaxValues) {
    return Fail(line, Concat("more than ", Tree::kMaxValues, " values with aliases expanded"));
  }
  if (open_.size() - 1 + parent.extent.height > Tree::kMaxDepth) {
    return Fail(line, Concat("nested deeper than ", Tree::kMaxDepth, " with aliases expanded"));
  }
  if (parent.node->kind == TreeNode::Kind::kList) {
    parent.node->elements.push_back(child.node);
    return;
  }
  parent.key.value = child.node;
  parent.node->members.push_back(std::move(parent.key));
  parent.has_key = false;
}

}  // namespace pillion::config
