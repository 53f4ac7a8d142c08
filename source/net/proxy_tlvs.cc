#include "source/net/proxy_tlvs.h"

namespace pillion::net {

void AppendTlv(std::string& to, uint8_t type, std::string_view value) {
  to.push_back(static_cast<char>(type));
  to.push_back(static_cast<char>(value.size() >> 8));
  to.push_back(static_cast<char>(value.size()));
  to += value;
}

std::string ProxyTlvs::Of(std::string_view received) const {
  std::string text = added;
  while (received.size() >= kTlvHead) {
    const auto type = static_cast<uint8_t>(received[0]);
    const size_t length = size_t{static_cast<uint8_t>(received[1])} << 8 | static_cast<uint8_t>(received[2]);
    const std::string_view whole = received.substr(0, kTlvHead + length);
    if (passes.test(type) && !added_types.test(type)) text += whole;
    received.remove_prefix(whole.size());
  }
  return text;
}

}  // namespace pillion::net
