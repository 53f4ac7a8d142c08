#pragma once

// An expression as a tree: what the parser makes of a text, and what a reader of google.api.expr trees (Expr,
// CheckedExpr) makes of these, with the same names: calls are of functions ("_+_", "_&&_", "_?_:_", "_[_]", "@in",
// "size"), macros are not expanded. Everything that comes after works on it alone.
//
// Built bottom up: what a node is made of is there before it. Bounded in size and depth, so that whoever walks it may
// recurse.

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/expression/value.h"

namespace pillion::expression {

struct Node {
  enum class Kind : uint8_t {
    kConstant,
    kName,    // `text`
    kSelect,  // the field `text` of its part
    kHas,     // whether its part has the field `text`
    kCall,    // of the function `text`; `member`: the first part is what it is called on
    kList,    // its parts
    kMap,     // its parts: key, value, key, value, ...
    kMacro,   // "all", "exists", "exists_one", "map", "filter" in `text`; parts: a list or map, what is asked of each of its
              // elements (called `variable`), and for "map" what becomes of those for which that holds, else as is
  };

  Kind kind;
  bool member = false;
  uint16_t depth = 0;   // of the tree below
  uint32_t offset = 0;  // bytes before it in the text (of an operator, the operator itself), or the number of its origin
  std::string_view text;
  std::string_view variable;
  Value constant = Value::Null();
  uint32_t first = 0;  // of its parts in the tree's list of them
  uint32_t count = 0;
};

// Where a node of a tree that did not come as a text has its origin, as whoever made it has told.
struct Origin {
  int64_t id = 0;       // the node's own
  uint32_t line = 0;    // from 1; 0: not told
  uint32_t column = 0;  // the same

  std::string Text() const;  // "expression 7", "expression 7 at line 1, column 9"
};

class Ast {
 public:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  static constexpr size_t kMostNodes = 10'000;
  static constexpr uint16_t kMostDepth = 200;
  static constexpr size_t kMostParts = 1'000;  // of one node

  Ast() = default;
  Ast(Ast&&) = default;
  Ast& operator=(Ast&&) = default;

  // kNone: it would be too large or too deep. Texts of `node` are kept by Keep(), or outlive the tree.
  Index Add(Node node, std::span<const Index> parts = {});
  std::string_view Keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  // Where the whole expression is the one that was added last.
  const Node& root() const { return nodes_.back(); }
  Index root_index() const { return static_cast<Index>(nodes_.size() - 1); }
  bool empty() const { return nodes_.empty(); }
  size_t size() const { return nodes_.size(); }
  const Node& at(Index index) const { return nodes_[index]; }
  std::span<const Index> PartsOf(const Node& node) const { return {parts_.data() + node.first, node.count}; }

  // The text that offsets are places in; empty where there is none.
  const std::string& source() const { return source_; }
  void set_source(std::string_view source) { source_ = source; }
  // Of a tree without a text: the `offset` for a node of that origin.
  uint32_t AddOrigin(const Origin& origin) {
    origins_.push_back(origin);
    return static_cast<uint32_t>(origins_.size() - 1);
  }
  const std::vector<Origin>& origins() const { return origins_; }
  // "column 7", or "line 2, column 7" of a text of several lines. Both count from 1, and characters, not bytes.
  std::string PlaceOf(uint32_t offset) const {
    return offset < origins_.size() ? origins_[offset].Text() : PlaceIn(source_, offset);
  }
  static std::string PlaceIn(std::string_view source, uint32_t offset);

 private:
  std::vector<Node> nodes_;
  std::vector<Index> parts_;
  std::deque<std::string> texts_;  // their places never change
  std::string source_;
  std::vector<Origin> origins_;
};

}  // namespace pillion::expression
