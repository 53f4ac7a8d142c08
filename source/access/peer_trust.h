#pragma once

// Whose word about a request is taken as it is: a filter's, that reads what peers say of it in its head.

#include <vector>

#include "source/access/request.h"
#include "source/match/ip_range.h"
#include "source/match/string_matcher.h"

namespace pillion::access {

// Any of these; where there is none, `everybody`, or who has shown a certificate that was accepted, and has a SPIFFE ID: of
// whichever trust domain the listener's validation takes.
struct PeerTrust {
  std::vector<match::StringMatcher> principals;
  std::vector<match::IpRange> addresses;
  bool everybody = false;

  bool Takes(const ConnectionFacts& connection) const;
};

}  // namespace pillion::access
