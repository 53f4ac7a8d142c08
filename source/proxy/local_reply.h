#pragma once

// Responses that pillion makes itself. What they look like is Envoy's; why there was one stands in the access log and
// in the counters.

#include <string_view>

#include "source/http/message.h"

namespace pillion::proxy {

struct LocalReply {
  http::ResponseHead* head;  // in the arena
  std::string_view body;     // empty: the head ends the response
};

// `grpc`: the answer to a gRPC request, a head alone with status 200 and grpc-status (a "trailers-only" response);
// `body` becomes its grpc-message, `grpc_status` its status where that is not -1. `body` lives as long as the arena or
// for ever.
LocalReply MakeLocalReply(base::Arena& arena, int status, std::string_view body, bool grpc, int grpc_status);

}  // namespace pillion::proxy
