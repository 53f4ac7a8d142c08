// What sockets are bound to, and their options.

#include <limits>

#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

void AddSource(BuildContext& context, const envoy::config::core::v3::SocketAddress& from, const std::string& path,
               BindOptions& bind) {
  if (from.address().empty()) return;  // said already
  if (from.ipv4_compat()) context.errors.Add(FieldPath(path, "ipv4_compat"), "is for listeners only");
  const std::optional<SocketAddress> address = ParseIp(from.address(), static_cast<uint16_t>(from.port_value()));
  if (!address) {
    context.errors.Add(FieldPath(path, "address"), Concat(Quote(from.address()), ", expected an IP address"));
    return;
  }
  for (const SocketAddress& other : bind.source_addresses) {
    if (other.is_ipv6 == address->is_ipv6) {
      context.errors.Add(FieldPath(path, "address"),
                         Concat(Quote(from.address()), ", expected the other version of IP than ", other.ip));
    }
  }
  bind.source_addresses.push_back(*address);
}

}  // namespace

std::vector<SocketOption> BuildSocketOptions(
    BuildContext& context, const google::protobuf::RepeatedPtrField<envoy::config::core::v3::SocketOption>& from,
    Side side, const std::string& path) {
  std::vector<SocketOption> options;
  for (int i = 0; i < from.size(); ++i) {
    const std::string at = ElementPath(path, i);
    const auto number = [&](int64_t value, std::string_view field) {
      if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
        context.errors.Add(FieldPath(at, field), Concat(value, ", expected an int of the system"));
      }
      return static_cast<int>(value);
    };
    using From = envoy::config::core::v3::SocketOption;
    if (from[i].state() == From::STATE_LISTENING && side == Side::kUpstream) {
      context.errors.Add(FieldPath(at, "state"), "STATE_LISTENING is for listeners only");
    }
    SocketOption option{.level = number(from[i].level(), "level"),
                        .name = number(from[i].name(), "name"),
                        .value = from[i].buf_value(),
                        .state = from[i].state() == From::STATE_PREBIND ? SocketOption::State::kPrebind
                                 : from[i].state() == From::STATE_BOUND ? SocketOption::State::kBound
                                                                        : SocketOption::State::kListening};
    if (from[i].has_int_value()) {
      const int value = number(from[i].int_value(), "int_value");
      option.value.assign(reinterpret_cast<const char*>(&value), sizeof value);
    }
    options.push_back(std::move(option));
  }
  return options;
}

BindOptions BuildBindOptions(BuildContext& context, const envoy::config::core::v3::BindConfig& from,
                             const std::string& path) {
  BindOptions bind;
  if (from.has_source_address()) {
    AddSource(context, from.source_address(), FieldPath(path, "source_address"), bind);
  }
  for (int i = 0; i < from.extra_source_addresses_size(); ++i) {
    if (!from.has_source_address()) {
      context.errors.Add(FieldPath(path, "extra_source_addresses"), "needs a source_address");
      break;
    }
    AddSource(context, from.extra_source_addresses(i).address(),
              FieldPath(ElementPath(FieldPath(path, "extra_source_addresses"), i), "address"), bind);
  }
  bind.freebind = from.freebind().value();
  bind.socket_options =
      BuildSocketOptions(context, from.socket_options(), Side::kUpstream, FieldPath(path, "socket_options"));
  return bind;
}

}  // namespace pillion::config
