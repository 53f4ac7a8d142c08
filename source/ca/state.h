#pragma once

// An Authority as a text that outlives the process: PEM blocks, and lines about them. What does not fit together is
// refused with its line; nothing is guessed or left out.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/ca/authority.h"

namespace pillion::ca {

std::string StateText(const Authority& authority);
absl::StatusOr<Authority> ReadState(std::string_view text);

}  // namespace pillion::ca
