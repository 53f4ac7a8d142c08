#pragma once

// Whether a request belongs to those that are traced, told to everybody behind us by one character of x-request-id, as
// Envoy does: '4' no, '9' by chance, 'a' because a service wants it (x-envoy-force-trace), 'b' because the client does
// (x-client-trace-id). Nobody traces here yet; who does further on heeds it.

#include <cstdint>

#include "source/base/random.h"
#include "source/config/listener.h"
#include "source/http/message.h"

namespace pillion::proxy {

// Decides, unless somebody before us has, and says so. A request without an id of the usual kind is left alone.
void DecideTracing(http::RequestHead& head, const config::TraceSampling& sampling, base::Random& random);

}  // namespace pillion::proxy
