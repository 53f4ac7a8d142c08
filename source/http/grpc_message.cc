#include "source/http/grpc_message.h"

namespace pillion::http {

std::string_view EncodeGrpcMessage(base::Arena& arena, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  const auto plain = [](char c) { return c >= 0x20 && c <= 0x7e && c != '%'; };
  size_t size = 0;
  for (const char c : text) size += plain(c) ? 1 : 3;
  if (size == text.size()) return text;
  char* const out = static_cast<char*>(arena.Allocate(size, 1));
  char* to = out;
  for (const char c : text) {
    if (plain(c)) {
      *to++ = c;
      continue;
    }
    *to++ = '%';
    *to++ = kHex[static_cast<unsigned char>(c) >> 4];
    *to++ = kHex[static_cast<unsigned char>(c) & 15];
  }
  return {out, size};
}

}  // namespace pillion::http
