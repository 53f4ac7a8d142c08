#pragma once

// From a parsed start line and its fields to the model of a request, or to the reason why it is refused: the rules
// of RFC 9112, 3 about targets and Host, and about framing what llhttp takes and we do not.

#include "source/codec/http1/message_parser.h"
#include "source/codec/http1/options.h"
#include "source/http/message.h"

namespace pillion::codec::http1 {

// Completes `head`, whose headers the parser has filled. On false parser.Fail() was called.
[[nodiscard]] bool ReadRequestHead(MessageParser& parser, const ServerOptions& options, http::RequestHead& head);

}  // namespace pillion::codec::http1
