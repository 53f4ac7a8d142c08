#include "source/explain/connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "source/access/connection_attributes.h"
#include "source/access/engine.h"
#include "source/config/filter_source.h"
#include "source/explain/decision.h"
#include "source/explain/handshake.h"
#include "source/explain/texts.h"
#include "source/listener/chain_choice.h"
#include "source/proxy/connection_facts.h"

namespace pillion::explain {
namespace {

// Addresses, and no bytes.
class DescribedTransport final : public net::Transport {
 public:
  DescribedTransport(const net::Address& local, const net::Address& remote) : local_(local), remote_(remote) {}

  int Start(net::TransportEvents&) override { return 0; }
  int connect_error() override { return 0; }
  net::IoResult Read(std::span<char>) override { return {.status = net::IoStatus::kWouldBlock}; }
  net::IoResult Write(std::span<const iovec>) override { return {.status = net::IoStatus::kWouldBlock}; }
  void ShutdownWrite() override {}
  void Abort() override {}
  const net::Address& local_address() override { return local_; }
  const net::Address& remote_address() const override { return remote_; }
  std::optional<net::Address> OriginalDestination() override { return std::nullopt; }
  void SetLocalAddress(const net::Address& address) override { local_ = address; }
  void SetRemoteAddress(const net::Address& address) override { remote_ = address; }

 private:
  net::Address local_;
  net::Address remote_;
};

bool IsAny(const net::Address& address) { return address.ip() == "0.0.0.0" || address.ip() == "::"; }

bool Has(const Running::Listener& listener, const net::Address& wanted, bool any) {
  return std::ranges::any_of(listener.addresses, [&](const net::Address& own) {
    return any ? IsAny(own) && own.port() == wanted.port() : own == wanted;
  });
}

// As connections find theirs: by the whole address, else by one that stands for all.
const Running::Listener* FindAt(const Running& running, const net::Address& address) {
  for (const bool any : {false, true}) {
    for (const Running::Listener& listener : running.listeners) {
      if (Has(listener, address, any)) return &listener;
    }
  }
  return nullptr;
}

std::string Names(const Running& running) {
  std::string names;
  for (const Running::Listener& each : running.listeners) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", Quoted(each.listener->config().name));
    for (const net::Address& address : each.addresses) names += fmt::format(" ({})", address.text());
  }
  std::string text = names.empty() ? "no listener at all" : "one of " + names;
  for (const auto& [name, needs] : running.warming) {
    text += fmt::format("{}{}", &name == &running.warming.begin()->first ? "; warming: " : ", ", Quoted(name));
  }
  return text;
}

absl::StatusOr<const Running::Listener*> FindListener(const Question& question, const Running& running) {
  const auto unknown = [&](std::string_view parameter, std::string_view value) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}, but there is no such listener; expected {}", parameter, value, Names(running)));
  };
  if (!question.listener.empty()) {
    for (const Running::Listener& each : running.listeners) {
      if (each.listener->config().name == question.listener) return &each;
    }
    return unknown("listener", Quoted(question.listener));
  }
  if (question.address) {
    const Running::Listener* const found = FindAt(running, *question.address);
    return found != nullptr ? absl::StatusOr<const Running::Listener*>(found) : unknown("address", question.address->text());
  }
  if (question.port) {
    const auto has_port = [&](const net::Address& own) { return own.port() == *question.port; };
    for (const Running::Listener& each : running.listeners) {
      if (std::ranges::any_of(each.addresses, has_port)) return &each;
    }
    return unknown("port", std::to_string(*question.port));
  }
  if (running.listeners.size() == 1) return &running.listeners.front();
  return absl::InvalidArgumentError(
      fmt::format("listener, address or port: missing, and there is not just one listener; expected {}", Names(running)));
}

template <typename Filter>
bool Has(const config::Listener& listener) {
  return std::ranges::any_of(listener.listener_filters,
                             [](const auto& each) { return std::holds_alternative<Filter>(each.filter); });
}

// Where a connection to the listener arrives, when nobody says it.
net::Address ArrivesAt(const Running::Listener& listener, const Question& question) {
  if (question.address) return *question.address;
  net::Address address = listener.addresses.front();
  if (question.port) {
    const auto found = std::ranges::find(listener.addresses, *question.port, [](const auto& own) { return own.port(); });
    if (found != listener.addresses.end()) address = *found;
  }
  if (!IsAny(address)) return address;
  return *net::Address::Ip(address.family() == AF_INET6 ? "::1" : "127.0.0.1", address.port());
}

// What listener filters would find; without them nobody knows.
void Inspect(const config::Listener& listener, const Question& question, Connection& connection) {
  connection.facts.direct_remote = connection.transport->remote_address();
  if (question.tls && Has<config::TlsInspector>(listener)) {
    connection.facts.transport_protocol = "tls";
    connection.facts.server_name = question.sni;
    connection.facts.application_protocols = question.alpn;
  } else if (!question.tls && Has<config::HttpInspector>(listener)) {
    connection.facts.application_protocols = {"http/1.1"};
  }
}

void SetPeer(const Question& question, Connection& connection) {
  connection.access = proxy::FactsOf(*connection.transport, &connection.facts);
  if (!connection.secured) return;
  if (connection.access.server_name.empty()) connection.access.server_name = question.sni;
  if (question.principals.empty() || !AsksForCertificate(connection)) return;
  access::Peer& peer = connection.access.peer.emplace();
  for (const std::string& name : question.principals) {
    const bool uri = name.find("://") != name.npos;
    std::string& all = uri ? peer.all_uris : peer.all_dns;
    all += (all.empty() ? "" : ",") + name;
    (uri ? peer.uris : peer.dns).push_back(name);
  }
  peer.has_spiffe_id = proxy::HasSpiffeId(peer);
}

void DescribeConnection(const Question& question, const Connection& connection, Answer& answer) {
  answer.Text("from", connection.transport->remote_address().text());
  answer.Text("to", connection.transport->local_address().text());
  if (!question.tls) return;
  if (!question.sni.empty()) answer.Text("sni", question.sni);
  Answer::List& alpn = answer.Elements("alpn");
  for (const std::string& protocol : question.alpn) alpn.Text(protocol);
  Answer::List& principals = answer.Elements("principals");
  for (const std::string& name : question.principals) principals.Text(name);
  if (!Has<config::TlsInspector>(connection.listener->config())) {
    answer.Text("note", "the listener has no tls_inspector: what TLS says has no part in the choice of a filter chain");
  }
}

void AskNetworkRbac(const config::NetworkRbac& rbac, Connection& connection, Answer& answer) {
  const access::ConnectionAttributes attributes(connection.access);
  base::BlockPool blocks;
  base::Arena arena(blocks);
  const access::Request request{.connection = connection.access, .attributes = &attributes, .arena = &arena};
  if (rbac.shadow != nullptr) DescribeDecision("shadow", *rbac.shadow, request, answer);
  if (rbac.engine == nullptr) return;
  if (!DescribeDecision("verdict", *rbac.engine, request, answer) && connection.end.empty()) {
    connection.end = "the network filter rbac denies it";
  }
}

// Of a network filter that comes apart; of the chain's end, too.
std::string DiscoveredName(const config::FilterChain& chain, size_t index) {
  const auto found = std::ranges::find(chain.discovered, index, &config::FilterChain::Discovered::index);
  return found == chain.discovered.end() ? std::string() : found->source->name;
}

void AskNetworkFilters(Connection& connection, Answer::List& filters) {
  const config::FilterChain& chain = connection.chain->config();
  for (size_t index = 0; index < chain.filters.size(); ++index) {
    const config::NetworkFilter& filter = chain.filters[index];
    Answer& shown = filters.Object();
    if (const auto* limit = std::get_if<config::ConnectionLimit>(&filter)) {
      shown.Text("filter", "connection_limit");
      const std::string text = fmt::format("passes, while there are fewer than {} connections", limit->max_connections);
      shown.Text("verdict", limit->on.Now() ? text : "disabled");
    } else if (const auto* rbac = std::get_if<config::NetworkRbac>(&filter)) {
      shown.Text("filter", "rbac");
      AskNetworkRbac(*rbac, connection, shown);
    } else if (const auto* rate = std::get_if<config::ConnectionRate>(&filter)) {
      shown.Text("filter", "local_ratelimit");
      shown.Text("verdict", rate->on.Now() ? "passes, while its bucket has a token" : "disabled");
    } else if (std::holds_alternative<config::ConnectionState>(filter)) {
      shown.Text("filter", "set_filter_state");
      shown.Text("verdict", "passes");
    } else if (std::holds_alternative<config::MissingFilter>(filter)) {
      const std::string name = DiscoveredName(connection.chain->config(), index);
      shown.Text("filter", name);
      shown.Text("verdict", "its configuration has not come: the connection is closed");
    } else {
      shown.Text("filter", "sni_cluster");
      shown.Text("verdict", "passes; the server name is the cluster's name");
    }
  }
}

void DescribeChain(const Question& question, size_t index, Connection& connection, Answer& answer) {
  const config::FilterChain& chain = connection.chain->config();
  answer.Number("number", static_cast<int64_t>(index));
  answer.Number("of", static_cast<int64_t>(connection.listener->chains().size()));
  if (!chain.name.empty()) answer.Text("name", chain.name);
  DescribeHandshake(question, connection, answer);
}

}  // namespace

void DescribeWarming(std::string_view name, const std::vector<std::string>& needs, Answer& answer) {
  Answer::List& shown = answer.Elements(name);
  for (const std::string& need : needs) shown.Text(need);
}

absl::StatusOr<Connection> ExplainConnection(const Question& question, const Running& running, Answer& answer) {
  absl::StatusOr<const Running::Listener*> found = FindListener(question, running);
  if (!found.ok()) return found.status();
  const Running::Listener* taken = *found;
  const config::Listener* config = &taken->listener->config();
  const bool restored = question.destination && Has<config::OriginalDst>(*config);
  Answer& shown = answer.Object("listener");
  if (restored && config->use_original_dst) {
    const Running::Listener* const meant = FindAt(running, *question.destination);
    if (meant != nullptr && meant != taken) {
      shown.Text("handed_over_by", config->name);
      taken = meant;
      config = &meant->listener->config();
    }
  }
  Connection connection;
  connection.listener = taken->listener;
  const net::Address local = question.destination ? *question.destination : ArrivesAt(*taken, question);
  connection.transport = std::make_unique<DescribedTransport>(local, question.source);
  Inspect(*config, question, connection);
  shown.Text("name", config->name);
  Answer::List& addresses = shown.Elements("addresses");
  for (const net::Address& address : taken->addresses) addresses.Text(address.text());
  if (const auto next = running.warming.find(config->name); next != running.warming.end()) {
    DescribeWarming("next_version_waits_for", next->second, shown);
  }
  DescribeConnection(question, connection, answer.Object("connection"));
  for (const config::ListenerFilter& filter : config->listener_filters) {
    if (!std::holds_alternative<config::MissingFilter>(filter.filter)) continue;
    connection.end = fmt::format("the configuration of the listener filter {} has not come", filter.name);
    return connection;
  }

  const bool looks = !config->listener_filters.empty();  // else there are no facts
  const std::optional<uint32_t> index =
      listener::FindChain(*config, *connection.transport, looks ? &connection.facts : nullptr);
  if (!index) {
    answer.Text("no_filter_chain", fmt::format("none of {} is for this connection", config->filter_chains.size()));
    connection.end = "no filter chain is for it";
    return connection;
  }
  connection.chain = connection.listener->chains()[*index];
  connection.secured =
      proxy::UsesTls(connection.chain->config(), *connection.transport, looks ? &connection.facts : nullptr);
  DescribeChain(question, *index, connection, answer.Object("filter_chain"));
  SetPeer(question, connection);
  AskNetworkFilters(connection, answer.Elements("network_filters"));
  const config::FilterChain& chain = connection.chain->config();
  for (size_t i = 0; i <= chain.filters.size(); ++i) {
    const bool missing = i < chain.filters.size() ? std::holds_alternative<config::MissingFilter>(chain.filters[i])
                                                  : std::holds_alternative<config::MissingFilter>(chain.terminal);
    if (!missing || !connection.end.empty()) continue;
    connection.end = fmt::format("the configuration of the network filter {} has not come", DiscoveredName(chain, i));
  }
  return connection;
}

}  // namespace pillion::explain
