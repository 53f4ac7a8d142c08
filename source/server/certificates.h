#pragma once

// The certificates in use.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "source/admin/sources.h"
#include "source/config/model.h"
#include "source/config/tls.h"
#include "source/stats/tags.h"

namespace pillion::server {

// Whose TLS contexts they are.
struct ContextOwner {
  enum class Kind : uint8_t { kAdmin, kListener, kCluster };

  Kind kind;
  std::string name;       // "admin", "listener a", "cluster b"
  stats::Prefix metrics;       // of its socket factory
  stats::Prefix certificates;  // of its certificates, by their names
};
ContextOwner OwnerOf(const config::Listener& listener);
ContextOwner OwnerOf(const config::Cluster& cluster);

using Contexts = std::vector<std::shared_ptr<config::RenewableContext>>;
Contexts ContextsOf(const config::Cluster& cluster);
// The secrets that they are made of, and that others give.
std::vector<std::shared_ptr<config::RemoteSecret>> SecretsOf(const Contexts& contexts);
// `secret "server"`, for who reads it.
std::string SecretText(const config::RemoteSecret& secret);

// Half of its life has passed at `now`, in which it should have been replaced.
bool IsOverdue(const X509* certificate, absl::Time now);

// When its certificates end, by the names that Envoy counts them by, in seconds of Unix time. Of a plain bundle, and of
// those that share a name, the first that ends counts.
std::map<std::string, uint64_t> Expirations(const config::RenewableContext& context);

// For the administration.
admin::CertificatesView ViewOf(const config::RenewableContext& context);

}  // namespace pillion::server
