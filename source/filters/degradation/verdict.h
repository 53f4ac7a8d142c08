#pragma once

// How a call went, for a rule.

#include <cstdint>
#include <string_view>

#include "source/filter/stream_context.h"
#include "source/filters/degradation/degradation.h"

namespace pillion::filters::degradation_rules {

enum class Came : uint8_t {
  kNobodyAsked,
  kLeft,      // who asked has, before there was an answer
  kNoAnswer,  // though somebody was asked, or would have been
  kAnswer,
};

// Of a head that goes downstream. `attempts`: those that were begun.
Came CameOf(filter::StreamContext& stream, const http::ResponseHead& head, uint32_t attempts);

// Of an answer that failed by its status, or by that of its call: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL,
// UNAVAILABLE, DATA_LOSS. `grpc_status` is empty where there is none.
bool IsError(int status, std::string_view grpc_status);
// The same as the rule has it; where its expression has no value it is none.
bool IsErrorFor(const Rule& rule, filter::StreamContext& stream, const http::ResponseHead& head,
                std::string_view grpc_status);

// `took`: from the end of the request until the head of its answer, or until its end where there was none.
degradation::Verdict VerdictOf(const Rule& rule, Came came, bool is_error, base::Duration took);

}  // namespace pillion::filters::degradation_rules
