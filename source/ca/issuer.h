#pragma once

// Keeps workloads supplied: what they get is never older than half of its life, and never signed by a root that is not in
// the bundles yet. Step() does what is due; who owns it calls it often, from one thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "source/ca/authority.h"
#include "source/ca/store.h"
#include "source/ca/workload.h"

namespace pillion::ca {

// What a workload has from now on. Valid during the call.
struct Supply {
  const Workload& workload;
  const identity::KeyPair& svid;
  const Authority& authority;
  bool renewed;  // the SVID is new, not the bundle alone
};

class Issuer {
 public:
  // `store` outlives it. `supplied` is called when the files are in their place.
  Issuer(const Store& store, Authority authority, Terms terms, std::vector<Workload> workloads,
         std::function<void(const Supply&)> supplied);

  // What failed is tried again by the next one; until then everybody keeps what he has.
  absl::Status Step(absl::Time now);

 private:
  struct Client {
    Workload workload;
    std::optional<identity::KeyPair> svid = {};
    bool renewed = false;
    bool current = false;  // it has been supplied with the present SVID and bundle
  };

  const Store& store_;
  Authority authority_;
  const Terms terms_;
  const std::function<void(const Supply&)> supplied_;
  std::vector<Client> clients_;
  bool saved_ = true;  // the store has what authority_ has
};

}  // namespace pillion::ca
