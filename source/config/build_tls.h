#pragma once

// Whom TLS accepts as peer. Internal to config/.

#include <memory>
#include <optional>
#include <string>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/build.h"
#include "source/config/remote_secret.h"
#include "source/config/tls.h"

namespace pillion::config {

// What an SdsSecretConfig names.
struct FoundSecret {
  std::optional<envoy::extensions::transport_sockets::tls::v3::Secret> secret;  // none, with errors or awaited
  std::string origin = {};  // of one that somebody else gives; empty: it is a file's, or the configuration's
  std::string place = {};   // where what is wrong in it is said
  bool awaited = false;     // it has not come yet
  bool withdrawn = false;   // it had come, and is given no more
};
FoundSecret FindSecret(BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig& from,
                       RemoteSecret::Kind kind, const std::string& path);

// One of bootstrap_extensions, whose type it is.
void BuildWorkloadApi(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                      Bootstrap& bootstrap);

// What is agreed to; before the certificates are read.
void BuildTlsParameters(BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::TlsParameters& from,
                        const std::string& path, tls::ContextParts& parts);
// Whether the certificates are of that; the same `path`.
void CheckCompliance(BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::TlsParameters& from,
                     const std::string& path, const tls::ContextParts& parts, const CertificateFiles& files);

// Adds it to `parts`. `origin`: as in FoundSecret.
void BuildPair(BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::TlsCertificate& from,
               const std::string& path, const std::string& origin, tls::ContextParts& parts, CertificateFiles& files);

// Names in `files` where the CAs come from.
std::shared_ptr<const identity::PeerPolicy> BuildPeerPolicy(
    BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& from,
    const std::string& path, CertificateFiles& files);

// By whichever part of the context says it, with secrets. Null: there is none, or it is awaited.
std::shared_ptr<const identity::PeerPolicy> BuildValidation(
    BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& from,
    const std::string& path, TlsBuild& built);

// Of a server that is no listener's. Null, with errors, where something is wrong.
std::shared_ptr<RenewableContext> BuildServerContext(
    BuildContext& context, const envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext& from,
    const std::string& path);

// Of trust that was withdrawn: nobody is accepted.
std::shared_ptr<const identity::PeerPolicy> PolicyOfNobody(CertificateFiles& files);

// Null: plain bytes.
std::shared_ptr<const UpstreamTls> BuildUpstreamTls(BuildContext& context,
                                                    const envoy::config::core::v3::TransportSocket& from,
                                                    const std::string& path);

}  // namespace pillion::config
