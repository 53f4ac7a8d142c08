#pragma once

// Texts of grpc-message (PROTOCOL-HTTP2.md of gRPC).

#include <string_view>

#include "source/base/arena.h"

namespace pillion::http {

// `text` with all but visible ASCII and SP, and '%' itself, percent-encoded: as it is where there is nothing to encode,
// else in the arena.
std::string_view EncodeGrpcMessage(base::Arena& arena, std::string_view text);

}  // namespace pillion::http
