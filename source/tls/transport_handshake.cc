// The handshakes of TlsTransport: how they go on, and how they end.

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <utility>

#include "source/tls/failure.h"
#include "source/tls/standing.h"
#include "source/tls/transport.h"

namespace pillion::tls {
namespace {

using net::IoStatus;

// A peer's whole handshake; a chain of certificates has its own bound in OpenSSL.
constexpr size_t kHandshakeAtMost = 256 * 1024;
// For how long a peer may take the word why it was refused, and how much it may send meanwhile.
constexpr base::Duration kAlertTime = std::chrono::milliseconds(500);
constexpr size_t kAlertBytes = 256 * 1024;
constexpr int kAlertReads = 4;  // in one turn

}  // namespace

void TlsTransport::Prepare() {
  const std::string& name = options_.server_name;
  if (!name.empty() && SSL_set_tlsext_host_name(ssl_, name.c_str()) != 1) {
    failure_ = "TLS_error:|a server name of " + std::to_string(name.size()) + " bytes, at most 255 can be:TLS_error_end";
    ERR_clear_error();
  }
  // Also where nobody else looks at certificates.
  if (!options_.expected_any.empty()) SSL_set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
  if (!options_.alpn.empty()) {
    std::string offer;
    for (const std::string& protocol : options_.alpn) {
      offer += static_cast<char>(protocol.size());
      offer += protocol;
    }
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(offer.data()), static_cast<unsigned int>(offer.size()));
  }
  if (options_.sessions == nullptr) return;
  // One that would not be accepted any more is forgotten, for a full handshake may be good.
  while (SSL_SESSION* const session = options_.sessions->Take(options_.context, name)) {
    X509* const leaf = SSL_SESSION_get0_peer(session);
    const bool unchecked = options_.context->policy() == nullptr && options_.expected_any.empty();
    const bool good = unchecked || (leaf != nullptr && !CheckAgain(leaf));
    if (good) {
      SSL_set_session(ssl_, session);
    } else {
      options_.sessions->Forget(session);
    }
    SSL_SESSION_free(session);
    if (good) return;
  }
}

std::optional<identity::Refusal> TlsTransport::CheckAgain(X509* leaf) const {
  if (options_.expected_name && options_.expected_name->empty()) return identity::NoNameExpected();
  const identity::PeerPolicy* const policy = options_.context->policy();
  std::optional<identity::Refusal> refusal;
  if (policy != nullptr) {
    refusal = policy->CheckAgain(leaf, identity::PeerRole::kServer, options_.expected_name.value_or(""),
                                 absl::FromChrono(worker_.wall_now()));
  }
  if (refusal || options_.expected_any.empty()) return refusal;
  return identity::CheckAnyName(leaf, options_.expected_any);
}

void TlsTransport::Handshake() {
  // A server holds nothing for who says nothing.
  if (options_.context->server() && input_.empty() && !FillHandshake()) return;
  if (options_.queue == nullptr || options_.queue->Enter(*this)) {
    Shake();
  } else if (!input_.empty()) {
    input_ = base::Slice::Copy(worker_.blocks(), input_.view());  // who waits shall not hold a large block
  }
}

void TlsTransport::OnGivenUp() {
  failure_ = "too many TLS handshakes at once";
  if (options_.stats != nullptr) options_.stats->Count(Counter::kHandshakeOverflow);
  Fail(ECONNABORTED);
}

void TlsTransport::OnTurn() {
  if (state_ == State::kHandshake) Shake();
}

void TlsTransport::Shake() {
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) {
      if (!Flush() && error_ != 0) {
        Fail(error_);
        return;
      }
      HandshakeDone();
      return;
    }
    if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) {
      TakeFailure();
      Flush();
      // A reset would take the alert away from the peer: it has to end first, or time.
      if (options_.queue != nullptr) options_.queue->Leave(*this);
      state_ = State::kAlerting;
      below_->ShutdownWrite();
      worker_.SetTimer(timer_, kAlertTime);
      readable_ = true;
      Alerting();
      return;
    }
    Flush();
    if (!FillHandshake()) return;
  }
}

// False: nothing is there now, or ever.
bool TlsTransport::FillHandshake() {
  switch (Fill(base::kLargestBlock)) {
    case IoStatus::kOk:
      if ((handshake_bytes_ += input_.size()) <= kHandshakeAtMost) return true;
      if (failure_.empty()) failure_ = "TLS_error:|the handshake is too long:TLS_error_end";
      if (options_.stats != nullptr) options_.stats->Count(Counter::kConnectionError);
      Fail(EPROTO);
      return false;
    case IoStatus::kWouldBlock:
      return false;
    case IoStatus::kEnd:
      if (failure_.empty()) failure_ = "connection closed during the TLS handshake";
      Fail(ECONNRESET);
      return false;
    case IoStatus::kError:
      Fail(error_);
      return false;
  }
  return false;
}

void TlsTransport::HandshakeDone() {
  const Context& context = *options_.context;
  facts_->Settle();
  const bool resumed = facts_->resumed();
  Stats* const stats = options_.stats;
  if (!StandsStill()) {
    refusal_ = identity::Refusal{.kind = identity::RefusalKind::kChain,
                                 .x509_error = X509_V_ERR_CERT_UNTRUSTED,
                                 .text = "verify cert failed: it ended, or was withdrawn, while the handshake lasted"};
    failure_ = "TLS_error:|" + refusal_->text + ":TLS_error_end";
    CountRefusal();
    Fail(EPROTO);
    return;
  }
  if (resumed && !context.server() && context.policy() != nullptr) {
    X509* const leaf = SSL_get0_peer_certificate(ssl_);
    if (leaf != nullptr) refusal_ = CheckAgain(leaf);
    if (refusal_) {
      failure_ = "TLS_error:|" + refusal_->text + ":TLS_error_end";
      CountRefusal();
      Fail(EPROTO);
      return;
    }
  }
  timer_.Cancel();
  if (options_.queue != nullptr) options_.queue->Leave(*this);
  state_ = State::kOpen;
  if (options_.established != nullptr) options_.established->Increment();
  if (stats != nullptr) {
    stats->Count(Counter::kHandshake);
    if (resumed) stats->Count(Counter::kSessionReused);
    if (SSL_get0_peer_certificate(ssl_) == nullptr) stats->Count(Counter::kNoCertificate);
    Stats::Agreed agreed{.version = facts_->version(),
                         .cipher = facts_->cipher(),
                         .curve = static_cast<int>(SSL_get_negotiated_group(ssl_)),
                         .signature_key = NID_undef,
                         .signature_digest = NID_undef};
    SSL_get_peer_signature_type_nid(ssl_, &agreed.signature_key);
    SSL_get_peer_signature_nid(ssl_, &agreed.signature_digest);
    stats->CountAgreed(agreed);
  }
  Tell(!input_.empty() || readable_);
}

// Who looks at connections after a change passes over those that have not come to their end yet.
bool TlsTransport::StandsStill() const {
  if (!options_.latest) return true;
  const std::shared_ptr<const Context> latest = options_.latest();
  if (latest == options_.context) [[likely]] return true;
  return latest != nullptr &&
         Verdicts().Of(*facts_, *latest, absl::FromChrono(worker_.wall_now())) == Standing::kGood;
}

// Reads what comes, so that the end of this connection is no reset.
void TlsTransport::Alerting() {
  input_ = base::Slice();
  for (int reads = 0; reads < kAlertReads; ++reads) {
    const IoStatus status = Fill(base::kLargestBlock);
    alerting_bytes_ += input_.size();
    input_ = base::Slice();
    if (status == IoStatus::kWouldBlock) return;
    if (status == IoStatus::kOk && alerting_bytes_ <= kAlertBytes) continue;
    Fail(EPROTO);
    return;
  }
  worker_.Step(progress_);
}

void TlsTransport::OnTimeout() {
  if (state_ == State::kAlerting) {
    Fail(EPROTO);
    return;
  }
  failure_ = "TLS handshake timeout";
  if (options_.stats != nullptr) options_.stats->CountTimeout();
  Fail(ETIMEDOUT);
}

void TlsTransport::TakeFailure() {
  CertificateFacts* const local = facts_->local();
  const identity::OwnedCertificate own = local == nullptr ? nullptr : local->Parsed();
  const Failure failure = tls::TakeFailure(refusal_ ? refusal_->text : "", own.get());
  if (failure_.empty()) failure_ = failure.text;
  Stats* const stats = options_.stats;
  if (stats == nullptr || failure.text.empty()) return;
  if (failure.no_certificate) {
    stats->Count(Counter::kFailVerifyNoCert);
  } else if (!failure.verification) {
    stats->Count(Counter::kConnectionError);
  } else {
    CountRefusal();
  }
}

void TlsTransport::CountRefusal() {
  if (options_.stats == nullptr) return;
  Counter counter = Counter::kFailVerifyError;
  if (refusal_ && refusal_->kind == identity::RefusalKind::kName) counter = Counter::kFailVerifySan;
  if (refusal_ && refusal_->kind == identity::RefusalKind::kPin) counter = Counter::kFailVerifyCertHash;
  options_.stats->Count(counter);
}

}  // namespace pillion::tls
