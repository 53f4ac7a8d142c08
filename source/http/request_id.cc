#include "source/http/request_id.h"

namespace pillion::http {

std::string_view MakeRequestId(base::Arena& arena, base::Random& random) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t high = random.Next();
  uint64_t low = random.Next();
  high = (high & ~uint64_t{0xf000}) | 0x4000;
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  char* const text = static_cast<char*>(arena.Allocate(36, 1));
  char* to = text;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *to++ = '-';
    const uint64_t half = i < 16 ? high : low;
    *to++ = kHex[half >> (60 - 4 * (i & 15)) & 15];
  }
  return {text, 36};
}

}  // namespace pillion::http
