#pragma once

// From the trees of google.api.expr and cel.expr to the one that expression/ compiles. They are untrusted. An error is
// InvalidArgument, with the id of the expression and, where it is told, its place: "expression 7 at line 1, column 9: ...".

#include "absl/status/statusor.h"
#include "cel/expr/checked.pb.h"
#include "google/api/expr/v1alpha1/checked.pb.h"
#include "source/expression/ast.h"

namespace pillion::syntax_tree {

absl::StatusOr<expression::Ast> Read(const google::api::expr::v1alpha1::Expr& from);
absl::StatusOr<expression::Ast> Read(const google::api::expr::v1alpha1::ParsedExpr& from);
absl::StatusOr<expression::Ast> Read(const google::api::expr::v1alpha1::CheckedExpr& from);
absl::StatusOr<expression::Ast> Read(const ::cel::expr::ParsedExpr& from);
absl::StatusOr<expression::Ast> Read(const ::cel::expr::CheckedExpr& from);

}  // namespace pillion::syntax_tree
