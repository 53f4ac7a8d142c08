#include "source/tls/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pillion::tls {
namespace {

using net::IoResult;
using net::IoStatus;

constexpr size_t kRecord = 16 * 1024;
// From here on a piece is encrypted where it lies; smaller ones are put together first.
constexpr size_t kEncryptInPlace = 8 * 1024;
// Ciphertext of one write.
constexpr size_t kWriteAtMost = 64 * 1024;
constexpr size_t kPiecesPerWrite = 16;
// Key updates and the like that a peer may send beyond one for each so many bytes.
constexpr uint32_t kFreeMessages = 100;
constexpr uint64_t kBytesPerMessage = 64 * 1024;

// What others left behind would be taken for ours. Looking is much cheaper than clearing, which goes through all places.
void ForgetErrors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

TlsTransport::TlsTransport(event::Worker& worker, std::unique_ptr<net::Transport> below, TransportOptions options)
    : worker_(worker),
      below_(std::move(below)),
      options_(std::move(options)),
      ssl_(SSL_new(options_.context->openssl())),
      facts_(std::make_shared<Facts>(ssl_, options_.context)),
      output_(worker.blocks()),
      progress_(this, [](void* self) { static_cast<TlsTransport*>(self)->Progress(); }),
      timer_(this, [](void* self) { static_cast<TlsTransport*>(self)->OnTimeout(); }) {
  SSL_set_app_data(ssl_, this);
  BIO* const bio = NewBio(*this);
  SSL_set_bio(ssl_, bio, bio);
  if (options_.context->server()) {
    SSL_set_accept_state(ssl_);
    state_ = State::kHandshake;
    return;
  }
  SSL_set_connect_state(ssl_);
  Prepare();
}

TlsTransport::~TlsTransport() {
  if (options_.queue != nullptr) options_.queue->Leave(*this);
  if (state_ == State::kOpen && !aborted_ && !said_end_ && output_.empty()) {
    SayEnd();
    Flush();
  }
  FreeOpenSsl();
}

void TlsTransport::FreeOpenSsl() {
  if (ssl_ == nullptr) return;
  // Else OpenSSL takes the session for a broken one.
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(std::exchange(ssl_, nullptr));
  ERR_clear_error();
}

void TlsTransport::SayEnd() {
  said_end_ = true;
  if (records_) {
    SealAlert(SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY);
    return;
  }
  ERR_clear_error();
  SSL_shutdown(ssl_);
}

void TlsTransport::Resume(base::Slice preread, bool readable, bool hangup) {
  input_ = std::move(preread);
  readable_ = readable;
  hangup_ = hangup;
}

int TlsTransport::Start(net::TransportEvents& events) {
  if (std::exchange(events_, &events) != nullptr) return 0;
  const int error = failure_.empty() ? below_->Start(*this) : EINVAL;
  if (error != 0) {
    error_ = error;
    state_ = State::kFailed;
    return error;
  }
  if (options_.handshake_timeout > base::Duration::zero()) worker_.SetTimer(timer_, options_.handshake_timeout);
  if (state_ == State::kHandshake) worker_.Step(progress_);
  return 0;
}

int TlsTransport::connect_error() { return state_ == State::kConnecting ? below_->connect_error() : error_; }

void TlsTransport::OnTransportReady(event::Readiness readiness) {
  readable_ = readable_ || readiness.readable;
  hangup_ = hangup_ || readiness.hangup;
  switch (state_) {
    case State::kConnecting:
      if (!readiness.writable) return;
      if (const int error = below_->connect_error(); error != 0) {
        Fail(error);
        return;
      }
      state_ = State::kHandshake;
      [[fallthrough]];
    case State::kHandshake:
      if (readiness.writable) Flush();
      Handshake();
      return;
    case State::kAlerting:
      Flush();
      Alerting();
      return;
    case State::kOpen:
      if (readiness.writable && !output_.empty() && !Flush() && error_ == 0) readiness.writable = false;
      if (end_when_flushed_ && output_.empty()) ShutdownWrite();
      events_->OnTransportReady(readiness);
      return;
    case State::kFailed:
      return;
  }
}

void TlsTransport::Progress() {
  switch (state_) {
    case State::kHandshake:
      Handshake();
      return;
    case State::kFailed:
      Tell(true);
      return;
    case State::kOpen:
      events_->OnTransportReady(
          {.readable = true, .writable = std::exchange(tell_writable_, false), .hangup = hangup_, .failed = false});
      return;
    case State::kAlerting:
      Alerting();
      return;
    case State::kConnecting:
      return;
  }
}

net::IoStatus TlsTransport::Fill(size_t most) {
  if (!readable_) return IoStatus::kWouldBlock;
  base::Block* const block = worker_.blocks().Take(base::BlockSize::kRead);
  base::Slice slice(block, block->data(), 0);
  if (!input_.empty()) {  // the first part of a record
    std::memcpy(block->data(), input_.data(), input_.size());
    slice.Extend(input_.size());
  }
  const size_t size = std::min<size_t>(most, block->capacity() - slice.size());
  const IoResult result = below_->Read({block->data() + slice.size(), size});
  if (result.status == IoStatus::kOk) {
    // A short read empties the socket, but for an end that came without an event of its own.
    if (result.bytes < size && !hangup_) readable_ = false;
    slice.Extend(result.bytes);
    input_ = std::move(slice);
  } else {
    if (result.status == IoStatus::kWouldBlock) readable_ = false;
    if (result.status == IoStatus::kError) error_ = result.error;
  }
  return result.status;
}

bool TlsTransport::TooManyMessages() const { return messages_ > kFreeMessages + opened_ / kBytesPerMessage; }

net::IoResult TlsTransport::Read(std::span<char> into) {
  if (state_ == State::kFailed) return {.status = IoStatus::kError, .error = error_};
  if (state_ != State::kOpen) return {.status = IoStatus::kWouldBlock};
  if (broken_) return ReadFailed(IoStatus::kError);
  size_t total = 0;
  const IoStatus status = records_ ? OpenRecords(into, total) : OpenByOpenSsl(into, total);
  if (status != IoStatus::kOk && status != IoStatus::kWouldBlock) {
    if (status == IoStatus::kError && error_ == 0) {
      TakeFailure();
      Flush();
    }
    if (total == 0) return ReadFailed(status);
    broken_ = true;  // what came before is whole
  }
  if (TooManyMessages()) {
    failure_ = "too many TLS handshake messages on an open connection";
    if (options_.stats != nullptr) options_.stats->Count(Counter::kConnectionError);
    if (total == 0) return ReadFailed(IoStatus::kError);
    broken_ = true;
  }
  if (!output_.empty() && !held_byte_) Flush();  // an answer to a key update
  if (write_waits_for_read_) {
    write_waits_for_read_ = false;
    tell_writable_ = true;
    worker_.Step(progress_);
  }
  const bool held = records_ ? !plain_.empty() || HoldsRecord() : !input_.empty() || SSL_has_pending(ssl_) == 1;
  const bool more = broken_ || held || got_end_ || readable_;
  if (total == 0) {
    if (got_end_) return {.status = IoStatus::kEnd};
    return {.status = IoStatus::kWouldBlock};
  }
  // Whoever gets less than it asked for waits for an event.
  if (total < into.size() && more) worker_.Step(progress_);
  return {.status = IoStatus::kOk, .bytes = total};
}

// kOk: also where nothing was there.
net::IoStatus TlsTransport::OpenByOpenSsl(std::span<char> into, size_t& total) {
  bool filled = false;
  bool dry = input_.empty() && SSL_has_pending(ssl_) == 0;  // OpenSSL would only ask for more
  while (total < into.size() && !got_end_ && !TooManyMessages()) {
    if (dry) {
      if (total > 0 || (filled && !readable_)) break;
      filled = true;
      // All of it shall fit, with what OpenSSL holds of a record that began earlier.
      const IoStatus status = Fill(into.size() > 3 * kRecord ? into.size() - kRecord - 1024 : into.size());
      if (status == IoStatus::kWouldBlock) break;
      if (status != IoStatus::kOk) return status;
    }
    size_t bytes = 0;
    ForgetErrors();
    const int result = SSL_read_ex(ssl_, into.data() + total, into.size() - total, &bytes);
    if (result == 1) {
      total += bytes;
      opened_ += bytes;
      dry = input_.empty() && SSL_has_pending(ssl_) == 0;
      continue;
    }
    const int error = SSL_get_error(ssl_, result);
    got_end_ = error == SSL_ERROR_ZERO_RETURN;
    dry = error == SSL_ERROR_WANT_READ;
    if (!got_end_ && !dry) return IoStatus::kError;
  }
  if (total > 0 && handover_ != nullptr && BetweenRecords() && !write_waits_for_read_) TakeOver();
  return IoStatus::kOk;
}

// Nothing has come that was not opened.
bool TlsTransport::BetweenRecords() const {
  if (!input_.empty()) return false;
  if (records_) return true;
  // OpenSSL may hold a part of a record, or of a message that goes on in the next one.
  return SSL_has_pending(ssl_) == 0 && SSL_in_init(ssl_) == 0 && std::string_view(SSL_rstate_string(ssl_)) == "RH";
}

net::IoResult TlsTransport::ReadFailed(net::IoStatus why) {
  // Without close_notify nobody knows whether this was all (RFC 8446, 6.1).
  if (why == IoStatus::kEnd) {
    if (BetweenRecords() && !options_.strict_end) {
      got_end_ = true;
      return {.status = IoStatus::kEnd};
    }
    if (failure_.empty()) failure_ = "connection closed without close_notify";
    error_ = ECONNRESET;
  }
  if (error_ == 0) error_ = EPROTO;
  state_ = State::kFailed;
  told_ = true;
  return {.status = IoStatus::kError, .error = error_};
}

net::IoResult TlsTransport::Write(std::span<const iovec> from) {
  if (state_ == State::kFailed) return {.status = IoStatus::kError, .error = error_};
  if (state_ != State::kOpen) return {.status = IoStatus::kWouldBlock};
  if (!output_.empty() && !Flush()) {
    if (error_ != 0) return {.status = IoStatus::kError, .error = error_};
    return {.status = IoStatus::kWouldBlock};
  }
  size_t taken = held_byte_ ? 1 : 0;
  size_t index = 0;
  size_t offset = taken;
  held_byte_ = false;
  while (index < from.size() && offset >= from[index].iov_len) {
    offset -= from[index].iov_len;
    ++index;
  }
  while (index < from.size()) {
    while (index < from.size() && output_.size() < kWriteAtMost) {
      size_t sealed = records_ ? SealOne(from, index, offset) : SealByOpenSsl(from, index, offset);
      if (error_ != 0) return {.status = IoStatus::kError, .error = error_};
      if (write_waits_for_read_) break;
      taken += sealed;
      for (; index < from.size() && sealed >= from[index].iov_len - offset; ++index, offset = 0) {
        sealed -= from[index].iov_len - offset;
      }
      offset += sealed;
    }
    if (Flush()) {
      if (!write_waits_for_read_) continue;
      if (taken == 0) return {.status = IoStatus::kWouldBlock};
      return {.status = IoStatus::kOk, .bytes = taken};
    }
    if (error_ != 0) return {.status = IoStatus::kError, .error = error_};
    held_byte_ = true;
    if (taken == 1) return {.status = IoStatus::kWouldBlock};
    return {.status = IoStatus::kOk, .bytes = taken - 1};
  }
  return {.status = IoStatus::kOk, .bytes = taken};
}

// A record of what begins at `offset` of piece `index`; how much that is.
size_t TlsTransport::SealByOpenSsl(std::span<const iovec> from, size_t index, size_t offset) {
  const char* data = static_cast<const char*>(from[index].iov_base) + offset;
  size_t size = std::min(from[index].iov_len - offset, kRecord);
  base::Slice gathered;
  if (size < kEncryptInPlace && index + 1 < from.size()) {
    base::Block* const block = worker_.blocks().Take(base::BlockSize::kOutput);
    gathered = base::Slice(block, block->data(), 0);
    const size_t room = std::min<size_t>(block->capacity(), kRecord);
    for (size_t i = index, at = offset; i < from.size() && gathered.size() < room; ++i, at = 0) {
      const size_t part = std::min(from[i].iov_len - at, room - gathered.size());
      std::memcpy(block->data() + gathered.size(), static_cast<const char*>(from[i].iov_base) + at, part);
      gathered.Extend(part);
    }
    data = gathered.data();
    size = gathered.size();
  }
  ForgetErrors();
  size_t written = 0;
  if (const int result = SSL_write_ex(ssl_, data, size, &written); result != 1) {
    // A message of the handshake's kind has come in part: the rest of it first.
    if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) {
      write_waits_for_read_ = true;
      return 0;
    }
    TakeFailure();
    error_ = EPROTO;
    return 0;
  }
  return written;
}

bool TlsTransport::Flush() {
  while (!output_.empty()) {
    std::array<iovec, kPiecesPerWrite> pieces;
    const size_t count = output_.Peek(pieces);
    size_t offered = 0;
    for (size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
    const IoResult result = below_->Write({pieces.data(), count});
    if (result.status != IoStatus::kOk) {
      if (result.status != IoStatus::kWouldBlock) error_ = result.error == 0 ? EPIPE : result.error;
      return false;
    }
    output_.Drain(result.bytes);
    if (result.bytes < offered) return false;
  }
  return true;
}

void TlsTransport::ShutdownWrite() {
  if (state_ == State::kOpen && !said_end_) SayEnd();
  if (Flush() || error_ != 0) {
    end_when_flushed_ = false;
    below_->ShutdownWrite();
  } else {
    end_when_flushed_ = true;
  }
}

void TlsTransport::Abort() {
  aborted_ = true;
  below_->Abort();
}

void TlsTransport::Fail(int error) {
  facts_->Settle();
  timer_.Cancel();
  if (options_.queue != nullptr) options_.queue->Leave(*this);
  error_ = error == 0 ? EPROTO : error;
  state_ = State::kFailed;
  Tell(false);
}

// How the connect ended.
void TlsTransport::Tell(bool readable) {
  if (std::exchange(told_, true)) return;
  events_->OnTransportReady(
      {.readable = readable, .writable = true, .hangup = hangup_, .failed = state_ == State::kFailed});
}

}  // namespace pillion::tls
