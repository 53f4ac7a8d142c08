#include "source/codec/sniff/client_hello.h"

#include <algorithm>
#include <bitset>
#include <optional>

#include "absl/strings/ascii.h"
#include "source/codec/sniff/reader.h"

namespace pillion::codec::sniff {
namespace {

constexpr uint8_t kHandshakeRecord = 22;
constexpr size_t kRecordHeader = 5;
constexpr size_t kLongestRecord = 16384;  // RFC 8446, 5.1
constexpr uint8_t kClientHello = 1;
constexpr size_t kMessageHeader = 4;
constexpr uint16_t kServerNameExtension = 0;
constexpr uint16_t kAlpnExtension = 16;
constexpr uint8_t kHostName = 0;
constexpr size_t kLongestName = 255;
constexpr size_t kMostProtocols = 64;  // a client offers a handful; each is kept as long as its connection

uint8_t Byte(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

bool IsRecordLength(size_t length) {
  return length > 0 && length <= kLongestRecord;
}

// A name as it may stand in a certificate; everything else would only fool who reads it in a log.
bool IsHostName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool ReadServerName(std::string_view extension, ClientHello& hello) {
  Reader outer(extension);
  Reader list(outer.Vector(2));
  if (!outer.done() || list.empty()) return false;
  while (list.ok() && !list.empty()) {
    const size_t type = list.Integer(1);
    const std::string_view name = list.Vector(2);
    if (!list.ok() || type != kHostName || !hello.server_name.empty() || !IsHostName(name)) return false;
    hello.server_name = std::string(name);
    absl::AsciiStrToLower(&hello.server_name);
  }
  return list.done();
}

bool ReadProtocols(std::string_view extension, ClientHello& hello) {
  Reader outer(extension);
  Reader list(outer.Vector(2));
  if (!outer.done() || list.empty()) return false;
  while (list.ok() && !list.empty()) {
    const std::string_view protocol = list.Vector(1);
    if (!list.ok() || protocol.empty() || hello.application_protocols.size() == kMostProtocols) return false;
    hello.application_protocols.emplace_back(protocol);
  }
  return list.done();
}

// `message` is the whole of it, without its header.
bool ReadMessage(std::string_view message, ClientHello& hello) {
  Reader reader(message);
  reader.Bytes(2 + 32);                            // legacy_version, random
  if (reader.Vector(1).size() > 32) return false;  // legacy_session_id
  const std::string_view suites = reader.Vector(2);
  if (suites.size() < 2 || suites.size() % 2 != 0) return false;
  if (reader.Vector(1).empty()) return false;  // legacy_compression_methods
  if (!reader.ok()) return false;
  if (reader.done()) return true;  // from before there were extensions
  Reader extensions(reader.Vector(2));
  if (!reader.done()) return false;
  std::bitset<65536> seen;
  while (extensions.ok() && !extensions.empty()) {
    const size_t type = extensions.Integer(2);
    const std::string_view body = extensions.Vector(2);
    // No extension twice (RFC 8446, 4.2): who reads the first would see another name than who reads the last.
    if (!extensions.ok() || seen[type]) return false;
    seen[type] = true;
    if (type == kServerNameExtension && !ReadServerName(body, hello)) return false;
    if (type == kAlpnExtension && !ReadProtocols(body, hello)) return false;
  }
  return extensions.done();
}

}  // namespace

Found ReadClientHello(std::string_view bytes, size_t max_bytes, ClientHello& hello, FingerprintTexts* fingerprints) {
  // Each byte that is there decides as early as it can: who is no TLS client may wait for us to speak.
  const auto differs = [&](size_t at, auto expected) { return bytes.size() > at && !expected(Byte(bytes, at)); };
  if (differs(0, [](uint8_t b) { return b == kHandshakeRecord; })) return Found::kNo;
  if (differs(1, [](uint8_t b) { return b == 3; })) return Found::kNo;
  if (differs(2, [](uint8_t b) { return b <= 4; })) return Found::kNo;
  if (bytes.size() >= kRecordHeader && !IsRecordLength(Number(bytes.substr(3, 2)))) return Found::kMalformed;
  if (differs(kRecordHeader, [](uint8_t b) { return b == kClientHello; })) return Found::kNo;

  // The message may be cut into several records, of which all are handshake records (RFC 8446, 5.1). One is the rule, and
  // then is read where it lies.
  std::string joined;
  std::string_view message;
  std::optional<size_t> wanted;  // length with its header
  for (size_t at = 0; !wanted || message.size() < *wanted;) {
    const std::string_view rest = bytes.substr(at);
    if (!rest.empty() && Byte(rest, 0) != kHandshakeRecord) return Found::kMalformed;
    if (rest.size() < kRecordHeader) return bytes.size() >= max_bytes ? Found::kTooLarge : Found::kNeedMore;
    const size_t length = Number(rest.substr(3, 2));
    if (!IsRecordLength(length)) return Found::kMalformed;
    const std::string_view part = rest.substr(kRecordHeader, length);
    if (at == 0) {
      message = part;
    } else {
      if (joined.empty()) joined = message;
      joined += part;
      message = joined;
    }
    if (!wanted && message.size() >= kMessageHeader) {
      wanted = kMessageHeader + Number(message.substr(1, 3));
      if (kRecordHeader + *wanted > max_bytes) return Found::kTooLarge;
    }
    if (wanted && message.size() >= *wanted) {
      const size_t end = at + kRecordHeader + part.size() - (message.size() - *wanted);
      if (end > max_bytes) return Found::kTooLarge;
    } else if (part.size() < length) {
      return bytes.size() >= max_bytes ? Found::kTooLarge : Found::kNeedMore;
    }
    at += kRecordHeader + length;
  }
  hello = {};
  message = message.substr(kMessageHeader, *wanted - kMessageHeader);
  if (!ReadMessage(message, hello)) {
    hello = {};
    return Found::kMalformed;
  }
  if (fingerprints != nullptr) *fingerprints = ReadFingerprints(message);
  return Found::kYes;
}

}  // namespace pillion::codec::sniff
