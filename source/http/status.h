#pragma once

#include <string_view>

namespace pillion::http {

// What the IANA registry calls a status code; empty for one that it does not know.
std::string_view ReasonPhrase(int status);

// grpc-status for an HTTP status (the mapping of gRPC's documents for answers that are not gRPC).
int GrpcStatusOf(int http_status);

}  // namespace pillion::http
