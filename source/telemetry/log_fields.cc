#include "source/telemetry/log_fields.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "source/http/parameters.h"

namespace pillion::telemetry {

size_t BytesOf(const http::HeaderMap& fields) {
  size_t bytes = 0;
  for (const http::HeaderField& field : fields) bytes += field.name().size() + field.value().size();
  return bytes;
}

size_t BytesOf(const http::RequestHead& head) {
  size_t bytes = BytesOf(head.headers);
  const auto add = [&bytes](std::string_view name, std::string_view value) {
    if (!value.empty()) bytes += name.size() + value.size();
  };
  add(":method", head.method);
  add(":scheme", head.scheme);
  add(":authority", head.authority);
  add(":path", head.path);
  return bytes;
}

size_t BytesOf(const http::ResponseHead& head) {
  constexpr size_t kStatus = std::string_view(":status200").size();
  return kStatus + BytesOf(head.headers);
}

void Unescape(std::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
}

bool FindQueryParameter(std::string_view path, std::string_view name, std::string& value) {
  for (std::string_view query = http::QueryOf(path); !query.empty();) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    const size_t equals = std::min(parameter.find('='), parameter.size());
    value.clear();
    Unescape(parameter.substr(0, equals), value);
    if (value != name) continue;
    value.clear();
    Unescape(parameter.substr(std::min(equals + 1, parameter.size())), value);
    return true;
  }
  return false;
}

std::string_view Masked(std::string_view ip, int bits, std::string& scratch) {
  const int family = ip.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  const int most = family == AF_INET ? 32 : 128;
  unsigned char bytes[16];
  scratch.assign(ip);
  if (inet_pton(family, scratch.c_str(), bytes) != 1) return ip;
  bits = std::min(bits, most);
  for (int i = bits; i < most; ++i) bytes[i / 8] &= static_cast<unsigned char>(~(0x80 >> (i % 8)));
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, bytes, text, sizeof text) == nullptr) return ip;
  scratch = fmt::format("{}/{}", text, bits);
  return scratch;
}

}  // namespace pillion::telemetry
