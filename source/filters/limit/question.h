#pragma once

// What a rule asks of a request: whether it applies, the key, the cost. All texts are views of the request, the rule or the
// arena.

#include <optional>
#include <span>
#include <string_view>

#include "source/expression/attributes.h"
#include "source/filters/limit/limit.h"
#include "source/limit/key.h"

namespace pillion::filters::limit_rules {

// Where the expression has no value the rule does not apply.
bool Applies(const Rule& rule, const expression::Attributes& request, base::Arena& arena);

// The values of its dimensions, in their order. Nothing: one has none, and the rule does not apply.
std::optional<std::span<const std::string_view>> KeyOf(const std::vector<Dimension>& key,
                                                       const expression::Attributes& request, base::Arena& arena);

// A number that is no whole one is rounded up; 1 for what is none, or negative: nobody gets anything back by it.
uint64_t CostOf(const Rule& rule, const expression::Attributes& request, base::Arena& arena);

// 0, the most urgent, to 3; that for what is no number.
uint8_t PriorityOf(const Queue& queue, const expression::Attributes& request, base::Arena& arena);
// Until the request's deadline, as its context has it; nothing: it has none.
std::optional<base::Duration> TimeLeft(const expression::Attributes& request, base::Arena& arena);

}  // namespace pillion::filters::limit_rules
