#pragma once

// The head that tells a host whose connection it really is: HAProxy's PROXY protocol, version 1 (a line) and 2 (binary),
// as it is sent. What is received codec/sniff/ reads.

#include <cstdint>
#include <string>
#include <string_view>

#include "source/net/address.h"

namespace pillion::net {

enum class ProxyVersion : uint8_t { kV1, kV2 };

// Of a connection that came from `source` and was meant for `destination`. Where these are not of one family of IP, the
// head says that the connection is the sender's own (LOCAL, UNKNOWN). `tlvs` (proxy_tlvs.h), in version 2, stand behind the
// addresses; at most kMostTlvBytes.
std::string ProxyHead(ProxyVersion version, const Address& source, const Address& destination, std::string_view tlvs = {});

// Of a connection that is made for nobody, from `local` to `remote`: version 1 says these, version 2 LOCAL.
std::string ProxyHeadOfOwn(ProxyVersion version, const Address& local, const Address& remote);

}  // namespace pillion::net
