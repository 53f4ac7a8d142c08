#pragma once

// The rbac filter: denies requests that the rules do not allow, and says of others what shadow rules would have done.

#include <memory>
#include <string>

#include "source/access/engine.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::rbac {

// One of the two sets of rules.
struct Rules {
  std::shared_ptr<const access::Engine> engine;  // null: there are none
  std::string prefix;                            // of counters and notes
  // Keys of notes.
  std::string policy_key;
  std::string result_key;
};

class Config final : public filter::HttpFilterConfig {
 public:
  Config(Rules enforced, Rules shadow, bool counts_rules);

  const Rules& enforced() const { return enforced_; }
  const Rules& shadow() const { return shadow_; }
  bool counts_rules() const { return counts_rules_; }  // each of them
  uint64_t id() const { return id_; }                  // in the process; no other ever has it

  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Rules enforced_;
  const Rules shadow_;
  const bool counts_rules_;
  const uint64_t id_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::rbac
