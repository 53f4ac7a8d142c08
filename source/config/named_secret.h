#pragma once

// One of static_resources.secrets. Internal to config/.

#include <string>

namespace envoy::extensions::transport_sockets::tls::v3 {
class Secret;
}

namespace pillion::config {

struct NamedSecret {
  const envoy::extensions::transport_sockets::tls::v3::Secret* secret;
  std::string path;  // where it stands
};

}  // namespace pillion::config
