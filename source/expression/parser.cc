#include "source/expression/parser.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "source/base/escape.h"
#include "source/expression/lexer.h"

namespace pillion::expression {
namespace {

using Index = Ast::Index;
using TokenKind = Token::Kind;

// Binary operators, by how strongly they bind.
struct Operator {
  std::string_view sign;
  std::string_view function;
  int strength;
};
constexpr int kWeakest = 1;
constexpr int kStrongest = 5;
constexpr Operator kOperators[] = {
    {"||", "_||_", 1}, {"&&", "_&&_", 2}, {"<", "_<_", 3}, {"<=", "_<=_", 3}, {">", "_>_", 3},
    {">=", "_>=_", 3}, {"==", "_==_", 3}, {"!=", "_!=_", 3}, {"+", "_+_", 4}, {"-", "_-_", 4},
    {"*", "_*_", 5}, {"/", "_/_", 5}, {"%", "_%_", 5},
};
constexpr Operator kIn = {"in", "@in", 3};

// Words that no variable may have as its name.
constexpr std::string_view kReserved[] = {"as", "break", "const", "continue", "else", "for", "function", "if", "import",
                                          "in", "let", "loop", "package", "namespace", "return", "var", "void", "while"};

constexpr std::string_view kMacros[] = {"all", "exists", "exists_one", "map", "filter"};

template <size_t N>
bool IsOneOf(const std::string_view (&names)[N], std::string_view name) {
  for (const std::string_view other : names) {
    if (name == other) return true;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) {
    ast_.set_source(text);
    Advance();
  }

  absl::StatusOr<Ast> Run() {
    const Index root = ParseExpression();
    if (root != Ast::kNone && token_.kind != TokenKind::kEnd) Expected("the end or an operator");
    if (!error_.empty()) return absl::InvalidArgumentError(error_);
    return std::move(ast_);
  }

 private:
  // The first error is the one that is told; from then on everything ends.
  Index Fail(uint32_t offset, const std::string& what) {
    if (error_.empty()) error_ = Ast::PlaceIn(text_, offset) + ": " + what;
    token_ = {TokenKind::kEnd, offset, {}};
    return Ast::kNone;
  }
  Index Expected(std::string_view what) {
    std::string found = "found ";
    if (token_.kind == TokenKind::kEnd) {
      found += "the end";
    } else if (token_.kind == TokenKind::kString || token_.kind == TokenKind::kBytes) {
      found += "a text";
    } else {
      base::AppendLine(found, token_.text, 40);
    }
    return Fail(token_.offset, found + ", expected " + std::string(what));
  }

  void Advance() {
    token_ = lexer_.Next();
    if (token_.kind == TokenKind::kError) Fail(token_.offset, token_.text);
  }
  bool Take(std::string_view sign) {
    if (!token_.Is(sign)) return false;
    Advance();
    return true;
  }
  bool failed() const { return !error_.empty(); }

  Index Add(const Node& node, std::span<const Index> parts = {}) {
    if (failed()) return Ast::kNone;
    const Index index = ast_.Add(node, parts);
    if (index != Ast::kNone) return index;
    return Fail(node.offset, "too large: an expression has at most " + std::to_string(Ast::kMostNodes) + " parts, " +
                                 std::to_string(Ast::kMostParts) + " of them side by side and " +
                                 std::to_string(Ast::kMostDepth) + " within each other");
  }
  Index AddCall(uint32_t offset, std::string_view function, std::span<const Index> parts, bool member = false) {
    return Add({.kind = Node::Kind::kCall, .member = member, .offset = offset, .text = function}, parts);
  }
  Index AddConstant(uint32_t offset, Value value) {
    return Add({.kind = Node::Kind::kConstant, .offset = offset, .constant = value});
  }

  Index ParseExpression() {
    if (nesting_ == kMostNesting) {
      return Fail(token_.offset, "more than " + std::to_string(kMostNesting) + " expressions within each other");
    }
    ++nesting_;
    Index result = ParseBinary(kWeakest);
    const uint32_t offset = token_.offset;
    if (!failed() && Take("?")) {
      const Index yes = ParseBinary(kWeakest);
      if (!failed() && !Take(":")) Expected(": and what holds otherwise");
      const Index no = failed() ? Ast::kNone : ParseExpression();
      result = AddCall(offset, "_?_:_", std::array{result, yes, no});
    }
    --nesting_;
    return failed() ? Ast::kNone : result;
  }

  const Operator* FindOperator(int strength) const {
    if (strength == kIn.strength && token_.IsName("in")) return &kIn;
    if (token_.kind != TokenKind::kSign) return nullptr;
    for (const Operator& found : kOperators) {
      if (found.strength == strength && found.sign == token_.text) return &found;
    }
    return nullptr;
  }

  Index ParseBinary(int strength) {
    if (strength > kStrongest) return ParseUnary();
    Index left = ParseBinary(strength + 1);
    // All that && or || stand between are parts of one call.
    std::vector<Index> logic;
    uint32_t logic_offset = 0;
    while (!failed()) {
      const Operator* found = FindOperator(strength);
      if (found == nullptr) break;
      const uint32_t offset = token_.offset;
      Advance();
      const Index right = ParseBinary(strength + 1);
      if (strength <= 2) {
        if (logic.empty()) logic.push_back(left), logic_offset = offset;
        logic.push_back(right);
      } else {
        left = AddCall(offset, found->function, std::array{left, right});
      }
    }
    if (failed()) return Ast::kNone;
    return logic.empty() ? left : AddCall(logic_offset, strength == 1 ? "_||_" : "_&&_", logic);
  }

  Index ParseUnary() {
    const bool is_not = token_.Is("!");
    if (!is_not && !token_.Is("-")) return ParseMember();
    const std::string sign = token_.text;
    const uint32_t first = token_.offset;
    uint32_t last = first;
    size_t signs = 0;
    while (token_.Is(sign)) {
      last = token_.offset;
      ++signs;
      Advance();
    }
    // The least int has no positive counterpart: the sign belongs to the number.
    const bool number = token_.kind == TokenKind::kInt || token_.kind == TokenKind::kDouble;
    const bool negative_number = !is_not && number && last + 1 == token_.offset;
    Index result = ParseMember(negative_number ? last : UINT32_MAX);
    signs -= negative_number;
    // Two are none, but what they are before is still asked for its type.
    for (size_t left = signs == 0 ? 0 : 2 - signs % 2; left > 0 && !failed(); --left) {
      result = AddCall(first, is_not ? "!_" : "-_", std::array{result});
    }
    return result;
  }

  // `negative_from`: where the minus of the number that comes stands; UINT32_MAX: there is none.
  Index ParseMember(uint32_t negative_from = UINT32_MAX) {
    Index result = ParsePrimary(negative_from);
    while (!failed()) {
      const uint32_t offset = token_.offset;
      if (Take(".")) {
        result = ParseField(result);
      } else if (Take("[")) {
        const Index index = ParseExpression();
        if (!failed() && !Take("]")) Expected("]");
        result = AddCall(offset, "_[_]", std::array{result, index});
      } else {
        break;
      }
    }
    return result;
  }

  Index ParseField(Index of) {
    if (failed()) return Ast::kNone;
    const bool quoted = token_.kind == TokenKind::kQuotedName;
    const bool name_is_good = quoted || (token_.kind == TokenKind::kName && token_.text != "in");
    if (!name_is_good) return Expected("the name of a field or function");
    const uint32_t offset = token_.offset;
    const std::string_view name = ast_.Keep(token_.text);
    Advance();
    if (quoted || !token_.Is("(")) return Add({.kind = Node::Kind::kSelect, .offset = offset, .text = name}, std::array{of});
    Advance();
    std::vector<Index> parts{of};
    if (!ParseList(")", parts)) return Ast::kNone;
    const bool macro = IsOneOf(kMacros, name) && (parts.size() == 3 || (parts.size() == 4 && name == "map"));
    if (macro) return AddMacro(offset, name, parts);
    return AddCall(offset, name, parts, true);
  }

  // What is asked of each element needs a name for it.
  Index AddMacro(uint32_t offset, std::string_view name, std::vector<Index>& parts) {
    const Node& variable = ast_.at(parts[1]);
    if (variable.kind != Node::Kind::kName || variable.text.starts_with('.')) {
      return Fail(variable.offset, "expected the name that each element has in " + std::string(name) + "()");
    }
    parts.erase(parts.begin() + 1);
    return Add({.kind = Node::Kind::kMacro, .offset = offset, .text = name, .variable = variable.text}, parts);
  }

  // Behind the opening sign, until behind `close`. A comma may stand before it, but not in calls.
  bool ParseList(std::string_view close, std::vector<Index>& parts) {
    bool more = !token_.Is(close);
    while (more && !failed()) {
      parts.push_back(ParseExpression());
      more = Take(",") && (close == ")" || !token_.Is(close));
    }
    if (!failed() && !Take(close)) Expected(", or " + std::string(close));
    return !failed();
  }

  Index ParsePrimary(uint32_t negative_from) {
    const Token token = token_;
    if (failed()) return Ast::kNone;
    switch (token.kind) {
      case TokenKind::kName:
        return ParseName(false);
      case TokenKind::kInt:
      case TokenKind::kUint:
      case TokenKind::kDouble:
        Advance();
        return AddNumber(token, negative_from);
      case TokenKind::kString:
      case TokenKind::kBytes: {
        Advance();
        const std::string_view text = ast_.Keep(token.text);
        return AddConstant(token.offset, token.kind == TokenKind::kString ? Value::String(text) : Value::Bytes(text));
      }
      default:
        break;
    }
    if (Take(".")) {
      if (token_.kind != TokenKind::kName) return Expected("a name");
      return ParseName(true);
    }
    if (Take("(")) {
      const Index inner = ParseExpression();
      if (!failed() && !Take(")")) Expected(")");
      return failed() ? Ast::kNone : inner;
    }
    if (Take("[")) {
      std::vector<Index> parts;
      return ParseList("]", parts) ? Add({.kind = Node::Kind::kList, .offset = token.offset}, parts) : Ast::kNone;
    }
    if (Take("{")) return ParseMap(token.offset);
    return Expected("an expression");
  }

  Index ParseMap(uint32_t offset) {
    std::vector<Index> parts;
    while (!failed() && !token_.Is("}")) {
      parts.push_back(ParseExpression());
      if (!failed() && !Take(":")) Expected(": and the value of the key");
      if (failed()) break;
      parts.push_back(ParseExpression());
      if (!Take(",")) break;
    }
    if (!failed() && !Take("}")) Expected(", or }");
    return Add({.kind = Node::Kind::kMap, .offset = offset}, parts);
  }

  Index ParseName(bool rooted) {
    const uint32_t offset = token_.offset;
    const std::string name = token_.text;
    if (!rooted) {
      if (name == "true" || name == "false" || name == "null") {
        Advance();
        return AddConstant(offset, name == "null" ? Value::Null() : Value::Bool(name == "true"));
      }
      if (IsOneOf(kReserved, name)) return Expected("an expression; this word is reserved");
    }
    Advance();
    if (!token_.Is("(")) {
      // A leading dot passes over the names that macros give.
      return Add({.kind = Node::Kind::kName, .offset = offset, .text = ast_.Keep((rooted ? "." : "") + name)});
    }
    Advance();
    std::vector<Index> parts;
    if (!ParseList(")", parts)) return Ast::kNone;
    if (name == "has") return AddHas(offset, parts);
    return AddCall(offset, ast_.Keep(name), parts);
  }

  Index AddHas(uint32_t offset, std::span<const Index> parts) {
    const Node* field = parts.size() == 1 ? &ast_.at(parts[0]) : nullptr;
    if (field == nullptr || field->kind != Node::Kind::kSelect) {
      return Fail(offset, "has() is asked of a field, as in has(request.headers.accept); else there is 'name' in map");
    }
    const Index of = ast_.PartsOf(*field)[0];
    return Add({.kind = Node::Kind::kHas, .offset = field->offset, .text = field->text}, std::array{of});
  }

  Index AddNumber(const Token& token, uint32_t negative_from) {
    const bool negative = negative_from != UINT32_MAX;
    const uint32_t offset = negative ? negative_from : token.offset;
    std::string_view digits = token.text;
    if (token.kind == TokenKind::kDouble) {
      const std::string text = (negative ? "-" : "") + token.text;
      double number = 0;
      // Too small is zero, too large is refused.
      if (!absl::SimpleAtod(text, &number) || std::isinf(number)) return Fail(offset, text + " is too large for a double");
      return AddConstant(offset, Value::Double(number));
    }
    const int base = digits.starts_with("0x") || digits.starts_with("0X") ? 16 : 10;
    if (base == 16) digits.remove_prefix(2);
    uint64_t number = 0;
    const bool fits = std::from_chars(digits.data(), digits.data() + digits.size(), number, base).ec == std::errc();
    if (token.kind == TokenKind::kUint) {
      if (!fits) return Fail(offset, token.text + "u is no uint: the greatest is 18446744073709551615u");
      return AddConstant(offset, Value::Uint(number));
    }
    constexpr uint64_t kMost = INT64_MAX;
    if (!fits || number > kMost + negative) {
      return Fail(offset, token.text + " is no int: they go from -9223372036854775808 to 9223372036854775807");
    }
    return AddConstant(offset, Value::Int(static_cast<int64_t>(negative ? 0 - number : number)));
  }

  std::string_view text_;
  Lexer lexer_;
  Token token_;
  Ast ast_;
  std::string error_;  // empty: none yet
  int nesting_ = 0;
};

}  // namespace

absl::StatusOr<Ast> Parse(std::string_view text) {
  if (text.size() > kLongestExpression) {
    return absl::InvalidArgumentError("it has " + std::to_string(text.size()) + " bytes, expected at most " +
                                      std::to_string(kLongestExpression));
  }
  return Parser(text).Run();
}

}  // namespace pillion::expression
