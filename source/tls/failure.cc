#include "source/tls/failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "source/identity/certificate.h"
#include "source/identity/text.h"

namespace pillion::tls {
namespace {

// BoringSSL's numbers of reasons that have others in OpenSSL. Those of alerts are equal: 1000 and the alert.
unsigned long ReasonNumber(int reason) {
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return 125;
    case SSL_R_HTTP_REQUEST:
      return 156;
    case SSL_R_NO_SHARED_CIPHER:
      return 184;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return 192;
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return 240;
    case SSL_R_WRONG_VERSION_NUMBER:
      return 247;
    default:
      return static_cast<unsigned long>(reason);
  }
}

// "certificate verify failed" as CERTIFICATE_VERIFY_FAILED.
std::string ReasonName(unsigned long error) {
  const char* const text = ERR_reason_error_string(error);
  std::string name = text == nullptr ? "UNKNOWN" : text;
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == ' ') c = '_';
  }
  return name;
}

// By which a peer says that it does not want the certificate that it was shown, or wants one (RFC 8446, 6.2).
bool IsOfCertificate(int reason) {
  switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

}  // namespace

Failure TakeFailure(std::string_view verification, const X509* own) {
  Failure failure;
  constexpr unsigned long kSslLibrary = 0x10000000;  // as BoringSSL packs an error
  bool refused = false;
  while (const unsigned long error = ERR_get_error()) {
    const bool ssl = ERR_GET_LIB(error) == ERR_LIB_SSL;
    if (ssl && ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) failure.no_certificate = true;
    if (ssl && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) failure.verification = true;
    refused |= ssl && IsOfCertificate(ERR_GET_REASON(error));
    failure.text += failure.text.empty() ? "TLS_error:" : "";
    if (ssl) {
      failure.text += identity::Concat("|", kSslLibrary | ReasonNumber(ERR_GET_REASON(error)),
                                       ":SSL routines:OPENSSL_internal:", ReasonName(error));
    } else {
      const char* const library = ERR_lib_error_string(error);
      failure.text += identity::Concat("|", error, ":", library == nullptr ? "library" : library,
                                       ":OPENSSL_internal:", ReasonName(error));
    }
  }
  if (failure.text.empty()) return failure;
  if (refused) {
    failure.text += own == nullptr ? ":the peer wants a certificate, and was shown none"
                                   : identity::Concat(":the peer refused our certificate, of ",
                                                      identity::Quote(identity::OwnerText(own)));
  }
  if (failure.verification && !verification.empty()) failure.text += identity::Concat(":", verification);
  failure.text += ":TLS_error_end";
  return failure;
}

}  // namespace pillion::tls
