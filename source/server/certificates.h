#pragma once

// The certificates in use.

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "source/admin/sources.h"
#include "source/config/model.h"
#include "source/config/tls.h"
#include "source/stats/tags.h"

namespace pillion::server {

struct ContextOwner {
  std::string name;       // "admin", "listener a", "cluster b"
  stats::Prefix metrics;  // of its socket factory
};
// Each TLS context of the administration, of the listeners, then of the clusters.
void ForEachContext(const config::Bootstrap& bootstrap,
                    const std::function<void(const ContextOwner& owner, config::RenewableContext& context)>& visit);

// Half of its life has passed at `now`, in which it should have been replaced.
bool IsOverdue(const X509* certificate, absl::Time now);

// For the administration: of each TLS context of listeners and clusters, in their order.
std::vector<admin::CertificatesView> CertificatesOf(const config::Bootstrap& bootstrap);

}  // namespace pillion::server
