#pragma once

// TLS for streams of a library (Asio's): connections of OpenSSL that know no transport of ours. Its context is as those of
// listeners, and may serve both. For the administration; main thread.

#include <openssl/types.h>

#include <memory>
#include <string>

#include "source/tls/context.h"

namespace pillion::tls {

// The server's end of a new connection; its owner keeps the context as long as the connection. Null: there is no memory.
SSL* NewServerStream(const Context& context);

// What OpenSSL is told of its peer: 1, or 0 with an error in `store`.
int VerifyOfStream(SSL* ssl, X509_STORE_CTX* store);

// Why its peer was refused: the rule, and the value that broke it; empty: it was not.
std::string StreamRefusal(const SSL* ssl);

}  // namespace pillion::tls
