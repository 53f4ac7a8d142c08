#pragma once

// The hosts that a request names, as the policy override_host of a cluster says where. They are looked up when they are
// asked for first, and each is given once: further attempts get further ones. A field may have room for thousands, each of
// which would be looked for: only the first ones count. Made for each choice, on the stack.

#include <cstdint>
#include <string_view>
#include <utility>

#include "source/base/arena.h"
#include "source/http/message.h"
#include "source/metadata/annotations.h"
#include "source/upstream/balancer.h"

namespace pillion::proxy {

class NamedHosts final : public upstream::HostNames {
 public:
  static constexpr uint8_t kMost = 64;  // of a request

  // What was not given yet; of one request.
  struct Left {
    std::string_view text;  // in the arena
    bool known = false;
    bool overflow = false;
    uint8_t given = 0;
  };

  // All outlive it. Null: there is none.
  NamedHosts(const http::RequestHead* head, const metadata::Annotations* notes, base::Arena& arena, Left& left)
      : head_(head), notes_(notes), arena_(arena), left_(left) {}

  std::string_view Next(const config::HostOverride& named) override;
  bool TakeOverflow() override { return std::exchange(left_.overflow, false); }

 private:
  std::string_view Find(const config::HostOverride::Source& source) const;

  const http::RequestHead* const head_;
  const metadata::Annotations* const notes_;
  base::Arena& arena_;
  Left& left_;
};

}  // namespace pillion::proxy
