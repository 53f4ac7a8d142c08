#pragma once

// OpenSSL as this process uses it.

namespace pillion::tls {

// Before anything else uses OpenSSL, once: its record buffers are recycled by each thread, so that a connection that has
// nothing to read or write holds none and one that has needs no malloc; no configuration file of the machine changes what
// is negotiated; and keys are of the kinds that certificates here have (RSA, ECDSA, EdDSA), as to look for one among all
// that there are is most of what it takes to parse a certificate.
void PrepareLibrary();

}  // namespace pillion::tls
