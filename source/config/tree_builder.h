#pragma once

// Turns what a reader of YAML or JSON finds, piece by piece, into a tree within its bounds. After the first error it takes
// nothing more. Internal to config/.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/config/tree.h"

namespace pillion::config {

class TreeBuilder {
 public:
  explicit TreeBuilder(Tree& tree) : tree_(tree) {}

  const std::optional<ConfigError>& error() const { return error_; }
  void Fail(int line, std::string message);

  // `anchor`: by which an alias may name the value; 0: none can.
  void Null(int line, size_t anchor = 0) { Leaf(line, anchor, TreeNode::Kind::kNull, {}); }
  // A key where one is due, else a value.
  void Scalar(int line, std::string_view text, bool quoted, size_t anchor = 0);
  void Alias(int line, size_t anchor);
  // A list or a map.
  void Open(int line, TreeNode::Kind kind, size_t anchor = 0);
  void Close();

 private:
  // What a node stands for with its aliases expanded.
  struct Extent {
    size_t values = 1;
    size_t height = 1;
  };

  struct Finished {
    const TreeNode* node = nullptr;
    Extent extent;
  };

  struct OpenNode {
    TreeNode* node = nullptr;
    size_t anchor = 0;
    Extent extent;
    TreeNode::Member key;
    bool has_key = false;
  };

  bool WantsKey() const {
    return !open_.empty() && open_.back().node->kind == TreeNode::Kind::kMap && !open_.back().has_key;
  }
  TreeNode* Add(int line, TreeNode::Kind kind);
  TreeNode* Leaf(int line, size_t anchor, TreeNode::Kind kind, std::string_view text);
  void Finish(const Finished& finished, size_t anchor, int line);
  void Attach(const Finished& child, int line);

  Tree& tree_;
  std::vector<OpenNode> open_;
  std::unordered_map<size_t, Finished> anchored_;
  std::optional<ConfigError> error_;
};

}  // namespace pillion::config
