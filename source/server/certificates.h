#pragma once

// The certificates in use, for the administration.

#include <vector>

#include "source/admin/sources.h"
#include "source/config/model.h"

namespace pillion::server {

// Of each TLS context of listeners and clusters, in their order.
std::vector<admin::CertificatesView> CertificatesOf(const config::Bootstrap& bootstrap);

}  // namespace pillion::server
