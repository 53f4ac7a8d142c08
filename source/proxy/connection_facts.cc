#include "source/proxy/connection_facts.h"

#include <algorithm>

#include "source/http/syntax.h"
#include "source/identity/spiffe_id.h"
#include "source/listener/chain_choice.h"
#include "source/tls/facts.h"

namespace pillion::proxy {
namespace {

void AddName(std::vector<std::string>& names, std::string& joined, const std::string& name) {
  if (!names.empty()) joined += ',';
  joined += name;
  names.push_back(name);
}

// What is none is nobody's: a CA that may vouch for names of one trust domain could write a SPIFFE ID of another there.
bool IsDnsName(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '*';
  });
}

access::Peer PeerOf(tls::CertificateFacts& certificate) {
  access::Peer peer;
  for (const identity::SubjectName& name : certificate.names()) {
    if (name.type == identity::NameType::kUri) AddName(peer.uris, peer.all_uris, name.text);
    if (name.type == identity::NameType::kDns && IsDnsName(name.text)) AddName(peer.dns, peer.all_dns, name.text);
  }
  peer.subject = certificate.subject();
  peer.has_spiffe_id = HasSpiffeId(peer);
  return peer;
}

}  // namespace

bool HasSpiffeId(const access::Peer& peer) {
  return peer.uris.size() == 1 && std::holds_alternative<identity::SpiffeId>(identity::ParseSpiffeId(peer.uris[0]));
}

access::ConnectionFacts FactsOf(net::Transport& transport, const listener::SocketFacts* facts) {
  access::ConnectionFacts made = listener::FactsOf(transport, facts);
  const std::shared_ptr<tls::Facts> tls = transport.connects() ? transport.tls() : nullptr;
  if (tls == nullptr) return made;
  if (tls->peer_verified()) made.peer = PeerOf(*tls->peer());
  if (made.server_name.empty()) {
    made.server_name = tls->server_name();
    http::CopyLowerCase(std::string(made.server_name), made.server_name.data());
  }
  return made;
}

}  // namespace pillion::proxy
