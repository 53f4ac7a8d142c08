#pragma once

// Loops as parsers of CEL expand macros to them (cel-spec, "Macros"), and back.

#include <optional>
#include <string_view>

#include "google/api/expr/v1alpha1/syntax.pb.h"

namespace pillion::syntax_tree {

// What a loop does: views of its parts.
struct Macro {
  std::string_view name;  // as expression::Node has it
  const google::api::expr::v1alpha1::Expr* asked;          // of each element
  const google::api::expr::v1alpha1::Expr* made = nullptr;  // of those for which that holds; null: they stay
};

// Nothing: it comes from none of those that there are.
std::optional<Macro> FindMacro(const google::api::expr::v1alpha1::Expr::Comprehension& loop);

}  // namespace pillion::syntax_tree
