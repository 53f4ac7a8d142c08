#pragma once

// Makes a tree of an expression's text (cel-spec, "Syntax"; messages and optional fields are not in the subset). The text is
// untrusted: how deep it goes and how much it holds is bounded, and what is wrong is said with its place.

#include <string_view>

#include "absl/status/statusor.h"
#include "source/expression/ast.h"

namespace pillion::expression {

inline constexpr size_t kLongestExpression = 64 * 1024;  // bytes
// Expressions within expressions: parentheses, brackets, calls, branches.
inline constexpr int kMostNesting = 100;

// An error is InvalidArgument: "column 7: found ')', expected an expression".
absl::StatusOr<Ast> Parse(std::string_view text);

}  // namespace pillion::expression
