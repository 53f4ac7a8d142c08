#include "source/base/sip_hash.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace pillion::base {
namespace {

// As the reference implementation: key 00..0f, input 00 01 02 ...; the first is in its vectors, all by `openssl mac`.
TEST(SipHash, IsTheStandardOne) {
  struct Vector {
    uint64_t words;
    const char* hash;
  };
  for (const Vector& vector : {Vector{0, "a3817f04ba25a8e66df67214c7550293"}, Vector{1, "3b62a9ba6258f5610f83e264f31497b4"},
                               Vector{2, "6ee2a4ca67b054bbfd3315bf85230577"}, Vector{5, "df6a301e95c95dad97ae0cc8c6913bd8"}}) {
    SipHash hash({0x0706050403020100, 0x0f0e0d0c0b0a0908});
    for (uint64_t i = 0; i < vector.words; ++i) hash.Add(0x0706050403020100 + i * 0x0808080808080808);
    const SipHash::Hash result = hash.Finish();
    std::string text;
    for (const uint64_t half : {result.low, result.high}) {
      for (int byte = 0; byte < 8; ++byte) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(half >> (8 * byte)) & 0xff);
        text += digits;
      }
    }
    EXPECT_EQ(text, vector.hash) << vector.words << " words";
  }
}

}  // namespace
}  // namespace pillion::base
