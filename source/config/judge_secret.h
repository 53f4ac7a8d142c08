#pragma once

// Whether a Secret that came while the process runs can be used at all: by itself, whoever refers to it.

#include <vector>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/config_error.h"
#include "source/config/remote_secret.h"
#include "source/config/unknown.h"

namespace pillion::config {

// What is wrong, with paths below the Secret; empty: nothing. `notes`: what was passed over, to be logged.
std::vector<ConfigError> JudgeSecret(const envoy::extensions::transport_sockets::tls::v3::Secret& secret,
                                     RemoteSecret::Kind kind, const UnknownRule& unknown, std::vector<ConfigError>& notes);

}  // namespace pillion::config
