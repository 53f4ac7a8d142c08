#pragma once

// What seals or opens the records of one direction of a TLS 1.3 connection: RFC 8446, 5.2, 5.3 and 7.2, 7.3.
// Owned by Records; on its worker.

#include <openssl/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pillion::tls {

enum class Suite : uint8_t { kAes128Gcm, kAes256Gcm, kChacha20Poly1305 };

inline constexpr size_t kTagBytes = 16;  // of each suite

// Where a direction stands when somebody else has sealed or opened its first records.
struct TrafficSecret {
  std::array<unsigned char, 48> bytes{};  // client_application_traffic_secret_N, or the server's
  size_t size = 0;
  uint64_t sequence = 0;  // of the next record

  TrafficSecret() = default;
  TrafficSecret(const TrafficSecret&) = default;
  TrafficSecret& operator=(const TrafficSecret&) = default;
  ~TrafficSecret();  // leaves nothing in memory
};

class TrafficKey {
 public:
  // `seals`: for what is written.
  TrafficKey(Suite suite, const TrafficSecret& secret, bool seals);
  TrafficKey(const TrafficKey&) = delete;
  TrafficKey& operator=(const TrafficKey&) = delete;
  ~TrafficKey();

  // One record: Begin() with its header, Add() for its content piece by piece, and the tag. False: OpenSSL refuses, or, from
  // CheckTag(), the record was not sealed with this key. `to` may be where `size` bytes at `from` lie, or apart from them.
  bool Begin(std::span<const unsigned char> header);
  bool Add(const char* from, size_t size, char* to);
  bool MakeTag(char* tag);
  bool CheckTag(const char* tag);

  // Records since the key was made.
  uint64_t sequence() const { return secret_.sequence; }
  // The next generation (7.2).
  void Update();

 private:
  void MakeKey();

  const Suite suite_;
  const bool seals_;
  TrafficSecret secret_;
  std::array<unsigned char, 12> iv_{};
  EVP_CIPHER_CTX* const cipher_;
};

}  // namespace pillion::tls
