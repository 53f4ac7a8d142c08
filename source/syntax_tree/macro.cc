#include "source/syntax_tree/macro.h"

#include <string>

namespace pillion::syntax_tree {
namespace {

using google::api::expr::v1alpha1::Expr;

bool IsName(const Expr& expr, const std::string& name) {
  return expr.has_ident_expr() && expr.ident_expr().name() == name;
}
bool IsBool(const Expr& expr, bool value) {
  return expr.const_expr().has_bool_value() && expr.const_expr().bool_value() == value;
}
bool IsInt(const Expr& expr, int64_t value) {
  return expr.const_expr().has_int64_value() && expr.const_expr().int64_value() == value;
}
bool IsCall(const Expr& expr, std::string_view function, int arguments) {
  const Expr::Call& call = expr.call_expr();
  return expr.has_call_expr() && !call.has_target() && call.function() == function && call.args_size() == arguments;
}
// What `function` makes of the result so far; null: it is something else.
const Expr* Joined(const Expr& expr, std::string_view function, const std::string& result) {
  const bool is = IsCall(expr, function, 2) && IsName(expr.call_expr().args(0), result);
  return is ? &expr.call_expr().args(1) : nullptr;
}
bool IsEmptyList(const Expr& expr) { return expr.has_list_expr() && expr.list_expr().elements_size() == 0; }

// Goes on while the result is, or is not, false; or always.
bool GoesOn(const Expr& condition, const std::string& result, bool negated) {
  if (IsBool(condition, true)) return true;
  if (!IsCall(condition, "@not_strictly_false", 1) && !IsCall(condition, "__not_strictly_false__", 1)) return false;
  const Expr& asked = condition.call_expr().args(0);
  if (!negated) return IsName(asked, result);
  return IsCall(asked, "!_", 1) && IsName(asked.call_expr().args(0), result);
}

// all() and exists().
std::optional<Macro> FindQuantifier(const Expr::Comprehension& loop) {
  const std::string& result = loop.accu_var();
  if (!loop.accu_init().const_expr().has_bool_value() || !IsName(loop.result(), result)) return std::nullopt;
  const bool all = loop.accu_init().const_expr().bool_value();
  const Expr* const asked = Joined(loop.loop_step(), all ? "_&&_" : "_||_", result);
  if (asked == nullptr || !GoesOn(loop.loop_condition(), result, !all)) return std::nullopt;
  return Macro{.name = all ? "all" : "exists", .asked = asked};
}

// The choice between a step and none; null: it is something else.
const Expr* Chosen(const Expr& step, const std::string& result) {
  const bool is = IsCall(step, "_?_:_", 3) && IsName(step.call_expr().args(2), result);
  return is ? &step.call_expr().args(1) : nullptr;
}

std::optional<Macro> FindCount(const Expr::Comprehension& loop) {
  const std::string& result = loop.accu_var();
  const Expr* const step = Chosen(loop.loop_step(), result);
  const Expr* const added = step == nullptr ? nullptr : Joined(*step, "_+_", result);
  const Expr* const compared = Joined(loop.result(), "_==_", result);
  if (!IsInt(loop.accu_init(), 0) || !IsBool(loop.loop_condition(), true)) return std::nullopt;
  if (added == nullptr || !IsInt(*added, 1) || compared == nullptr || !IsInt(*compared, 1)) return std::nullopt;
  return Macro{.name = "exists_one", .asked = &loop.loop_step().call_expr().args(0)};
}

// map() and filter().
std::optional<Macro> FindList(const Expr::Comprehension& loop) {
  const std::string& result = loop.accu_var();
  if (!IsEmptyList(loop.accu_init()) || !IsBool(loop.loop_condition(), true) || !IsName(loop.result(), result)) {
    return std::nullopt;
  }
  const Expr* const chosen = Chosen(loop.loop_step(), result);
  const Expr* const added = Joined(chosen == nullptr ? loop.loop_step() : *chosen, "_+_", result);
  if (added == nullptr || !added->has_list_expr()) return std::nullopt;
  const Expr::CreateList& list = added->list_expr();
  if (list.elements_size() != 1 || list.optional_indices_size() != 0) return std::nullopt;
  if (chosen == nullptr) return Macro{.name = "map", .asked = &list.elements(0)};
  const Expr& condition = loop.loop_step().call_expr().args(0);
  if (IsName(list.elements(0), loop.iter_var())) return Macro{.name = "filter", .asked = &condition};
  return Macro{.name = "map", .asked = &condition, .made = &list.elements(0)};
}

}  // namespace

std::optional<Macro> FindMacro(const Expr::Comprehension& loop) {
  // Then the step would mean the element.
  if (!loop.iter_var2().empty() || loop.iter_var().empty() || loop.iter_var() == loop.accu_var()) return std::nullopt;
  if (const auto found = FindQuantifier(loop)) return found;
  if (const auto found = FindCount(loop)) return found;
  return FindList(loop);
}

}  // namespace pillion::syntax_tree
