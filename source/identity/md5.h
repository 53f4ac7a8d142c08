#pragma once

// MD5, for the one thing that is defined by it: JA3. Nothing may be protected by it.

#include <string>
#include <string_view>

namespace pillion::identity {

// Of `text`, in hexadecimal, lower case.
std::string Md5Hex(std::string_view text);

}  // namespace pillion::identity
