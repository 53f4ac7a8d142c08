#include "source/codec/sniff/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace pillion::codec::sniff {
namespace {

constexpr std::string_view kSignature1 = "PROXY";
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kLongestLine = 107;  // with its CRLF
constexpr size_t kFixedPart = 16;     // of version 2

// One blank between parts, and nothing else: no sign, no leading zero, no name.
std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

bool ParseIp(std::string_view text, bool v6, std::array<uint8_t, 16>& ip) {
  return inet_pton(v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), ip.data()) == 1 &&
         text.find('\0') == text.npos;
}

// `line` without its CRLF.
bool ReadLine(std::string_view line, ProxyHeader& header) {
  std::array<std::string_view, 6> parts;
  size_t count = 0;
  for (bool more = true; more; ++count) {
    if (count == parts.size()) return false;
    const size_t blank = line.find(' ');
    parts[count] = line.substr(0, blank);
    more = blank != line.npos;
    if (more) line.remove_prefix(blank + 1);
    if (count == 1 && parts[1] == "UNKNOWN") return true;  // whatever follows
  }
  if (count != parts.size()) return false;
  if (parts[1] != "TCP4" && parts[1] != "TCP6") return false;
  header.v6 = parts[1] == "TCP6";
  const std::optional<uint16_t> source = ParsePort(parts[4]);
  const std::optional<uint16_t> destination = ParsePort(parts[5]);
  if (!source || !destination) return false;
  header.source.port = *source;
  header.destination.port = *destination;
  header.has_ends = true;
  return ParseIp(parts[2], header.v6, header.source.ip) && ParseIp(parts[3], header.v6, header.destination.ip);
}

Found ReadVersion1(std::string_view bytes, ProxyHeader& header) {
  header.version = 1;
  const size_t end = bytes.substr(0, kLongestLine).find('\n');
  if (end == bytes.npos) return bytes.size() >= kLongestLine ? Found::kMalformed : Found::kNeedMore;
  if (end == 0 || bytes[end - 1] != '\r') return Found::kMalformed;
  if (!bytes.starts_with("PROXY ")) return Found::kMalformed;
  header.bytes = end + 1;
  return ReadLine(bytes.substr(0, end - 1), header) ? Found::kYes : Found::kMalformed;
}

uint16_t Port(std::string_view bytes) {
  return static_cast<uint16_t>((static_cast<uint8_t>(bytes[0]) << 8) | static_cast<uint8_t>(bytes[1]));
}

Found ReadVersion2(std::string_view bytes, ProxyHeader& header) {
  header.version = 2;
  if (bytes.size() < kFixedPart) return Found::kNeedMore;
  const auto command = static_cast<uint8_t>(bytes[12]);
  const auto family = static_cast<uint8_t>(bytes[13]);
  const size_t length = Port(bytes.substr(14));
  header.bytes = kFixedPart + length;
  if (command != 0x20 && command != 0x21) return Found::kMalformed;
  if (header.bytes > kLongestProxyHeader) return Found::kMalformed;
  const bool local = command == 0x20 || family == 0;
  if (!local && family != 0x11 && family != 0x21) return Found::kMalformed;  // a stream over IPv4 or IPv6 it is
  header.v6 = family == 0x21;
  const size_t ip_bytes = header.v6 ? 16 : 4;
  if (!local && length < 2 * ip_bytes + 4) return Found::kMalformed;
  if (bytes.size() < header.bytes) return Found::kNeedMore;
  if (local) return Found::kYes;
  const std::string_view ends = bytes.substr(kFixedPart);
  std::copy_n(ends.begin(), ip_bytes, header.source.ip.begin());
  std::copy_n(ends.begin() + static_cast<ptrdiff_t>(ip_bytes), ip_bytes, header.destination.ip.begin());
  header.source.port = Port(ends.substr(2 * ip_bytes));
  header.destination.port = Port(ends.substr(2 * ip_bytes + 2));
  header.has_ends = true;
  header.tlvs = ends.substr(2 * ip_bytes + 4, length - (2 * ip_bytes + 4));
  return Found::kYes;
}

bool Begins(std::string_view bytes, std::string_view with) {
  const size_t common = std::min(bytes.size(), with.size());
  return bytes.substr(0, common) == with.substr(0, common);
}

}  // namespace

Found ReadProxyHeader(std::string_view bytes, ProxyHeader& header) {
  header = {};
  if (bytes.empty()) return Found::kNeedMore;
  if (Begins(bytes, kSignature1)) {
    return bytes.size() < kSignature1.size() ? Found::kNeedMore : ReadVersion1(bytes, header);
  }
  if (Begins(bytes, kSignature2)) {
    return bytes.size() < kSignature2.size() ? Found::kNeedMore : ReadVersion2(bytes, header);
  }
  return Found::kNo;
}

}  // namespace pillion::codec::sniff
