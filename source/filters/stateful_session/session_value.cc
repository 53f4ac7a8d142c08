#include "source/filters/stateful_session/session_value.h"

#include <optional>

#include "source/context/base64.h"

namespace pillion::filters::stateful_session {
namespace {

constexpr size_t kMostBytes = 4096;  // of a value: hosts have shorter addresses
constexpr char kAddressTag = 1 << 3 | 2;
constexpr char kExpiresTag = 2 << 3 | 0;

std::string_view Encode(base::Arena& arena, std::string_view bytes) {
  const size_t size = context::Base64Size(bytes.size(), true);
  char* const out = static_cast<char*>(arena.Allocate(size, 1));
  context::EncodeBase64(bytes, true, out);
  return {out, size};
}

std::optional<std::string_view> Decode(base::Arena& arena, std::string_view value) {
  if (value.empty() || value.size() > kMostBytes) return std::nullopt;
  const size_t room = value.size();
  char* const out = static_cast<char*>(arena.Allocate(room, 1));
  const std::optional<size_t> size = context::DecodeBase64(value, out, room);
  if (!size) return std::nullopt;
  return std::string_view(out, *size);
}

void AppendNumber(base::Arena& arena, base::ArenaText& text, uint64_t number) {
  for (; number >= 0x80; number >>= 7) {
    const char byte = static_cast<char>(number | 0x80);
    text.Append(arena, {&byte, 1});
  }
  const char last = static_cast<char>(number);
  text.Append(arena, {&last, 1});
}

std::optional<uint64_t> TakeNumber(std::string_view& bytes) {
  uint64_t number = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

struct Cookie {
  std::string_view address;
  uint64_t expires_s = 0;
};

// Fields that are not known are passed over, as every reader of messages does.
std::optional<Cookie> Parse(std::string_view bytes) {
  Cookie cookie;
  while (!bytes.empty()) {
    const std::optional<uint64_t> tag = TakeNumber(bytes);
    if (!tag || *tag >> 3 == 0) return std::nullopt;
    switch (*tag & 7) {
      case 0: {
        const std::optional<uint64_t> number = TakeNumber(bytes);
        if (!number) return std::nullopt;
        if (*tag == kExpiresTag) cookie.expires_s = *number;
        break;
      }
      case 2: {
        const std::optional<uint64_t> size = TakeNumber(bytes);
        if (!size || *size > bytes.size()) return std::nullopt;
        if (*tag == kAddressTag) cookie.address = bytes.substr(0, *size);
        bytes.remove_prefix(*size);
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return cookie;
}

}  // namespace

std::string_view WriteAddress(base::Arena& arena, std::string_view address) { return Encode(arena, address); }

std::string_view ReadAddress(base::Arena& arena, std::string_view value) { return Decode(arena, value).value_or(""); }

std::string_view WriteCookie(base::Arena& arena, std::string_view address, uint64_t expires_s) {
  base::ArenaText bytes;
  bytes.Append(arena, {&kAddressTag, 1});
  AppendNumber(arena, bytes, address.size());
  bytes.Append(arena, address);
  if (expires_s != 0) {
    bytes.Append(arena, {&kExpiresTag, 1});
    AppendNumber(arena, bytes, expires_s);
  }
  return Encode(arena, bytes.view());
}

std::string_view ReadCookie(base::Arena& arena, std::string_view value, uint64_t now_s) {
  const std::optional<std::string_view> bytes = Decode(arena, value);
  if (!bytes) return {};
  const std::optional<Cookie> cookie = Parse(*bytes);
  if (!cookie) return *bytes;
  if (cookie->expires_s != 0 && cookie->expires_s < now_s) return {};
  return cookie->address;
}

}  // namespace pillion::filters::stateful_session
