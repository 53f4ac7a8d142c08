#pragma once

// Whom TLS accepts as peer. Internal to config/.

#include <memory>
#include <string>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/build.h"
#include "source/config/tls.h"

namespace pillion::config {

// Names in `files` where the CAs come from.
std::shared_ptr<const identity::PeerPolicy> BuildPeerPolicy(
    BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& from,
    const std::string& path, CertificateFiles& files);

// Null: plain bytes.
std::shared_ptr<const UpstreamTls> BuildUpstreamTls(BuildContext& context,
                                                    const envoy::config::core::v3::TransportSocket& from,
                                                    const std::string& path);

}  // namespace pillion::config
