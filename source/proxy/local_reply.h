#pragma once

// Responses that pillion makes itself. What they look like is Envoy's; why there was one stands in the access log and
// in the counters.

#include <string_view>

#include "source/config/local_replies.h"
#include "source/http/message.h"
#include "source/telemetry/request_record.h"

namespace pillion::proxy {

struct LocalReply {
  http::ResponseHead* head;  // in the arena
  std::string_view body;     // empty: the head ends the response
};

// Status and fields of what `head` has to be; a content-type that is there stays. `grpc`: the answer to a gRPC request, a
// head alone with status 200 and grpc-status (a "trailers-only" response); `body` becomes its grpc-message, `grpc_status`
// its status where that is not -1. `body` lives as long as the arena or for ever.
LocalReply FinishLocalReply(http::ResponseHead& head, int status, std::string_view body, std::string_view content_type,
                            bool grpc, int grpc_status);

// What says in a head or in trailers how a gRPC call ended; empty `message`: nothing more.
void AddGrpcStatus(http::HeaderMap& fields, int status, std::string_view message);

// In `arena`.
std::string_view FormatBody(const config::BodyFormat& format, const telemetry::RequestRecord& record, base::Arena& arena);

// An answer before it is made.
struct ReplyDraft {
  int status;
  std::string_view body;
  std::string_view content_type = "text/plain";
  const config::HeaderEdits* headers = nullptr;  // that are added
};

// What is configured of such answers. `record`: what is known of the request; told of the answer here.
void MapReply(const config::LocalReplies& replies, telemetry::RequestRecord& record, base::Arena& arena, ReplyDraft& draft);

}  // namespace pillion::proxy
