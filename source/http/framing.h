#pragma once

// Fields that the codecs write from the model (RFC 9110, 7.6.1; RFC 9112, 6): nobody else may say what they are.

#include <algorithm>
#include <array>
#include <string_view>

namespace pillion::http {

inline bool IsFraming(std::string_view lower_case_name) {
  constexpr std::array<std::string_view, 9> kFraming = {"connection",       "content-length", "expect",
                                                        "host",             "keep-alive",     "proxy-connection",
                                                        "te",               "transfer-encoding", "upgrade"};
  return std::find(kFraming.begin(), kFraming.end(), lower_case_name) != kFraming.end();
}

}  // namespace pillion::http
