#pragma once

// Which route a request takes, and why none of those before it.

#include <cstdint>

#include "source/explain/answer.h"
#include "source/http/message.h"
#include "source/match/request_matcher.h"
#include "source/route/table.h"

namespace pillion::explain {

// `random` is the request's own. Null: there is no route.
const route::Entry* DescribeRoutes(const route::Table& table, const http::RequestHead& head, uint64_t random,
                                   const match::StreamFacts& facts, Answer& answer);

}  // namespace pillion::explain
