#include "source/net/own_source.h"

#include <charconv>

namespace pillion::net {

std::string OwnSource::text() const {
  constexpr std::string_view kMapped = "::ffff:";
  std::string ip = address.ip();
  if (address.is_v4_mapped()) ip.erase(0, kMapped.size());  // hosts are reached by their own family
  return std::to_string(mark) + " " + ip;
}

std::optional<OwnSource> OwnSource::Parse(std::string_view text) {
  OwnSource source;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), source.mark);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  const std::optional<Address> address = Address::Ip(text, 0);
  if (!address) return std::nullopt;
  source.address = *address;
  return source;
}

}  // namespace pillion::net
