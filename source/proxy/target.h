#pragma once

// The target of a request in the form that routes, filters, logs and upstream all see: authority and path, as the
// connection manager says how.

#include <cstdint>

#include "source/config/listener.h"
#include "source/http/message.h"

namespace pillion::proxy {

// The authority without its port and its final dot, where they are to go. `port`: the one that the request came to.
void NormalizeAuthority(http::RequestHead& head, const config::HttpConnectionManager& config, uint16_t port);

enum class PathVerdict : uint8_t { kGood, kRefused, kRedirected };

// kRedirected: the client is to ask for what the path is now.
PathVerdict NormalizePath(http::RequestHead& head, const config::HttpConnectionManager& config);

}  // namespace pillion::proxy
