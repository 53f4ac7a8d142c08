#pragma once

// What is counted of TLS, with Envoy's names: under listener.<address>.ssl. and cluster.<name>.ssl. Registered once by the
// main thread; each worker has its own cells.

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "source/stats/registry.h"

namespace pillion::tls {

enum class Counter : uint8_t {
  kConnectionError,
  kHandshake,
  kSessionReused,
  kNoCertificate,
  kFailVerifyNoCert,
  kFailVerifyError,
  kFailVerifySan,
  kFailVerifyCertHash,
  kIdentityEnded,
  kHandshakeOverflow,
  kOcspStapleFailed,
  kOcspStapleOmitted,
  kOcspStapleRequests,
  kOcspStapleResponses,
  kCount,
};

struct StatIds {
  // `prefix` of who has the connections. `server`: they are accepted.
  StatIds(stats::Registry& registry, const stats::Prefix& prefix, bool server);

  stats::Scope scope;
  std::array<stats::CounterId, static_cast<size_t>(Counter::kCount)> counters;
  std::vector<stats::CounterId> versions;  // in the order of the names in stats.cc
  std::vector<stats::CounterId> ciphers;
  std::vector<stats::CounterId> curves;
  std::vector<stats::CounterId> signatures;
  stats::CounterId not_ready;  // connections whose certificates have not come yet
  std::optional<stats::CounterId> timeouts;  // downstream_cx_transport_socket_connect_timeout, of a server
};

class Stats {
 public:
  Stats(const StatIds& ids, stats::Shard& shard);

  void CountTimeout() {
    if (timeouts_ != nullptr) timeouts_->Increment();
  }
  void CountNotReady() { not_ready_->Increment(); }
  void Count(Counter counter) { counters_[static_cast<size_t>(counter)]->Increment(); }
  // What a handshake agreed on; names that nobody negotiates here are passed over. Of the peer's signature, where it made
  // one, the key's kind and the digest, by OpenSSL's numbers.
  struct Agreed {
    std::string_view version;
    std::string_view cipher;
    int curve;
    int signature_key;
    int signature_digest;
  };
  void CountAgreed(const Agreed& agreed);

 private:
  std::array<stats::Counter*, static_cast<size_t>(Counter::kCount)> counters_;
  std::vector<stats::Counter*> versions_;
  std::vector<stats::Counter*> ciphers_;
  std::vector<stats::Counter*> curves_;
  std::vector<stats::Counter*> signatures_;
  stats::Counter* not_ready_;
  stats::Counter* timeouts_ = nullptr;
};

}  // namespace pillion::tls
