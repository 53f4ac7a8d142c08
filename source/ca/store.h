#pragma once

// The folder that a CA lives in:
//
//   lock                        held by the process that uses it
//   state.pem                   the roots with their keys (state.h); mode 0600
//   svids/web/svid.pem ...      for each workload: the leaf, its key.pem, the trust domain's bundle.pem

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/ca/authority.h"
#include "source/ca/workload.h"

namespace pillion::ca {

// Of a folder that may be there or not, without a lock: what a process that uses it has saved.
absl::StatusOr<std::optional<Authority>> LoadAuthority(const std::string& folder);
std::string WorkloadFolder(const std::string& folder, const std::string& workload);

// A folder that nobody else uses as long as this lives.
class Store {
 public:
  // Makes it where it is not there.
  static absl::StatusOr<Store> Open(const std::string& folder);
  ~Store();
  Store(Store&& other) noexcept;
  Store& operator=(Store&&) = delete;

  const std::string& folder() const { return folder_; }

  // What is there, or nobody's new one of `trust_domain`, which has to be given then. Another one's, or what can't be
  // read, is an error: nothing is replaced.
  absl::StatusOr<Authority> Load(const std::string& trust_domain) const;
  absl::Status Save(const Authority& authority) const;
  absl::Status Publish(const Workload& workload, const identity::KeyPair& svid,
                       const std::string& bundle_pem) const;

 private:
  Store(std::string folder, int lock);

  const std::string folder_;
  int lock_;  // -1: moved away
};

}  // namespace pillion::ca
