#pragma once

// CAs of configurations, by their bytes: OpenSSL takes 0.15 ms to parse one, and the same trust bundle comes again
// for each context and each secret that has it, and with the next one that differs in a single CA. Of peers' certificates
// none goes here, and leaves, which change by the hour, are not kept. What it gives is shared and must not be changed.

#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "source/identity/owned.h"

namespace pillion::identity {

// Any thread.
class CertificatePool {
 public:
  // That nobody has asked for while this many others were are forgotten; who has one keeps it.
  static constexpr size_t kGeneration = 1024;

  // That of the process, which lives as long.
  static CertificatePool& Shared();

  // Null: the bytes are no certificate, and OpenSSL's error says why.
  OwnedCertificate Get(std::string_view der);

 private:
  using Certificates = std::map<std::string, OwnedCertificate, std::less<>>;  // by the SHA-256 of their bytes

  absl::Mutex mutex_;
  Certificates recent_ ABSL_GUARDED_BY(mutex_);   // at most kGeneration
  Certificates earlier_ ABSL_GUARDED_BY(mutex_);  // the same, of before
};

}  // namespace pillion::identity
