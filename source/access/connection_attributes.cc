#include "source/access/connection_attributes.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace pillion::access {
namespace {

using expression::Attribute;
using expression::Value;

constexpr Attribute kAttributes[] = {
    Attribute::kSourceAddress,         Attribute::kSourceIp,          Attribute::kSourcePort,
    Attribute::kSourcePrincipal,       Attribute::kDestinationAddress, Attribute::kDestinationPort,
    Attribute::kConnectionMtls,        Attribute::kConnectionServerName, Attribute::kConnectionUriPeer,
    Attribute::kConnectionDnsPeer,     Attribute::kConnectionSubjectPeer,
};

Value TextOrMissing(std::string_view text) {
  return text.empty() ? expression::Attributes::Missing() : Value::String(text);
}

Value FirstOf(const std::vector<std::string>& names) { return TextOrMissing(names.empty() ? "" : names.front()); }

Value PortOf(const End& end) { return end.address ? Value::Int(end.port) : expression::Attributes::Missing(); }

// "192.0.2.1:80", "[2001:db8::1]:80".
Value AddressOf(const End& end, base::Arena& arena) {
  if (!end.address) return expression::Attributes::Missing();
  const bool v6 = end.ip.find(':') != std::string::npos;
  char port[8] = {':'};
  const char* const last = std::to_chars(std::begin(port) + 1, std::end(port), end.port).ptr;
  base::ArenaText text;
  if (v6) text.Append(arena, "[");
  text.Append(arena, end.ip);
  if (v6) text.Append(arena, "]");
  text.Append(arena, {port, static_cast<size_t>(last - port)});
  return Value::String(text.view());
}

}  // namespace

const expression::Catalog& ConnectionAttributes::Names() {
  static const expression::Catalog* const names = [] {
    auto* made = new expression::Catalog();
    for (const expression::Catalog::Entry& entry : expression::Catalog::OfRequests().entries()) {
      const auto* const found = std::find(std::begin(kAttributes), std::end(kAttributes), entry.id);
      if (found != std::end(kAttributes)) made->Add(entry);
    }
    return made;
  }();
  return *names;
}

std::string_view PrincipalOf(const Peer& peer) {
  if (!peer.uris.empty()) return peer.uris.front();
  return peer.dns.empty() ? peer.subject : peer.dns.front();
}

Value ConnectionAttributes::Get(Attribute which, base::Arena& arena) const {
  const std::optional<Peer>& peer = facts_.peer;
  switch (which) {
    case Attribute::kSourceAddress:
      return AddressOf(facts_.remote, arena);
    case Attribute::kSourceIp:
      return TextOrMissing(facts_.remote.ip);
    case Attribute::kSourcePort:
      return PortOf(facts_.remote);
    case Attribute::kDestinationAddress:
      return AddressOf(facts_.local, arena);
    case Attribute::kDestinationPort:
      return PortOf(facts_.local);
    case Attribute::kConnectionMtls:
      return Value::Bool(peer.has_value());
    case Attribute::kConnectionServerName:
      return TextOrMissing(facts_.server_name);
    case Attribute::kSourcePrincipal:
      return peer ? TextOrMissing(PrincipalOf(*peer)) : Missing();
    case Attribute::kConnectionUriPeer:
      return peer ? FirstOf(peer->uris) : Missing();
    case Attribute::kConnectionDnsPeer:
      return peer ? FirstOf(peer->dns) : Missing();
    case Attribute::kConnectionSubjectPeer:
      return peer ? TextOrMissing(peer->subject) : Missing();
    default:
      return Missing();
  }
}

}  // namespace pillion::access
