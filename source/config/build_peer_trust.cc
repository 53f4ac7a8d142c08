#include "source/config/build_peer_trust.h"

#include "source/config/text.h"

namespace pillion::config {

using ContextMessage = pillion::filters::http::context::v1::Context;

bool IsOutbound(const BuildContext& context, ContextMessage::Direction direction) {
  if (direction != ContextMessage::BY_LISTENER) return direction == ContextMessage::OUTBOUND;
  return context.direction == TrafficDirection::kOutbound;
}

access::PeerTrust BuildPeerTrust(BuildContext& context, const ContextMessage::Trust& from, bool outbound,
                                 const std::string& path) {
  access::PeerTrust trust;
  for (int i = 0; i < from.principals_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "principals"), i);
    trust.principals.push_back(BuildStringMatcher(context, from.principals(i), place));
  }
  for (int i = 0; i < from.addresses_size(); ++i) {
    trust.addresses.push_back(BuildIpRange(context, from.addresses(i), ElementPath(FieldPath(path, "addresses"), i)));
  }
  trust.everybody = outbound;
  return trust;
}

}  // namespace pillion::config
