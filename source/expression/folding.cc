#include "source/expression/folding.h"

#include "source/expression/functions.h"
#include "source/expression/operations.h"

namespace pillion::expression {
namespace {

constexpr size_t kMostBytes = 256 * 1024;  // of all values that are worked out
constexpr uint32_t kMostSteps = 100'000;

}  // namespace

std::vector<std::optional<Value>> Fold(const Ast& ast, const std::vector<Meaning>& meanings, base::Arena& arena) {
  const NoAttributes attributes;
  Evaluation evaluation(attributes, arena, kMostBytes, kMostSteps);
  std::vector<std::optional<Value>> folded(ast.size());
  std::vector<Value> values;
  // Parts come before what they are parts of.
  for (Ast::Index index = 0; index < ast.size(); ++index) {
    const Node& node = ast.at(index);
    const Meaning& meaning = meanings[index];
    if (node.kind == Node::Kind::kConstant) folded[index] = node.constant;
    if (meaning.kind == Meaning::Kind::kType) folded[index] = Value::Type(static_cast<Kind>(meaning.index));
    const bool is_call = meaning.kind == Meaning::Kind::kFunction;
    const bool is_list = node.kind == Node::Kind::kList;
    if (!is_call && !is_list && node.kind != Node::Kind::kMap) continue;
    values.clear();
    bool known = true;
    for (const Ast::Index part : ast.PartsOf(node)) {
      if (meanings[part].kind == Meaning::Kind::kUnused) continue;
      known = known && folded[part].has_value();
      if (known) values.push_back(*folded[part]);
    }
    if (!known) continue;
    Value value;
    if (is_call) {
      value = Functions()[meaning.index].run(values, evaluation);
    } else {
      value = is_list ? MakeList(values, evaluation) : MakeMap(values, evaluation);
    }
    if (!value.is_error()) folded[index] = value;
  }
  return folded;
}

}  // namespace pillion::expression
