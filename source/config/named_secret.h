#pragma once

// static_resources.secrets. Internal to config/.

#include <map>
#include <memory>
#include <string>

namespace envoy::extensions::transport_sockets::tls::v3 {
class Secret;
}

namespace pillion::config {

// One of them.
struct NamedSecret {
  std::shared_ptr<const envoy::extensions::transport_sockets::tls::v3::Secret> secret;
  std::string path;  // where it stands
};

// All of a process as they are now: TLS contexts are made anew with these. Main thread.
struct NamedSecrets {
  std::map<std::string, NamedSecret, std::less<>> by_name;
};

}  // namespace pillion::config
