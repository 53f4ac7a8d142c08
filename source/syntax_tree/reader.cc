#include "source/syntax_tree/reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "source/base/escape.h"
#include "source/syntax_tree/macro.h"

namespace pillion::syntax_tree {
namespace {

namespace v1alpha1 = google::api::expr::v1alpha1;
using expression::Ast;
using expression::Node;
using expression::Value;
using v1alpha1::Expr;
using Index = Ast::Index;
using References = google::protobuf::Map<int64_t, v1alpha1::Reference>;

std::string Printable(std::string_view text) {
  std::string out;
  base::AppendLine(out, text, 80);
  return out;
}

class Reader {
 public:
  Reader(const v1alpha1::SourceInfo& source, const References& references) : source_(source), references_(references) {}

  absl::StatusOr<Ast> Run(const Expr& root) {
    (void)Read(root, 0);
    if (!error_.empty()) return absl::InvalidArgumentError(error_);
    return std::move(ast_);
  }

 private:
  // The first error is the one that is told; from then on everything ends.
  Index Fail(uint32_t origin, const std::string& what) {
    if (error_.empty()) error_ = ast_.PlaceOf(origin) + ": " + what;
    return Ast::kNone;
  }

  uint32_t OriginOf(const Expr& expr) {
    expression::Origin origin{.id = expr.id()};
    const auto found = source_.positions().find(expr.id());
    if (found != source_.positions().end() && found->second >= 0) {
      const auto& lines = source_.line_offsets();
      const int32_t position = found->second;
      // Their order is not to be relied on; without it the place is wrong, and that is all.
      const auto behind = std::upper_bound(lines.begin(), lines.end(), position);
      const int32_t begin = behind == lines.begin() ? 0 : std::clamp(*std::prev(behind), 0, position);
      origin.line = static_cast<uint32_t>(behind - lines.begin()) + 1;
      origin.column = static_cast<uint32_t>(position - begin) + 1;
    }
    return ast_.AddOrigin(origin);
  }

  Index Add(const Node& node, std::span<const Index> parts = {}) {
    if (!error_.empty()) return Ast::kNone;
    const Index index = ast_.Add(node, parts);
    if (index != Ast::kNone) return index;
    return Fail(node.offset, "too large: an expression has at most " + std::to_string(Ast::kMostNodes) + " parts, " +
                                 std::to_string(Ast::kMostParts) + " of them side by side and " +
                                 std::to_string(Ast::kMostDepth) + " within each other");
  }

  // What a name stands for, where somebody has looked it up; null: nothing is told.
  const v1alpha1::Reference* FindReference(const Expr& expr) const {
    const auto found = references_.find(expr.id());
    if (found == references_.end()) return nullptr;
    const v1alpha1::Reference& reference = found->second;
    return reference.has_value() || !reference.name().empty() ? &reference : nullptr;
  }

  Index Read(const Expr& expr, int depth) {
    if (!error_.empty()) return Ast::kNone;
    const uint32_t origin = OriginOf(expr);
    if (depth > Ast::kMostDepth || ast_.origins().size() > 2 * Ast::kMostNodes) return Fail(origin, "too deep or too large");
    switch (expr.expr_kind_case()) {
      case Expr::kConstExpr:
        return ReadConstant(expr.const_expr(), origin);
      case Expr::kIdentExpr:
        return ReadName(expr, expr.ident_expr().name(), origin);
      case Expr::kSelectExpr:
        return ReadSelect(expr, origin, depth);
      case Expr::kCallExpr:
        return ReadCall(expr.call_expr(), origin, depth);
      case Expr::kListExpr:
        return ReadList(expr.list_expr(), origin, depth);
      case Expr::kStructExpr:
        return ReadMap(expr.struct_expr(), origin, depth);
      case Expr::kComprehensionExpr:
        return ReadLoop(expr.comprehension_expr(), origin, depth);
      case Expr::EXPR_KIND_NOT_SET:
        break;
    }
    return Fail(origin, "it is empty, expected one of const_expr, ident_expr, select_expr, call_expr, list_expr, "
                        "struct_expr, comprehension_expr");
  }

  Index ReadConstant(const v1alpha1::Constant& from, uint32_t origin) {
    const auto add = [&](Value value) { return Add({.kind = Node::Kind::kConstant, .offset = origin, .constant = value}); };
    switch (from.constant_kind_case()) {
      case v1alpha1::Constant::kNullValue:
        return add(Value::Null());
      case v1alpha1::Constant::kBoolValue:
        return add(Value::Bool(from.bool_value()));
      case v1alpha1::Constant::kInt64Value:
        return add(Value::Int(from.int64_value()));
      case v1alpha1::Constant::kUint64Value:
        return add(Value::Uint(from.uint64_value()));
      case v1alpha1::Constant::kDoubleValue:
        return add(Value::Double(from.double_value()));
      case v1alpha1::Constant::kStringValue:
        return add(Value::String(ast_.Keep(from.string_value())));
      case v1alpha1::Constant::kBytesValue:
        return add(Value::Bytes(ast_.Keep(from.bytes_value())));
      case v1alpha1::Constant::CONSTANT_KIND_NOT_SET:
        break;
    }
    return Fail(origin, "the constant is empty, expected a value");
  }

  Index ReadName(const Expr& expr, const std::string& written, uint32_t origin) {
    const v1alpha1::Reference* const reference = FindReference(expr);
    if (reference != nullptr && reference->has_value()) return ReadConstant(reference->value(), origin);
    const std::string& name = reference != nullptr ? reference->name() : written;
    if (name.empty()) return Fail(origin, "the name is empty");
    return Add({.kind = Node::Kind::kName, .offset = origin, .text = ast_.Keep(name)});
  }

  Index ReadSelect(const Expr& expr, uint32_t origin, int depth) {
    const Expr::Select& select = expr.select_expr();
    // A name with dots, of which somebody has said that it is one.
    if (!select.test_only() && FindReference(expr) != nullptr) return ReadName(expr, "", origin);
    const Index of = Read(select.operand(), depth + 1);
    const Node::Kind kind = select.test_only() ? Node::Kind::kHas : Node::Kind::kSelect;
    return Add({.kind = kind, .offset = origin, .text = ast_.Keep(select.field())}, std::array{of});
  }

  Index ReadCall(const Expr::Call& call, uint32_t origin, int depth) {
    std::vector<Index> parts;
    if (call.has_target()) parts.push_back(Read(call.target(), depth + 1));
    for (const Expr& argument : call.args()) parts.push_back(Read(argument, depth + 1));
    const std::string_view function = call.function() == "_in_" ? "@in" : ast_.Keep(call.function());
    return Add({.kind = Node::Kind::kCall, .member = call.has_target(), .offset = origin, .text = function}, parts);
  }

  Index ReadList(const Expr::CreateList& list, uint32_t origin, int depth) {
    if (list.optional_indices_size() > 0) return Fail(origin, "optional elements are not in the subset");
    std::vector<Index> parts;
    for (const Expr& element : list.elements()) parts.push_back(Read(element, depth + 1));
    return Add({.kind = Node::Kind::kList, .offset = origin}, parts);
  }

  Index ReadMap(const Expr::CreateStruct& map, uint32_t origin, int depth) {
    if (!map.message_name().empty()) {
      return Fail(origin, "messages are not in the subset, found " + Printable(map.message_name()));
    }
    std::vector<Index> parts;
    for (const Expr::CreateStruct::Entry& entry : map.entries()) {
      if (entry.optional_entry()) return Fail(origin, "optional entries are not in the subset");
      if (!entry.has_map_key()) return Fail(origin, "an entry of a map without a map_key");
      parts.push_back(Read(entry.map_key(), depth + 1));
      parts.push_back(Read(entry.value(), depth + 1));
    }
    return Add({.kind = Node::Kind::kMap, .offset = origin}, parts);
  }

  Index ReadLoop(const Expr::Comprehension& loop, uint32_t origin, int depth) {
    const std::optional<Macro> macro = FindMacro(loop);
    if (!macro) return Fail(origin, "a loop that comes from none of all(), exists(), exists_one(), map() and filter()");
    std::vector<Index> parts{Read(loop.iter_range(), depth + 1), Read(*macro->asked, depth + 1)};
    if (macro->made != nullptr) parts.push_back(Read(*macro->made, depth + 1));
    const std::string_view variable = ast_.Keep(loop.iter_var());
    return Add({.kind = Node::Kind::kMacro, .offset = origin, .text = macro->name, .variable = variable}, parts);
  }

  const v1alpha1::SourceInfo& source_;
  const References& references_;
  Ast ast_;
  std::string error_;  // empty: none yet
};

// The two packages have the same messages.
template <typename To, typename From>
absl::StatusOr<Ast> ReadAs(const From& from) {
  To same;
  if (!same.ParseFromString(from.SerializeAsString())) {
    return absl::InvalidArgumentError("it can't be read: nested too deep, or texts that are no UTF-8");
  }
  return Read(same);
}

}  // namespace

absl::StatusOr<Ast> Read(const Expr& from) { return Reader({}, {}).Run(from); }

absl::StatusOr<Ast> Read(const v1alpha1::ParsedExpr& from) { return Reader(from.source_info(), {}).Run(from.expr()); }

absl::StatusOr<Ast> Read(const v1alpha1::CheckedExpr& from) {
  return Reader(from.source_info(), from.reference_map()).Run(from.expr());
}

absl::StatusOr<Ast> Read(const ::cel::expr::ParsedExpr& from) { return ReadAs<v1alpha1::ParsedExpr>(from); }

absl::StatusOr<Ast> Read(const ::cel::expr::CheckedExpr& from) { return ReadAs<v1alpha1::CheckedExpr>(from); }

}  // namespace pillion::syntax_tree
