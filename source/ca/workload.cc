#include "source/ca/workload.h"

#include <variant>

#include "source/identity/spiffe_id.h"
#include "source/identity/text.h"

namespace pillion::ca {

using identity::Concat;
using identity::Quote;

absl::StatusOr<Workload> ParseWorkload(std::string_view text, std::string_view trust_domain) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view path = equals == text.npos ? name : text.substr(equals + 1);
  // A folder is named by it, so it must not lead anywhere else; names with a dot before them are of what is hidden.
  if (name.empty() || name.front() == '.' || name.find('/') != name.npos || name.size() > 64) {
    return absl::InvalidArgumentError(
        Concat("workload ", Quote(text),
               ": expected a name of at most 64 letters, digits, '.', '-' and '_' that does not begin with a dot, "
               "or NAME=PATH"));
  }
  for (const std::string_view part : {name, path}) {
    const std::string id = Concat("spiffe://", trust_domain, "/", part);
    const auto parsed = identity::ParseSpiffeId(id);
    if (const auto* error = std::get_if<identity::SpiffeIdError>(&parsed)) {
      return absl::InvalidArgumentError(
          Concat("workload ", Quote(text), ": ", Quote(id), " is no SPIFFE ID: it ", error->text));
    }
  }
  return Workload{.name = std::string(name), .spiffe_id = Concat("spiffe://", trust_domain, "/", path)};
}

}  // namespace pillion::ca
