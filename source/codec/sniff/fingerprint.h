#pragma once

// What fingerprints of TLS clients are made of: the texts that JA3 and JA4 hash (salesforce/ja3; FoxIO, JA4 of TCP).
// Pure; the hashes are somebody else's.

#include <string>
#include <string_view>

namespace pillion::codec::sniff {

// The values that clients put in by chance, so that servers get used to what they don't know (RFC 8701).
constexpr bool IsGrease(size_t value) { return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff); }

struct FingerprintTexts {
  // "771,4865-4866,0-16-43,29-23,0": version, cipher suites, extensions, groups, point formats, each as it was sent.
  // Its MD5 is the fingerprint.
  std::string ja3;
  // "t13d0203h2_", then of each of these two texts the first twelve digits of the SHA-256, with a "_" between them. Of
  // an empty one twelve zeros.
  std::string ja4_start;
  std::string ja4_suites;      // sorted
  std::string ja4_extensions;  // sorted, then signature algorithms as they were sent
};

// `message`: of a ClientHello, without its header. It was read already, so its lengths are right; what its extensions
// have in them may still be anything. As much is kept as there is: the caller has bounded that.
FingerprintTexts ReadFingerprints(std::string_view message);

}  // namespace pillion::codec::sniff
