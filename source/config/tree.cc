#include "source/config/tree.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "source/config/text.h"
#include "source/config/tree_builder.h"
#include "source/config/tree_json.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace pillion::config {
namespace {

int LineOfMark(const YAML::Mark& mark) {
  return mark.is_null() ? 0 : mark.line + 1;
}

// The first byte that cannot be in a text: where UTF-8 ends, or NUL, unless it was written as an escape. None: npos.
size_t FirstBadByte(std::string_view text, bool unescaped = false) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead == 0 && !unescaped) return i;
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

// Half as many values as YAML of these bytes has, at the least: a line begins one, which may be a map, and so does each
// dash or question mark behind others at its beginning, and each comma and bracket.
size_t MostValues(std::string_view text) {
  size_t most = 1;
  bool begins = true;  // nothing but these marks has come in the line
  bool nests = false;  // behind one of them
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool mark = (c == '-' || c == '?') && (i + 1 == text.size() || absl::ascii_isspace(text[i + 1]));
    most += c == '\n' || c == ',' || c == '[' || c == '{' || (mark && nests);
    begins = c == '\n' || (begins && (mark || absl::ascii_isspace(c)));
    nests = begins && c != '\n' && (mark || nests);
  }
  return most;
}

// The parser's events. After the first error it only waits for the end of the text: the parser can be left by an exception
// alone, and the size of the text bounds how long that takes.
class YamlEvents final : public YAML::EventHandler {
 public:
  explicit YamlEvents(TreeBuilder& builder) : builder_(builder) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.Null(LineOfMark(mark), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.Alias(LineOfMark(mark), anchor); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    // "!" is how the parser says quoted, "?" or nothing plain.
    const bool string_tag = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!string_tag && !IsPlain(mark, tag)) return;
    if (FirstBadByte(value, true) != std::string::npos) {
      // The parser takes \N and \_ for Latin-1.
      return builder_.Fail(LineOfMark(mark), "an escape that is not UTF-8; expected \\u and four digits");
    }
    builder_.Scalar(LineOfMark(mark), value, string_tag, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (tag == "!" || IsPlain(mark, tag)) builder_.Open(LineOfMark(mark), TreeNode::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { builder_.Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (tag == "!" || IsPlain(mark, tag)) builder_.Open(LineOfMark(mark), TreeNode::Kind::kMap, anchor);
  }
  void OnMapEnd() override { builder_.Close(); }

 private:
  bool IsPlain(const YAML::Mark& mark, const std::string& tag) {
    if (tag == "?" || tag.empty()) return true;
    builder_.Fail(LineOfMark(mark), Concat("the tag ", Quote(tag), " is not supported"));
    return false;
  }

  TreeBuilder& builder_;
};

// What the parser's words leave unsaid about the line where it gave up.
std::string Hint(std::string_view text, int line, std::string_view message) {
  for (int i = 1; i < line && !text.empty(); ++i) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const std::string_view indentation = text.substr(0, std::min(text.find_first_not_of(" \t"), text.size()));
  if (indentation.find('\t') != std::string_view::npos) return "; there is a tab in the indentation, expected blanks";
  if (message == "end of map not found") return ", expected a further key of the map around it, or less indentation";
  return "";
}

}  // namespace

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

  int no_json = 0;
  if (const char first = text[text.find_first_not_of(" \t\r\n")]; first == '{' || first == '[') {
    Tree tree;
    TreeBuilder builder(tree);
    no_json = ReadJson(text, builder);
    if (builder.error()) return *builder.error();
    if (no_json == 0) return tree;
  }
  // The parser makes tokens of much of the text, or all, before it says anything.
  if (MostValues(text) > kMaxValues) {
    return ConfigError{"", no_json, Concat(no_json > 0 ? "no JSON, and as YAML " : "", "more than ", kMaxValues, " values")};
  }
  return ParseYaml(text);
}

std::variant<Tree, ConfigError> Tree::ParseYaml(std::string_view text) {
  Tree tree;
  TreeBuilder builder(tree);
  try {
    YamlEvents events(builder);
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(events) || tree.root_ == nullptr) {
      return builder.error().value_or(ConfigError{"", 0, "no document"});
    }
    Tree rest;
    TreeBuilder rest_builder(rest);
    YamlEvents rest_events(rest_builder);
    if (!builder.error() && parser.HandleNextDocument(rest_events)) {
      return ConfigError{"", rest.root_ == nullptr ? 0 : rest.root_->line, "a second document; expected one"};
    }
  } catch (const YAML::Exception& e) {
    // It is no YAML at all, whatever the events before that looked like.
    const int line = LineOfMark(e.mark);
    return ConfigError{"", line, Concat(e.msg, Hint(text, line, e.msg))};
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
