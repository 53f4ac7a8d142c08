// Which hosts a cluster has.

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/ascii.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Message = envoy::config::endpoint::v3::ClusterLoadAssignment;

// Letters, digits, '-', '_' and dots between labels of 1 to 63: what a resolver can be asked for.
bool IsDnsName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return false;
  size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_') return false;
    if (++label > 63) return false;
  }
  return label > 0;
}

// An IP address is one in every type of cluster; a name only where DNS is asked.
std::variant<Address, DnsTarget> BuildTarget(BuildContext& context, Cluster::Discovery discovery,
                                             const envoy::config::core::v3::Address& from,
                                             const std::string& path) {
  const auto& socket = from.socket_address();
  const std::string socket_path = FieldPath(path, "socket_address");
  if (from.has_socket_address() && socket.has_port_value() && socket.port_value() == 0) {
    context.errors.Add(FieldPath(socket_path, "port_value"), "0, expected a port from 1 to 65535");
  }
  if (discovery != Cluster::Discovery::kStatic && discovery != Cluster::Discovery::kEds) {
    if (from.has_pipe()) context.errors.Add(path, "a unix path, expected a socket_address in a cluster of DNS names");
    if (from.has_envoy_internal_address()) {
      context.errors.Add(path, "an internal listener, expected a socket_address in a cluster of DNS names");
    }
    const auto port = static_cast<uint16_t>(socket.port_value());
    if (const std::optional<SocketAddress> ip = ParseIp(socket.address(), port)) return Address(*ip);
    if (!socket.address().empty() && !IsDnsName(socket.address())) {
      context.errors.Add(FieldPath(socket_path, "address"),
                         Concat(Quote(socket.address()), ", expected a DNS name or an IP address"));
    }
    return DnsTarget{absl::AsciiStrToLower(socket.address()), port};
  }
  if (from.has_socket_address() && !ParseIp(socket.address(), 0) && IsDnsName(socket.address())) {
    context.errors.Add(FieldPath(socket_path, "address"),
                       Concat(Quote(socket.address()), ", expected an IP address; names need type STRICT_DNS"));
    return Address();
  }
  return BuildAddress(context, from, path, Transport::kEndpoint).value_or(Address());
}

EndpointHealth BuildHealth(envoy::config::core::v3::HealthStatus from) {
  constexpr EndpointHealth kHealth[] = {EndpointHealth::kUnknown,  EndpointHealth::kHealthy, EndpointHealth::kUnhealthy,
                                        EndpointHealth::kDraining, EndpointHealth::kTimeout, EndpointHealth::kDegraded};
  return kHealth[from];
}

// The endpoint itself, or what `named_endpoints` has under the name.
const envoy::config::endpoint::v3::Endpoint* FindEndpoint(BuildContext& context, const Message& assignment,
                                                          const envoy::config::endpoint::v3::LbEndpoint& from,
                                                          const std::string& path) {
  if (from.has_endpoint()) return &from.endpoint();
  if (from.endpoint_name().empty()) return nullptr;
  const auto named = assignment.named_endpoints().find(from.endpoint_name());
  if (named != assignment.named_endpoints().end()) return &named->second;
  context.errors.Add(FieldPath(path, "endpoint_name"),
                     Concat(Quote(from.endpoint_name()), ", expected a name of named_endpoints"));
  return nullptr;
}

// Null: there are none.
std::shared_ptr<const std::vector<Address>> BuildAdditionalAddresses(
    BuildContext& context, const envoy::config::endpoint::v3::Endpoint& from, Cluster::Discovery discovery,
    const std::string& path) {
  if (from.additional_addresses_size() == 0) return nullptr;
  const std::string list = FieldPath(path, "additional_addresses");
  if (discovery != Cluster::Discovery::kStatic && discovery != Cluster::Discovery::kEds) {
    context.errors.Add(list,
                       "a name is all that DNS is asked for, expected none; clusters of type STATIC and EDS may have some");
    return nullptr;
  }
  if (!from.address().has_socket_address()) {
    context.errors.Add(FieldPath(path, "address"), Concat(from.address().has_pipe() ? "a unix path" : "an internal listener",
                                                          ", expected a socket_address beside additional_addresses"));
  }
  const auto addresses = std::make_shared<std::vector<Address>>();
  for (int i = 0; i < from.additional_addresses_size(); ++i) {
    const std::string place = FieldPath(ElementPath(list, i), "address");
    const auto& address = from.additional_addresses(i).address();
    if (address.has_pipe() || address.has_envoy_internal_address()) {
      context.errors.Add(place, address.has_pipe() ? "a unix path, expected a socket_address"
                                                   : "an internal listener, expected a socket_address");
      continue;
    }
    const auto target = BuildTarget(context, discovery, address, place);
    if (const auto* const found = std::get_if<Address>(&target)) addresses->push_back(*found);
  }
  return addresses;
}

void BuildHost(BuildContext& context, const envoy::config::endpoint::v3::Endpoint& from, Cluster::Discovery discovery,
               const std::string& path, Endpoint& to) {
  if (from.has_address()) to.target = BuildTarget(context, discovery, from.address(), FieldPath(path, "address"));
  to.additional_addresses = BuildAdditionalAddresses(context, from, discovery, path);
  to.hostname = from.hostname();
  if (from.has_health_check_config()) {
    to.check = BuildEndpointCheck(context, from.health_check_config(), FieldPath(path, "health_check_config"));
  }
}

void BuildDrop(BuildContext& context, const Message::Policy& from, const std::string& path, AssignmentPolicy& to) {
  const std::string list = FieldPath(path, "drop_overloads");
  if (from.drop_overloads_size() == 0) return;
  if (from.drop_overloads_size() > 1) {
    context.errors.Add(list, Concat(from.drop_overloads_size(), " categories, expected one"));
  }
  match::Fraction& drop = to.drop;
  to.drop_category = from.drop_overloads(0).category();
  drop = BuildFraction(from.drop_overloads(0).drop_percentage());
  if (drop.numerator > drop.denominator) {
    context.errors.Add(FieldPath(ElementPath(list, 0), "drop_percentage"), "more than all, expected at most 100 percent");
  }
}

}  // namespace

void CheckGroups(const Assignment& assignment, const std::set<uint32_t>& priorities, bool gaps, const std::string& path,
                 ErrorList& errors) {
  std::map<uint32_t, uint64_t> weights;  // sum by priority
  for (const uint32_t priority : priorities) weights.try_emplace(priority, 0);
  for (const Endpoint& endpoint : assignment.endpoints) weights[endpoint.priority] += endpoint.weight;
  uint32_t expected = 0;
  for (const auto& [priority, sum] : weights) {
    if (priority != expected++ && !gaps) {
      errors.Add(FieldPath(path, "endpoints"),
                         Concat("there is a priority ", priority, " but no priority ", expected - 1));
      break;
    }
    if (sum > std::numeric_limits<uint32_t>::max()) {
      errors.Add(FieldPath(path, "endpoints"), Concat("the weights add up to ", sum, ", expected at most ",
                                                              std::numeric_limits<uint32_t>::max()));
    }
  }
}

Endpoint BuildEndpoint(BuildContext& context, const Message& assignment,
                       const envoy::config::endpoint::v3::LocalityLbEndpoints& group,
                       const envoy::config::endpoint::v3::LbEndpoint& from, Cluster::Discovery discovery,
                       const std::string& assignment_path, const std::string& path) {
  Endpoint endpoint;
  if (const auto* found = FindEndpoint(context, assignment, from, path)) {
    const std::string place = from.has_endpoint()
                                  ? FieldPath(path, "endpoint")
                                  : KeyPath(FieldPath(assignment_path, "named_endpoints"), from.endpoint_name());
    BuildHost(context, *found, discovery, place, endpoint);
  }
  if (from.has_load_balancing_weight()) endpoint.weight = from.load_balancing_weight().value();
  endpoint.priority = group.priority();
  endpoint.locality = {group.locality().region(), group.locality().zone(), group.locality().sub_zone()};
  endpoint.locality_weight = group.load_balancing_weight().value();
  endpoint.health = BuildHealth(from.health_status());
  endpoint.metadata = BuildMetadata(from.metadata());
  return endpoint;
}

void BuildAssignmentPolicy(BuildContext& context, const Message& from, const std::string& path, Assignment& to) {
  if (from.policy().has_overprovisioning_factor()) {
    to.policy.overprovisioning_percent = from.policy().overprovisioning_factor().value();
  }
  to.policy.weighted_priority_health = from.policy().weighted_priority_health();
  BuildDrop(context, from.policy(), FieldPath(path, "policy"), to.policy);
  if (from.policy().has_endpoint_stale_after()) to.stale_after = ToDuration(from.policy().endpoint_stale_after());
}

void BuildAssignment(BuildContext& context, const Message& from, Cluster::Discovery discovery, const std::string& path,
                     Assignment& to) {
  std::set<uint32_t> priorities;
  size_t count = 0;
  for (const auto& group : from.endpoints()) count += static_cast<size_t>(group.lb_endpoints_size());
  to.endpoints.reserve(count);
  for (int l = 0; l < from.endpoints_size(); ++l) {
    const auto& group = from.endpoints(l);
    const std::string group_path = ElementPath(FieldPath(path, "endpoints"), l);
    const std::shared_ptr<const Metadata> locality_metadata = BuildMetadata(group.metadata());
    priorities.insert(group.priority());
    for (int e = 0; e < group.lb_endpoints_size(); ++e) {
      to.endpoints.push_back(BuildEndpoint(context, from, group, group.lb_endpoints(e), discovery, path,
                                           ElementPath(FieldPath(group_path, "lb_endpoints"), e)));
      to.endpoints.back().locality_metadata = locality_metadata;
    }
  }
  BuildAssignmentPolicy(context, from, path, to);
  CheckGroups(to, priorities, discovery == Cluster::Discovery::kEds, path, context.errors);
}

}  // namespace pillion::config
