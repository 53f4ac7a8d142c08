#pragma once

// Whose word a filter takes, as messages of filters say it. Beside build.h; for the filters that have such a message.

#include <string>

#include "pillion/filters/http/context/v1/context.pb.h"
#include "source/access/peer_trust.h"
#include "source/config/build.h"

namespace pillion::config {

// Requests of the application beside this process; else requests for it.
bool IsOutbound(const BuildContext& context, pillion::filters::http::context::v1::Context::Direction direction);

access::PeerTrust BuildPeerTrust(BuildContext& context, const pillion::filters::http::context::v1::Context::Trust& from,
                                 bool outbound, const std::string& path);

}  // namespace pillion::config
