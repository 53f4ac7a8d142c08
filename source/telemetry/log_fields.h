#pragma once

// What operators ask of heads, paths and addresses. Pure functions.

#include <cstddef>
#include <string>
#include <string_view>

#include "source/http/message.h"

namespace pillion::telemetry {

// Names and values, as the stream saw them, with those that HTTP/2 begins with a colon.
size_t BytesOf(const http::HeaderMap& fields);
size_t BytesOf(const http::RequestHead& head);
size_t BytesOf(const http::ResponseHead& head);

// Appends `text` without what is escaped in it; '+' is no blank.
void Unescape(std::string_view text, std::string& out);

// True: `value` is that of the first parameter of that name in `path`, without escapes. Else it is anything.
bool FindQueryParameter(std::string_view path, std::string_view name, std::string& value);

// The first `bits` of an address, as "10.1.0.0/16", in `scratch`. What is no IP address stays as it is.
std::string_view Masked(std::string_view ip, int bits, std::string& scratch);

}  // namespace pillion::telemetry
