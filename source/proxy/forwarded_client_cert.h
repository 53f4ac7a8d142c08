#pragma once

// x-forwarded-client-cert: what is said upstream of the certificate of the client. Elements, one for each proxy that said
// something, are separated by commas, their parts by semicolons:
//   By=<own URI>;Hash=<SHA-256>;Cert="<PEM>";Chain="<PEM>";Subject="<name>";URI=<its URI>;DNS=<its name>

#include <string>

#include "source/config/listener.h"
#include "source/http/header_map.h"
#include "source/tls/facts.h"

namespace pillion::proxy {

// The element of a connection whose peer has a certificate.
std::string ClientCertElement(tls::Facts& facts, const config::ForwardedClientCert& says);

// What of the field goes upstream, and what is said in it. `element`: that of the connection; empty: its peer has none.
void SetForwardedClientCert(http::HeaderMap& headers, config::ForwardedClientCert::Mode mode, std::string_view element);

}  // namespace pillion::proxy
