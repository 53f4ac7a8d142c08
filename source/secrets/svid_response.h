#pragma once

// What the SPIFFE Workload API says, as the secrets that contexts name.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "source/secrets/subscription.h"

namespace pillion::secrets {

using SecretsByName = std::map<std::string, std::shared_ptr<const Secret>, std::less<>>;

// Of an X509SVIDResponse: "default", each SPIFFE ID, "hint:" and each hint, "ROOTCA", each "spiffe://" and trust domain,
// "ALL". An error: which part of it breaks which rule; nothing of it is to be taken then. What is wrong with the bundle of a
// federated domain is that domain's matter alone: it is left out, and `notes` say why.
absl::StatusOr<SecretsByName> ReadSvidResponse(std::string_view bytes, absl::Time now, std::vector<std::string>& notes);

}  // namespace pillion::secrets
