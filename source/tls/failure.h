#pragma once

// Why a handshake or a record failed, in the form in which Envoy says it: people's searches and alarms know it.

#include <openssl/types.h>

#include <string>
#include <string_view>

namespace pillion::tls {

struct Failure {
  // "TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:...:TLS_error_end"
  std::string text;
  bool no_certificate = false;  // the peer sent none
  bool verification = false;    // ours of the peer's
};

// Of what is in this thread's queue, which is empty afterwards. `verification`: what was wrong with the peer; may be empty.
// `own`: the certificate that the peer was shown; null: none.
Failure TakeFailure(std::string_view verification, const X509* own);

}  // namespace pillion::tls
