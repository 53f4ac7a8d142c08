#include "source/config/build_expression.h"

#include "source/config/text.h"
#include "source/syntax_tree/reader.h"

namespace pillion::config {
namespace {

using expression::CompileOptions;

Expression Take(BuildContext& context, absl::StatusOr<Expression> program, const std::string& path) {
  if (program.ok()) return *std::move(program);
  const absl::string_view error = program.status().message();
  context.errors.Add(path, std::string(error.data(), error.size()));
  return nullptr;
}

template <typename Tree>
Expression BuildTree(BuildContext& context, const Tree& from, const CompileOptions& options, const std::string& path) {
  const absl::StatusOr<expression::Ast> tree = syntax_tree::Read(from);
  if (!tree.ok()) return Take(context, tree.status(), path);
  return Take(context, expression::Compile(*tree, options), path);
}

}  // namespace

Expression BuildExpression(BuildContext& context, const std::string& text, const CompileOptions& options,
                           const std::string& path) {
  return Take(context, expression::Compile(text, options), path);
}

Expression BuildExpression(BuildContext& context, const google::api::expr::v1alpha1::Expr& from,
                           const CompileOptions& options, const std::string& path) {
  return BuildTree(context, from, options, path);
}

Expression BuildExpression(BuildContext& context, const google::api::expr::v1alpha1::CheckedExpr& from,
                           const CompileOptions& options, const std::string& path) {
  return BuildTree(context, from, options, path);
}

Expression BuildExpression(BuildContext& context, const xds::type::v3::CelExpression& from, const CompileOptions& options,
                           const std::string& path) {
  const auto place = [&path](std::string_view field) { return FieldPath(path, field); };
  if (from.has_cel_expr_checked()) return BuildTree(context, from.cel_expr_checked(), options, place("cel_expr_checked"));
  if (from.has_cel_expr_parsed()) return BuildTree(context, from.cel_expr_parsed(), options, place("cel_expr_parsed"));
  if (from.has_checked_expr()) return BuildTree(context, from.checked_expr(), options, place("checked_expr"));
  if (from.has_parsed_expr()) return BuildTree(context, from.parsed_expr(), options, place("parsed_expr"));
  if (!from.cel_expr_string().empty()) {
    return BuildExpression(context, from.cel_expr_string(), options, place("cel_expr_string"));
  }
  context.errors.AddMissing(
      path, path, "one of cel_expr_checked, cel_expr_parsed, checked_expr, parsed_expr, cel_expr_string is required");
  return nullptr;
}

}  // namespace pillion::config
