#include "source/http/request_id.h"

namespace pillion::http {
namespace {

constexpr size_t kSize = 36;
constexpr size_t kMarkAt = 14;

}  // namespace

char TraceMarkOf(std::string_view id) {
  if (id.size() != kSize || id[kMarkAt - 1] != '-') return '4';
  const char mark = id[kMarkAt];
  return mark == '9' || mark == 'a' || mark == 'b' ? mark : '4';
}

std::string_view MakeRequestId(base::Arena& arena, base::Random& random, char trace_mark) {
  constexpr char kHex[] = "0123456789abcdef";
  const uint64_t high = random.Next();
  uint64_t low = random.Next();
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  char* const text = static_cast<char*>(arena.Allocate(kSize, 1));
  char* to = text;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *to++ = '-';
    const uint64_t half = i < 16 ? high : low;
    *to++ = kHex[half >> (60 - 4 * (i & 15)) & 15];
  }
  text[kMarkAt] = trace_mark;
  return {text, kSize};
}

}  // namespace pillion::http
