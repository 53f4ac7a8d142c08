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

std::optional<std::span<const std::string_view>> KeyOf(const std::vector<Dimension>& key,
                                                       const expression::Attributes& request, base::Arena& arena) {
  std::string_view* const values = arena.NewArray<std::string_view>(key.size());
  for (size_t i = 0; i < key.size(); ++i) {
    const Dimension& dimension = key[i];
    const Value value = expression::AsText(expression::Evaluate(*dimension.value, request, arena), arena);
    if (!value.is_error()) {
      values[i] = value.text();
    } else if (dimension.otherwise) {
      values[i] = *dimension.otherwise;
    } else {
      return std::nullopt;
    }
  }
  return std::span<const std::string_view>(values, key.size());
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

uint8_t PriorityOf(const Queue& queue, const expression::Attributes& request, base::Arena& arena) {
  static constexpr int64_t kLeast = limit::FairQueue::kPriorities - 1;
  constexpr int64_t kUsual = 1;
  const auto bounded = [](int64_t number) { return static_cast<uint8_t>(std::clamp(number, int64_t{0}, kLeast)); };
  if (queue.priority == nullptr) return bounded(request.Priority(arena, kUsual));
  const Value value = expression::Evaluate(*queue.priority, request, arena);
  if (value.Is(Kind::kUint)) return static_cast<uint8_t>(std::min<uint64_t>(value.uint_value(), kLeast));
  if (value.Is(Kind::kInt)) return bounded(value.int_value());
  const bool fits = value.Is(Kind::kDouble) && value.double_value() < static_cast<double>(kLeast);
  return static_cast<uint8_t>(fits ? std::max(value.double_value(), 0.0) : static_cast<double>(kLeast));
}

std::optional<base::Duration> TimeLeft(const expression::Attributes& request, base::Arena& arena) {
  const Value left = request.Get(expression::Attribute::kContextTimeLeft, arena);
  if (!left.Is(Kind::kDuration)) return std::nullopt;
  return std::chrono::seconds(left.seconds().seconds) + base::Duration(left.seconds().nanos);
}

}  // namespace pillion::filters::limit_rules
