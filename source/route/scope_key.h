#pragma once

// The key that a request is given a table by, where tables are chosen by scope; and which scope has it.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "source/config/scoped_routes.h"
#include "source/http/message.h"

namespace pillion::route {

// Views of the head; of more fragments than these, which nobody has, a request would allocate.
using ScopeKey = absl::InlinedVector<std::string_view, 8>;

// False: the request has no key, for one of the fields or elements is not there.
bool ReadScopeKey(const config::ScopeKeyBuilder& builder, const http::RequestHead& head, ScopeKey& key);

// Numbers by key. Immutable; any thread.
class ScopeIndex {
 public:
  // Each key once: the number is its place.
  explicit ScopeIndex(const std::vector<std::vector<std::string>>& keys);

  std::optional<uint32_t> Find(const ScopeKey& key) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(const std::vector<std::string>& key) const;
    size_t operator()(const ScopeKey& key) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::vector<std::string>& a, const std::vector<std::string>& b) const { return a == b; }
    bool operator()(const std::vector<std::string>& a, const ScopeKey& b) const;
  };

  absl::flat_hash_map<std::vector<std::string>, uint32_t, Hash, Equal> numbers_;
};

}  // namespace pillion::route
