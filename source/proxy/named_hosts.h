#pragma once

// The hosts that a request names, as the policy override_host of a cluster says where. They are looked up when they are
// asked for first, and each is given once: further attempts get further ones. Made for each choice, on the stack.

#include <string_view>

#include "source/base/arena.h"
#include "source/http/message.h"
#include "source/metadata/annotations.h"
#include "source/upstream/balancer.h"

namespace pillion::proxy {

class NamedHosts final : public upstream::HostNames {
 public:
  // What was not given yet; of one request.
  struct Left {
    std::string_view text;  // in the arena
    bool known = false;
  };

  // All outlive it. Null: there is none.
  NamedHosts(const http::RequestHead* head, const metadata::Annotations* notes, base::Arena& arena, Left& left)
      : head_(head), notes_(notes), arena_(arena), left_(left) {}

  std::string_view Next(const config::HostOverride& named) override;

 private:
  std::string_view Find(const config::HostOverride::Source& source) const;

  const http::RequestHead* const head_;
  const metadata::Annotations* const notes_;
  base::Arena& arena_;
  Left& left_;
};

}  // namespace pillion::proxy
