#include "source/filters/limit/question.h"

#include <algorithm>
#include <cmath>

#include "source/expression/evaluator.h"
#include "source/limit/token_bucket.h"

namespace pillion::filters::limit_rules {

using expression::Kind;
using expression::Value;

bool Applies(const Rule& rule, const expression::Attributes& request, base::Arena& arena) {
  return rule.when == nullptr || expression::Evaluate(*rule.when, request, arena).is_true();
}

std::optional<std::span<const std::string_view>> KeyOf(const Rule& rule, const expression::Attributes& request,
                                                       base::Arena& arena) {
  std::string_view* const values = arena.NewArray<std::string_view>(rule.key.size());
  for (size_t i = 0; i < rule.key.size(); ++i) {
    const Dimension& dimension = rule.key[i];
    const Value value = expression::AsText(expression::Evaluate(*dimension.value, request, arena), arena);
    if (!value.is_error()) {
      values[i] = value.text();
    } else if (dimension.otherwise) {
      values[i] = *dimension.otherwise;
    } else {
      return std::nullopt;
    }
  }
  return std::span<const std::string_view>(values, rule.key.size());
}

uint64_t CostOf(const Rule& rule, const expression::Attributes& request, base::Arena& arena) {
  constexpr uint64_t kMost = limit::TokenBucket::kMostBurst + 1;  // which nothing admits
  if (rule.cost == nullptr) return 1;
  const Value value = expression::Evaluate(*rule.cost, request, arena);
  if (value.Is(Kind::kUint)) return std::min(value.uint_value(), kMost);
  if (value.Is(Kind::kInt) && value.int_value() >= 0) return std::min(static_cast<uint64_t>(value.int_value()), kMost);
  if (!value.Is(Kind::kDouble) || !(value.double_value() >= 0)) return 1;
  return value.double_value() < static_cast<double>(kMost) ? static_cast<uint64_t>(std::ceil(value.double_value())) : kMost;
}

}  // namespace pillion::filters::limit_rules
