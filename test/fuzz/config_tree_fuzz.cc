// Input: a configuration's text. What must hold: it is read or refused with a reason; what was read is within the bounds,
// and is the same once it is written as JSON and read again.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "source/base/check.h"
#include "source/base/escape.h"
#include "source/config/tree.h"

namespace pillion::config {
namespace {

// A plain scalar as a string that says so.
void Write(const TreeNode& node, size_t depth, std::string& to) {
  PILLION_CHECK(depth <= Tree::kMaxDepth);
  switch (node.kind) {
    case TreeNode::Kind::kNull:
      to += "null";
      return;
    case TreeNode::Kind::kScalar:
      node.quoted ? base::AppendJsonString(to, node.text) : base::AppendJsonString(to, "plain " + node.text);
      return;
    case TreeNode::Kind::kList:
      to += '[';
      for (size_t i = 0; i < node.elements.size(); ++i) {
        if (i > 0) to += ',';
        Write(*node.elements[i], depth + 1, to);
      }
      to += ']';
      return;
    case TreeNode::Kind::kMap:
      to += '{';
      for (size_t i = 0; i < node.members.size(); ++i) {
        if (i > 0) to += ',';
        base::AppendJsonString(to, node.members[i].key);
        to += ':';
        Write(*node.members[i].value, depth + 1, to);
      }
      to += '}';
      return;
  }
}

}  // namespace
}  // namespace pillion::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pillion::config;
  const auto parsed = Tree::Parse({reinterpret_cast<const char*>(data), size});
  if (const auto* error = std::get_if<ConfigError>(&parsed)) {
    PILLION_CHECK(!error->message.empty() && error->line >= 0);
    return 0;
  }
  const TreeNode& root = std::get<Tree>(parsed).root();
  if (root.kind != TreeNode::Kind::kList && root.kind != TreeNode::Kind::kMap) return 0;
  std::string once, twice;
  Write(root, 1, once);
  if (once.size() > Tree::kMaxBytes) return 0;  // by aliases
  const auto again = Tree::Parse(once);
  PILLION_CHECK(std::holds_alternative<Tree>(again));
  Write(std::get<Tree>(again).root(), 1, twice);
  PILLION_CHECK(once == twice);
  return 0;
}
