#pragma once

// TLS of a filter chain, and of a cluster, as configured.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "source/config/config_error.h"
#include "source/config/remote_secret.h"
#include "source/tls/context.h"

namespace pillion::config {

// Where certificates came from, for who shows them.
struct CertificateFiles {
  std::string trusted;              // a path, "<inline>", or who gave it; empty: none
  std::map<std::string, std::string, std::less<>> bundles;  // the same, of each trust domain
  std::vector<std::string> chains;  // in the order of the context's pairs
  // Of the secrets that they stand in; empty: in none.
  std::string trusted_name;
  std::vector<std::string> names;  // of the chains
};

struct TlsBuild {
  std::shared_ptr<const tls::Context> context;  // null: `errors` say why, or it waits
  bool waits = false;                           // for a secret that has not come yet
  bool withdrawn = false;                       // trust that it is made of
  bool broken = false;                          // a secret of the configuration is wrong, which is said at its own place
  CertificateFiles files;
  std::vector<std::string> directories;  // in which something may be replaced that it is made of; each once
  uint64_t digest = 0;                   // of all that was read
  std::vector<std::shared_ptr<RemoteSecret>> secrets;  // that it is made of
  std::set<std::string> named;                         // of static_resources.secrets
  std::vector<ConfigError> errors;
};

// The context that connections begin with. It is made anew of the same configuration when a file or a secret is replaced;
// who has the earlier one keeps it.
class RenewableContext {
 public:
  using Build = std::function<TlsBuild()>;

  // `first` has a context, or waits for one.
  RenewableContext(TlsBuild first, Build build);

  // Null until the secrets that it is made of have come: nobody may be served until then, least of all in plain bytes. Null
  // again where trust was withdrawn and no context can be made that does without it. Any thread.
  std::shared_ptr<const tls::Context> current() const;

  // The rest is the main thread's.
  enum class Renewal : uint8_t {
    kSame,      // nothing has changed, or it still waits
    kTaken,
    kRejected,  // errors() say why; all stays as it was, unless trust was withdrawn: then current() is null
  };
  Renewal Renew();
  const std::vector<ConfigError>& errors() const { return errors_; }  // of the last Renew()
  const CertificateFiles& files() const { return files_; }            // of the current context
  const std::vector<std::string>& directories() const { return directories_; }  // to be watched
  const std::vector<std::shared_ptr<RemoteSecret>>& secrets() const { return secrets_; }
  const std::set<std::string>& named() const { return named_; }  // of static_resources.secrets

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const tls::Context> current_ ABSL_GUARDED_BY(mutex_);
  const Build build_;
  CertificateFiles files_;
  std::vector<std::string> directories_;
  const std::vector<std::shared_ptr<RemoteSecret>> secrets_;
  const std::set<std::string> named_;
  uint64_t digest_;
  std::vector<ConfigError> errors_;
};

// Whether clients prove who they are.
enum class PeerMode : uint8_t { kStrict, kPermissive, kDisable };

struct PeerModes {
  PeerMode mode = PeerMode::kStrict;
  std::map<uint16_t, PeerMode> ports;  // of connections to these

  PeerMode At(uint16_t port) const {
    const auto found = ports.find(port);
    return found == ports.end() ? mode : found->second;
  }
  bool Any(PeerMode wanted) const;
};

struct DownstreamTls {
  std::shared_ptr<RenewableContext> context;  // never null
  std::optional<PeerModes> modes;             // none: TLS, with or without a client's certificate
};

struct UpstreamTls {
  std::shared_ptr<RenewableContext> context;  // never null
  std::string sni;
  bool auto_host_sni = false;            // the host's name, where it has one, instead
  bool auto_sni_san_validation = false;  // the certificate must be of the name that was asked for
  bool verifies_chain = false;
  uint32_t max_session_keys = 1;
};

}  // namespace pillion::config
