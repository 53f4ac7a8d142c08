#pragma once

#include <string_view>

namespace pillion::http {

// What the IANA registry calls a status code; empty for one that it does not know.
std::string_view ReasonPhrase(int status);

}  // namespace pillion::http
