#pragma once

// OpenSSL as this process uses it.

namespace pillion::tls {

// Before anything else uses OpenSSL, once: its record buffers are recycled by each thread, so that a connection that has
// nothing to read or write holds none and one that has needs no malloc; no configuration file of the machine changes what
// is negotiated; and a key is looked for among the kinds that certificates have (RSA, ECDSA, EdDSA) before all others, as
// to look among all of them is most of what it takes to parse a certificate.
void PrepareLibrary();

}  // namespace pillion::tls
