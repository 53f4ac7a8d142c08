#pragma once

// What of a tree is the same whatever the request: worked out once, when it is compiled. What fails is left to the
// evaluation, where it may not be needed.

#include <optional>
#include <vector>

#include "source/base/arena.h"
#include "source/expression/ast.h"
#include "source/expression/checker.h"

namespace pillion::expression {

// One for each node: its value, in `arena` or the tree, or nothing.
std::vector<std::optional<Value>> Fold(const Ast& ast, const std::vector<Meaning>& meanings, base::Arena& arena);

}  // namespace pillion::expression
