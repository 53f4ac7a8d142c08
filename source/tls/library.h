#pragma once

// OpenSSL as this process uses it.

namespace pillion::tls {

// Before anything else uses OpenSSL, once: its record buffers are recycled by each thread, so that a connection that has
// nothing to read or write holds none and one that has needs no malloc; and no configuration file of the machine changes
// what is negotiated.
void PrepareLibrary();

}  // namespace pillion::tls
