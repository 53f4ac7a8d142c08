// Listeners and their filter chain.

#include "absl/strings/str_replace.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::listener::v3;

// The address as stats name it: dots separate the parts of a stat's name, so a colon becomes an underscore.
std::string StatText(const Address& address) {
  return absl::StrReplaceAll(AddressText(address), {{":", "_"}});
}

// The one chain that there is, and where it stands; null if there is none.
const v3::FilterChain* OnlyChain(BuildContext& context, const v3::Listener& from, const std::string& path,
                                 std::string& chain_path) {
  const int chains = from.filter_chains_size() + (from.has_default_filter_chain() ? 1 : 0);
  if (chains == 0) {
    context.errors.AddMissing(path, FieldPath(path, "filter_chains"), "empty, but one filter chain is required");
    return nullptr;
  }
  if (chains > 1) {
    context.errors.Add(FieldPath(path, "filter_chains"),
                       Concat(chains,
                              " filter chains with the default, expected exactly one: choosing among "
                              "them is not implemented"));
  }
  const bool is_default = from.filter_chains_size() == 0;
  chain_path =
      is_default ? FieldPath(path, "default_filter_chain") : ElementPath(FieldPath(path, "filter_chains"), 0);
  return is_default ? &from.default_filter_chain() : &from.filter_chains(0);
}

}  // namespace

std::shared_ptr<const Listener> BuildListener(BuildContext& context, const v3::Listener& from,
                                              const std::string& path) {
  const auto listener = std::make_shared<Listener>();
  if (from.has_address()) {
    listener->address = BuildAddress(context, from.address(), FieldPath(path, "address")).value_or(Address());
  }
  listener->name = from.name().empty() ? AddressText(listener->address) : from.name();
  listener->stat_prefix = from.stat_prefix().empty() ? StatText(listener->address) : from.stat_prefix();
  if (from.has_per_connection_buffer_limit_bytes()) {
    listener->per_connection_buffer_limit = BufferLimit(from.per_connection_buffer_limit_bytes().value());
  }
  if (from.has_tcp_backlog_size()) listener->tcp_backlog = from.tcp_backlog_size().value();
  if (from.has_enable_reuse_port()) listener->enable_reuse_port = from.enable_reuse_port().value();
  if (from.has_max_connections_to_accept_per_socket_event()) {
    listener->max_accepts_per_event = from.max_connections_to_accept_per_socket_event().value();
  }
  listener->access_logs = BuildAccessLogs(context, from.access_log(), FieldPath(path, "access_log"));

  std::string chain_path;
  if (const v3::FilterChain* chain = OnlyChain(context, from, path, chain_path)) {
    listener->filter_chain = BuildFilterChain(context, *chain, chain_path);
  }
  return listener;
}

}  // namespace pillion::config
