#pragma once

// Who sends a request, where the configuration says how that is found (original_ip_detection_extensions), and what
// x-forwarded-for says of it.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "source/config/listener.h"
#include "source/http/message.h"
#include "source/proxy/requester.h"

namespace pillion::proxy {

// The element of `list`, a value of x-forwarded-for, that `hops` others follow; nothing when it is no address.
std::optional<std::string_view> ForwardedAddress(std::string_view list, uint32_t hops);

struct DetectedIp {
  std::optional<std::string_view> ip;  // none: it is the peer. As long as the head
  bool may_be_internal = false;
  bool appends_peer = false;    // to x-forwarded-for
  uint16_t refused_status = 0;  // not 0: the request is refused
};

// The first of `ways` that finds or refuses it.
DetectedIp DetectIp(const http::RequestHead& head, const std::vector<config::IpDetection>& ways, const Sender& sender);

}  // namespace pillion::proxy
