#pragma once

// The keys by which a server seals what its clients keep of a session (RFC 5077, 4): AES-256-CBC, and HMAC with SHA-256. Who
// gets hold of one can read all that it sealed, so keys of one's own change. Any thread.

#include <openssl/types.h>

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace pillion::tls {

class TicketKeys {
 public:
  // A key as Envoy's files have it: its name, the HMAC's key and the cipher's.
  static constexpr size_t kBytes = 80;
  // For how long a key of one's own seals, and after that only opens.
  static constexpr absl::Duration kLife = absl::Hours(12);

  // Own ones, made when they are needed.
  TicketKeys() = default;
  // Each of kBytes; the first one seals.
  explicit TicketKeys(const std::vector<std::string>& given);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // What OpenSSL asks: prepares `cipher` and `mac` to seal a ticket under a key whose name it writes to `name`. False: it
  // fails.
  bool Seal(absl::Time now, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  enum class Opening : uint8_t { kUnknown, kGood, kOld };  // kOld: it shall be replaced
  Opening Open(absl::Time now, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);

 private:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> mac;
    std::array<unsigned char, 32> cipher;
    absl::Time made;

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();  // leaves nothing in memory
  };

  static bool Prepare(const Key& key, const unsigned char* iv, bool seals, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  bool Renew(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;  // in handshakes only
  std::vector<Key> keys_ ABSL_GUARDED_BY(mutex_);  // the first one seals
  const bool given_ = false;
};

}  // namespace pillion::tls
