#pragma once

// Which of several certificates a client is shown.

#include <functional>
#include <string_view>
#include <vector>

#include "source/identity/key_pair.h"

namespace pillion::tls {

using PairReferences = std::vector<std::reference_wrapper<const identity::KeyPair>>;

// The first of each kind of key among those whose names are `server_name`, else among those with a wildcard for it, else
// among all. OpenSSL chooses the kind that the client can take.
PairReferences ChosenPairs(const std::vector<identity::KeyPair>& pairs, std::string_view server_name);

// More than one has the same kind of key.
bool NeedsChoice(const std::vector<identity::KeyPair>& pairs);

// All of its chain but the leaf.
identity::CertificateStack IntermediatesOf(const identity::KeyPair& pair);

}  // namespace pillion::tls
