#include "source/tls/records.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>

namespace pillion::tls {
namespace {

using Opened = Records::Opened;
using What = Opened::What;

constexpr uint8_t kNewSessionTicket = 4;
constexpr uint8_t kKeyUpdateMessage = 24;
constexpr size_t kMessageHeader = 4;

Opened Broken(uint8_t alert, int reason) { return {.what = What::kBroken, .alert = alert, .reason = reason}; }

Opened Unexpected() { return Broken(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_MESSAGE); }

unsigned char At(std::string_view bytes, size_t index) { return static_cast<unsigned char>(bytes[index]); }

}  // namespace

Records::Records(Suite suite, const TrafficSecret& opens, const TrafficSecret& seals, bool server)
    : opens_(suite, opens, false), seals_(suite, seals, true), server_(server) {}

size_t Records::Seal(RecordType type, std::span<const iovec> from, char* to) {
  size_t content = 0;
  for (const iovec& piece : from) content += piece.iov_len;
  const size_t sealed = content + 1 + kTagBytes;
  const std::array<unsigned char, kHeader> header = {static_cast<unsigned char>(RecordType::kData), 3, 3,
                                                     static_cast<unsigned char>(sealed >> 8),
                                                     static_cast<unsigned char>(sealed)};
  std::copy(header.begin(), header.end(), to);
  if (!seals_.Begin(header)) return 0;
  char* at = to + kHeader;
  for (const iovec& piece : from) {
    if (piece.iov_len == 0) continue;
    if (!seals_.Add(static_cast<const char*>(piece.iov_base), piece.iov_len, at)) return 0;
    at += piece.iov_len;
  }
  const char inner = static_cast<char>(type);
  if (!seals_.Add(&inner, 1, at) || !seals_.MakeTag(at + 1)) return 0;
  return kHeader + sealed;
}

size_t Records::ChangeKey(char* to) {
  char message[] = {kKeyUpdateMessage, 0, 0, 1, 0};  // update_not_requested
  const iovec piece = {message, sizeof(message)};
  const size_t size = Seal(RecordType::kHandshake, {&piece, 1}, to);
  seals_.Update();
  answer_due_ = false;
  return size;
}

size_t Records::SizeOf(std::string_view from) {
  if (from.size() < kHeader) return 0;
  const size_t length = At(from, 3) << 8 | At(from, 4);
  const bool good = At(from, 0) == static_cast<uint8_t>(RecordType::kData) && At(from, 1) == 3 && At(from, 2) == 3 &&
                    length > kTagBytes && kHeader + length <= kMostSealed;
  return good ? kHeader + length : kHeader;
}

Records::Opened Records::Open(std::string_view record, char* to) {
  if (record.size() == kHeader) {
    const bool data = At(record, 0) == static_cast<uint8_t>(RecordType::kData);
    if (!data) return Broken(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD);
    if (At(record, 1) != 3 || At(record, 2) != 3) return Broken(SSL_AD_DECODE_ERROR, SSL_R_WRONG_VERSION_NUMBER);
    const bool much = (At(record, 3) << 8 | At(record, 4)) > static_cast<int>(kTagBytes);
    return much ? Broken(SSL_AD_RECORD_OVERFLOW, SSL_R_ENCRYPTED_LENGTH_TOO_LONG)
                : Broken(SSL_AD_BAD_RECORD_MAC, SSL_R_LENGTH_TOO_SHORT);
  }
  const std::string_view sealed = record.substr(kHeader, record.size() - kHeader - kTagBytes);
  std::array<unsigned char, kHeader> header;
  std::copy_n(record.begin(), kHeader, header.begin());
  if (!opens_.Begin(header) || !opens_.Add(sealed.data(), sealed.size(), to) ||
      !opens_.CheckTag(record.data() + record.size() - kTagBytes)) {
    return Broken(SSL_AD_BAD_RECORD_MAC, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
  }
  size_t size = sealed.size();
  while (size > 0 && to[size - 1] == 0) --size;  // padding
  if (size == 0) return Broken(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_BAD_RECORD_TYPE);
  const std::string_view content(to, --size);
  if (sealed.size() > kMostContent + 1) return Broken(SSL_AD_RECORD_OVERFLOW, SSL_R_DATA_LENGTH_TOO_LONG);
  const auto type = static_cast<RecordType>(to[size]);
  if (type == RecordType::kHandshake) return OpenMessages(content);
  if (message_rest_ > 0) return Unexpected();  // nothing may come within a message (5.1)
  switch (type) {
    case RecordType::kData:
      if (size == 0) return {.what = What::kMessage};
      return {.what = What::kData, .size = size};
    case RecordType::kAlert:
      if (size != 2) return Broken(SSL_AD_DECODE_ERROR, SSL_R_BAD_LENGTH);
      if (content[1] == SSL_AD_CLOSE_NOTIFY) return {.what = What::kEnd};
      if (content[1] == SSL_AD_USER_CANCELLED) return {.what = What::kMessage};
      return {.what = What::kAlert, .alert = static_cast<uint8_t>(content[1])};  // its level says nothing (6)
    default:
      return Broken(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_BAD_RECORD_TYPE);
  }
}

// Whole messages, and of tickets, which are passed over, also parts.
Records::Opened Records::OpenMessages(std::string_view content) {
  if (content.empty()) return Unexpected();
  while (!content.empty()) {
    if (message_rest_ > 0) {
      const size_t part = std::min<size_t>(message_rest_, content.size());
      message_rest_ -= static_cast<uint32_t>(part);
      content.remove_prefix(part);
      continue;
    }
    // No TLS library splits a message of this kind within its header.
    if (content.size() < kMessageHeader) return Unexpected();
    const uint8_t type = At(content, 0);
    const uint32_t length = At(content, 1) << 16 | At(content, 2) << 8 | At(content, 3);
    content.remove_prefix(kMessageHeader);
    if (type == kKeyUpdateMessage) return TakeKeyUpdate(content, content.size() == length);
    if (type != kNewSessionTicket || server_) return Unexpected();
    message_rest_ = length;
  }
  return {.what = What::kMessage};
}

// `last`: it ends with its record, as what comes before a change of keys has to (5.1).
Records::Opened Records::TakeKeyUpdate(std::string_view body, bool last) {
  if (!last) return Unexpected();
  if (body.size() != 1) return Broken(SSL_AD_DECODE_ERROR, SSL_R_BAD_KEY_UPDATE);
  if (At(body, 0) > 1) return Broken(SSL_AD_ILLEGAL_PARAMETER, SSL_R_BAD_KEY_UPDATE);
  opens_.Update();
  if (body[0] == 1) answer_due_ = true;
  return {.what = What::kMessage};
}

}  // namespace pillion::tls
