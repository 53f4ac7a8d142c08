#pragma once

// What a TLS client asks for before anything is encrypted: the server's name and the application protocols of its
// ClientHello (RFC 8446, 4.1.2; RFC 6066, 3; RFC 7301, 3.1). Reads what is there, changes nothing, keeps nothing but
// what it found; asked again, with all the bytes, when more have come.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "source/codec/sniff/fingerprint.h"
#include "source/codec/sniff/found.h"

namespace pillion::codec::sniff {

struct ClientHello {
  // In lower case; empty: none was sent.
  std::string server_name;
  std::vector<std::string> application_protocols;
};

// `max_bytes` bounds the handshake message with the records that carry it. `hello` is filled for kYes only, and so is
// `fingerprints`, where they are wanted.
[[nodiscard]] Found ReadClientHello(std::string_view bytes, size_t max_bytes, ClientHello& hello,
                                    FingerprintTexts* fingerprints = nullptr);

}  // namespace pillion::codec::sniff
