#pragma once

// What a decision is about: a connection, and the request that has come by it, where there is one. Views only.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/access/findings.h"
#include "source/base/arena.h"
#include "source/expression/attributes.h"
#include "source/http/message.h"
#include "source/match/ip_range.h"
#include "source/metadata/annotations.h"

namespace pillion::access {

// Who is at the other end, by a certificate that somebody who is trusted vouches for.
struct Peer {
  std::vector<std::string> uris;  // subject alternative names
  std::vector<std::string> dns;
  std::string subject;
  bool has_spiffe_id = false;  // its only URI is one: it is of the trust domain that this names
  // Joined by commas.
  std::string all_uris;
  std::string all_dns;
};

// One end of a connection; nothing and empty: it has no IP address.
struct End {
  std::optional<match::IpAddress> address;
  std::string ip;
  uint16_t port = 0;
};

// Made once for a connection; in its owner, on its worker.
struct ConnectionFacts {
  std::optional<Peer> peer;  // nothing: it has not said who it is
  End remote;                // as a proxy in front has told
  End direct_remote;         // the peer itself
  End local;
  std::string server_name;  // that it asked for, in lower case
  bool local_source = false;               // from this machine
  std::string_view transport_protocol;     // that listener filters found; static
  std::string application_protocols = {};  // those, too: 'h2','http/1.1'
};

struct Request {
  const ConnectionFacts& connection;
  const http::RequestHead* head = nullptr;  // null: there are only bytes
  // In place of the connection's, for who asks what another name would come to.
  std::optional<std::string_view> server_name = {};
  // Who is behind trusted proxies; empty: nobody, it is the connection's remote end.
  std::string_view client_ip = {};
  const metadata::Annotations* notes = nullptr;    // null: nothing is noted
  const metadata::Value* route_metadata = nullptr;  // by namespace; null: there is none
  // Routes are chosen by the path without the parameters of its segments (;a=b).
  bool without_parameters = false;
  Findings* findings = nullptr;  // of that connection; null: none are kept
  // For expressions, and what they make; null: what they say is unclear.
  const expression::Attributes* attributes = nullptr;
  base::Arena* arena = nullptr;
};

}  // namespace pillion::access
