#pragma once

// What the names of a tree mean, and of which type each part is. What can't be right whatever a request is, is an error
// with its place: unknown names, functions that do not take what they are given, more than one of them at once. The tree
// is untrusted.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "source/expression/ast.h"
#include "source/expression/catalog.h"
#include "source/expression/type.h"

namespace pillion::expression {

inline constexpr size_t kMostLoops = 8;  // macros within each other

// What a node of the tree stands for.
struct Meaning {
  enum class Kind : uint8_t {
    kItself,     // what its kind says
    kAttribute,  // `index` is its number; of kHas: whether it is there
    kLookup,     // an attribute that is a map whose entries are asked for one by one
    kVariable,   // `index` is its loop's
    kType,       // `index` is a kind
    kFunction,   // `index` is its place in Functions()
    kMatches,    // a regular expression, the last part
    kUnused,     // a part of a name that another node stands for
  };

  Kind kind = Kind::kItself;
  uint32_t index = 0;
  Type type;
};

struct CheckOptions {
  const Catalog* catalog = &Catalog::OfRequests();
  Moment moment = Moment::kRequest;
  // False: types are not compared, and what does not fit is an error of the evaluation. Names are always looked up.
  bool types = true;
};

// One for each node of the tree. An error is InvalidArgument, with the place of each mistake.
absl::StatusOr<std::vector<Meaning>> Check(const Ast& ast, const CheckOptions& options);

}  // namespace pillion::expression
