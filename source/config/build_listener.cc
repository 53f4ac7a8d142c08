// Listeners.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "absl/strings/str_replace.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "source/base/xxhash64.h"
#include "source/config/build_access.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/config/tls.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::listener::v3;

// The address as stats name it: dots separate the parts of a stat's name, so a colon becomes an underscore.
std::string StatText(const std::string& text) { return absl::StrReplaceAll(text, {{":", "_"}}); }

// What is of sockets has no meaning there.
void CheckInternal(BuildContext& context, const v3::Listener& from, const std::string& path) {
  if (!context.internal_listeners) {
    context.errors.AddMissing(path, FieldPath(path, "internal_listener"),
                              "there is no envoy.bootstrap.internal_listener among bootstrap_extensions, which it needs");
  }
  if (from.name().empty()) {
    context.errors.AddMissing(path, FieldPath(path, "name"), "empty, but it is what an internal listener goes by");
  }
  const auto refuse = [&](bool is_set, std::string_view field) {
    if (is_set) context.errors.Add(FieldPath(path, field), "expected none: an internal listener has no socket");
  };
  refuse(from.has_address(), "address");
  refuse(from.additional_addresses_size() > 0, "additional_addresses");
  refuse(from.transparent().value(), "transparent");
  refuse(from.freebind().value(), "freebind");
  refuse(from.has_tcp_fast_open_queue_length(), "tcp_fast_open_queue_length");
  refuse(from.socket_options_size() > 0, "socket_options");
  refuse(from.has_tcp_keepalive(), "tcp_keepalive");
  refuse(from.has_connection_balance_config(), "connection_balance_config");
  refuse(from.has_enable_reuse_port(), "enable_reuse_port");
  refuse(from.has_tcp_backlog_size(), "tcp_backlog_size");
  refuse(from.has_max_connections_to_accept_per_socket_event(), "max_connections_to_accept_per_socket_event");
}

TrafficDirection BuildDirection(envoy::config::core::v3::TrafficDirection from) {
  switch (from) {
    case envoy::config::core::v3::INBOUND:
      return TrafficDirection::kInbound;
    case envoy::config::core::v3::OUTBOUND:
      return TrafficDirection::kOutbound;
    default:
      return TrafficDirection::kUnspecified;
  }
}

// A chain's name is what the matcher's actions say.
void BuildChainTree(BuildContext& context, const v3::Listener& from, const std::string& path, Listener& to) {
  std::map<std::string, uint32_t, std::less<>> chains;
  for (int i = 0; i < from.filter_chains_size(); ++i) {
    const v3::FilterChain& chain = from.filter_chains(i);
    const std::string place = ElementPath(FieldPath(path, "filter_chains"), i);
    if (chain.name().empty()) {
      context.errors.AddMissing(place, FieldPath(place, "name"), "missing, but filter_chain_matcher chooses by it");
    } else if (const auto [first, added] = chains.emplace(chain.name(), static_cast<uint32_t>(i)); !added) {
      context.errors.AddMissing(place, FieldPath(place, "name"),
                                Concat(Quote(chain.name()), " is that of filter_chains[", first->second,
                                       "] as well, but filter_chain_matcher chooses by it"));
    }
    if (chain.filter_chain_match().ByteSizeLong() > 0) {
      context.errors.Add(FieldPath(place, "filter_chain_match"), "expected none: filter_chain_matcher chooses instead");
    }
  }
  const auto build_action = [&](const xds::core::v3::TypedExtensionConfig& action, const std::string& place) -> uint32_t {
    const std::string at = FieldPath(place, "typed_config");
    google::protobuf::StringValue name;
    if (!action.typed_config().UnpackTo(&name)) {
      context.errors.AddMissing(place, at, WrongType(action.typed_config(), "google.protobuf.StringValue"));
      return 0;
    }
    const auto chain = chains.find(name.value());
    if (chain != chains.end()) return chain->second;
    context.errors.Add(at, Concat(Quote(name.value()), " is no filter chain, expected the name of one of filter_chains"));
    return 0;
  };
  to.chain_tree = BuildMatcherTree(context, from.filter_chain_matcher(), AccessTo::kArrivals, build_action,
                                   FieldPath(path, "filter_chain_matcher"));
}

void BuildFilterChains(BuildContext& context, const v3::Listener& from, const std::string& path, Listener& to) {
  if (from.filter_chains_size() == 0 && !from.has_default_filter_chain()) {
    context.errors.AddMissing(path, FieldPath(path, "filter_chains"), "empty, but one filter chain is required");
    return;
  }
  for (int i = 0; i < from.filter_chains_size(); ++i) {
    const std::string chain_path = ElementPath(FieldPath(path, "filter_chains"), i);
    const std::string match_path = FieldPath(chain_path, "filter_chain_match");
    const std::string chain = Concat(from.filter_chains(i).name(), " ",
                                     from.filter_chains(i).filter_chain_match().SerializeAsString());
    const AtHome home(context, "chain", chain, chain_path);
    to.filter_chains.push_back(BuildFilterChain(context, from.filter_chains(i), chain_path));
    if (from.has_filter_chain_matcher()) continue;
    const match::ConnectionPattern pattern =
        BuildConnectionPattern(context, from.filter_chains(i).filter_chain_match(), match_path);
    to.filter_chains.Own(static_cast<size_t>(i)).has_server_names = !pattern.server_names.empty();
    if (const auto same = to.chain_matcher.Add(pattern, static_cast<uint32_t>(i))) {
      context.errors.AddMissing(chain_path, match_path,
                                Concat("fits the same connections as that of filter_chains[", *same, "]"));
    }
  }
  if (from.has_filter_chain_matcher()) BuildChainTree(context, from, path, to);
  if (!from.has_default_filter_chain()) return;
  const std::string default_path = FieldPath(path, "default_filter_chain");
  if (from.default_filter_chain().has_filter_chain_match()) {
    context.errors.Add(FieldPath(default_path, "filter_chain_match"),
                       "expected none: it gets what fits no other chain");
  }
  to.default_chain = static_cast<uint32_t>(to.filter_chains.size());
  to.chain_matcher.SetDefault(*to.default_chain);
  const AtHome home(context, "default chain", "", default_path);
  to.filter_chains.push_back(BuildFilterChain(context, from.default_filter_chain(), default_path));
}

// By which a later version knows the chains that have not changed.
void SetDigests(const v3::Listener& from, Listener& to) {
  v3::Listener rest = from;
  rest.clear_filter_chains();
  rest.clear_default_filter_chain();
  rest.clear_filter_chain_matcher();  // chooses among them, and is no part of any
  const std::string common = rest.SerializeAsString();
  const auto set = [&](const v3::FilterChain& chain, FilterChain& built) {
    built.digest = base::XxHash64(Concat(common, chain.SerializeAsString()));
    v3::FilterChain filters;
    *filters.mutable_filters() = chain.filters();
    built.filters_digest = base::XxHash64(filters.SerializeAsString());
  };
  for (int i = 0; i < from.filter_chains_size(); ++i) {
    set(from.filter_chains(i), to.filter_chains.Own(static_cast<size_t>(i)));
  }
  if (from.has_default_filter_chain()) set(from.default_filter_chain(), to.filter_chains.Own(to.filter_chains.size() - 1));
}

// Connections have what their listening socket has.
void AddKeepalive(BuildContext& context, const envoy::config::core::v3::TcpKeepalive& from, const std::string& path,
                  Listener& listener) {
  std::vector<Address> addresses = listener.additional_addresses;
  addresses.push_back(listener.address);
  for (const Address& address : addresses) {
    if (std::holds_alternative<UnixPath>(address)) {
      context.errors.Add(path, Concat("expected none of a pipe, as ", AddressText(address), " is"));
    }
  }
  const auto add = [&](int level, int name, int value) {
    listener.socket_options.push_back({.level = level,
                                       .name = name,
                                       .value = std::string(reinterpret_cast<const char*>(&value), sizeof value),
                                       .state = SocketOption::State::kPrebind});
  };
  add(SOL_SOCKET, SO_KEEPALIVE, 1);
  const auto add_number = [&](bool is_set, const google::protobuf::UInt32Value& value, int name) {
    if (is_set) add(IPPROTO_TCP, name, static_cast<int>(value.value()));
  };
  add_number(from.has_keepalive_probes(), from.keepalive_probes(), TCP_KEEPCNT);
  add_number(from.has_keepalive_time(), from.keepalive_time(), TCP_KEEPIDLE);
  add_number(from.has_keepalive_interval(), from.keepalive_interval(), TCP_KEEPINTVL);
}

// Where a chain takes both kinds of connections, somebody has to tell them apart.
void LookForTls(Listener& listener) {
  const auto takes_both = [](const FilterChain& chain) {
    return chain.tls != nullptr && chain.tls->modes && chain.tls->modes->Any(PeerMode::kPermissive);
  };
  const auto looks = [](const ListenerFilter& filter) {
    using Message = envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
    const std::string_view inspector = Message::descriptor()->full_name();
    return std::holds_alternative<TlsInspector>(filter.filter) ||
           (filter.source != nullptr && std::ranges::find(filter.source->types, inspector, &FilterSource::Type::message) !=
                                            filter.source->types.end());
  };
  if (std::ranges::none_of(listener.filter_chains, takes_both)) return;
  if (std::ranges::any_of(listener.listener_filters, looks)) return;
  listener.listener_filters.push_back({.name = "tls_inspector", .filter = TlsInspector(), .disabled = {}});
}

}  // namespace

std::shared_ptr<const Listener> BuildListener(BuildContext& context, const v3::Listener& from,
                                              const std::string& path) {
  const auto listener = std::make_shared<Listener>();
  context.direction = BuildDirection(from.traffic_direction());
  listener->internal = from.has_internal_listener();
  if (listener->internal) {
    CheckInternal(context, from, path);
    listener->address = InternalAddress{from.name(), ""};
  } else if (from.has_address()) {
    listener->address = BuildAddress(context, from.address(), FieldPath(path, "address")).value_or(Address());
  } else {
    context.errors.AddMissing(path, FieldPath(path, "address"), "missing, but required");
  }
  listener->name = from.name().empty() ? AddressText(listener->address) : from.name();
  const AtHome home(context, "listener", listener->name, path);
  listener->metadata = BuildMetadata(from.metadata());
  listener->node = BuildNodeFacts(context.node);
  listener->stat_prefix = !from.stat_prefix().empty() ? from.stat_prefix()
                          : listener->internal        ? Concat("envoy_internal_", StatText(from.name()))
                                                      : StatText(AddressText(listener->address));
  if (from.has_per_connection_buffer_limit_bytes()) {
    listener->per_connection_buffer_limit = BufferLimit(from.per_connection_buffer_limit_bytes().value());
  }
  if (from.has_tcp_backlog_size()) listener->tcp_backlog = from.tcp_backlog_size().value();
  if (from.has_enable_reuse_port()) listener->enable_reuse_port = from.enable_reuse_port().value();
  if (from.has_max_connections_to_accept_per_socket_event()) {
    listener->max_accepts_per_event = from.max_connections_to_accept_per_socket_event().value();
  }
  for (int i = 0; i < from.additional_addresses_size(); ++i) {
    const std::string at = FieldPath(ElementPath(FieldPath(path, "additional_addresses"), i), "address");
    if (const auto address = BuildAddress(context, from.additional_addresses(i).address(), at)) {
      listener->additional_addresses.push_back(*address);
    }
  }
  if (from.has_bind_to_port()) listener->bind_to_port = from.bind_to_port().value();
  if (listener->internal) listener->bind_to_port = false;
  listener->use_original_dst = from.use_original_dst().value();
  listener->direction = context.direction;
  listener->fast_open_queue = from.tcp_fast_open_queue_length().value();
  listener->transparent = from.transparent().value();
  listener->freebind = from.freebind().value();
  listener->socket_options =
      BuildSocketOptions(context, from.socket_options(), Side::kDownstream, FieldPath(path, "socket_options"));
  if (from.has_tcp_keepalive()) {
    AddKeepalive(context, from.tcp_keepalive(), FieldPath(path, "tcp_keepalive"), *listener);
  }
  listener->exact_balance = from.connection_balance_config().has_exact_balance();
  listener->drains_when_unhealthy = from.drain_type() != v3::Listener::MODIFY_ONLY;
  listener->connection_limit =
      context.runtime_keys->Find(Concat("envoy.resource_limits.listener.", listener->name, ".connection_limit"));
  // What leads there was let in before.
  if (!from.ignore_global_conn_limit() && !listener->internal) {
    listener->global_connection_limit = context.runtime_keys->Find("overload.global_downstream_max_connections");
  }
  listener->bypasses_overload = from.bypass_overload_manager();
  listener->access_logs = BuildAccessLogs(context, from.access_log(), FieldPath(path, "access_log"));

  // Asking for the address comes with using it.
  if (listener->use_original_dst) {
    listener->listener_filters.push_back({.name = "original_dst", .filter = OriginalDst(), .disabled = {}});
  }
  for (int i = 0; i < from.listener_filters_size(); ++i) {
    listener->listener_filters.push_back(BuildListenerFilter(context, from.listener_filters(i),
                                                             ElementPath(FieldPath(path, "listener_filters"), i)));
  }
  if (from.has_listener_filters_timeout()) {
    listener->listener_filters_timeout = ToDuration(from.listener_filters_timeout());
  }
  listener->continue_on_listener_filters_timeout = from.continue_on_listener_filters_timeout();
  BuildFilterChains(context, from, path, *listener);
  SetDigests(from, *listener);
  LookForTls(*listener);
  return listener;
}

}  // namespace pillion::config
