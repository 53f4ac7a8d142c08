#include "source/net/proxy_head.h"

#include <netinet/in.h>

#include "absl/strings/str_cat.h"

namespace pillion::net {
namespace {

using namespace std::string_literals;

constexpr char kLocal = 0x20;  // version 2, and the command
constexpr char kProxy = 0x21;
constexpr char kStreamOfV4 = 0x11;
constexpr char kStreamOfV6 = 0x21;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

void AppendPort(std::string& to, uint16_t port) {
  to.push_back(static_cast<char>(port >> 8));
  to.push_back(static_cast<char>(port));
}

// In the order of the network.
std::string IpBytes(const Address& address) {
  if (address.family() == AF_INET) {
    const in_addr& ip = reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr;
    return {reinterpret_cast<const char*>(&ip), sizeof ip};
  }
  const in6_addr& ip = reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr;
  return {reinterpret_cast<const char*>(&ip), sizeof ip};
}

}  // namespace

std::string ProxyHead(ProxyVersion version, const Address& source, const Address& destination, std::string_view tlvs) {
  const bool v4 = source.family() == AF_INET;
  const bool tells = (v4 || source.family() == AF_INET6) && source.family() == destination.family();
  if (version == ProxyVersion::kV1) {
    if (!tells) return "PROXY UNKNOWN\r\n";
    return absl::StrCat("PROXY ", v4 ? "TCP4 " : "TCP6 ", source.ip(), " ", destination.ip(), " ", source.port(), " ",
                        destination.port(), "\r\n");
  }
  std::string head = kSignature;
  if (!tells) return head + kLocal + "\0\0\0"s;
  const std::string ips = IpBytes(source) + IpBytes(destination);
  head.push_back(kProxy);
  head.push_back(v4 ? kStreamOfV4 : kStreamOfV6);
  AppendPort(head, static_cast<uint16_t>(ips.size() + 2 * sizeof(uint16_t) + tlvs.size()));  // what follows, in bytes
  head += ips;
  AppendPort(head, source.port());
  AppendPort(head, destination.port());
  head += tlvs;
  return head;
}

std::string ProxyHeadOfOwn(ProxyVersion version, const Address& local, const Address& remote) {
  return version == ProxyVersion::kV1 ? ProxyHead(version, local, remote) : ProxyHead(version, Address(), Address());
}

}  // namespace pillion::net
