#pragma once

// SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): a keyed hash. Who does not know the key finds no two inputs of
// one hash, and no input of a chosen one. In words of 8 bytes: whole ones only.

#include <bit>
#include <cstdint>

namespace pillion::base {

class SipHash {
 public:
  struct Key {
    uint64_t low;   // its first 8 bytes, little endian
    uint64_t high;
  };
  struct Hash {
    uint64_t low;  // the first 8 bytes of the result, little endian
    uint64_t high;
    friend bool operator==(const Hash&, const Hash&) = default;
  };

  explicit SipHash(const Key& key)
      : v0_(key.low ^ 0x736f6d6570736575),
        v1_(key.high ^ 0x646f72616e646f6d ^ 0xee),
        v2_(key.low ^ 0x6c7967656e657261),
        v3_(key.high ^ 0x7465646279746573) {}

  void Add(uint64_t word) {
    length_ += 8;
    Compress(word);
  }

  // Once.
  Hash Finish() {
    Compress(length_ << 56);
    v2_ ^= 0xee;
    for (int i = 0; i < 4; ++i) Round();
    const uint64_t low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    for (int i = 0; i < 4; ++i) Round();
    return {low, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

 private:
  void Compress(uint64_t word) {
    v3_ ^= word;
    Round();
    Round();
    v0_ ^= word;
  }
  void Round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  uint64_t v0_, v1_, v2_, v3_;
  uint64_t length_ = 0;  // in bytes
};

}  // namespace pillion::base
