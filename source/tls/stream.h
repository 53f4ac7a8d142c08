#pragma once

// TLS for streams of a library (Asio's): connections of OpenSSL that know no transport of ours. A context that is given here
// serves nothing else, for what it has OpenSSL call is changed. For the administration; main thread.

#include <openssl/types.h>

#include <memory>
#include <string>

#include "source/tls/context.h"

namespace pillion::tls {

// The server's end of a new connection; its owner keeps the context as long as the connection.
SSL* NewServerStream(const Context& context);

// Why its peer was refused: the rule, and the value that broke it; empty: it was not.
std::string StreamRefusal(const SSL* ssl);

}  // namespace pillion::tls
