#pragma once

// A YAML (or JSON, which reads as YAML) text as a tree of values that are not typed yet: which of them is a number
// or a boolean is for the field to say that it is meant for. Bounded: size, depth, and the number of values after
// aliases are expanded: a text of 16 MiB takes 150 MB at the most while it is read.

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "source/config/config_error.h"

namespace pillion::config {

struct TreeNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };

  struct Member {
    std::string key;
    int line = 0;
    const TreeNode* value = nullptr;
  };

  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes or a block: never a number, boolean or null
  int line = 0;
  std::string text;
  std::vector<const TreeNode*> elements;
  std::vector<Member> members;  // in the text's order; a key may come twice
};

// Owns its nodes. An alias is the anchored node itself, so a node may have several parents, but never itself below
// it.
class Tree {
 public:
  Tree() = default;
  Tree(Tree&&) = default;  // moving leaves the nodes where they are
  Tree& operator=(Tree&&) = default;

  static constexpr size_t kMaxBytes = 16 * 1024 * 1024;
  static constexpr size_t kMaxDepth = 100;
  static constexpr size_t kMaxValues = 500000;  // of a tree, and with aliases expanded

  // The tree of `text`, or the error that makes it none.
  static std::variant<Tree, ConfigError> Parse(std::string_view text);

  const TreeNode& root() const { return *root_; }

  // A map with one member, which is `tree`.
  static Tree Under(std::string key, Tree tree);

 private:
  friend class TreeBuilder;

  static std::variant<Tree, ConfigError> ParseYaml(std::string_view text);

  std::deque<TreeNode> nodes_;
  const TreeNode* root_ = nullptr;
};

struct TreePlace {
  size_t tree = 0;
  int line = 0;
};

// Where the value at `path`, or the nearest one above it that exists, stands when the trees, one at least, are merged in
// their order: lists one behind the other, and of single values the last.
TreePlace PlaceOf(const std::vector<Tree>& trees, std::string_view path);

// "per_try_timeout" for "perTryTimeout"; names that are in snake case already stay.
std::string SnakeCase(std::string_view name);

}  // namespace pillion::config
