#pragma once

// The cors filter: tells browsers which other origins may use a service (the CORS protocol of the Fetch standard), and
// answers their preflights itself.

#include <string>
#include <vector>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/match/fraction.h"
#include "source/match/string_matcher.h"

namespace pillion::filters::cors {

// Of a route, virtual host or table. Texts are as the fields say them; empty: the field is not sent.
struct Policy {
  std::vector<match::StringMatcher> origins;
  std::string allow_methods;
  std::string allow_headers;
  std::string expose_headers;
  std::string max_age;
  bool allow_credentials = false;
  bool allow_private_network = false;
  bool forward_other_preflights = true;  // those of origins that are not allowed; false: answered without permission
  match::RuntimeFraction enabled{.fraction = {100, 100}};
};

class Config final : public filter::HttpFilterConfig {
 public:
  Config() = default;  // without a policy: the filter's own place in the chain
  explicit Config(Policy policy) : policy_(std::move(policy)) {}

  const Policy& policy() const { return policy_; }

  uint32_t hooks() const override { return filter::kRequestHead | filter::kResponseHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Policy policy_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::cors
