#include "source/tls/stapling.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <string>

#include "source/tls/context.h"
#include "source/tls/transport.h"

namespace pillion::tls {

Staple StapleOf(const identity::KeyPair& pair, StaplePolicy policy, absl::Time now) {
  if (pair.ocsp && !pair.ocsp->HasEnded(now)) return Staple::kSend;
  if (pair.must_staple) return Staple::kFail;
  switch (policy) {
    case StaplePolicy::kLenient:
      return Staple::kOmit;
    case StaplePolicy::kStrict:
      return pair.ocsp ? Staple::kFail : Staple::kOmit;
    case StaplePolicy::kMust:
      return Staple::kFail;
  }
  return Staple::kFail;
}

// OpenSSL asks when it has chosen the certificate, and only for a client that has asked.
int Context::OnStatusRequest(SSL* ssl, void* context) {
  const Context& self = *static_cast<const Context*>(context);
  const X509* const leaf = SSL_get_certificate(ssl);
  const auto& pairs = self.parts_.pairs;
  const auto pair = std::find_if(pairs.begin(), pairs.end(), [&](const auto& each) { return each.leaf() == leaf; });
  TlsTransport::Count(ssl, Counter::kOcspStapleRequests);
  const Staple staple = pair == pairs.end() ? Staple::kOmit
                                            : StapleOf(*pair, self.parts_.staple_policy, TlsTransport::TimeOf(ssl));
  switch (staple) {
    case Staple::kSend:
      break;
    case Staple::kOmit:
      TlsTransport::Count(ssl, Counter::kOcspStapleOmitted);
      return SSL_TLSEXT_ERR_NOACK;
    case Staple::kFail:
      TlsTransport::Count(ssl, Counter::kOcspStapleFailed);
      return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  const std::string& der = pair->ocsp->der;
  auto* const copy = static_cast<unsigned char*>(OPENSSL_memdup(der.data(), der.size()));  // OpenSSL's from now on
  if (copy == nullptr || SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size())) != 1) {
    OPENSSL_free(copy);
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  TlsTransport::Count(ssl, Counter::kOcspStapleResponses);
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace pillion::tls
