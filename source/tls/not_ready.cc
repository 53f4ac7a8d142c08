#include "source/tls/not_ready.h"

#include <cerrno>

namespace pillion::tls {

int NotReadyTransport::Start(net::TransportEvents&) { return ENOKEY; }
int NotReadyTransport::connect_error() { return ENOKEY; }
net::IoResult NotReadyTransport::Read(std::span<char>) { return {.status = net::IoStatus::kError, .error = ENOKEY}; }
net::IoResult NotReadyTransport::Write(std::span<const iovec>) { return {.status = net::IoStatus::kError, .error = ENOKEY}; }

}  // namespace pillion::tls
