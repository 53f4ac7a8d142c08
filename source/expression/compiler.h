#pragma once

// From an expression's text, or its tree, to a program. Off the way of requests: it allocates, and takes microseconds to
// milliseconds. What is wrong is refused here, with its place: what does not parse, names that nobody knows, types that
// do not fit, regular expressions that are none.

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/expression/ast.h"
#include "source/expression/checker.h"
#include "source/expression/program.h"

namespace pillion::expression {

struct CompileOptions {
  CheckOptions check = {};
  // What it has to give; nothing: anything. Where only the evaluation tells, it is let through.
  std::optional<Kind> result = std::nullopt;
};

// An error is InvalidArgument: "column 17: startsWith is not for string and int".
absl::StatusOr<std::shared_ptr<const Program>> Compile(std::string_view text, const CompileOptions& options = {});
absl::StatusOr<std::shared_ptr<const Program>> Compile(const Ast& ast, const CompileOptions& options = {});

}  // namespace pillion::expression
