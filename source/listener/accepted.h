#pragma once

// A connection between being accepted and being given to what its filter chain ends in.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/buffer.h"
#include "source/metadata/annotations.h"
#include "source/net/address.h"
#include "source/net/passed.h"
#include "source/net/transport.h"

namespace pillion::listener {

// What listener filters found out. Kept by the connection as long as it lives.
struct SocketFacts {
  // What is noted of every stream of the connection.
  struct Note {
    std::string_view space;  // of the configuration
    std::string_view key;
    std::string value;
    bool flag = false;  // `value` is "true" or "false", and not a text
  };

  // An object of filter state that every stream of the connection has.
  struct Object {
    std::string_view name;  // of the configuration
    std::string text;
    bool read_only = false;
    metadata::FilterState::Shared shared = metadata::FilterState::Shared::kNot;
  };

  net::Address direct_remote;                          // the peer itself, whatever a header says
  net::Address direct_local;                           // where it arrived, where local_restored
  std::string_view transport_protocol = "raw_buffer";  // static
  std::string server_name;                             // of a ClientHello, in lower case
  std::vector<std::string> application_protocols;
  std::string ja3;  // fingerprints of the TLS client; empty: nobody wanted them
  std::string ja4;
  std::vector<Note> notes;
  std::shared_ptr<const net::Passed> passed;  // who made an internal connection says so; null: nothing
  std::vector<Object> objects;
  std::string source;  // where connections to hosts come from (net/own_source.h); empty: from here
  std::string tlvs;  // of the PROXY protocol, that may go on to hosts (net/proxy_tlvs.h)
  std::string_view refusal;  // why a network filter has ended it, of the configuration; empty: none has
  bool handed_over = false;     // by another listener, which had it by redirection
  bool local_restored = false;  // the local address is where the connection was meant to go, not where it arrived
};

struct Accepted {
  std::unique_ptr<net::Transport> transport;
  std::unique_ptr<SocketFacts> facts;  // null: nobody looked
  base::Slice preread;                 // read, and not taken by a listener filter
  // What is known of the transport's edges: whether there may be more to read, and an end behind it.
  bool readable = false;
  bool hangup = false;
};

// For who keeps something with a connection that nobody has looked at.
inline void EnsureFacts(Accepted& accepted) {
  if (accepted.facts != nullptr) return;
  accepted.facts = std::make_unique<SocketFacts>();
  accepted.facts->direct_remote = accepted.transport->remote_address();
}

}  // namespace pillion::listener
