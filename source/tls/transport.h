#pragma once

// TLS over another transport. To who uses it, a connect ends when the handshake has: until then nothing is read or written,
// on a server's side as well (so its connections start as connecting).
//
// | state        | meaning                                              | left by                                            |
// |--------------|------------------------------------------------------|----------------------------------------------------|
// | kConnecting  | the transport below connects (clients)               | its end: kHandshake, kFailed                       |
// | kHandshake   | flights go both ways                                 | its end: kOpen; an error: kAlerting; timer: kFailed |
// | kAlerting    | the peer is told why, and may take that until it ends | its end, the timer: kFailed                        |
// | kOpen        | records                                              | an error: kFailed                                  |
// | kFailed      | connect_error(), or each call, says why              | -                                                  |
//
// OpenSSL does the handshake. Of TLS 1.3, once data has come, the records are our own (records.h) and OpenSSL is let go;
// TLS 1.2 stays with it. Bytes are read from below once a call, into a block of the worker, and records are opened straight
// from there. What is written becomes records as large as may be, and all of them go below in one write. What the transport
// below does not take waits here; meanwhile the last byte counts as not yet written, so that who writes offers it again and
// knows that it is blocked. An idle connection holds neither blocks nor OpenSSL's buffers.
//
// Owned by its connection, on its worker.

#include <openssl/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/base/buffer.h"
#include "source/event/worker.h"
#include "source/identity/peer_policy.h"
#include "source/net/transport.h"
#include "source/tls/context.h"
#include "source/tls/facts.h"
#include "source/tls/handshake_queue.h"
#include "source/tls/records.h"
#include "source/tls/session_store.h"
#include "source/tls/stats.h"

namespace pillion::tls {

struct TransportOptions {
  std::shared_ptr<const Context> context;
  Stats* stats = nullptr;  // outlives the transport
  stats::Counter* established = nullptr;  // also this counts handshakes that ended well; outlives the transport
  // The context of now, by which also the end of a handshake is judged: trust may be withdrawn while it lasts. Null: nobody
  // is served. Empty: `context` it is.
  std::function<std::shared_ptr<const Context>()> latest;
  base::Duration handshake_timeout{0};  // zero: whoever connects has a timer
  // Who reads until the end, and only so knows where it is, must not take a broken connection for one (RFC 8446, 6.1): an
  // end without close_notify is an error then. Else it is one within a record only.
  bool strict_end = false;
  HandshakeQueue* queue = nullptr;  // of the worker, outlives the transport; null: nobody has to wait
  // Of a client.
  std::string server_name;  // to ask for; empty: none
  // The name that the certificate must be of; none: any. Empty: nobody knows one, and so nobody is good.
  std::optional<std::string> expected_name;
  std::vector<std::string> expected_any;  // beside that, one of these names; empty: any
  std::vector<std::string> alpn;     // to offer; empty: what the context says
  SessionStore* sessions = nullptr;  // outlives the transport; null: nothing is resumed
};

class TlsTransport final : public net::Transport, private net::TransportEvents, private HandshakeQueue::Waiter {
 public:
  TlsTransport(event::Worker& worker, std::unique_ptr<net::Transport> below, TransportOptions options);
  ~TlsTransport() override;

  // Before Start(): what others have read from below, and whether there may be more to read, and an end behind that.
  void Resume(base::Slice preread, bool readable, bool hangup);

  // net::Transport
  int Start(net::TransportEvents& events) override;
  int connect_error() override;
  net::IoResult Read(std::span<char> into) override;
  net::IoResult Write(std::span<const iovec> from) override;
  void ShutdownWrite() override;
  void Abort() override;
  const net::Address& local_address() override { return below_->local_address(); }
  const net::Address& remote_address() const override { return below_->remote_address(); }
  std::optional<net::Address> OriginalDestination() override { return below_->OriginalDestination(); }
  void SetLocalAddress(const net::Address& address) override { below_->SetLocalAddress(address); }
  void SetRemoteAddress(const net::Address& address) override { below_->SetRemoteAddress(address); }
  bool connects() const override { return true; }
  std::shared_ptr<Facts> tls() override { return facts_; }
  std::string_view failure() const override { return failure_; }

  // For the context's OpenSSL.
  static int OnVerify(X509_STORE_CTX* store, void*);
  static int OnNewSession(SSL* ssl, SSL_SESSION* session);
  static absl::Time TimeOf(const SSL* ssl);
  static void Count(const SSL* ssl, Counter counter);
  static const Context& ContextOf(const SSL* ssl);
  static void OnSecret(const SSL* ssl, const char* line);
  static void OnMessage(int sent, int version, int type, const void* data, size_t size, SSL* ssl, void*);

 private:
  enum class State : uint8_t { kConnecting, kHandshake, kAlerting, kOpen, kFailed };

  // What has to be known to go on where OpenSSL stops.
  struct Handover {
    TrafficSecret client;  // by which the client seals
    TrafficSecret server;
    bool keys_changed = false;  // these are not the keys any more
  };

  // False of a stream of a library (stream.h).
  static bool HasTransport(const SSL* ssl);
  static TlsTransport& Of(const SSL* ssl);
  static int BioRead(BIO* bio, char* to, int size);
  static int BioWrite(BIO* bio, const char* from, int size);
  static long BioControl(BIO* bio, int command, long, void*);
  static BIO* NewBio(TlsTransport& self);

  void OnTransportReady(event::Readiness readiness) override;
  void Progress();
  void Prepare();  // a client's connection
  void Handshake();
  void OnTurn() override;
  void OnGivenUp() override;
  void Shake();
  bool FillHandshake();
  std::optional<identity::Refusal> CheckAgain(X509* leaf) const;
  void HandshakeDone();
  bool StandsStill() const;
  void Alerting();
  void OnTimeout();

  // kOk: bytes are there to be opened.
  net::IoStatus Fill(size_t most);
  // False: the transport below takes no more now, or failed.
  bool Flush();
  // Adds what could be opened to `into`, and counts it in `total`. An error stands in error_, or with OpenSSL.
  net::IoStatus OpenByOpenSsl(std::span<char> into, size_t& total);
  net::IoStatus OpenRecords(std::span<char> into, size_t& total);
  bool OpenOne(std::span<char> into, size_t& total);
  bool HoldsRecord() const;  // a whole one
  size_t SealByOpenSsl(std::span<const iovec> from, size_t index, size_t offset);
  size_t SealOne(std::span<const iovec> from, size_t index, size_t offset);
  void ChangeKey();
  void SealAlert(uint8_t level, uint8_t number);
  void SayEnd();
  void TakeOver();
  void FreeOpenSsl();
  bool TooManyMessages() const;
  bool BetweenRecords() const;
  net::IoResult ReadFailed(net::IoStatus why);
  void TakeFailure();
  void CountRefusal();
  void Fail(int error);
  void Tell(bool readable);

  event::Worker& worker_;
  const std::unique_ptr<net::Transport> below_;
  const TransportOptions options_;
  SSL* ssl_;  // null: records_ has taken over
  std::optional<Records> records_;
  std::unique_ptr<Handover> handover_;  // until then; null of TLS 1.2
  const std::shared_ptr<Facts> facts_;
  net::TransportEvents* events_ = nullptr;
  base::Slice input_;     // read from below, not opened yet
  base::Slice plain_;     // opened, but nobody had room for it
  base::Buffer output_;   // records that wait
  event::Task progress_;  // goes on, or tells of bytes that came already
  base::Timer timer_;
  std::optional<identity::Refusal> refusal_;
  std::string failure_;

  State state_ = State::kConnecting;
  bool readable_ = false;      // below may have bytes
  bool hangup_ = false;
  bool held_byte_ = false;     // the last byte that became a record is not yet told as written
  bool end_when_flushed_ = false;
  bool said_end_ = false;      // close_notify was sent
  bool got_end_ = false;       // and received
  bool broken_ = false;        // what comes next can't be read
  bool aborted_ = false;
  bool told_ = false;          // how the connect ended
  int error_ = 0;
  uint32_t messages_ = 0;      // of the handshake's kind, after it
  uint64_t opened_ = 0;        // bytes
  size_t handshake_bytes_ = 0;
  size_t alerting_bytes_ = 0;
  bool write_waits_for_read_ = false;
  bool tell_writable_ = false;
};

}  // namespace pillion::tls
