#pragma once

// TLS of a filter chain, and of a cluster, as configured: ready to be used.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source/tls/context.h"

namespace pillion::config {

// Where certificates came from, for who shows them.
struct CertificateFiles {
  std::string trusted;              // a path, or "<inline>"; empty: none
  std::vector<std::string> chains;  // in the order of the context's pairs
};

struct DownstreamTls {
  std::shared_ptr<const tls::Context> context;  // never null
  CertificateFiles files;
};

struct UpstreamTls {
  std::shared_ptr<const tls::Context> context;  // never null
  CertificateFiles files;
  std::string sni;
  bool auto_host_sni = false;            // the host's name, where it has one, instead
  bool auto_sni_san_validation = false;  // the certificate must be of the name that was asked for
  bool verifies_chain = false;
  uint32_t max_session_keys = 1;
};

}  // namespace pillion::config
