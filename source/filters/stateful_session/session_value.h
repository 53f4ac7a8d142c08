#pragma once

// Values that name the host of a session, in base64. All input is untrusted; texts are in the arena.

#include <cstdint>
#include <string_view>

#include "source/base/arena.h"

namespace pillion::filters::stateful_session {

// A header field's is the address.
std::string_view WriteAddress(base::Arena& arena, std::string_view address);
// Empty: it is none.
std::string_view ReadAddress(base::Arena& arena, std::string_view value);

// A cookie's is a message of two fields, as Envoy has it: 1, the address, and 2, when it expires, in seconds since 1970; 0:
// never.
std::string_view WriteCookie(base::Arena& arena, std::string_view address, uint64_t expires_s);
// The address; empty: it is none, or it has expired. A value that is no such message is an address, as older ones were.
std::string_view ReadCookie(base::Arena& arena, std::string_view value, uint64_t now_s);

}  // namespace pillion::filters::stateful_session
