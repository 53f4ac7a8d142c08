#pragma once

// What becomes of a request that a rule of a filter refuses: an answer, or another cluster.

#include <optional>
#include <string>

#include "source/config/header_edits.h"
#include "source/filter/stream_context.h"

namespace pillion::filters::rules {

// An answer of the filter's own.
struct Answer {
  int status;
  std::string body;  // empty, of a refusal: why it was refused
  int grpc_status;
  config::HeaderEdits headers;
};

struct Degrade {
  std::string cluster;             // empty: it is answered
  std::optional<Answer> answer;
  config::HeaderEdits request;     // of what goes to that cluster
};

// Of one that names a cluster.
void SendOn(filter::StreamContext& stream, const Degrade& degrade);
// In the head of such an answer, as it goes through the filters. (What includes this may know messages of filters.http.)
void EditHead(filter::StreamContext& stream, const Answer& answer, pillion::http::ResponseHead& head);

}  // namespace pillion::filters::rules
