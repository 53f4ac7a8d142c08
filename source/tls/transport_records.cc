// The records of TlsTransport after OpenSSL: how they are taken over, opened and sealed.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "source/tls/transport.h"

namespace pillion::tls {
namespace {

using net::IoStatus;

// Of a record that is sealed: so large that it fits into a block of output.
constexpr size_t kSealedContent = 15 * 1024;
constexpr size_t kPiecesPerRecord = 16;
// What stands before a secret in a line of a key log: the client's random number.
constexpr size_t kRandomDigits = 64;
constexpr unsigned char kFinished = 20;
constexpr unsigned char kKeyUpdate = 24;

int Digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

std::optional<Suite> SuiteOf(const SSL* ssl) {
  switch (SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl))) {
    case 0x1301:
      return Suite::kAes128Gcm;
    case 0x1302:
      return Suite::kAes256Gcm;
    case 0x1303:
      return Suite::kChacha20Poly1305;
    default:
      return std::nullopt;
  }
}

}  // namespace

// The only way by which OpenSSL tells its secrets: a line for each, as the key log of browsers has it.
void TlsTransport::OnSecret(const SSL* ssl, const char* line) {
  if (!HasTransport(ssl)) return;
  const std::string_view text = line;
  TlsTransport& self = Of(ssl);
  if (self.handover_ == nullptr) self.handover_ = std::make_unique<Handover>();
  constexpr std::string_view kClient = "CLIENT_TRAFFIC_SECRET_0 ";
  constexpr std::string_view kServer = "SERVER_TRAFFIC_SECRET_0 ";
  const bool client = text.starts_with(kClient);
  if (!client && !text.starts_with(kServer)) return;
  const std::string_view digits = text.substr(std::min(text.size(), kClient.size() + kRandomDigits + 1));
  TrafficSecret& secret = client ? self.handover_->client : self.handover_->server;
  secret.size = std::min(digits.size() / 2, secret.bytes.size());
  for (size_t i = 0; i < secret.size; ++i) {
    secret.bytes[i] = static_cast<unsigned char>(Digit(digits[2 * i]) << 4 | Digit(digits[2 * i + 1]));
  }
}

// Counts the peer's messages behind the handshake; and, for who takes over, how many records there were since the keys of
// now began, behind each side's Finished.
void TlsTransport::OnMessage(int sent, int, int type, const void* data, size_t size, SSL* ssl, void*) {
  TlsTransport& self = Of(ssl);
  if (type == SSL3_RT_HANDSHAKE && sent == 0 && self.state_ == State::kOpen) ++self.messages_;
  Handover* const handover = self.handover_.get();
  if (handover == nullptr) return;
  const bool by_server = (sent == 1) == (SSL_is_server(ssl) == 1);
  TrafficSecret& secret = by_server ? handover->server : handover->client;
  if (type == SSL3_RT_HEADER) ++secret.sequence;
  if (type != SSL3_RT_HANDSHAKE || size == 0) return;
  const unsigned char message = *static_cast<const unsigned char*>(data);
  if (message == kFinished) secret.sequence = 0;
  if (message == kKeyUpdate) handover->keys_changed = true;
}

// OpenSSL has opened data and holds nothing more, neither of ours nor of the peer's. Until there is data it stays, for the
// tickets that a server sends come before.
void TlsTransport::TakeOver() {
  const std::unique_ptr<Handover> handover = std::move(handover_);
  const std::optional<Suite> suite = SuiteOf(ssl_);
  if (!suite || handover->keys_changed || handover->client.size == 0 || handover->server.size == 0) return;
  // Clients for which a record may be too large (RFC 6066, 4) are rare: they stay with who knows of that.
  if (SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl_)) != TLSEXT_max_fragment_length_DISABLED) return;
  const bool server = options_.context->server();
  const TrafficSecret& opens = server ? handover->client : handover->server;
  const TrafficSecret& seals = server ? handover->server : handover->client;
  records_.emplace(*suite, opens, seals, server);
  FreeOpenSsl();
}

net::IoStatus TlsTransport::OpenRecords(std::span<char> into, size_t& total) {
  bool filled = false;
  while (total < into.size() && !got_end_ && !TooManyMessages()) {
    if (!plain_.empty()) {
      const size_t part = std::min(plain_.size(), into.size() - total);
      std::memcpy(into.data() + total, plain_.data(), part);
      plain_.RemovePrefix(part);
      if (plain_.empty()) plain_ = base::Slice();
      total += part;
      continue;
    }
    if (!HoldsRecord()) {
      if (total > 0 || (filled && !readable_)) break;
      filled = true;
      const IoStatus status = Fill(std::max(into.size(), Records::kMostSealed));
      if (status == IoStatus::kWouldBlock) break;
      if (status != IoStatus::kOk) return status;
      continue;
    }
    if (!OpenOne(into, total)) return IoStatus::kError;
  }
  // What is held of a record keeps no more memory than it needs.
  if (!input_.empty() && !HoldsRecord() && !readable_) input_ = base::Slice::Copy(worker_.blocks(), input_.view());
  return IoStatus::kOk;
}

// False: nothing can be read any more.
bool TlsTransport::OpenOne(std::span<char> into, size_t& total) {
  const std::string_view record = input_.view().substr(0, Records::SizeOf(input_.view()));
  const bool fits = record.size() - Records::kHeader <= into.size() - total + kTagBytes;
  char* const to = fits ? into.data() + total : input_.data() + Records::kHeader;
  const Records::Opened opened = records_->Open(record, to);
  if (opened.what == Records::Opened::What::kData && !fits) plain_ = input_.Share(Records::kHeader, opened.size);
  input_.RemovePrefix(record.size());
  if (input_.empty()) input_ = base::Slice();
  switch (opened.what) {
    case Records::Opened::What::kData:
      opened_ += opened.size;
      if (fits) total += opened.size;
      return true;
    case Records::Opened::What::kMessage:
      ++messages_;
      if (records_->wants_new_key() && !said_end_) ChangeKey();  // nothing may follow a close_notify (6.1)
      return true;
    case Records::Opened::What::kEnd:
      got_end_ = true;
      return true;
    case Records::Opened::What::kAlert:
      ERR_clear_error();
      ERR_raise(ERR_LIB_SSL, SSL_AD_REASON_OFFSET + opened.alert);
      return false;
    case Records::Opened::What::kBroken:
      ERR_clear_error();
      ERR_raise(ERR_LIB_SSL, opened.reason);
      SealAlert(SSL3_AL_FATAL, opened.alert);
      return false;
  }
  return false;
}

bool TlsTransport::HoldsRecord() const {
  const size_t size = Records::SizeOf(input_.view());
  return size > 0 && size <= input_.size();
}

size_t TlsTransport::SealOne(std::span<const iovec> from, size_t index, size_t offset) {
  std::array<iovec, kPiecesPerRecord> pieces;
  size_t count = 0;
  size_t size = 0;
  for (; index < from.size() && count < pieces.size() && size < kSealedContent; ++index, offset = 0) {
    const size_t part = std::min(from[index].iov_len - offset, kSealedContent - size);
    pieces[count++] = {static_cast<char*>(from[index].iov_base) + offset, part};
    size += part;
  }
  const size_t sealed = records_->Seal(RecordType::kData, {pieces.data(), count},
                                       output_.Reserve(size + Records::kOverhead));
  if (sealed == 0) {
    TakeFailure();
    error_ = EPROTO;
    return 0;
  }
  output_.Commit(sealed);
  if (records_->wants_new_key()) ChangeKey();
  return size;
}

void TlsTransport::ChangeKey() { output_.Commit(records_->ChangeKey(output_.Reserve(Records::kKeyUpdate))); }

void TlsTransport::SealAlert(uint8_t level, uint8_t number) {
  uint8_t content[] = {level, number};
  const iovec piece = {content, sizeof(content)};
  output_.Commit(records_->Seal(RecordType::kAlert, {&piece, 1}, output_.Reserve(sizeof(content) + Records::kOverhead)));
}

}  // namespace pillion::tls
