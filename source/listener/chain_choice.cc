#include "source/listener/chain_choice.h"

#include "source/access/matcher_tree.h"
#include "source/listener/traits.h"

namespace pillion::listener {
namespace {

access::End EndOf(const net::Address& address) {
  access::End end{.address = {}, .ip = address.ip(), .port = address.port()};
  end.address = match::IpAddress::Parse(end.ip);
  return end;
}

std::string Quoted(const std::vector<std::string>& protocols) {
  std::string text;
  for (const std::string& protocol : protocols) {
    text += text.empty() ? "'" : ",'";
    text += protocol;
    text += '\'';
  }
  return text;
}

// What nobody knows is no chain.
std::optional<uint32_t> Ask(const config::Listener& listener, const access::Request& request) {
  const uint32_t found = listener.chain_tree->Find(request);
  if (found == access::MatcherTree::kUnclear) return std::nullopt;
  return found == access::MatcherTree::kNothing ? listener.default_chain : found;
}

}  // namespace

access::ConnectionFacts FactsOf(net::Transport& transport, const SocketFacts* facts) {
  access::ConnectionFacts made;
  made.remote = EndOf(transport.remote_address());
  made.direct_remote = facts == nullptr ? made.remote : EndOf(facts->direct_remote);
  made.local = EndOf(transport.local_address());
  made.local_source = TraitsOf(transport, facts).local;
  made.transport_protocol = SocketFacts().transport_protocol;
  if (facts != nullptr) {
    made.server_name = facts->server_name;
    made.transport_protocol = facts->transport_protocol;
    made.application_protocols = Quoted(facts->application_protocols);
  }
  return made;
}

std::optional<uint32_t> FindChain(const config::Listener& listener, net::Transport& transport, const SocketFacts* facts) {
  if (listener.chain_tree == nullptr) return listener.chain_matcher.Find(TraitsOf(transport, facts));
  return Ask(listener, {.connection = FactsOf(transport, facts)});
}

std::optional<uint32_t> FindChainByName(const config::Listener& listener, net::Transport& transport,
                                        const SocketFacts* facts, const access::ConnectionFacts& known,
                                        std::string_view name) {
  if (listener.chain_tree != nullptr) {
    const std::optional<uint32_t> found = Ask(listener, {.connection = known, .server_name = name});
    return found == Ask(listener, {.connection = known, .server_name = ""}) ? std::nullopt : found;
  }
  match::ConnectionTraits traits = TraitsOf(transport, facts);
  traits.server_name = name;
  const std::optional<uint32_t> found = listener.chain_matcher.Find(traits);
  return found && listener.filter_chains[*found].has_server_names ? found : std::nullopt;
}

}  // namespace pillion::listener
