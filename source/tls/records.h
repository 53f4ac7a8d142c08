#pragma once

// The records of a TLS 1.3 connection behind its handshake (RFC 8446, 5), and the few messages that may still come in them.
// OpenSSL does the handshake; per record its own layer costs more than twice the encryption, and an SSL object some 20 KB
// for each connection. Here are two keys. Plain in, sealed out, and back: no sockets, no waiting, no allocation.
//
// Not here, by intent: early data, client authentication after the handshake, and tickets that come late (a client
// may ignore them, 4.6.1).
//
// Owned by a transport, on its worker.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "source/tls/traffic_key.h"

namespace pillion::tls {

enum class RecordType : uint8_t { kAlert = 21, kHandshake = 22, kData = 23 };

class Records {
 public:
  static constexpr size_t kHeader = 5;
  static constexpr size_t kMostContent = 16 * 1024;             // of a record, as plain text
  static constexpr size_t kOverhead = kHeader + 1 + kTagBytes;  // what sealing adds
  static constexpr size_t kMostSealed = kHeader + kMostContent + 256;
  // AES-GCM is good for 2^24.5 full records under one key (5.5).
  static constexpr uint64_t kRecordsPerKey = 1 << 24;

  Records(Suite suite, const TrafficSecret& opens, const TrafficSecret& seals, bool server);

  // One record of all of `from`, at most kMostContent bytes, written to `to`, which has room for them and kOverhead.
  // Its size; 0: OpenSSL refuses.
  size_t Seal(RecordType type, std::span<const iovec> from, char* to);
  // The key for sealing shall change: `ChangeKey()` then.
  bool wants_new_key() const { return answer_due_ || seals_.sequence() >= kRecordsPerKey; }
  // Writes a key update to `to`, which has room for kKeyUpdate, and goes on with the next key. As Seal().
  static constexpr size_t kKeyUpdate = 5 + kOverhead;
  size_t ChangeKey(char* to);

  // How large the record at the front of `from` is, which may be more than is there; 0: its header is not whole. What can't
  // be a record has the size of its header.
  static size_t SizeOf(std::string_view from);

  struct Opened {
    enum class What : uint8_t {
      kData,     // of `size` bytes
      kMessage,  // nothing for whoever reads
      kEnd,      // close_notify
      kAlert,    // the peer's last word: `alert`
      kBroken,   // it must be told `alert`; `reason` is OpenSSL's number of why
    };
    What what;
    size_t size = 0;
    uint8_t alert = 0;
    int reason = 0;
  };
  // Opens `record`, a whole one by SizeOf(), into `to`: its content behind the header in place, or somewhere else with room
  // for record.size() - kHeader - kTagBytes bytes. After kEnd, kAlert and kBroken nothing may follow.
  Opened Open(std::string_view record, char* to);

 private:
  Opened OpenMessages(std::string_view content);
  Opened TakeKeyUpdate(std::string_view body, bool last);

  TrafficKey opens_;
  TrafficKey seals_;
  const bool server_;
  bool answer_due_ = false;    // the peer wants us to have a new key as well
  uint32_t message_rest_ = 0;  // bytes of a message that began in an earlier record and is passed over
};

}  // namespace pillion::tls
