#pragma once

// From expressions as Envoy's configurations have them to programs. Beside build.h.

#include <memory>
#include <string>

#include "google/api/expr/v1alpha1/checked.pb.h"
#include "source/config/build.h"
#include "source/expression/compiler.h"
#include "xds/type/v3/cel.pb.h"

namespace pillion::config {

using Expression = std::shared_ptr<const expression::Program>;

// Each is null, and an error at `path`, for one that there can't be.
Expression BuildExpression(BuildContext& context, const std::string& text, const expression::CompileOptions& options,
                           const std::string& path);
Expression BuildExpression(BuildContext& context, const google::api::expr::v1alpha1::Expr& from,
                           const expression::CompileOptions& options, const std::string& path);
Expression BuildExpression(BuildContext& context, const google::api::expr::v1alpha1::CheckedExpr& from,
                           const expression::CompileOptions& options, const std::string& path);
Expression BuildExpression(BuildContext& context, const xds::type::v3::CelExpression& from,
                           const expression::CompileOptions& options, const std::string& path);

}  // namespace pillion::config
