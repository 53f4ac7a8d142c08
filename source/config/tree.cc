#include "source/config/tree.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "source/config/text.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace pillion::config {
namespace {

int LineOfMark(const YAML::Mark& mark) {
  return mark.is_null() ? 0 : mark.line + 1;
}

// The first byte that cannot be in a text: NUL, or where UTF-8 ends. None: npos.
size_t FirstBadByte(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead == 0) return i;
    const size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || i + length > text.size()) return i;
    for (size_t k = 1; k < length; ++k) {
      if ((text[i + k] & 0xC0) != 0x80) return i;
    }
    if (length > 2) {  // overlong forms, surrogates, beyond U+10FFFF
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
          (lead == 0xF4 && second > 0x8F)) {
        return i;
      }
    }
    i += length;
  }
  return std::string_view::npos;
}

// The code unit of an escape `\uXXXX` at the start of `text`, or nothing.
std::optional<uint32_t> EscapedUnit(std::string_view text) {
  uint32_t unit = 0;
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  const auto end = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  if (end.ec != std::errc() || end.ptr != text.data() + 6) return std::nullopt;
  return unit;
}

// JSON writes characters beyond U+FFFF as two escapes (RFC 8259, section 7), which YAML does not know:
// `\U0001F600` instead, within double quotes.
std::string JoinSurrogates(std::string_view text) {
  std::string joined;
  bool quoted = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (!quoted || c != '\\' || i + 1 == text.size()) {
      joined += c;
      ++i;
      continue;
    }
    const std::optional<uint32_t> high = EscapedUnit(text.substr(i));
    const std::optional<uint32_t> low =
        high.value_or(0) >> 10 == 0x36 ? EscapedUnit(text.substr(i + 6)) : std::nullopt;
    if (low.value_or(0) >> 10 != 0x37) {
      joined += text.substr(i, 2);
      i += 2;
      continue;
    }
    char escape[11];
    std::snprintf(escape, sizeof(escape), "\\U%08X", 0x10000 + ((*high & 0x3FF) << 10) + (*low & 0x3FF));
    joined += escape;
    i += 12;
  }
  return joined;
}

}  // namespace

// Turns the parser's events into nodes. After the first error it only waits for the end of the text: the parser
// can be left by an exception alone, and the size of the text bounds how long that takes.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Tree& tree) : tree_(tree) {}

  const std::optional<ConfigError>& error() const { return error_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Leaf(mark, anchor, TreeNode::Kind::kNull, {});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (error_) return;
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) return Fail(mark, "an alias within the value that it stands for");
    if (WantsKey()) return Fail(mark, "an alias is no key; expected a name");
    Attach(found->second, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // "!" is how the parser says quoted, "?" or nothing plain.
    const bool string_tag = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!string_tag && tag != "?" && !tag.empty())
      return Fail(mark, Concat("the tag ", Quote(tag), " is not supported"));
    if (WantsKey() && !error_) {
      open_.back().key = TreeNode::Member{value, LineOfMark(mark), nullptr};
      open_.back().has_key = true;
      return;
    }
    TreeNode* node = Leaf(mark, anchor, TreeNode::Kind::kScalar, value);
    if (node != nullptr) node->quoted = string_tag;
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, TreeNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, TreeNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

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
    YAML::anchor_t anchor = 0;
    Extent extent;
    TreeNode::Member key;
    bool has_key = false;
  };

  bool WantsKey() const {
    return !open_.empty() && open_.back().node->kind == TreeNode::Kind::kMap && !open_.back().has_key;
  }

  void Fail(const YAML::Mark& mark, std::string message) {
    if (!error_) error_ = ConfigError{"", LineOfMark(mark), std::move(message)};
  }

  TreeNode* Add(const YAML::Mark& mark, TreeNode::Kind kind) {
    TreeNode& node = tree_.nodes_.emplace_back();
    node.kind = kind;
    node.line = LineOfMark(mark);
    return &node;
  }

  TreeNode* Leaf(const YAML::Mark& mark, YAML::anchor_t anchor, TreeNode::Kind kind, const std::string& text) {
    if (error_) return nullptr;
    if (WantsKey()) {
      Fail(mark, "a key is missing; expected a name");
      return nullptr;
    }
    TreeNode* node = Add(mark, kind);
    node->text = text;
    Finish({node, {}}, anchor, mark);
    return node;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, TreeNode::Kind kind) {
    if (error_) return;
    if (tag != "?" && tag != "!" && !tag.empty())
      return Fail(mark, Concat("the tag ", Quote(tag), " is not supported"));
    if (WantsKey()) return Fail(mark, "a list or a map is no key; expected a name");
    if (open_.size() == Tree::kMaxDepth) return Fail(mark, Concat("nested deeper than ", Tree::kMaxDepth));
    open_.push_back({Add(mark, kind), anchor, {}, {}, false});
  }

  void Close() {
    if (error_) return;
    const OpenNode closed = std::move(open_.back());
    open_.pop_back();
    Finish({closed.node, closed.extent}, closed.anchor, YAML::Mark::null_mark());
  }

  void Finish(const Finished& finished, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != 0) anchored_[anchor] = finished;
    Attach(finished, mark);
  }

  void Attach(const Finished& child, const YAML::Mark& mark) {
    if (open_.empty()) {
      tree_.root_ = child.node;
      return;
    }
    OpenNode& parent = open_.back();
    parent.extent.values += child.extent.values;  // both are at most kMaxValues
    parent.extent.height = std::max(parent.extent.height, child.extent.height + 1);
    if (parent.extent.values > Tree::kMaxValues) {
      return Fail(mark, Concat("more than ", Tree::kMaxValues, " values with aliases expanded"));
    }
    if (open_.size() - 1 + parent.extent.height > Tree::kMaxDepth) {
      return Fail(mark, Concat("nested deeper than ", Tree::kMaxDepth, " with aliases expanded"));
    }
    if (parent.node->kind == TreeNode::Kind::kList) {
      parent.node->elements.push_back(child.node);
      return;
    }
    parent.key.value = child.node;
    parent.node->members.push_back(std::move(parent.key));
    parent.has_key = false;
  }

  Tree& tree_;
  std::vector<OpenNode> open_;
  std::unordered_map<YAML::anchor_t, Finished> anchored_;
  std::optional<ConfigError> error_;
};

std::variant<Tree, ConfigError> Tree::Parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return ConfigError{"", 0, Concat(text.size(), " bytes, expected at most ", kMaxBytes)};
  }
  if (const size_t bad = FirstBadByte(text); bad != std::string_view::npos) {
    const int line = 1 + static_cast<int>(std::count(text.begin(), text.begin() + bad, '\n'));
    return ConfigError{"", line, text[bad] == 0 ? "a NUL byte; expected UTF-8 text" : "not UTF-8"};
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return ConfigError{"", 0, "empty"};

  Tree tree;
  TreeBuilder builder(tree);
  try {
    const bool is_json = text[text.find_first_not_of(" \t\r\n")] == '{';
    std::istringstream stream(is_json ? JoinSurrogates(text) : std::string(text));
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder) || tree.root_ == nullptr) {
      return builder.error().value_or(ConfigError{"", 0, "no document"});
    }
    Tree rest;
    TreeBuilder rest_builder(rest);
    if (!builder.error() && parser.HandleNextDocument(rest_builder)) {
      return ConfigError{"", rest.root_ == nullptr ? 0 : rest.root_->line, "a second document; expected one"};
    }
  } catch (const YAML::Exception& e) {
    // It is no YAML at all, whatever the events before that looked like.
    return ConfigError{"", LineOfMark(e.mark), e.msg};
  }
  if (builder.error()) return *builder.error();
  return tree;
}

Tree Tree::Under(std::string key, Tree tree) {
  TreeNode& map = tree.nodes_.emplace_back();
  map.kind = TreeNode::Kind::kMap;
  map.line = tree.root_->line;
  map.members.push_back({.key = std::move(key), .line = map.line, .value = tree.root_});
  tree.root_ = &map;
  return tree;
}

namespace {

// One step of a path, of the forms that FieldPath, ElementPath and KeyPath write.
struct PathStep {
  std::optional<size_t> index;
  std::string_view name;
};

PathStep TakeStep(std::string_view& path) {
  PathStep step;
  if (path.starts_with('[') && !path.starts_with("[\"")) {
    size_t index = 0;
    const auto end = std::from_chars(path.data() + 1, path.data() + path.size(), index).ptr;
    path.remove_prefix(std::min<size_t>(end + 1 - path.data(), path.size()));
    step.index = index;
    return step;
  }
  const bool is_key = path.starts_with("[\"");
  if (path.starts_with('.')) path.remove_prefix(1);
  const size_t end = is_key ? path.find("\"]") : path.find_first_of(".[");
  step.name = is_key ? path.substr(2, end - 2) : path.substr(0, end);
  path.remove_prefix(std::min(path.size(), is_key && end != std::string_view::npos ? end + 2 : end));
  return step;
}

const TreeNode::Member* FindMember(const TreeNode& node, std::string_view name) {
  const TreeNode::Member* found = nullptr;
  for (const TreeNode::Member& member : node.members) {
    if (member.key == name || SnakeCase(member.key) == name) found = &member;
  }
  return found;
}

}  // namespace

TreePlace PlaceOf(const std::vector<Tree>& trees, std::string_view path) {
  std::vector<const TreeNode*> nodes;  // of each tree: null once the path has left it
  for (const Tree& tree : trees) nodes.push_back(&tree.root());
  TreePlace place{0, nodes[0]->line};
  while (!path.empty()) {
    const PathStep step = TakeStep(path);
    size_t skipped = 0;  // elements of the trees before
    bool found = false;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const TreeNode* const node = std::exchange(nodes[i], nullptr);
      if (node == nullptr) continue;
      if (!step.index) {
        const TreeNode::Member* member = FindMember(*node, step.name);
        if (member == nullptr) continue;
        nodes[i] = member->value;
        place = {i, member->line};
        found = true;
        continue;
      }
      // What is no list is one value that stands for a list.
      const size_t size = node->kind == TreeNode::Kind::kList ? node->elements.size() : 1;
      const size_t index = *step.index - skipped;
      skipped += size;
      if (found || index >= size) continue;
      nodes[i] = node->kind == TreeNode::Kind::kList ? node->elements[index] : node;
      place = {i, nodes[i]->line};
      found = true;
    }
    if (!found) break;
  }
  return place;
}

std::string SnakeCase(std::string_view name) {
  std::string snake;
  for (const char c : name) {
    if (absl::ascii_isupper(c)) {
      if (!snake.empty()) snake += '_';
      snake += absl::ascii_tolower(c);
    } else {
      snake += c;
    }
  }
  return snake;
}

}  // namespace pillion::config
